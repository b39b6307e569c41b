"""Where chunks come from: the kernel through libbpf (``live``), or a recording (``replay``). See ``protocol``."""

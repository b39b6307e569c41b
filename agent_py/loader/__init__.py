"""Where chunks come from: the kernel through libbpf, or a recording."""

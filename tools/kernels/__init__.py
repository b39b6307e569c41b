"""Virtual machines with older kernels, for ``make kernel-test``: fetch, unpack, boot, run the loader's live tests.

Nothing of it is in the repository: packages come from the Debian archive that this machine's apt knows, and everything
made of them is kept in the cache (catalogue.py). QEMU emulates the processor (TCG), so neither KVM nor root is needed.
"""

"""Names of the kernel programs' counters, in the order of ``enum counter`` (bpf/counters.h).

A test compares them with the BTF of the compiled objects: name for name, in lower case without ``COUNT_``.
"""

from __future__ import annotations

from struct import unpack_from

NAMES = (
    "chunks_ingress",
    "chunks_egress",
    "moved_bytes_ingress",
    "moved_bytes_egress",
    "captured_bytes_ingress",
    "captured_bytes_egress",
    "opened",
    "opened_late",
    "closed",
    "keys",
    "wakeups",
    "ignored_peek",
    "ignored_descriptors",
    "lost_ring_full_ingress",
    "lost_ring_full_egress",
    "lost_ring_full_bytes_ingress",
    "lost_ring_full_bytes_egress",
    "lost_ring_full_open",
    "lost_ring_full_close",
    "lost_ring_full_key",
    "lost_fault_ingress",
    "lost_fault_egress",
    "lost_fault_bytes_ingress",
    "lost_fault_bytes_egress",
    "lost_truncated",
    "lost_truncated_bytes",
    "lost_connections_full",
    "lost_threads_full",
    "lost_processes_full",
    "lost_key_fault",
)

BLOCK_BYTES = 8 * len(NAMES)
"""Size of ``struct counters``, one CPU's."""


def total(per_cpu: bytes) -> dict[str, int]:
    """Sum the blocks of all CPUs. A length that is no whole number of blocks is a ValueError."""
    if len(per_cpu) % BLOCK_BYTES:
        raise ValueError(f"{len(per_cpu)} bytes are no whole number of blocks of {BLOCK_BYTES}")
    blocks = [unpack_from(f"<{len(NAMES)}Q", per_cpu, at) for at in range(0, len(per_cpu), BLOCK_BYTES)]
    return {name: sum(block[slot] for block in blocks) for slot, name in enumerate(NAMES)}

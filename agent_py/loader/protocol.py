"""What the layers above the loader may rely on, whether chunks come from the kernel or from a recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent_py.chunk import Chunk


class ChunkSource(Protocol):
    """One worker's stream of chunks: a ring of the kernel, or a recording."""

    def drain(self, limit: int) -> list[Chunk]:
        """The chunks that are there, about ``limit`` bytes of them at most; empty when there are none."""
        ...

    def wait(self, timeout: float) -> bool:
        """Sleep until there may be chunks, at most ``timeout`` seconds. False when the time ran out."""
        ...

    def unread(self) -> int:
        """Bytes that wait to be drained and that nobody will have when the source is closed."""
        ...

    def close(self) -> None:
        """Give back what the source holds."""
        ...


class Attachment(Protocol):
    """A probe in a library; it serves each process that maps the file."""

    def close(self) -> None:
        """Remove the probe."""
        ...


class Loader(Protocol):
    """The capture as the privileged parent sees it: whom to mirror, where to probe, what was lost."""

    def select_process(self, pid: int) -> None:
        """Capture a process (id in the agent's pid namespace) and the children that it makes from now on."""
        ...

    def deselect_process(self, pid: int) -> None:
        """Stop capturing a process."""
        ...

    def select_workload(self, mount_namespace: int) -> None:
        """Capture all processes of a mount namespace, named by its inode."""
        ...

    def deselect_workload(self, mount_namespace: int) -> None:
        """Stop capturing a mount namespace."""
        ...

    def select_port(self, port: int) -> None:
        """Capture only connections to selected local ports, once one is selected."""
        ...

    def attach_keys(self, path: str, offset: int) -> Attachment:
        """Capture TLS secrets where ``EVP_KDF_derive`` stands in the file ``path`` (offset in the file)."""
        ...

    def counters(self) -> dict[str, int]:
        """What the kernel side counted since it was loaded, by name (loader/counters.py)."""
        ...

    def sweep(self, ended: Callable[[int], bool]) -> int:
        """Remove what the table of descriptors holds of processes that have ``ended``; how many entries.

        ``ended`` is asked with ids in the agent's pid namespace; where workloads are selected, in the initial one.
        """
        ...

    def close(self) -> None:
        """Detach everything."""
        ...

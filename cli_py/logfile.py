"""Log files of programs that hold them open: bounded by copying and truncating, read from their end.

The programs write to the file themselves, in append mode, and so do the processes that inherit it. When it is large,
the supervisor copies it to the older file (``NAME.log.1``, one is kept) and empties it; the next line goes to its
beginning, because append mode looks for the end at each write. A pipe that the supervisor reads would lose no line, but
a program would wait for it whenever the supervisor is slow or stopped, and an agent that waits loses traffic. The price
is that lines written between the last read and the truncation, microseconds apart, are lost.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LOG_BYTES = 8 << 20
"""Size at which a log is moved to the older file."""
TAIL_BYTES = 16 << 10


def older(path: Path) -> Path:
    """The file that receives what ``path`` held."""
    return path.with_name(f"{path.name}.1")


def begin(path: Path) -> None:
    """An empty log, and none of a run before."""
    path.write_bytes(b"")
    older(path).unlink(missing_ok=True)


def rotate(path: Path, limit: int = LOG_BYTES) -> bool:
    """Move what the log holds to the older file when it has ``limit`` bytes or more. Returns whether it had."""
    try:
        if path.stat().st_size < limit:
            return False
    except FileNotFoundError:
        return False
    try:
        shutil.copyfile(path, older(path))
    except OSError:
        # No room for a copy: the log's own room is what is wanted most.
        older(path).unlink(missing_ok=True)
    os.truncate(path, 0)
    return True


def last_lines(path: Path, size: int = TAIL_BYTES) -> list[str]:
    """The whole lines within the last ``size`` bytes."""
    with path.open("rb") as log:
        start = max(0, log.seek(0, os.SEEK_END) - size)
        log.seek(start)
        data = log.read(size)
    if start:
        data = data.partition(b"\n")[2]
    return data.decode(errors="replace").strip().splitlines()

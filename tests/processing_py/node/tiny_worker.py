"""A worker process with a tiny engine: the real worker, pipes and pool, and detection that a test can foresee.

``/etc/passwd`` in the target is ``ptrav``, ``union select`` in the body ``sqli``; the target ``/crash`` ends the
process as a segmentation fault would, ``/stuck`` never returns.
"""

from __future__ import annotations

import os
import signal
import time

from common_py.contracts import Finding, Request
from processing_py.node.worker import run


class TinyEngine:
    """Foreseeable findings."""

    def inspect(self, request: Request) -> list[Finding]:
        if request.target == b"/crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        while request.target == b"/stuck":
            time.sleep(1)
        found = []
        if b"/etc/passwd" in request.target:
            found.append(Finding("ptrav", [["uri"]], "/etc/passwd"))
        if b"union select" in request.body:
            found.append(Finding("sqli", [["post"]], "union select"))
        if b"slow" in request.target:
            found.append(Finding("overlimit_res", [["uri"]], ""))
        return found


if __name__ == "__main__":
    run(TinyEngine())

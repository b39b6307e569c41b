"""Ctrl-C while a program of the command line still imports: it ends in silence, not with a traceback.

Imports nothing but ``signal``, so that it is there before everything that takes long.
"""

from __future__ import annotations

import signal


def end_at_once() -> None:
    """Let SIGINT end this process as it ends other programs, until something sets a handler of its own.

    A process that was started with SIGINT ignored (in the background of a script) goes on ignoring it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

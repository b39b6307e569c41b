"""Free loopback ports."""

from __future__ import annotations

import socket
import time


def free(count: int, host: str = "127.0.0.1") -> list[int]:
    """``count`` different ports that nobody listens on now. Another program may take one before you bind it."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((host, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_listening(port: int, host: str = "127.0.0.1", seconds: float = 10.0) -> None:
    """Return when something accepts connections on ``port``; TimeoutError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on {host}:{port} after {seconds:g} s") from error
            time.sleep(0.02)
        else:
            return

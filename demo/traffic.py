"""The demonstration's traffic: a small shop's ordinary day, and one path traversal over HTTP and one over HTTPS."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common_py.errors import UserError
from demo.nginx import Nginx

ATTACK_PATH = "/etc/passwd"


def ordinary(base: str, certificate: Path, look: Callable[[], None] = lambda: None) -> None:
    """Requests that no detector may mind; ``look`` is called before each. Raises UserError without an answer."""
    for arguments in _ordinary(base, certificate.parent / "root" / "index.html"):
        look()
        curl(certificate, *arguments)


def _ordinary(base: str, upload: Path) -> Iterator[tuple[str, ...]]:
    yield (f"{base}/",)
    yield (f"{base}/large.txt",)
    yield (f"{base}/?q=wool+socks&page=2&sort=price",)
    yield ("-H", "Cookie: session=8f14e45f; theme=dark", f"{base}/api/basket")
    order = json.dumps({"items": [{"sku": "A-17", "count": 2}], "note": "please ring twice; thanks!"})
    yield ("-H", "Content-Type: application/json", "-d", order, f"{base}/api/orders")
    yield ("-d", "name=Zo%C3%AB&mail=zoe%40example.com&message=Where+is+my+order%3F", f"{base}/api/contact")
    yield ("-F", "title=My page", "-F", f"attachment=@{upload};type=text/html", f"{base}/api/uploads")
    yield (f"{base}/favicon.ico",)


def attack(base: str, certificate: Path) -> float:
    """The document's test attack. Returns the moment (time.monotonic) at which it was sent."""
    sent = time.monotonic()
    curl(certificate, base + ATTACK_PATH)
    return sent


def curl(certificate: Path, *arguments: str) -> None:
    """One request by curl, its answer thrown away."""
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "--cacert",
            certificate,
            "-o",
            "/dev/null",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # a terminal's Ctrl-C is for the demonstration alone
    )
    if done.returncode:
        raise UserError(f"The demonstration's server did not answer: {done.stderr.strip()}.")


def bases(server: Nginx) -> tuple[str, str]:
    """Origins of the server's two ports: plaintext and TLS."""
    return f"http://127.0.0.1:{server.http_port}", f"https://127.0.0.1:{server.https_port}"

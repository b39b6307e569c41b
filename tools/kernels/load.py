"""In the guest: load and attach everything once, and say how long it took, or the verifier's whole verdict."""

from __future__ import annotations

import sys
import time

from agent_py.loader.live import LiveLoader, LiveSettings
from common_py.errors import UserError


def main() -> int:
    """0 when the kernel took every program."""
    began = time.monotonic()
    try:
        loader = LiveLoader(LiveSettings(by_process=True))
    except UserError as error:
        print(f"guest: refused. {error.message}\n{error.hint}", flush=True)
        return 1
    print(f"guest: loaded in {time.monotonic() - began:.1f} s", flush=True)
    loader.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

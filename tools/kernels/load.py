"""In the guest: load and attach everything once, and say what it took, or the verifier's whole verdict."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

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
    print(f"guest: verified {most_verified()} instructions", flush=True)
    loader.close()
    return 0


def most_verified() -> int:
    """Instructions that the verifier went through for this process's hardest program; 0 before Linux 5.16.

    The kernel's limit is a million (BPF_COMPLEXITY_LIMIT_INSNS).
    """
    texts = [path.read_text(encoding="ascii") for path in Path("/proc/self/fdinfo").iterdir() if path.exists()]
    found = [re.search(r"^verified_insns:\s+(\d+)", text, re.MULTILINE) for text in texts]
    return max((int(one[1]) for one in found if one), default=0)


if __name__ == "__main__":
    sys.exit(main())

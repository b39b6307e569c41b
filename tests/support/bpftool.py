"""bpftool, for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest


def bpftool(*arguments: str) -> Any:
    """What ``bpftool -j`` answers. Skips the test where there is none or, as on Ubuntu, none for this kernel."""
    tool = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if tool is None or subprocess.run([tool, "version"], capture_output=True, check=False).returncode:
        pytest.skip("bpftool is not installed for this kernel")
    return json.loads(subprocess.run([tool, "-j", *arguments], capture_output=True, check=True).stdout)

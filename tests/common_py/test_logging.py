"""Logs: one JSON object a line, no secret in it. In a process of its own, since logging is set up once a process."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging as stdlib
from common_py import logging
early = logging.get("early")
logging.configure("agent", "warning")
logging.capture_libraries()
early.info("not shown")
early.warning("made before configure", count=3)
logging.get("late").error("with a secret", token="s3cret", password="s3cret", path="/x")
stdlib.getLogger("library").warning("spoke %d", 7)
stdlib.getLogger("library").info("not shown")
try:
    1 / 0
except ZeroDivisionError:
    logging.get("late").exception("failed")
"""


def test_every_line_is_an_object_with_time_level_program_and_no_secret() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "s3cret" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["component"], line["event"]) for line in lines] == [
        ("warning", "early", "made before configure"),
        ("error", "late", "with a secret"),
        ("warning", "library", "spoke 7"),
        ("error", "late", "failed"),
    ]
    assert all(line["program"] == "agent" and line["time"].endswith("Z") for line in lines)
    assert lines[0]["count"] == 3
    assert lines[1]["path"] == "/x"
    assert "ZeroDivisionError" in lines[3]["exception"]


FULL = """
from common_py import logging
logging.configure("agent", "info")
for number in range(1000):
    logging.get("late").info("a line that the disk has no room for", number=number)
print("goes on", flush=True)
"""


def test_a_full_disk_ends_no_program() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-c", FULL], stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.stdout == "goes on\n"

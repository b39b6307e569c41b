"""``python -m tests.run [--tier NAME] [pytest arguments]``: the tiers, or one of them, then one line with the sum.

A tier that cannot run is named with its reason and counted as skipped. With ``OOB_REQUIRE=all`` a skip is a failure,
except of a tier that this machine cannot run whatever is installed (no root, no BTF).

Ctrl-C ends the running tier in good order, and the others are not begun: a pytest that is killed leaves servers behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections import Counter
from pathlib import Path

from common_py.errors import USAGE
from common_py.program import Parser
from tests.tiers import NEEDS, REPOSITORY, TIERS, Tier

NO_TESTS_COLLECTED = 5


class Interrupted(Exception):
    """Ctrl-C ended a tier."""


def main() -> int:
    """Run the tiers; 0 when nothing failed and nothing that is required was skipped."""
    parser = Parser(prog="python -m tests.run", allow_abbrev=False)
    parser.add_argument("--tier", choices=[tier.name for tier in TIERS], help="this tier alone")
    options, arguments = parser.parse_known_args()
    wish = os.environ.get("OOB_REQUIRE", "")
    if wish not in ("", "all"):
        print(f"OOB_REQUIRE is {wish!r}: set it to all, or not at all.", file=sys.stderr)
        return USAGE
    try:
        return run_tiers(options.tier, arguments, required=wish == "all")
    except Interrupted:
        print("Interrupted.")
        return 128 + signal.SIGINT


def run_tiers(only: str | None, arguments: list[str], *, required: bool) -> int:
    """Run all tiers, or the one that is named; the exit code."""
    total: Counter[str] = Counter()
    for tier in TIERS:
        if tier.name != only if only else tier.named:
            continue
        missing = tier.missing()
        if missing is None:
            counts = run(tier, arguments)
            if required and (lacking := counts["skipped"] - counts["excused"]):
                print(f"tier {tier.name}: {lacking} tests were skipped, and OOB_REQUIRE=all", flush=True)
                counts["failed"] += lacking
        else:
            counts = Counter(skipped=1, failed=int(required and not missing.machine))
            print(f"tier {tier.name}: skipped, {missing.reason}", flush=True)
        total += counts
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if total["failed"] else 0


def run(tier: Tier, arguments: list[str]) -> Counter[str]:
    """Run one tier in a pytest of its own and count its results."""
    print(f"tier {tier.name}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", tier.expression, f"--junitxml={report}", *arguments]
        if tier.processes:
            command += ["-n", str(tier.processes), "--dist", "worksteal"]
        code = wait(subprocess.Popen(command, cwd=REPOSITORY))
        counts = count(report)
    if code not in (0, NO_TESTS_COLLECTED) and not counts["failed"]:
        counts["failed"] += 1
    print(f"tier {tier.name}: {time.monotonic() - began:.0f} s", flush=True)
    return counts


def wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit code. A terminal's Ctrl-C is for it; raises Interrupted when it has ended what it started."""
    interrupted = False
    while process.returncode is None:
        try:
            process.wait()
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise Interrupted
    return process.returncode


def count(report: Path) -> Counter[str]:
    """Passed, failed and skipped tests of a JUnit report; excused: skipped for what this machine is."""
    counts: Counter[str] = Counter()
    if report.exists():
        facts = {missing.reason for one in NEEDS.values() if (missing := one()) is not None and missing.machine}
        for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            excused = sum(one.get("message") in facts for one in suite.iter("skipped"))
            passed = int(suite.get("tests", 0)) - failed - skipped
            counts.update(failed=failed, skipped=skipped, passed=passed, excused=excused)
    return counts


if __name__ == "__main__":
    sys.exit(main())

"""What guests reported, and the table of it (docs/kernels.md)."""

from __future__ import annotations

import datetime
import xml.etree.ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tools.kernels.machine import Run

ROWS = {
    "test_bpf_syscall": "Maps",
    "test_libbpf": "Refusals and their sentences",
    "test_live": "Plaintext over loopback; selected by process, mount namespace, port",
    "test_live_calls": "Every call that moves bytes",
    "test_live_descriptors": "Descriptors: close, dup, close_range, exec, accept",
    "test_live_keys": "TLS 1.2 and 1.3 secrets of nginx with OpenSSL 3",
    "test_live_limits": "Without CAP_SYS_RESOURCE",
    "test_live_namespaces": "An agent in a pid namespace of its own",
    "test_live_rings": "Losses, wake-ups, an unprivileged worker; SIGKILL leaves nothing",
}
"""Test module → what it is about. Each must have passed tests."""

_DOCUMENT = """\
# Kernels

Written by `make kernel-test` on {date}.

The BPF objects, compiled once, are loaded and attached on Debian's cloud kernels, and the loader's live tests
(`tests/agent_py/loader`, marker `live`) run there: real servers, a real nginx, the running kernel. The guests are
emulated (QEMU, one processor), so the seconds say nothing about the cost of capture; they say what the tests take.
`make test` runs the same tests, and more, on the machine's own kernel.

{table}

Left out: one test that compiles a wrong program, since the guests have no compiler.

The verifier goes through a million instructions of a program at most; a program that is refused is reported with the
verifier's log. Before 5.16 the kernel does not tell how many they were.

What older kernels lack, and what follows:

- before 5.11, maps count as locked memory: the agent needs CAP_SYS_RESOURCE, or a limit (`ulimit -l`) that holds them;
- before 5.11, close_range knows no CLOSE_RANGE_CLOEXEC and refuses it: nothing is closed, as with it.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One test in a guest."""

    module: str
    name: str
    outcome: str
    """passed, failed or skipped"""


def cases(report: bytes) -> list[Case]:
    """The tests of a JUnit report, none when there is no report."""
    if not report:
        return []
    found = []
    for element in xml.etree.ElementTree.fromstring(report).iter("testcase"):
        tags = {child.tag for child in element}
        outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        module = element.get("classname", "").rpartition(".")[2]
        found.append(Case(module, element.get("name", ""), outcome))
    return found


def counts(found: Sequence[Case], module: str) -> str:
    """As "8 passed, 1 skipped"."""
    outcomes = Counter(case.outcome for case in found if case.module == module)
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())) or "–"


def document(runs: Sequence[tuple[Run, str]], today: datetime.date) -> str:
    """The whole page. ``runs``: what each guest told, and the Debian version of its kernel."""
    found = [cases(run.report) for run, _ in runs]
    rows = [
        ["Kernel", *(run.release for run, _ in runs)],
        ["---" for _ in range(len(runs) + 1)],
        ["Debian's version", *(version for _, version in runs)],
        ["Verified and attached, seconds", *(f"{run.load_seconds or 0:.1f}" for run, _ in runs)],
        ["Hardest program, instructions verified", *(f"{run.verified:,}" if run.verified else "–" for run, _ in runs)],
        *([title, *(counts(one, module) for one in found)] for module, title in ROWS.items()),
        ["From power on to power off, seconds", *(f"{run.seconds:.0f}" for run, _ in runs)],
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return _DOCUMENT.format(date=today.isoformat(), table=table)

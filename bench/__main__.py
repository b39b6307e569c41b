"""``make bench``: every number that the documents state, side by side in one run. ``--write``: docs/benchmarks.md."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

import click

from bench.capture import TRAFFIC, Figures, Result, measure
from bench.measure import machine
from cli_py.doctor import obstacle
from common_py.errors import UNAVAILABLE, UserError
from common_py.ports import free

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
CLASSIC = "classic SSL probes"
MIB = 1 << 20


def main() -> int:
    """Measure, print, and write the document when asked."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="length of each load")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    try:
        problem = obstacle()
        if problem:
            raise UserError(f"Capture is not possible here: {problem}", exit_code=UNAVAILABLE)
        with tempfile.TemporaryDirectory(prefix="oob-bench-") as directory:
            Path(directory).chmod(0o711)
            first, second = free(2)
            result = measure(Path(directory), (first, second), options.rounds, options.seconds)
    except UserError as error:
        click.echo(f"make bench: {error}", err=True)
        return error.exit_code
    text = document(result, options.rounds, options.seconds)
    click.echo(text)
    if options.write:
        DOCUMENT.write_text(text)
    return 0


def document(result: Result, rounds: int, seconds: int) -> str:
    """The whole document."""
    worker, parent = result.worker_memory / MIB, result.parent_memory / MIB
    today = datetime.date.today().isoformat()
    rows = "\n".join(row(traffic.name, result.traffic[traffic.name]) for traffic in TRAFFIC)
    return f"""# Benchmarks

Measured by `make bench` on {today}: {machine()}. {rounds} rounds of {seconds} s; the cases take turns within a round;
medians. 16 connections from wrk, small responses. nginx's CPU time is what the kernel accounts to its worker.

## What capture costs nginx

Microseconds of nginx's CPU per request.

| traffic | nothing attached | capture on | added | classic SSL probes | added | agent's own, per exchange | seen |
|---|---|---|---|---|---|---|---|
{rows}

{verdict(result)}

"Classic SSL probes" are entry and return uprobes on SSL_read and SSL_write that copy the data and do nothing else.
"Seen" is the share of wrk's requests that became exchanges while both processors were saturated; what is missing is in
the loss counters.

## Memory

Peak resident memory of the agent: worker {worker:.0f} MiB, parent {parent:.0f} MiB.
"""


def row(name: str, figures: Figures) -> str:
    """One kind of load."""
    nothing, capture = figures.median("nothing"), figures.median("capture")
    classic = figures.median(CLASSIC) if figures.nginx[CLASSIC] else None
    cells = [
        name,
        f"{nothing:.1f}",
        f"{capture:.1f}",
        added(capture, nothing),
        f"{classic:.1f}" if classic else "–",
        added(classic, nothing) if classic else "–",
        f"{sorted(figures.agent)[len(figures.agent) // 2]:.1f}",
        f"{100 * sorted(figures.seen)[len(figures.seen) // 2]:.1f} %",
    ]
    return f"| {' | '.join(cells)} |"


def added(value: float, base: float) -> str:
    """``+1.2 (+10 %)``."""
    return f"{value - base:+.1f} ({100 * (value / base - 1):+.0f} %)"


def verdict(result: Result) -> str:
    """The goals, and what was reached."""
    kept = result.traffic["TLS 1.3, keep-alive"]
    nothing = kept.median("nothing")
    ratio = (kept.median("capture") - nothing) / (kept.median(CLASSIC) - nothing)
    lines = [f"- Added on TLS keep-alive: {ratio:.2f} of what the classic probes add (goal: at most 0.10)."]
    for name in ("TLS 1.2, new connections", "TLS 1.3, new connections"):
        figures = result.traffic[name]
        share = 100 * (figures.median("capture") / figures.median("nothing") - 1)
        lines.append(f"- {name}: {share:+.1f} % (goal: at most +10 %).")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

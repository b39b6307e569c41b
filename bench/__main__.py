"""``make bench``: every number that the documents state, side by side in one run. ``--write``: docs/benchmarks.md."""

from __future__ import annotations

import datetime
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from statistics import median

import click

from bench.capture import CLASSIC, TRAFFIC, Figures, Result, measure
from bench.measure import machine
from bench.parts import parts
from cli_py.doctor import obstacle
from common_py.errors import UNAVAILABLE, UserError
from common_py.program import Parser, at_least

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
PARTS = "## What single parts cost"
MIB = 1 << 20


def main() -> int:
    """Measure, print, and write the document when asked."""
    parser = Parser(prog="python -m bench")
    parser.add_argument("--rounds", type=at_least(1), default=5)
    parser.add_argument("--seconds", type=at_least(1), default=3, help="length of each load")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--parts", action="store_true", help="only what single parts cost; --write: that section")
    options = parser.parse_args()
    try:
        problem = obstacle()
        if problem:
            raise UserError(f"Capture is not possible here: {problem}", exit_code=UNAVAILABLE)
        if not options.parts and shutil.which("wrk") is None:
            raise UserError("wrk is not installed.", "Run: apt-get install wrk.", exit_code=UNAVAILABLE)
        with tempfile.TemporaryDirectory(prefix="oob-bench-") as directory:
            Path(directory).chmod(0o711)
            section = parts_section(parts(Path(directory)))
            if not options.parts:
                text = document(
                    measure(Path(directory), options.rounds, options.seconds), options.rounds, options.seconds
                )
            else:
                text = DOCUMENT.read_text().partition(PARTS)[0].rstrip() + "\n"
    except UserError as error:
        click.echo(f"make bench: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("make bench: Interrupted.", err=True)
        return 128 + signal.SIGINT
    click.echo(section if options.parts else text + section)
    if options.write:
        DOCUMENT.write_text(text + section)
    return 0


def document(result: Result, rounds: int, seconds: int) -> str:
    """The whole document."""
    worker, parent = result.worker_memory / MIB, result.parent_memory / MIB
    today = datetime.date.today().isoformat()
    agent_rows = "\n".join(agent_row(traffic.name, result.traffic[traffic.name]) for traffic in TRAFFIC)
    rows = "\n".join(row(traffic.name, result.traffic[traffic.name]) for traffic in TRAFFIC)
    neighbours = "\n".join(neighbour_row(name, figures) for name, figures in result.traffic.items() if figures.beside)
    return f"""# Benchmarks

Measured by `make bench` on {today}.

- Machine: {machine()}, a virtual one.
- {rounds} rounds; in each the cases take turns, {seconds} s each; medians over the rounds.
- nginx with one worker on one processor; wrk and the agent on the other. Small responses.

## What capture costs nginx

Microseconds of nginx's CPU per request, as the kernel accounts it to the worker, at the same rate in every case: the
median, and in brackets the lowest and the highest round. An addition within them is noise.

| traffic | requests/s | nothing attached | capture on | added | classic SSL probes | added |
|---|---|---|---|---|---|---|
{rows}

"Classic SSL probes" are entry and return uprobes on SSL_read and SSL_write that copy the data and wake their reader as
libbpf does by default; nothing parses it.

Part of what is added per new connection may not be the capture: any program on the other processor slows nginx down
where both share a core or a cache, which a virtual machine does not tell. "Neighbour" is nginx alone again, next to a
program that burns as much processor time as the agent did; what the capture adds to that is its own.

| traffic | agent's share of the other processor | neighbour | capture on | the capture's own |
|---|---|---|---|---|
{neighbours}

{verdict(result)}

## What the agent spends

Microseconds of the worker's CPU (all threads) per exchange, from ring to acknowledged batch, with nginx as busy as wrk
can make it on the processor that it shares with the agent. "Seen" is the share of wrk's requests that became exchanges;
what is missing is in the loss counters.

| traffic | requests/s | agent's CPU per exchange | seen |
|---|---|---|---|
{agent_rows}

Peak resident memory of the agent: worker {worker:.0f} MiB, parent {parent:.0f} MiB.
"""


def parts_section(costs: dict[str, float]) -> str:
    """What single parts cost."""
    rows = "\n".join(f"| {name} | {value:.2f} |" for name, value in costs.items())
    return f"""
{PARTS}

Microseconds of CPU each, the smallest of several runs. Calls of processes that are not selected: what capture adds to
them.

| part | µs |
|---|---|
{rows}
"""


def row(name: str, figures: Figures) -> str:
    """What one kind of load cost nginx."""
    nothing, capture = figures.median("nothing"), figures.median("capture")
    classic = figures.median(CLASSIC) if figures.nginx[CLASSIC] else None
    cells = [
        name,
        f"{median(figures.rate['capture']):,.0f}",
        figures.shown("nothing"),
        figures.shown("capture"),
        added(capture, nothing),
        figures.shown(CLASSIC) if classic else "–",
        added(classic, nothing) if classic else "–",
    ]
    return f"| {' | '.join(cells)} |"


def neighbour_row(name: str, figures: Figures) -> str:
    """How much of a new connection's cost is the neighbourhood's."""
    beside, capture = figures.median("neighbour"), figures.median("capture")
    share = 100 * median(figures.share)
    return f"| {name} | {share:.0f} % | {beside:.1f} | {capture:.1f} | {added(capture, beside)} |"


def agent_row(name: str, figures: Figures) -> str:
    """What one kind of load cost the agent."""
    seen = 100 * median(figures.seen)
    return f"| {name} | {median(figures.full):,.0f} | {median(figures.agent):.1f} | {seen:.1f} % |"


def added(value: float, base: float) -> str:
    """``+1.2 (+10 %)``."""
    return f"{value - base:+.1f} ({100 * (value / base - 1):+.0f} %)"


def verdict(result: Result) -> str:
    """The goals, and what was reached."""
    kept = result.traffic["TLS 1.3, keep-alive"]
    nothing = kept.median("nothing")
    ratio = (kept.median("capture") - nothing) / (kept.median(CLASSIC) - nothing)
    lines = [f"- Added on TLS keep-alive: {ratio:.2f} of what the classic probes add (goal: at most 0.10)."]
    for name, figures in result.traffic.items():
        if figures.beside:
            capture = figures.median("capture")
            share, own = (
                100 * (capture / figures.median("nothing") - 1),
                100 * (capture / figures.median("neighbour") - 1),
            )
            lines.append(f"- {name}: {share:+.1f} % in all, {own:+.1f} % the capture's own (goal: at most +10 %).")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""Detection quality on the development sets: the table of the design, beside ModSecurity, with a floor.

``python -m bench.accuracy`` measures every set with as many processes as asked (``--jobs``, 2) and fails when a value
falls under ``bench/accuracy_floor.json``. ``--raise`` writes better values into that file; it never lowers one.
The sets are ``../shared/detection/dev`` beside the repository, or where ``OOB_DETECTION_DATA`` says.
"""

from __future__ import annotations

import binascii
import gzip
import json
import os
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli_py.classify import read_request
from common_py import interrupt
from common_py.errors import NO_INPUT, UserError
from common_py.program import Parser, at_least
from processing_py.detect.engine import Engine

REPOSITORY = Path(__file__).resolve().parent.parent
FLOOR = Path(__file__).with_name("accuracy_floor.json")
SLICES = 8
"""Parts that each set is cut into, so that the processes share the large sets."""
TOLERANCE = 0.005
"""Percentage points below the floor that rounding may cause."""
BASELINE = "crs4_pl1_tuned"
TARGETS = {
    "gotestwaf": "score 93",
    "openappsec_malicious": "99 / 3",
    "blazehttp": "85 / 0.1",
    "modseclearn": "98 / 0.1",
    "httpparams": "99 / 0",
    "libinjection_data": "99 / 5",
    "wafbypass": "90",
    "crs_regression": "above it",
    "patt": "above it",
    "grananqvist": "above it",
    "techprose": "- / 0.5",
    "evasion": "90 / 5",
}


@dataclass
class Tally:
    """Requests and findings of one set, by label and by group."""

    attacks: int = 0
    found: int = 0
    benign: int = 0
    false: int = 0
    groups: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def add(self, label: int, group: str, hit: bool) -> None:
        """Count one request."""
        if label:
            self.attacks += 1
            self.found += hit
        else:
            self.benign += 1
            self.false += hit
        tally = self.groups[f"{label} {group}"]
        tally[0] += hit
        tally[1] += 1

    def merge(self, other: Tally) -> None:
        """Add the counts of another part of the same set."""
        self.attacks += other.attacks
        self.found += other.found
        self.benign += other.benign
        self.false += other.false
        for group, (hits, total) in other.groups.items():
            self.groups[group][0] += hits
            self.groups[group][1] += total

    @property
    def tpr(self) -> float | None:
        """Attacks found, per cent."""
        return 100 * self.found / self.attacks if self.attacks else None

    @property
    def fpr(self) -> float | None:
        """Benign requests with a finding, per cent."""
        return 100 * self.false / self.benign if self.benign else None


def data_directory() -> Path:
    """Where the sets are. Raises UserError when they are not there."""
    named = os.environ.get("OOB_DETECTION_DATA")
    directory = Path(named) if named else REPOSITORY.parent / "shared" / "detection" / "dev"
    if not list(directory.glob("*.jsonl.gz")):
        raise UserError(
            f"There are no detection sets (*.jsonl.gz) in {directory}.",
            "Set OOB_DETECTION_DATA to the folder that has them.",
            exit_code=NO_INPUT,
        )
    return directory


def measure(path: Path, part: int) -> Tally:
    """Inspect every ``SLICES``-th request of a set, from ``part`` on."""
    engine = Engine()
    tally = Tally()
    with gzip.open(path, "rb") as lines:
        for number, line in enumerate(lines):
            if number % SLICES != part:
                continue
            row = json.loads(line)
            findings = engine.inspect(read_request(binascii.a2b_base64(row["raw"])))
            tally.add(row["label"], row["group"], bool(findings))
    return _plain(tally)


def _plain(tally: Tally) -> Tally:
    """The same with an ordinary dictionary, which can cross processes."""
    groups = tally.groups
    return Tally(tally.attacks, tally.found, tally.benign, tally.false, dict(groups))


def gotestwaf_score(tally: Tally) -> float:
    """GoTestWAF's overall score in per cent (``internal/db/statistics.go`` of github.com/wallarm/gotestwaf).

    Application security and API security each score the mean of blocked attacks and passed benign requests where they
    have both, else the one they have; the overall score is the mean of the two. Here a set belongs to API security when
    its folder's name has ``api``, and the benign ``false-pos`` set to application security. GoTestWAF rounds the parts
    and leaves unresolved requests out; here nothing is rounded and each request has a verdict.
    """
    sums = {"app": [0, 0], "api": [0, 0]}
    for group, (hits, total) in tally.groups.items():
        label, _, name = group.partition(" ")
        if label == "1":
            entry = sums["api" if "api" in name.partition("/")[0] else "app"]
            entry[0] += hits
            entry[1] += total
    app = 100 * sums["app"][0] / max(1, sums["app"][1])
    api = 100 * sums["api"][0] / max(1, sums["api"][1])
    passed = 100.0 - (tally.fpr or 0.0)
    return ((app + passed) / 2 + api) / 2


def run(directory: Path, names: list[str], jobs: int) -> dict[str, Tally]:
    """Measure the named sets."""
    results: dict[str, Tally] = {name: Tally() for name in names}
    work = [(name, part) for name in names for part in range(SLICES)]
    paths = [directory / f"{name}.jsonl.gz" for name, _ in work]
    with ProcessPoolExecutor(jobs) as pool:
        for (name, _), tally in zip(work, pool.map(measure, paths, [part for _, part in work]), strict=True):
            results[name].merge(tally)
    return results


def values(results: dict[str, Tally]) -> dict[str, dict[str, float]]:
    """What the floor holds: ``tpr`` and ``tnr`` per set, the score of gotestwaf; higher is better."""
    measured: dict[str, dict[str, float]] = {}
    for name, tally in results.items():
        entry: dict[str, float] = {}
        if tally.tpr is not None:
            entry["tpr"] = round(tally.tpr, 2)
        if tally.fpr is not None:
            entry["tnr"] = round(100 - tally.fpr, 2)
        if name == "gotestwaf":
            entry["score"] = round(gotestwaf_score(tally), 2)
        measured[name] = entry
    return measured


def table(results: dict[str, Tally], baseline: dict[str, Any]) -> str:
    """The printed table."""
    lines = [f"{'set':22} {'attacks':>8} {'benign':>8} {'TPR':>7} {'FPR':>7}   {'ModSecurity CRS':>15}   target"]
    for name, tally in results.items():
        known = baseline.get(name, {}).get("modsecurity", {})
        known = known.get(BASELINE) or known.get("crs3_pl1_default") or {}
        other = f"{_show(known.get('shipped_tpr')):>6} / {_show(known.get('shipped_fpr')):>6}"
        lines.append(
            f"{name:22} {tally.attacks:8} {tally.benign:8} {_show(tally.tpr):>7} {_show(tally.fpr):>7}   {other}   "
            f"{TARGETS.get(name, '')}"
        )
    if "gotestwaf" in results:
        lines.append(f"gotestwaf score {gotestwaf_score(results['gotestwaf']):.1f}")
    if {"openappsec_malicious", "blazehttp"} <= results.keys():
        tpr, fpr = results["openappsec_malicious"].tpr, results["blazehttp"].fpr
        if tpr is not None and fpr is not None:
            lines.append(f"balanced accuracy (openappsec TPR, blazehttp TNR) {(tpr + 100 - fpr) / 2:.2f}")
    return "\n".join(lines)


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def below(measured: dict[str, dict[str, float]], floor: dict[str, dict[str, float]]) -> list[str]:
    """A sentence for every measured value under its floor."""
    return [
        f"{name}: {key} is {entry[key]:.2f}, below its floor {least:.2f}."
        for name, entry in measured.items()
        for key, least in floor.get(name, {}).items()
        if key in entry and entry[key] < least - TOLERANCE
    ]


def raised(measured: dict[str, dict[str, float]], floor: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The floor with every better value taken over."""
    names = sorted(measured.keys() | floor.keys())
    return {
        name: {
            key: max(measured.get(name, {}).get(key, 0.0), floor.get(name, {}).get(key, 0.0))
            for key in sorted(measured.get(name, {}).keys() | floor.get(name, {}).keys())
        }
        for name in names
    }


def main(arguments: list[str]) -> int:
    """Measure, print, compare."""
    parser = Parser(prog="python -m bench.accuracy", description="Detection quality by set.")
    parser.add_argument("sets", nargs="*", help="only these sets")
    parser.add_argument("--jobs", type=at_least(1), default=2)
    parser.add_argument("--raise", dest="lift", action="store_true", help="write better values into the floor")
    options = parser.parse_args(arguments)
    try:
        directory = data_directory()
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    present = sorted(path.name.removesuffix(".jsonl.gz") for path in directory.glob("*.jsonl.gz"))
    unknown = [name for name in options.sets if name not in present]
    if unknown:
        print(f"There is no set {unknown[0]}; the sets are {', '.join(present)}.", file=sys.stderr)
        return 64
    results = run(directory, options.sets or [*[name for name in TARGETS if name in present]], options.jobs)
    baseline_path = directory.parent / "baseline.json"
    baseline = json.loads(baseline_path.read_text(encoding="utf-8")) if baseline_path.exists() else {}
    print(table(results, baseline))
    measured = values(results)
    floor = json.loads(FLOOR.read_text(encoding="utf-8")) if FLOOR.exists() else {}
    problems = below(measured, floor)
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.lift and not problems:
        FLOOR.write_text(json.dumps(raised(measured, floor), indent=1) + "\n", encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    # Before there are processes: they inherit it.
    interrupt.end_at_once()
    sys.exit(main(sys.argv[1:]))

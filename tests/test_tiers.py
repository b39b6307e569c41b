"""What a skipped tier means for the result of ``make test``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import run, tiers
from tests.tiers import Missing, Tier, nothing

pytestmark = pytest.mark.program

MACHINE = Missing("this machine has no root", machine=True)
INSTALLABLE = Missing("not installed: nginx", machine=False)


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one passing, one failing and one skipping test, each with a marker."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    good\n    bad\n    absent\n")
    (tmp_path / "test_three.py").write_text(
        "import pytest\n"
        "@pytest.mark.good\ndef test_good(): pass\n"
        "@pytest.mark.bad\ndef test_bad(): assert False\n"
        "@pytest.mark.absent\ndef test_absent(): pytest.skip('no reason')\n"
    )
    monkeypatch.setattr(run, "REPOSITORY", tmp_path)
    monkeypatch.setattr(run.sys, "argv", ["tests.run"])
    monkeypatch.delenv("OOB_REQUIRE", raising=False)
    return tmp_path


def outcome(monkeypatch: pytest.MonkeyPatch, *chosen: Tier) -> int:
    monkeypatch.setattr(run, "TIERS", chosen)
    return run.main()


@pytest.mark.parametrize(
    ("missing", "required", "code", "sum_"),
    [
        (MACHINE, False, 0, "1 passed, 0 failed, 1 skipped"),
        (INSTALLABLE, False, 0, "1 passed, 0 failed, 1 skipped"),
        (MACHINE, True, 0, "1 passed, 0 failed, 1 skipped"),
        (INSTALLABLE, True, 1, "1 passed, 1 failed, 1 skipped"),
    ],
)
@pytest.mark.usefixtures("suite")
def test_a_tier_that_cannot_run(
    missing: Missing,
    required: bool,
    code: int,
    sum_: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if required:
        monkeypatch.setenv("OOB_REQUIRE", "all")
    assert outcome(monkeypatch, Tier("a", "good", nothing), Tier("b", "good", lambda: missing)) == code
    lines = capsys.readouterr().out.splitlines()
    assert f"tier b: skipped, {missing.reason}" in lines
    assert lines[-1] == sum_


@pytest.mark.parametrize(("marker", "required", "code"), [("bad", False, 1), ("absent", False, 0), ("absent", True, 1)])
@pytest.mark.usefixtures("suite")
def test_results_within_a_tier(marker: str, required: bool, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if required:
        monkeypatch.setenv("OOB_REQUIRE", "all")
    assert outcome(monkeypatch, Tier("a", f"good or {marker}", nothing)) == code


@pytest.mark.parametrize(("missing", "code"), [(MACHINE, 0), (INSTALLABLE, 1)])
def test_a_test_that_this_machine_cannot_run_is_excused(
    suite: Path, missing: Missing, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = suite / "test_three.py"
    path.write_text(path.read_text().replace("no reason", missing.reason))
    monkeypatch.setattr(run, "NEEDS", {"absent": lambda: missing})
    monkeypatch.setenv("OOB_REQUIRE", "all")
    assert outcome(monkeypatch, Tier("a", "good or absent", nothing)) == code


def test_a_tier_that_breaks_before_its_tests_fails(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (suite / "test_three.py").write_text("import nothing_of_this_name\n")
    assert outcome(monkeypatch, Tier("a", "good", nothing)) == 1
    assert run.count(suite / "none.xml") == Counter()


@pytest.mark.parametrize(("arguments", "ran"), [([], ["tier a"]), (["--tier", "b", "-x"], ["tier b"])])
@pytest.mark.usefixtures("suite")
def test_a_tier_that_takes_minutes_runs_by_its_name(
    arguments: list[str], ran: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.sys, "argv", ["tests.run", *arguments])
    assert outcome(monkeypatch, Tier("a", "good", nothing), Tier("b", "good", nothing, named=True)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in ("tier a", "tier b")] == ran
    assert lines[-1] == "1 passed, 0 failed, 0 skipped"


def test_ctrl_c_waits_for_the_tier_that_runs(suite: Path) -> None:
    """The test sends the terminal's signal to both, and then needs longer than subprocess.run waits before it kills."""
    (suite / "test_three.py").write_text(
        "import os, pathlib, pytest, signal, time\n"
        "@pytest.fixture\ndef server():\n"
        "    yield\n"
        "    time.sleep(1)\n"
        "    pathlib.Path('ended').touch()\n"
        "@pytest.mark.good\ndef test_good(server):\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n"
        "    raise KeyboardInterrupt\n"
    )
    code = (
        "import pathlib, sys\n"
        "from tests import run\n"
        "from tests.tiers import Tier, nothing\n"
        "run.REPOSITORY = pathlib.Path(sys.argv.pop())\n"
        "run.TIERS = Tier('a', 'good', nothing), Tier('b', 'good', nothing)\n"
        "sys.exit(run.main())\n"
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
    try:
        done = subprocess.run([sys.executable, "-c", code, suite], capture_output=True, text=True, cwd=tiers.REPOSITORY)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (suite / "ended").exists()
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, "")
    assert "tier b" not in done.stdout
    assert done.stdout.splitlines()[-1] == "Interrupted."


@pytest.mark.parametrize(
    ("arguments", "wish", "words"),
    [
        (["--tier", "c"], "", "python -m tests.run: Argument --tier: invalid choice: 'c'"),
        ([], "live", "OOB_REQUIRE is 'live': set it to all, or not at all."),
    ],
)
def test_a_wish_that_cannot_be_had_is_one_sentence(arguments: list[str], wish: str, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.run", *arguments],
        capture_output=True,
        text=True,
        cwd=tiers.REPOSITORY,
        env={**os.environ, "OOB_REQUIRE": wish},
        check=False,
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


def test_kernels_that_are_not_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tiers.machine, "QEMU", "sh")
    (tmp_path / "oob-kernels" / "kernel-6.1").mkdir(parents=True)
    reason = "not in the cache: Linux 5.10, Linux 6.12, the guests' root; run make kernel-test"
    assert tiers.machines() == Missing(reason, machine=False)
    monkeypatch.setattr(tiers.machine, "QEMU", "no-such-qemu")
    assert tiers.machines() == Missing("not installed: no-such-qemu", machine=False)


def test_what_a_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers.os, "geteuid", lambda: 1000)
    assert tiers.root_user() == Missing("it needs root", machine=True)
    assert tiers.kernel() == Missing("it needs root to load BPF programs", machine=True)
    assert tiers.programs("sh") is None
    assert tiers.programs("no-such-program") == Missing("not installed: no-such-program", machine=False)

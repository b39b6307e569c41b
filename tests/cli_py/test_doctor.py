from __future__ import annotations

import os
import subprocess

import pytest
from click.testing import CliRunner

from cli_py import doctor, run
from cli_py.doctor import Result
from common_py.errors import UserError

GOOD = Result("good", True, "all is well", "never shown")
UNSURE = Result("unsure", None, "worth knowing", "never shown")
BAD = Result("bad", False, "it is missing", "Install it.")


def checks(monkeypatch: pytest.MonkeyPatch, *results: Result) -> None:
    monkeypatch.setattr(doctor, "CHECKS", tuple(lambda result=result: result for result in results))


@pytest.mark.parametrize(("results", "code"), [((GOOD, UNSURE), 0), ((GOOD, BAD), 1)])
def test_one_line_a_check_with_a_hint_where_something_is_in_the_way(
    monkeypatch: pytest.MonkeyPatch, results: tuple[Result, ...], code: int
) -> None:
    checks(monkeypatch, *results)
    done = CliRunner().invoke(doctor.doctor, [])
    assert done.exit_code == code
    lines = done.output.splitlines()
    assert [line.split()[1] for line in lines[: len(results)]] == [result.name for result in results]
    assert "never shown" not in done.output
    assert lines[len(results) :] == (["        → Install it."] if code else [])


def test_a_process_that_is_not_there_fails() -> None:
    (result,) = doctor.targets(("no-such-name",), (4194304,))
    assert (result.ok, result.text) == (False, "no process called no-such-name, with the id 4194304")


def test_one_that_is_there_does_not_hide_one_that_is_not() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as sleeper:
        results = list(doctor.targets(("no-such-name",), (sleeper.pid, 4194304)))
        sleeper.kill()
    assert [result.ok for result in results] == [False, None]
    assert results[0].text == "no process called no-such-name, with the id 4194304"
    assert results[1].name.startswith("sleep[")


def test_root_is_not_told_to_become_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    for user, words in ((0, "may not be read."), (1000, "may not be read. Run as root.")):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert doctor.visibility(1)[1] == f"TLS cannot be checked: its files {words}"


def test_a_process_without_tls() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as sleeper:
        (result,) = doctor.targets((), (sleeper.pid,))
        sleeper.kill()
    assert (result.name, result.ok) == (f"sleep[{sleeper.pid}]", None)
    assert result.text == "plaintext is visible, TLS is not"
    assert result.detail


def test_run_says_what_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    checks(monkeypatch, GOOD, Result("BTF", False, "/sys/kernel/btf/vmlinux is not there", "Take another kernel."))
    with pytest.raises(UserError, match=r"^Capture is not possible here: BTF: .* is not there\. Take") as caught:
        run.require_capture()
    assert caught.value.exit_code == 69
    checks(monkeypatch, GOOD, UNSURE)
    run.require_capture()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UserError, match="Capture needs root") as caught:
        run.require_capture()
    assert caught.value.exit_code == 77

"""The life of a program: signals, and errors from tasks as sentences."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys

import pytest

from common_py.errors import UserError
from common_py.program import at_least, user_errors
from tests.tiers import REPOSITORY

SCRIPT = """
import asyncio, os, signal, sys
from common_py import program
from common_py.errors import UserError

async def main(stop):
    if sys.argv[1] == "fail":
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refuse())
            tasks.create_task(stop.wait())
    os.kill(os.getpid(), int(sys.argv[1]))
    await stop.wait()
    print("ended in good order")

async def refuse():
    raise UserError("The port is taken.", "Choose another one.", exit_code=69)

try:
    program.run("own", None, "info", main)
except UserError as error:
    program.fail("own", error)
"""


def run(argument: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, argument]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_polite_end(number: signal.Signals) -> None:
    done = run(str(int(number)))
    assert (done.returncode, done.stdout) == (0, "ended in good order\n"), done.stderr


def test_a_task_s_error_is_one_sentence_and_an_exit_code() -> None:
    done = run("fail")
    assert (done.returncode, done.stderr) == (69, "own: The port is taken. Choose another one.\n")


def test_a_bug_among_the_errors_is_not_hidden() -> None:
    wanted = UserError("a")
    nested = BaseExceptionGroup("", [BaseExceptionGroup("", [wanted])])
    assert user_errors(nested) is wanted
    assert user_errors(BaseExceptionGroup("", [wanted, ValueError()])) is None
    assert user_errors(BaseExceptionGroup("", [ValueError()])) is None


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("12", 12), ("0", None), ("-1", None), ("1.5", None), ("x", None)]
)
def test_a_number_with_a_minimum(text: str, value: int | None) -> None:
    if value is None:
        with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number of at least 1"):
            at_least(1)(text)
    else:
        assert at_least(1)(text) == value


@pytest.mark.program
@pytest.mark.parametrize("module", ["bench", "bench.accuracy", "bench.classic", "demo", "tests.run", "tools.kernels"])
def test_a_wrong_option_of_a_developer_s_program(module: str) -> None:
    option = "--tier=none" if module == "tests.run" else "--wrong"
    done = subprocess.run(
        [sys.executable, "-m", module, option], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith(f"python -m {module}: ")
    assert done.stderr.count("\n") == 1

"""The life of a program: signals, and errors from tasks as sentences."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from common_py.errors import UserError
from common_py.program import user_errors

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

"""How a program of the product lives: options, logs, one event loop, SIGTERM as the polite end, errors as sentences."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

import uvloop

from common_py import logging
from common_py.errors import USAGE, UserError
from common_py.process import die_with_parent, forbid_dumps

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A program's work; it ends in good order when the event is set."""


class Parser(argparse.ArgumentParser):
    """Errors as everywhere: one sentence, and the exit code of wrong usage."""

    def error(self, message: str) -> NoReturn:
        """End with ``message``, which argparse begins with a small letter."""
        self.exit(USAGE, f"{self.prog}: {message[:1].upper()}{message[1:]}. See '{self.prog} --help'.\n")


def at_least(minimum: int) -> Callable[[str], int]:
    """The type of an option: a whole number that is not below ``minimum``."""

    def number(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() else minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {minimum}")
        return value

    return number


def options(description: str) -> argparse.ArgumentParser:
    """The options that every program started by another one has."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    parser = Parser(f"python -m {spec.name.removesuffix('.__main__')}" if spec else None, description=description)
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process, the parent, ends")
    return parser


def run(name: str, parent: int | None, log_level: str, main: Main) -> None:
    """Run ``main`` until it ends or SIGTERM or SIGINT asks for it."""
    if parent is not None:
        die_with_parent(parent)
    forbid_dumps()
    logging.configure(name, log_level)
    logging.capture_libraries()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signal(main))


def fail(name: str, error: UserError) -> NoReturn:
    """End the program with one sentence and the error's exit code."""
    print(f"{name}: {error}", file=sys.stderr)
    raise SystemExit(error.exit_code)


def user_errors(group: BaseExceptionGroup[BaseException]) -> UserError | None:
    """The first UserError in a group of errors from several tasks, when there are only such ones."""
    users, others = group.split(UserError)
    if others is not None or users is None:
        return None
    first: BaseException = users
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, UserError)
    return first


async def _until_signal(main: Main) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await main(stop)
    except BaseExceptionGroup as group:
        error = user_errors(group)
        if error is None:
            raise
        raise error from None

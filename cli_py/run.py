"""``oobctl run``: the product on this host, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

import click

from cli_py.doctor import obstacle
from cli_py.host import Host, HostSettings
from cli_py.supervisor import Interrupted
from common_py.errors import NO_PERMISSION, UNAVAILABLE, USAGE, UserError

LOOK_SECONDS = 0.5

Command = TypeVar("Command", bound=Callable[..., None])


def default_data() -> Path:
    """Where host mode keeps its store and tokens when nobody says otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/oob")
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "oob"


def number(name: str, limit: int, help: str) -> Callable[[Command], Command]:
    """The option ``name`` for a number of processes, 1 by default and at most ``limit``."""
    kind = click.IntRange(1, limit)
    return click.option(name, type=kind, metavar="N", default=1, show_default=True, help=f"{help}, up to {limit}.")


@click.command(short_help="Mirror processes, detect attacks, show them.")
@click.option(
    "--process", "processes", multiple=True, metavar="NAME", help="Mirror processes of this name; repeatable."
)
@click.option(
    "--pid",
    "pids",
    multiple=True,
    type=click.IntRange(1),
    metavar="PID",
    help="Mirror this process and its children; repeatable.",
)
@click.option(
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Only connections to this port; repeatable.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Store, tokens and logs.  [default: /var/lib/oob]",
)
@click.option(
    "--console-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8080,
    show_default=True,
    help="Of the console and the API; 0 takes a free one.",
)
@number("--workers", 64, "Processes that read traffic")
@number("--detection-workers", 256, "Processes that look for attacks")
@click.option("--no-tls", is_flag=True, help="Read no TLS keys: TLS connections are only counted.")
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Also write the traffic, decrypted, to this file."
)
@click.option(
    "--replay", type=click.Path(path_type=Path), metavar="FILE", help="Play a recording instead; needs no root."
)
def run(
    processes: tuple[str, ...],
    pids: tuple[int, ...],
    ports: tuple[int, ...],
    data: Path | None,
    console_port: int,
    workers: int,
    detection_workers: int,
    no_tls: bool,
    record: Path | None,
    replay: Path | None,
) -> None:
    """Mirror processes of this host, detect attacks, show them.

    Example: oobctl run --process nginx
    """
    if not (processes or pids or replay):
        raise UserError("Nothing to mirror.", "Name a process: oobctl run --process nginx.", exit_code=USAGE)
    if not replay:
        require_capture()
    settings = HostSettings(
        data=(data or default_data()).absolute(),
        processes=processes,
        pids=pids,
        ports=ports,
        console_port=console_port,
        workers=workers,
        detection_workers=detection_workers,
        record=record.absolute() if record else None,
        replay=replay.absolute() if replay else None,
        tls=not no_tls,
    )
    stopping = Stopping()
    host = Host(settings, say=click.echo, stopping=stopping.__bool__)
    try:
        host.start()
    except Interrupted:
        click.echo("Stopped during the start.")
        return
    try:
        greet(host)
        while not stopping:
            time.sleep(LOOK_SECONDS)
            host.watch()
    finally:
        # Who reads this may be gone: a pager, or the terminal, whose end is why we end.
        with contextlib.suppress(OSError):
            click.echo("Stopping.")
        host.stop()


def require_capture() -> None:
    """Raise UserError when capture is not possible here."""
    if os.geteuid() != 0:
        raise UserError(
            "Capture needs root.", "Run it with sudo, or play a recording with --replay.", exit_code=NO_PERMISSION
        )
    problem = obstacle()
    if problem is not None:
        raise UserError(
            f"Capture is not possible here: {problem}", "All checks are shown by: oobctl doctor.", exit_code=UNAVAILABLE
        )


def greet(host: Host) -> None:
    """What a person needs: where the console is, and the token that opens it."""
    click.echo(f"Console   {host.url}")
    click.echo(f"Token     {host.token}")
    click.echo(f"Metrics   http://{host.agent_address}/metrics")
    click.echo(f"Logs      {host.settings.data / 'run'}")
    click.echo(f"Attacks   {list_command(host.settings.data)}")
    click.echo("Stop with Ctrl-C.")


def list_command(data: Path) -> str:
    """The command that lists the attacks in ``data``, as it can be typed where this program was started."""
    installed, here = Path(sys.executable).with_name("oobctl"), Path.cwd()
    if shutil.which("oobctl") == str(installed) or not installed.exists():
        oobctl = "oobctl"
    else:
        oobctl = str(installed.relative_to(here) if installed.is_relative_to(here) else installed)
    options = [] if data == default_data() else ["--data", str(data)]
    return shlex.join([oobctl, "attacks", "list", *options])


class Stopping:
    """True once SIGINT, SIGTERM, or SIGHUP (the terminal is gone) came; ``signal`` is the first of them."""

    def __init__(self) -> None:
        self.signal = 0
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)
        # nohup(1) has it ignored: what it starts is to outlive the terminal.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = self.signal or number

    def __bool__(self) -> bool:
        return self.signal != 0

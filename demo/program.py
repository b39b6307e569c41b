"""``make demo``: a real nginx, the product in host mode, ordinary traffic, one attack over HTTP and HTTPS, the console.

With ``--once`` it verifies what the cloud's API returns and ends. Where capture is not possible (no root, no BTF) it
says so and replays a recording of the same traffic through the same path.

A signal is never an exception here, which could come anywhere, also while nginx starts or while everything is ended.
It sets a flag, and whoever waits looks at it; so nothing is left behind at whatever moment it comes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from cli_py.attacks import fetch, table
from cli_py.client import Client
from cli_py.doctor import obstacle
from cli_py.host import Host, HostSettings
from cli_py.main import output_closed
from cli_py.run import LOOK_SECONDS, Stopping, greet
from cli_py.supervisor import Interrupted
from common_py.errors import UserError
from common_py.program import Parser
from demo import traffic
from demo.nginx import Nginx
from demo.verify import verify, wait_for_hits

RECORDING = Path(__file__).with_name("traffic.chunks")


def main() -> int:
    """Run the demonstration; the exit code is 0, or an error's own."""
    parser = Parser(prog="python -m demo")
    parser.add_argument("--once", action="store_true", help="verify what the API returns, and end")
    parser.add_argument("--replay", action="store_true", help="replay the recording though capture is possible")
    parser.add_argument("--record", type=Path, help="also record the traffic to this file")
    options = parser.parse_args()
    stopping = Stopping()
    problem = "asked for by --replay." if options.replay else obstacle()
    try:
        with tempfile.TemporaryDirectory(prefix="oob-demo-") as directory:
            if problem is None:
                live(Path(directory), stopping, options.once, options.record)
            else:
                click.echo(f"Capture is not possible here ({problem.rstrip('.')}): replaying a recording instead.")
                replay(Path(directory), stopping, options.once)
        return 0
    except BrokenPipeError:
        return output_closed()
    except Interrupted:
        pass
    except UserError as error:
        # A child that is just being started may hear the terminal's Ctrl-C too, and fail.
        if not stopping:
            click.echo(f"make demo: {error}", err=True)
            return error.exit_code
    return 128 + stopping.signal


def live(directory: Path, stopping: Stopping, once: bool, record: Path | None) -> None:
    """Capture a real nginx."""
    web = directory / "nginx"
    web.mkdir()
    # nginx's workers run as another user: the way to their files has to be open.
    directory.chmod(0o711)
    with Nginx(web) as server:
        plain, tls = traffic.bases(server)
        click.echo(f"nginx listens on {plain} and {tls} (process {server.pid}).")
        settings = HostSettings(directory / "data", pids=(server.pid,), record=record.absolute() if record else None)
        with running(settings, stopping) as (host, client):
            for base in (plain, tls):
                traffic.ordinary(base, server.certificate, partial(look, host))
            seconds = []
            for number, base in enumerate((plain, tls), start=1):
                click.echo(f"$ curl {base}{traffic.ATTACK_PATH}")
                sent = traffic.attack(base, server.certificate)
                seconds.append(wait_for_hits(client, number, sent, partial(look, host)))
            shown = " and ".join(f"{one:.2f}" for one in seconds)
            report(host, client, f"Visible {shown} s after the request.", once)


def replay(directory: Path, stopping: Stopping, once: bool) -> None:
    """Play the recording."""
    with running(HostSettings(directory / "data", replay=RECORDING), stopping) as (host, client):
        seconds = wait_for_hits(client, 2, time.monotonic(), partial(look, host))
        report(host, client, f"Visible {seconds:.2f} s after the replay began.", once)


@contextmanager
def running(settings: HostSettings, stopping: Stopping) -> Iterator[tuple[Host, Client]]:
    """The host's programs; they are ended whatever happens."""
    host = Host(settings, click.echo, stopping=stopping.__bool__)
    host.start()
    try:
        yield host, Client(host.url, host.token)
    finally:
        host.stop()


def look(host: Host) -> None:
    """Look after the programs. Raises Interrupted when the end was asked for."""
    if host.stopping():
        click.echo("Stopping.")
        raise Interrupted
    host.watch()


def report(host: Host, client: Client, visible: str, once: bool) -> None:
    """Print the attack; then verify it, or stay until Ctrl-C."""
    Console().print(table(fetch(client)))
    click.echo(visible)
    if once:
        verify(client)
        click.echo("The cloud's API returns exactly this attack, over HTTP and over HTTPS.")
        return
    greet(host)
    while not host.stopping():
        time.sleep(LOOK_SECONDS)
        host.watch()
    click.echo("Stopping.")

"""``make demo``: a real nginx, the product in host mode, ordinary traffic, one attack over HTTP and HTTPS, the console.

With ``--once`` it verifies what the cloud's API returns and ends. Where capture is not possible (no root, no BTF) it
says so and replays a recording of the same traffic through the same path.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from cli_py.attacks import fetch, table
from cli_py.client import Client
from cli_py.doctor import obstacle
from cli_py.host import Host, HostSettings
from cli_py.run import Stopping, greet
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
    # The end asked for by SIGTERM is in good order too: nginx would stay behind otherwise.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    problem = "asked for by --replay." if options.replay else obstacle()
    try:
        with tempfile.TemporaryDirectory(prefix="oob-demo-") as directory:
            if problem is None:
                live(Path(directory), options.once, options.record)
            else:
                click.echo(f"Capture is not possible here ({problem.rstrip('.')}): replaying a recording instead.")
                replay(Path(directory), options.once)
    except UserError as error:
        click.echo(f"make demo: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def live(directory: Path, once: bool, record: Path | None) -> None:
    """Capture a real nginx."""
    web = directory / "nginx"
    web.mkdir()
    # nginx's workers run as another user: the way to their files has to be open.
    directory.chmod(0o711)
    with Nginx(web) as server:
        plain, tls = traffic.bases(server)
        click.echo(f"nginx listens on {plain} and {tls} (process {server.pid}).")
        host = Host(
            HostSettings(directory / "data", pids=(server.pid,), record=record.absolute() if record else None),
            click.echo,
        )
        with running(host) as client:
            for base in (plain, tls):
                traffic.ordinary(base, server.certificate)
            seconds = []
            for number, base in enumerate((plain, tls), start=1):
                click.echo(f"$ curl {base}{traffic.ATTACK_PATH}")
                sent = traffic.attack(base, server.certificate)
                seconds.append(wait_for_hits(client, number, sent, host.watch))
            report(host, client, seconds, once)


def replay(directory: Path, once: bool) -> None:
    """Play the recording."""
    host = Host(HostSettings(directory / "data", replay=RECORDING), click.echo)
    started = time.monotonic()
    with running(host) as client:
        report(host, client, [wait_for_hits(client, 2, started, host.watch)], once)


@contextmanager
def running(host: Host) -> Iterator[Client]:
    """The host's programs; they are ended whatever happens."""
    host.start()
    try:
        yield Client(host.url, host.token)
    finally:
        host.stop()


def report(host: Host, client: Client, seconds: list[float], once: bool) -> None:
    """Print the attack; then verify it, or stay until Ctrl-C."""
    Console().print(table(fetch(client)))
    shown = " and ".join(f"{one:.2f}" for one in seconds)
    click.echo(f"Visible {shown} s after the request.")
    if once:
        verify(client)
        click.echo("The cloud's API returns exactly this attack, over HTTP and over HTTPS.")
        return
    # Before the line that names Ctrl-C: a signal right after it is an end in good order too.
    stopping = Stopping()
    greet(host)
    while not stopping:
        time.sleep(0.5)
        host.watch()


if __name__ == "__main__":
    sys.exit(main())

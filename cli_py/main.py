"""oobctl: the command line. Errors meant for people end as one sentence and an exit code, never as a traceback."""

from __future__ import annotations

import os
import signal
import sys

import click

from cli_py.attacks import attacks
from cli_py.classify import classify
from cli_py.doctor import doctor
from cli_py.run import run
from common_py.errors import USAGE, UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="oob-api-security", prog_name="oobctl")
def oobctl() -> None:
    """Out-of-band API security: see the HTTP traffic of this host, and the attacks in it."""


oobctl.add_command(run)
oobctl.add_command(doctor)
oobctl.add_command(attacks)
oobctl.add_command(classify)


def main(arguments: list[str] | None = None) -> None:
    """Run oobctl and exit."""
    try:
        code = oobctl.main(arguments, prog_name="oobctl", standalone_mode=False)
    except UserError as error:
        click.echo(f"oobctl: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(USAGE)
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "oobctl"
        click.echo(f"oobctl: {error.format_message().rstrip('.')}. See '{command} --help'.", err=True)
        sys.exit(USAGE)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(output_closed())
    sys.exit(code if isinstance(code, int) else 0)


def output_closed() -> int:
    """The exit code when who read the output, such as head(1), has seen enough; Python's last flush won't complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE

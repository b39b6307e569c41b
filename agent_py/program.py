"""The agent as a program: options, configuration, errors as sentences."""

from __future__ import annotations

import sys
from pathlib import Path

from agent_py import config
from agent_py.parent import Parent
from common_py import logging, program
from common_py.errors import UserError
from common_py.process import die_with_parent, forbid_dumps


def main() -> int:
    """Run the agent; the exit code is 0 after SIGTERM, and an error's own otherwise."""
    parser = program.options("Agent: mirrors the HTTP traffic of chosen processes to a processing node.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="see agent-config.schema.json")
    options = parser.parse_args()
    if options.parent is not None:
        die_with_parent(options.parent)
    try:
        settings = config.load(options.config)
        logging.configure("agent", settings.log_level)
        forbid_dumps()
        Parent(settings, options.parent).run()
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0

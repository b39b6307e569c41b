"""``python -m processing_py --config FILE``: a processing node that writes its hits to standard output as JSON lines.

In host mode and in a cluster the node writes to a stream instead; see ``processing_py.node.service.serve``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from common_py import program
from common_py.errors import UserError
from processing_py import config
from processing_py.node.lines import HitLines, NoSummaries
from processing_py.node.service import serve

NAME = "processing"


def main(arguments: list[str] | None = None) -> None:
    """Run the node."""
    parser = program.options("Processing node: takes exchanges from agents, finds attacks, prints hits as JSON lines.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="see processing-config.schema.json")
    options = parser.parse_args(arguments)
    try:
        loaded = config.load(options.config)

        async def work(stop: asyncio.Event) -> None:
            await serve(loaded, HitLines(sys.stdout.buffer), NoSummaries(), stop)

        program.run(NAME, options.parent, loaded.log_level, work)
    except UserError as error:
        program.fail(NAME, error)


if __name__ == "__main__":
    main()

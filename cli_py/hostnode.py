"""``python -m cli_py.hostnode``: processing and aggregation of host mode in one process, a memory stream between.

A cluster runs the two as programs of their own with a stream server between them; they do not know the difference.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from prometheus_client import REGISTRY

from aggregation_py import config as aggregation_config
from aggregation_py import service as aggregation
from aggregation_py.config import AggregationConfig
from common_py import program
from common_py.contracts import Hit, Summary
from common_py.errors import UserError
from common_py.stream import MemoryStream
from processing_py import config as processing_config
from processing_py.config import ProcessingConfig
from processing_py.node import service as processing

NAME = "processing"


async def serve(node: ProcessingConfig, behind: AggregationConfig, stop: asyncio.Event) -> None:
    """Run both until ``stop`` is set: processing ends first, then aggregation sends what it was given."""
    hits: MemoryStream[Hit] = MemoryStream(behind.stream_hits)
    summaries: MemoryStream[Summary] = MemoryStream(behind.stream_summaries)
    written = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(aggregation.serve(behind, hits, summaries, written, registry=REGISTRY))
        try:
            await processing.serve(node, hits, summaries, stop, registry=REGISTRY)
        finally:
            written.set()


def main(arguments: list[str] | None = None) -> None:
    """Run the node of host mode."""
    parser = program.options("Processing and aggregation of host mode, in one process.")
    parser.add_argument("--processing", type=Path, required=True, metavar="FILE", help="its configuration")
    parser.add_argument(
        "--aggregation", type=Path, required=True, metavar="FILE", help="aggregation-config.schema.json"
    )
    options = parser.parse_args(arguments)
    try:
        node = processing_config.load(options.processing)
        behind = aggregation_config.load(options.aggregation)

        async def work(stop: asyncio.Event) -> None:
            await serve(node, behind, stop)

        program.run(NAME, options.parent, node.log_level, work)
    except UserError as error:
        program.fail(NAME, error)


if __name__ == "__main__":
    main()

"""``python -m cli_py.hostnode``: processing and aggregation of host mode in one process, streams of its own between.

A cluster runs the two as programs of their own with a stream server between them; they do not know the difference.

In the data directory are the node's ledger and the spool of hits that wait for the cloud. Both outlive a kill: the
next node exports what is in the spool, and counts as lost what the ledger says was held and the spool does not have.
A clean stop (SIGTERM) leaves what still waits in the spool, too, and nothing to count.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import REGISTRY

from aggregation_py import config as aggregation_config
from aggregation_py import service as aggregation
from aggregation_py.config import AggregationConfig
from common_py import ledger, logging, program
from common_py.contracts import Hit, Summary
from common_py.errors import NO_INPUT, UserError
from common_py.ledger import Ledger
from common_py.spool import Spool
from common_py.stream import KeptStream
from processing_py import config as processing_config
from processing_py.config import ProcessingConfig
from processing_py.node import service as processing

NAME = "processing"
LEDGER = "node.ledger"
SPOOL = "hits.sqlite"
SPOOL_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Start:
    """What a node begins with: fresh books, and the hits of the one before."""

    books: Ledger
    spool: Spool[Hit] | None
    hits: list[tuple[int, Hit]]


def begin(data: Path | None) -> Start:
    """Take the predecessor's books and hits over from the directory ``data``. Raises UserError."""
    if data is None:
        return Start(Ledger(), None, [])
    if not data.is_dir():
        raise UserError(f"There is no directory {data}.", "Name one with --data.", exit_code=NO_INPUT)
    spool = Spool(data / SPOOL, Hit, SPOOL_BYTES)
    before = ledger.read(data / LEDGER)
    hits = spool.read()
    books = ledger.begin(data / LEDGER, before, hits_kept=len(hits))
    if not before.closed:
        logging.get("ledger").warning(
            "the node before this one was killed",
            hits_lost=books.hits.killed - before.hits.killed,
            hits_kept=len(hits),
            summaries_lost=books.summaries.killed - before.summaries.killed,
            exchanges_interrupted=books.exchanges.killed - before.exchanges.killed,
        )
    return Start(books, spool, hits)


def end(hits: KeptStream[Hit], summaries: KeptStream[Summary], books: Ledger) -> None:
    """Close the books in good order; what is in memory alone ends here and is no loss of a kill."""
    kept = len(hits) - (hits_lost := hits.close())
    summaries_lost = summaries.close()
    if kept or hits_lost or summaries_lost:
        logging.get("ledger").warning(
            "the node ended before all was read", hits_kept=kept, hits_lost=hits_lost, summaries_lost=summaries_lost
        )
    books.close()


async def serve(node: ProcessingConfig, behind: AggregationConfig, data: Path | None, stop: asyncio.Event) -> None:
    """Run both until ``stop`` is set: processing ends first, then aggregation sends what it was given."""
    start = begin(data)
    books = start.books
    hits: KeptStream[Hit] = KeptStream(behind.stream_hits, books.hits, start.spool)
    summaries: KeptStream[Summary] = KeptStream(behind.stream_summaries, books.summaries)
    await hits.restore(start.hits)
    written = asyncio.Event()
    with closing(start.spool) if start.spool else nullcontext():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(aggregation.serve(behind, hits, summaries, written, registry=REGISTRY))
            try:
                await processing.serve(node, hits, summaries, stop, registry=REGISTRY, ledger=books)
            finally:
                written.set()
        end(hits, summaries, books)


def main(arguments: list[str] | None = None) -> None:
    """Run the node of host mode."""
    parser = program.options("Processing and aggregation of host mode, in one process.")
    parser.add_argument("--processing", type=Path, required=True, metavar="FILE", help="its configuration")
    parser.add_argument(
        "--aggregation", type=Path, required=True, metavar="FILE", help="aggregation-config.schema.json"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where hits and counts outlive a kill; without, they end with it"
    )
    options = parser.parse_args(arguments)
    try:
        node = processing_config.load(options.processing)
        behind = aggregation_config.load(options.aggregation)

        async def work(stop: asyncio.Event) -> None:
            await serve(node, behind, options.data, stop)

        program.run(NAME, options.parent, node.log_level, work)
    except UserError as error:
        program.fail(NAME, error)


if __name__ == "__main__":
    main()

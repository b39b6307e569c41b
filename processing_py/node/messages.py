"""What the node and its workers say to each other, inside frames. Pure.

A job is the number of exchanges to leave out, their positions, then the batch as it came from the agent: the node
never decodes a batch. A reply is a msgpack ``Reply``; the first one of a worker is empty and says that it is ready.
"""

from __future__ import annotations

from struct import Struct, pack, unpack_from

import msgspec

from common_py.contracts import Hit, Summary

COUNT = Struct(">I")


class Reply(msgspec.Struct, omit_defaults=True):
    """What became of a batch."""

    taken: int = 0
    """Exchanges that were inspected."""
    lost: int = 0
    """Exchanges that could not be: each ended a worker twice, or the batch did so too often."""
    hits: list[Hit] = []
    summaries: list[Summary] = []
    overlimits: int = 0
    """Exchanges whose inspection ended at a limit of time or size."""
    seconds: float = 0.0
    """Time that detection took."""
    error: str = ""
    """Why the batch is none, one sentence; nothing was taken then."""


encode_reply = msgspec.msgpack.Encoder().encode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def job(batch: bytes, skip: list[int]) -> tuple[bytes, bytes]:
    """The parts of a job's frame."""
    return pack(f">I{len(skip)}I", len(skip), *skip), batch


def read_job(payload: bytes) -> tuple[memoryview, frozenset[int]]:
    """The batch and the positions to leave out."""
    (count,) = COUNT.unpack_from(payload)
    skip = unpack_from(f">{count}I", payload, COUNT.size)
    return memoryview(payload)[COUNT.size * (1 + count) :], frozenset(skip)


def exchanges_in(batch: bytes) -> int:
    """How many elements the batch's msgpack array header announces; 0 when it has none."""
    first = batch[0] if batch else 0
    if first & 0xF0 == 0x90:
        return first & 0x0F
    size = {0xDC: 2, 0xDD: 4}.get(first, 0)
    return int.from_bytes(batch[1 : 1 + size], "big")

"""One TCP connection: its two streams, its ends, and the stack of layers above them.

The stack grows upwards as protocols are recognised: ``Detection`` asks for the first bytes and is replaced by the layer
that ``stack`` gives. A layer between TCP and HTTP (TLS, PROXY) is made of the same interface.
"""

from __future__ import annotations

from agent_py.chunk import Chunk, Direction, Flag, OpenInfo, open_info
from agent_py.connection.budget import Account
from agent_py.connection.layer import IGNORE, Layer
from agent_py.connection.stream import Stream
from common_py.contracts import Endpoint, Tls, Where

UNKNOWN_ENDPOINT = Endpoint("", 0)
LATE = int(Flag.LATE)


class Connection:
    """State of a connection; ``layer`` takes what its streams bring. ``peer`` is the other end, ``server`` ours."""

    __slots__ = (
        "account", "egress", "id", "ingress", "last_seen", "late", "layer", "opened", "peer", "resolved", "server",
        "tgid", "tls", "told", "unauthenticated", "where",
    )  # fmt: skip

    def __init__(self, opened: Chunk, info: OpenInfo | None, account: Account | None, *, late: bool) -> None:
        self.account = account if account is not None else Account()
        """What its layers hold."""
        self.id = opened.conn
        self.opened = opened
        self.tgid = opened.tgid
        self.late = late
        self.last_seen = opened.time
        self.layer: Layer = IGNORE
        self.ingress = Stream(int(Direction.INGRESS))
        self.egress = Stream(int(Direction.EGRESS))
        self.tls: Tls | None = None
        self.resolved = False
        self.told = -1
        """``last_seen`` at the last response timeout: each one is told once."""
        self.unauthenticated = False
        """Whether what a layer tells right now was decrypted without its authentication tag."""
        if info is None:
            self.peer = self.server = UNKNOWN_ENDPOINT
            self.where = Where(mount_namespace=opened.mount_namespace)
        else:
            self.peer = Endpoint(info.remote, info.remote_port)
            self.server = Endpoint(info.local, info.local_port)
            self.where = Where(process=info.comm, pid=info.pid, mount_namespace=opened.mount_namespace)

    def expire(self, now: int) -> None:
        """Nothing happened for the response timeout."""
        if self.told != self.last_seen:
            self.told = self.last_seen
            self.layer.expire(now)

    def close(self, now: int) -> None:
        """The connection ended."""
        self.layer.close(now)
        self.layer = IGNORE


def announced(chunk: Chunk, account: Account | None = None) -> Connection:
    """The connection that an OPEN chunk announces. Raises ValueError for a payload that is no ``open_info``."""
    return Connection(chunk, open_info(chunk.payload), account, late=bool(chunk.flags & LATE))


def unannounced(chunk: Chunk, account: Account | None = None) -> Connection:
    """A connection of which a DATA chunk came first: its OPEN was lost, its ends are not known."""
    return Connection(chunk, None, account, late=chunk.offset > 0)

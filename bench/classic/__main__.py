"""``python -m bench.classic --pid PID --parent PID``: attach, print "ready", read and drop records until SIGTERM."""

from __future__ import annotations

import select
import signal
from pathlib import Path

from agent_py.ring import Ring
from bench.classic import RING_BYTES, ClassicProbe
from common_py.process import die_with_parent
from common_py.program import Parser

DRAIN_BYTES = 4 << 20
WAIT_SECONDS = 0.2


def main() -> None:
    parser = Parser(prog="python -m bench.classic", description=__doc__)
    parser.add_argument("--pid", type=int, required=True, help="process to probe, with its children")
    parser.add_argument("--parent", type=int, required=True, help="end when this process ends")
    arguments = parser.parse_args()
    die_with_parent(arguments.parent)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    children = Path(f"/proc/{arguments.pid}/task/{arguments.pid}/children").read_text().split()
    with ClassicProbe([arguments.pid, *map(int, children)]) as probe:
        ring = Ring(probe.ring_fd, RING_BYTES)
        poll = select.poll()
        poll.register(probe.ring_fd, select.POLLIN)
        print("ready", flush=True)
        while not stopped:
            poll.poll(WAIT_SECONDS * 1000)
            ring.drain(DRAIN_BYTES)
        ring.close()


if __name__ == "__main__":
    main()

"""A layer that writes down what it is told."""

from __future__ import annotations


class Events:
    """``told``: (what, direction, bytes or size, …) in order."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def data(self, direction: int, data: bytes, time: int) -> None:
        self.told.append(("data", direction, data))

    def hole(self, direction: int, size: int, time: int) -> None:
        self.told.append(("hole", direction, size))

    def gap(self, direction: int, size: int, lost: int, time: int) -> None:
        self.told.append(("gap", direction, size, lost))

    def expire(self, time: int) -> None:
        self.told.append(("expire",))

    def relieve(self, time: int) -> None:
        self.told.append(("relieve",))

    def close(self, time: int) -> None:
        self.told.append(("close",))

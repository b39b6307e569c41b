"""The order in which programs are attached."""

from __future__ import annotations

from agent_py.loader import programs


def test_each_entry_has_an_exit_and_exits_are_attached_first() -> None:
    names = [tracepoint for _, tracepoint in programs.tracepoints()]
    exits = [name for name in names if "sys_exit_" in name]
    assert names[: len(exits)] == exits
    entered = {name.rpartition("sys_enter_")[2] for name in names[len(exits) :]}
    ended = {name.rpartition("sys_exit_")[2] for name in exits}
    assert entered - ended == {"close"}, "close acts at its entry"
    assert ended - entered == {"accept", "accept4"}, "accept acts at its exit"
    assert len(set(names)) == len(names)

"""The limit in bytes, and what goes besides hits. By age and by number: test_store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloud_py.store import retention, space
from cloud_py.store.database import connect
from cloud_py.store.filters import Filters
from cloud_py.store.store import Store
from cloud_py.store.tables import attacks, facets, nodes
from common_py.contracts import Hit, Request
from tests.cloud_py.samples import SECOND, START, make_hit

MIB = 1 << 20
LIMIT = 8 * MIB
DAY = 86_400 * SECOND


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cloud.sqlite3"


@pytest.fixture
def engine(path: Path) -> Iterator[sa.Engine]:
    engine = connect(f"sqlite:///{path}")
    yield engine
    engine.dispose()


def bounded(engine: sa.Engine, max_bytes: int = LIMIT, free_bytes: int = 0) -> Store:
    return Store(engine, gap=SECOND, max_hits=10**6, max_age=DAY, max_bytes=max_bytes, free_bytes=free_bytes)


def large(number: int, size: int = 65_536, **change: object) -> Hit:
    request = Request(method=b"POST", target=b"/", body=number.to_bytes(4) * (size // 4))
    return make_hit(f"h{number:05}", at=number * 10, request=request, path=f"/{number}", **change)


def count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_large_hits_never_fill_the_disk(engine: sa.Engine, path: Path):
    store = bounded(engine)
    for start in range(0, 600, 20):
        store.add([large(number) for number in range(start, start + 20)], START)
        assert store.size <= LIMIT
        assert path.stat().st_size <= LIMIT
    gone = store.removed["bytes"]
    assert store.removed == {"age": 0, "count": 0, "bytes": gone}
    assert 600 - gone == store.hits > 80, "no more goes than has to"
    assert [store.hit(f"h{number:05}") is None for number in (gone - 1, gone, 599)] == [True, False, False]
    assert count(engine, attacks) == store.hits, "an attack goes with its last hit"
    assert count(engine, facets) == 3 * store.hits


def test_one_large_hit_among_small_ones_costs_little_else(engine: sa.Engine):
    """A removal by the mean size would take all of these for the first one."""
    store = bounded(engine, 3 * MIB)
    store.add([large(0, 2 * MIB)], START)
    store.add([make_hit(f"s{number}", at=10_000 + number) for number in range(1300)], START)
    assert (store.removed["bytes"], store.hits) == (1, 1300)


def test_attacks_without_many_hits_but_with_many_values_are_bounded_too(engine: sa.Engine):
    """What counts is the file: values of an attack stay as long as one of its hits."""
    store = bounded(engine, 2 * MIB)
    for start in range(0, 3000, 100):
        store.add(
            [make_hit(f"h{n}", at=n / 1000, payload=f"{n}" + "y" * 1000) for n in range(start, start + 100)], START
        )
        assert store.size <= 2.2 * MIB
    assert store.removed["bytes"] > 0


def test_a_lower_limit_holds_at_the_next_pass_and_the_file_shrinks(engine: sa.Engine, path: Path):
    bounded(engine).add([large(number) for number in range(100)], START)
    store = bounded(engine, 2 * MIB)
    assert store.size > 6 * MIB
    removed = store.retain(START)
    assert store.removed == {"age": 0, "count": 0, "bytes": removed}
    assert 60 < removed < 80
    assert store.size <= 2 * MIB
    engine.dispose()
    assert path.stat().st_size < 3 * MIB


def test_the_size_is_known_from_the_start(engine: sa.Engine):
    first = bounded(engine)
    first.add([large(number) for number in range(10)], START)
    with engine.connect() as connection:
        assert bounded(engine).size == first.size == space.used(connection)


def test_a_step_takes_a_bounded_number_of_hits_and_bytes(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    store = bounded(engine)
    store.add([large(number, 10_000) for number in range(50)], START)
    monkeypatch.setattr(retention, "STEP_BYTES", 50_000)
    with engine.begin() as connection:
        assert retention.remove_oldest(connection) == 5
        assert retention.remove_oldest(connection, size=15_000) == 2
        assert retention.remove_oldest(connection, number=3) == 3
        assert retention.remove_oldest(connection, number=0) == 0
        assert retention.remove_oldest(connection, size=-1) == 0
    assert len(store.attack_page(Filters(), 100).attacks) == 40


def test_below_the_floor_of_free_space_nothing_is_stored(engine: sa.Engine):
    store = bounded(engine, free_bytes=1 << 60)
    with pytest.raises(space.NoSpace, match="no hits are taken until there is more"):
        store.add([make_hit("a")], START)
    assert (store.hits, count(engine, nodes)) == (0, 0)
    assert store.shortage().startswith("The database's disk has ")
    assert bounded(engine, free_bytes=1).shortage() == ""


def test_nodes_go_once_all_that_they_sent_is_older_than_what_is_kept(engine: sa.Engine):
    store = bounded(engine)
    store.add([make_hit("a", node="early")], START)
    store.add([make_hit("b", at=86_400, node="late")], START + DAY)
    store.retain(START + DAY)
    assert [node.name for node in store.nodes()] == ["late", "early"]
    store.retain(START + DAY + 1)
    assert [node.name for node in store.nodes()] == ["late"]
    assert (store.nodes_removed, store.removed["age"]) == (1, 1)


def test_nodes_are_bounded_in_number(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "NODES", 3)
    store = bounded(engine)
    for number in range(5):
        store.add([make_hit(f"h{number}", node=f"n{number}")], START + number)
    store.retain(START + 5)
    assert [node.name for node in store.nodes()] == ["n4", "n3", "n2"]
    assert store.nodes_removed == 2

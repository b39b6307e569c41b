from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from cloud_py.store.database import connect
from cloud_py.store.filters import FilterError, Filters, parse
from cloud_py.store.intake import FACETS, LATEST, HitError
from cloud_py.store.store import Store
from cloud_py.store.tables import attacks, facets
from common_py.contracts import Where
from tests.cloud_py.samples import SECOND, START, make_hit

HOUR = 3600


@pytest.fixture
def engine(tmp_path: Path):
    engine = connect(f"sqlite:///{tmp_path / 'cloud.sqlite3'}")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: sa.Engine) -> Store:
    return Store(engine, gap=HOUR * SECOND, max_hits=100_000, max_age=24 * HOUR * SECOND)


def everything(store: Store):
    return store.attack_page(Filters(), 200).attacks


@pytest.mark.parametrize(
    ("second", "grouped"),
    [
        ({}, True),
        ({"at": HOUR}, True),
        ({"at": HOUR + 1}, False),
        ({"at": -HOUR}, True),
        ({"at": -HOUR - 1}, False),
        ({"ip": "198.51.100.9"}, True),
        ({"status": 200}, True),
        ({"payload": "/etc/shadow"}, True),
        ({"where": Where(process="haproxy")}, True),
        ({"type": "sqli"}, False),
        ({"parameter": "GET_id_value"}, False),
        ({"domain": "other.example"}, False),
        ({"path": "/etc/shadow"}, False),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_hits_group_by_type_parameter_address_and_gap(store: Store, second: dict, grouped: bool, together: bool):
    first, other = make_hit("a"), make_hit("b", **second)
    batches = [[first, other]] if together else [[first], [other]]
    for batch in batches:
        store.add(batch, START)
    assert sorted(attack.hits for attack in everything(store)) == ([2] if grouped else [1, 1])


def test_an_attack_goes_on_while_the_pauses_are_short(store: Store):
    for index in range(5):
        store.add([make_hit(f"h{index}", at=index * (HOUR - 1))], START)
    (attack,) = everything(store)
    assert (attack.hits, attack.first_time, attack.last_time) == (
        5,
        "2027-01-15T08:00:00.000000Z",
        "2027-01-15T11:59:56.000000Z",
    )


def test_an_attack_tells_what_is_distinct(store: Store):
    store.add([make_hit(f"a{n}", ip="192.0.2.1", payload="x") for n in range(3)], START)
    store.add([make_hit("b", at=1, ip="192.0.2.2", payload="y", status=0, where=Where(pod="p", node="m"))], START)
    (attack,) = everything(store)
    assert (attack.payload_count, attack.source_count) == (2, 2)
    assert [(item.value, item.hits) for item in attack.sources] == [("192.0.2.1", 3), ("192.0.2.2", 1)]
    assert [(item.value, item.hits) for item in attack.status_codes] == [("404", 3), ("0", 1)]
    assert [(item.value, item.hits) for item in attack.payloads] == [("x", 3), ("y", 1)]
    assert (attack.where.pod, attack.where.node, attack.where.process) == ("p", "m", "")


def test_the_workload_is_that_of_the_latest_hit(store: Store):
    store.add([make_hit("new", at=5, where=Where(process="new"))], START)
    store.add([make_hit("late", at=1, where=Where(process="late"))], START)
    assert everything(store)[0].where.process == "new"


def test_a_hit_sent_again_is_stored_once(store: Store):
    first = store.add([make_hit("a"), make_hit("a"), make_hit("b")], START)
    again = store.add([make_hit("b"), make_hit("a"), make_hit("c")], START)
    assert (first.stored, first.known) == (2, 1)
    assert (again.stored, again.known) == (1, 2)
    (attack,) = everything(store)
    assert (attack.hits, attack.sources[0].hits, store.hits) == (3, 3, 3)
    assert [node.hits for node in store.nodes()] == [3]


def test_changes_tell_new_from_updated(store: Store):
    assert list(store.add([make_hit("a"), make_hit("b")], START).changes.values()) == [True]
    assert list(store.add([make_hit("c")], START).changes.values()) == [False]
    assert store.add([make_hit("c")], START).changes == {}


def test_a_bad_hit_stores_nothing_of_its_batch(store: Store):
    with pytest.raises(HitError, match=r"hits\.1\.id must be"):
        store.add([make_hit("a"), make_hit("no spaces")], START)
    assert store.hits == 0
    assert everything(store) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"start": -1}, "exchange.start"),
        ({"start": 2**62}, "exchange.start"),
        ({"start": 2**63}, "exchange.start"),
        ({"status": 1000}, "response.status"),
        ({"type": "Not A Type"}, "type must be"),
        ({"path": "x" * 16_385}, "path must have at most"),
        ({"where": Where(pid=2**65)}, "beyond 64 bits"),
    ],
)
def test_fields_out_of_bounds_are_named(store: Store, change: dict, sentence: str):
    with pytest.raises(HitError, match=sentence):
        store.add([make_hit("a", **change)], START)


def test_the_latest_time_that_is_taken_can_be_shown(store: Store):
    """An overflow would make the cloud fail at it, and the node send it again for ever."""
    store.add([make_hit("a", start=LATEST)], START)
    store.add([make_hit("b", start=LATEST)], START)
    (attack,) = everything(store)
    assert (attack.hits, attack.last_time[:4]) == (2, "2116")
    assert sum(store.timeline(Filters(), START, 60).counts) == 2


@pytest.mark.parametrize("score", [-0.1, 1.1, 1e308])
def test_a_score_is_a_share(store: Store, score: float):
    hit = make_hit("a")
    hit.findings[0].score = score
    with pytest.raises(HitError, match="score"):
        store.add([hit], START)


@pytest.mark.parametrize("together", [True, False])
def test_of_two_attacks_that_a_hit_could_join_it_joins_the_later_one_however_it_comes(store: Store, together: bool):
    store.add([make_hit("late", at=4 * HOUR)], START)
    between = [make_hit("early", at=2 * HOUR + 1800), make_hit("near-both", at=3 * HOUR + 900)]
    for batch in [between] if together else [[hit] for hit in between]:
        store.add(batch, START)
    assert [attack.hits for attack in everything(store)] == [2, 1]


def test_distinct_values_of_an_attack_are_bounded_and_the_rest_counted(store: Store, engine: sa.Engine):
    dropped = 0
    for start in range(0, FACETS + 50, 350):
        dropped += store.add(
            [make_hit(f"h{n}", payload=f"p{n}") for n in range(start, start + 350)], START
        ).facets_dropped
    (attack,) = everything(store)
    assert attack.payload_count == FACETS
    assert dropped == 1050 - FACETS
    with engine.connect() as connection:
        kept = connection.execute(sa.select(sa.func.count()).where(facets.c.kind == "payload")).scalar_one()
    assert kept == FACETS


def test_retention_by_age_removes_hits_and_attacks_left_without_any(store: Store):
    store.add([make_hit("old", path="/old"), make_hit("mixed1", path="/mixed")], START)
    store.add([make_hit("mixed2", at=3000, path="/mixed")], START)
    removed = store.retain(START + (24 * HOUR + 1) * SECOND)
    assert removed == 2
    assert store.removed == {"age": 2, "count": 0, "bytes": 0}
    assert [(attack.path, attack.hits) for attack in everything(store)] == [("/mixed", 2)]
    assert store.hit("mixed1") is None
    assert store.hit("mixed2") is not None


def test_retention_by_count_takes_the_oldest(engine: sa.Engine):
    store = Store(engine, gap=SECOND, max_hits=100, max_age=10**18)
    store.add([make_hit(f"h{n:03}", at=n * 10) for n in range(103)], START)
    assert store.hits == 100
    assert store.removed == {"age": 0, "count": 3, "bytes": 0}
    assert [store.hit(f"h{n:03}") is None for n in range(5)] == [True, True, True, False, False]
    store.add([make_hit("one-more", at=5000)], START)
    assert store.hits == 101  # a hundredth of slack
    assert store.retain(START) == 1
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(attacks)).scalar_one() == 100
    assert Store(engine, gap=1, max_hits=100, max_age=1).hits == 100


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abcd"),
        ("ptrav", "ab"),
        ("type:ptrav type:sqli", "abc"),
        ("!ptrav", "cd"),
        ("ip:192.0.2.*", "ab"),
        ("ip:192.0.2.2", "b"),
        ("!ip:192.0.2.2", "acd"),
        ("d:shop.example", "ab"),
        ("d:SHOP.?xample", "ab"),
        ("/etc/*", "ab"),
        ("u:/login", "c"),
        ("statuscode:404", "a"),
        ("statuscode:400-499", "ac"),
        ("statuscode:500+", "d"),
        ("statuscode:399-", "b"),
        ("p:GET_*", "c"),
        ("pod:web-*", "d"),
        ("ns:prod", "d"),
        ("union", "c"),
        ('"union select"', "c"),
        ("union nothing", ""),
        ("100%", "d"),
        ("web_1", ""),
        ("ptrav ip:192.0.2.1 statuscode:404", "a"),
    ],
)
def test_filters_find(store: Store, text: str, found: str):
    store.add(
        [
            make_hit("a", 40, ip="192.0.2.1"),
            make_hit("b", 30, ip="192.0.2.2", status=0, path="/etc/shadow"),
            make_hit("c", 20, type="sqli", ip="198.51.100.1", domain="d2", path="/login", status=401,
                     parameter="GET_id_value", payload="1' UNION SELECT 2"),
            make_hit("d", 10, type="rce", ip="2001:db8::1", domain="d3", path="/x", status=502,
                     payload="100%", where=Where(pod="web-1", namespace="prod")),
        ],
        START,
    )  # fmt: skip
    names = {"/etc/passwd": "a", "/etc/shadow": "b", "/login": "c", "/x": "d"}
    page = store.attack_page(Filters(parse(text)), 50)
    assert "".join(names[attack.path] for attack in page.attacks) == found
    assert store.statistics(Filters(parse(text))).attacks == len(found)


def test_statistics_sum_hits(store: Store):
    store.add([make_hit(f"a{n}", ip=f"192.0.2.{n % 2}") for n in range(5)], START)
    store.add([make_hit("b", type="sqli", status=200)], START)
    found = store.statistics(Filters())
    assert (found.attacks, found.hits) == (2, 6)
    assert [(item.value, item.hits) for item in found.types] == [("ptrav", 5), ("sqli", 1)]
    assert [(item.value, item.hits) for item in found.status_codes] == [("404", 5), ("200", 1)]
    assert found.sources[0].hits == 3


def test_time_range_takes_attacks_that_overlap_it(store: Store):
    store.add([make_hit("a"), make_hit("b", at=100)], START)
    for since, until, found in [(50, 60, 1), (100, None, 1), (101, None, 0), (None, 0, 1), (None, -1, 0)]:
        wanted = Filters(
            (),
            None if since is None else START + since * SECOND,
            None if until is None else START + until * SECOND,
        )
        assert len(store.attack_page(wanted, 10).attacks) == found, (since, until)


def test_pages_are_complete_and_stable_while_hits_come(store: Store):
    store.add([make_hit(f"h{n}", at=n // 3, path=f"/{n:02}") for n in range(25)], START)
    seen, cursor = [], ""
    while True:
        page = store.attack_page(Filters(), 7, cursor)
        seen += [attack.path for attack in page.attacks]
        store.add([make_hit(f"x{len(seen)}", at=1000, path=f"/new{len(seen)}")], START)
        cursor = page.cursor
        if not cursor:
            break
    assert sorted(seen) == [f"/{n:02}" for n in range(25)]
    assert len(seen) == 25


def test_hits_of_an_attack_come_in_pages_latest_first(store: Store):
    store.add([make_hit(f"h{n}", at=n) for n in range(5)], START)
    attack = everything(store)[0]
    first = store.hit_page(attack.id, 3)
    second = store.hit_page(attack.id, 3, first.cursor)
    assert [item.hit.id for item in first.hits + second.hits] == ["h4", "h3", "h2", "h1", "h0"]
    assert second.cursor == ""
    assert first.hits[0].hit == make_hit("h4", at=4)


@pytest.mark.parametrize("cursor", ["x", "!!", "MTIz", "LTEvYQ", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAvYQ"])
def test_a_foreign_cursor_is_refused(store: Store, cursor: str):
    with pytest.raises(FilterError, match="cursor"):
        store.attack_page(Filters(), 10, cursor)


def test_sessions_are_found_until_they_expire(store: Store):
    store.open_session("s1", "digest", 100)
    assert store.session("s1", 99) == "digest"
    assert store.session("s1", 100) == ""
    assert store.session("s2", 99) == ""
    store.close_session("s1")
    assert store.session("s1", 0) == ""


def test_a_database_that_cannot_be_read_is_told(store: Store, engine: sa.Engine, tmp_path: Path):
    assert store.check() == ""
    engine.dispose()
    for path in tmp_path.glob("cloud.sqlite3*"):
        path.write_bytes(b"not a database any more " * 1000)
    assert store.check() == "DatabaseError"

from hypothesis import given
from hypothesis import strategies as st

from processing_py.points.budget import Budget, Limits


def test_the_first_limit_met_is_named_and_stays():
    budget = Budget(0, Limits(nodes=2, growth=1, slack=100))
    assert budget.spend(10)
    assert budget.spend(10)
    assert not budget.spend(10)
    assert not budget.spend(1000)
    assert budget.exceeded == "nodes"


def test_bytes_and_depth_are_limits_too():
    budget = Budget(10, Limits(growth=2, slack=5))
    assert not budget.spend(26)
    assert budget.exceeded == "bytes"
    deep = Budget(10, Limits(depth=3))
    assert deep.deeper(3)
    assert not deep.deeper(4)
    assert deep.exceeded == "depth"


@given(st.lists(st.integers(0, 50), max_size=40))
def test_nothing_is_paid_beyond_the_allowance(sizes):
    limits = Limits(nodes=20, growth=1, slack=200)
    budget = Budget(100, limits)
    paid = [size for size in sizes if budget.spend(size)]
    assert len(paid) <= 20
    assert sum(paid) <= 300
    assert budget.steps == sum(sizes)

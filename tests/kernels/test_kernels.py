"""The capture on other kernels: guests under QEMU run the loader's live tests, and what they report is looked at here.

All guests start with the first test, as many at a time as there are processors. When every one passed, docs/kernels.md
is written anew.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.kernels import results
from tools.kernels import catalogue, kernel, machine, root
from tools.kernels.catalogue import KERNELS, REPOSITORY, Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(len(KERNELS) * machine.SECONDS)]

DOCUMENT = REPOSITORY / "docs" / "kernels.md"
ARGUMENTS = (
    "tests/agent_py/loader",
    "-m=live",
    "-q",
    "--color=no",
    "--tb=short",
    f"--timeout={machine.SECONDS // 3}",
    # It compiles a wrong program, and the guests have no compiler.
    "--deselect=tests/agent_py/loader/test_libbpf.py::test_the_verifiers_verdict_is_part_of_the_error",
)


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[Kernel, Future[machine.Run]]]:
    cache = catalogue.cache()
    guest = root.make(cache)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {one: pool.submit(machine.run, kernel.fetch(one, cache), guest, ARGUMENTS) for one in KERNELS}


@pytest.mark.parametrize("series", KERNELS, ids=lambda one: one.series)
def test_the_live_tests_pass(series: Kernel, runs: dict[Kernel, Future[machine.Run]]) -> None:
    run = runs[series].result()
    assert run.release.startswith(f"{series.series}."), run.console
    assert run.load_seconds is not None, run.console
    cases = results.cases(run.report)
    assert {case.outcome for case in cases} == {"passed"}, run.console
    assert {case.module for case in cases} == set(results.ROWS), "each module has a row in the table, and ran"


def test_the_document_states_what_was_run(runs: dict[Kernel, Future[machine.Run]]) -> None:
    cache = catalogue.cache()
    told = [(future.result(), kernel.fetch(one, cache).version) for one, future in runs.items()]
    assert [{case.outcome for case in results.cases(run.report)} for run, _ in told] == [{"passed"}] * len(KERNELS)
    today = datetime.datetime.now(datetime.UTC).date()
    DOCUMENT.write_text(results.document(told, today), encoding="utf-8")

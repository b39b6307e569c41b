"""Reports of guests and the table made of them."""

from __future__ import annotations

import datetime

from tests.kernels.results import ROWS, Case, cases, counts, document
from tools.kernels.machine import Run

REPORT = b"""<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.agent_py.loader.test_live" name="test_a"/>
<testcase classname="tests.agent_py.loader.test_live" name="test_b"><failure>why</failure></testcase>
<testcase classname="tests.agent_py.loader.test_live" name="test_c"><error>why</error></testcase>
<testcase classname="tests.agent_py.loader.test_live_keys" name="test_d"><skipped/></testcase>
</testsuite></testsuites>"""


def test_cases_of_a_report() -> None:
    assert cases(REPORT) == [
        Case("test_live", "test_a", "passed"),
        Case("test_live", "test_b", "failed"),
        Case("test_live", "test_c", "failed"),
        Case("test_live_keys", "test_d", "skipped"),
    ]
    assert cases(b"") == []


def test_counts_of_a_module() -> None:
    assert counts(cases(REPORT), "test_live") == "2 failed, 1 passed"
    assert counts(cases(REPORT), "test_live_calls") == "–"


def test_the_document_has_a_column_for_each_kernel() -> None:
    run = Run("guest: kernel 5.10.0-1\nguest: loaded in 2.5 s\nguest: verified 12345 instructions\n", REPORT, 99.6)
    text = document([(run, "5.10.9-1"), (run, "5.10.9-2")], datetime.date(2026, 1, 2))
    assert "on 2026-01-02." in text
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("|")}
    assert rows["Kernel"] == "| Kernel | 5.10.0-1 | 5.10.0-1 |"
    assert rows["Debian's version"] == "| Debian's version | 5.10.9-1 | 5.10.9-2 |"
    assert rows["Verified and attached, seconds"].endswith("| 2.5 | 2.5 |")
    assert rows["Hardest program, instructions verified"].endswith("| 12,345 | 12,345 |")
    assert rows["From power on to power off, seconds"].endswith("| 100 | 100 |")
    assert set(ROWS.values()) < set(rows)
    assert len({line.count("|") for line in rows.values()}) == 1

"""The committed table is what came out of this run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.table import ROWS, render
from tests.robustness.test_processes import PROCESSES
from tests.robustness.test_robustness import CASES

TABLE = Path(__file__).with_name("TABLE.md")


def test_the_table_is_that_of_this_run(request: pytest.FixtureRequest) -> None:
    names = [case.name for case in CASES] + [f"{area}-{given}" for area, given in PROCESSES]
    if not all(name in ROWS for name in names):
        pytest.skip("the table is of all cases, and only some were run or passed")
    table = render([ROWS[name] for name in names])
    if request.config.getoption("--update-golden"):
        TABLE.write_text(table, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == table, (
        "the table differs from tests/robustness/TABLE.md; if that is right, write it anew with "
        "python -m pytest tests/robustness --update-golden"
    )

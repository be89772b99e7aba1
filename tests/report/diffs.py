"""Records of comparisons of two files of certificates."""

from __future__ import annotations

import time
from typing import Any

from stabcert.cli.diff.compare import compare_sides
from stabcert.cli.diff.read import Entry, Side
from tests.cli.diff_cases import Record, failed, fixed, hard, soft


def side(source: str, *records: Record) -> Side:
    return Side(source, [Entry(line, record) for line, record in enumerate(records, start=1)], 0)


OLD = side("old.jsonl", soft("a"), soft("b"), soft("c"), hard("d", 1), soft("e"))
NEW = side(
    "new.jsonl", soft("a", "undecided", lower=0.8), failed("b"), soft("c", radius=2), hard("d", 0), fixed("f", 3)
)
RECORDS: dict[str, dict[str, Any]] = {
    "diff": compare_sides(OLD, NEW, delta=0.1, max_lost=None, start=time.perf_counter()),
    "diff, with a limit": compare_sides(OLD, NEW, delta=0.1, max_lost=4, start=time.perf_counter()),
}

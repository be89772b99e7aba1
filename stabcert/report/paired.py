"""The table of quantities before and after, with the difference of the same inputs."""

from __future__ import annotations

from collections.abc import Iterable

from stabcert.core.curve.result import Estimate
from stabcert.report.curve.wording import GAIN_TONES, gained, gained_interval, interval_shown, verdict
from stabcert.report.document import Cell, Column, Table, Word, table
from stabcert.report.numbers import rounded


def paired_table(
    rows: Iterable[tuple[str, Estimate, Estimate, Estimate]], titles: tuple[str, str, str], interval: str, *, width: int
) -> Table:
    """Return a table with a row for each name: before, after, the difference, and whether that excludes 0.

    Args:
        rows: name, estimate before and after, and the difference.
        titles: titles of the three estimates.
        interval: title of the intervals; the screen shows that of the difference alone.
        width: width of the names on the screen.
    """
    before, after, difference = titles
    columns = [
        Column("", "left", width=width),
        Column(before),
        Column(interval, screen=False),
        Column(after),
        Column(interval, screen=False),
        Column(difference),
        Column(interval),
        Column("", "left"),
    ]
    return table(columns, [_row(*row) for row in rows])


def _row(name: str, before: Estimate, after: Estimate, difference: Estimate) -> list[Cell]:
    shown = verdict(difference)
    return [
        name,
        rounded(before.mean),
        interval_shown(before),
        rounded(after.mean),
        interval_shown(after),
        gained(difference),
        gained_interval(difference),
        Word(shown if shown in GAIN_TONES else "", GAIN_TONES.get(shown, "plain")),
    ]

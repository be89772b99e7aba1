"""The document of ``diff``: what was certified before and is not now, and the differences over all inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stabcert.core.curve.result import Estimate
from stabcert.report.diff.wording import (
    CHANGES,
    UNCHANGED,
    change_in_table,
    circumstance_words,
    class_change,
    incomparable_words,
    lost_words,
    meanings,
    note_words,
    proved,
    row_name,
    side_words,
    statement_words,
    status_words,
)
from stabcert.report.document import PAGE, Block, Cell, Column, Document, Heading, Table, Word, line, note, table
from stabcert.report.numbers import confidence
from stabcert.report.paired import paired_table
from stabcert.report.visible import visible

_MOST_ROWS, _MOST_WAYS = 20, 4
_NAME_WIDTH = 28


def diff_document(record: dict[str, Any], *, everything: bool = False) -> Document:
    """Return what changed, input by input, and the paired differences of all compared inputs.

    Args:
        record: the record of a comparison.
        everything: show unchanged inputs as well, and all rows.
    """
    result = record["result"]
    blocks: list[Block] = [line(_verdict(result["counts"]), strong=True, on=PAGE)]  # a page does not show its heading
    said = lost_words(result)
    if said is not None:
        blocks.append(line(said, "good" if result["max_lost"]["met"] else "bad", strong=True))
    blocks += [line(f"before  {side_words(result['old'])}"), line(f"now     {side_words(result['new'])}")]
    blocks += _changes(result["inputs"], everything=everything)
    blocks += [line(words, "doubtful") for words in incomparable_words(result["inputs"], _MOST_WAYS)]
    for group in result["groups"]:
        if group["measures"]:
            blocks += [line(statement_words(group), strong=True), _measures(group["measures"], result["delta"])]
    also = circumstance_words(result)
    blocks += [line(also, "doubtful")] if also is not None else []
    blocks += [note(words) for words in note_words(result)]
    blocks += [line(words, "faint") for words in meanings(result)]
    return Document(_heading(result), tuple(blocks))


def _verdict(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {words}" for _, number, words in _counted(counts))


def _counted(counts: dict[str, int]) -> list[tuple[str, int, str]]:
    """Return every change with its number and words; lost and gained also where nothing was."""
    numbers = {change: counts[change.replace("-", "_")] for change in CHANGES}
    shown = [change for change, number in numbers.items() if number or change in ("lost", "gained")]
    return [(change, numbers[change], CHANGES[change][0]) for change in shown]


def _heading(result: dict[str, Any]) -> Heading:
    parts = []
    for change, number, words in _counted(result["counts"]):
        tone = CHANGES[change][1] if number else "plain"
        parts.append((Word(f"{number} {words}", tone, strong=tone in ("good", "bad")),))
    return Heading("diff", tuple(parts), title="What changed between two runs on the same inputs")


def _changes(inputs: Sequence[dict[str, Any]], *, everything: bool) -> list[Block]:
    """Return a row for each input that changed, and how many are not shown."""
    listed = inputs if everything else [one for one in inputs if one["change"] not in UNCHANGED]
    shown = listed if everything else listed[:_MOST_ROWS]
    found: list[Block] = []
    if shown:
        columns = [
            Column("input", "left"),
            Column("change", "left"),
            Column("before", over="proved"),
            Column("now", over="proved", beside=True),
            Column("status", "left"),
        ]
        rows = [_row(one) for one in shown]
        found.append(table(columns, rows, breaks=True))
        classes = [(_name(one), class_change(one)) for one in shown if class_change(one)]
        if classes:
            found.append(table([Column("input", "left"), Column("class before → now", "left")], classes))
    more = [f"{len(listed) - len(shown)} more"] if len(listed) > len(shown) else []
    more += [f"{len(inputs) - len(listed)} unchanged"] if len(inputs) > len(listed) else []
    if more:
        found.append(line(f"not shown: {' and '.join(more)}. --all shows every input", "faint"))
    return found


def _row(one: dict[str, Any]) -> tuple[Cell, ...]:
    words, tone = change_in_table(one["change"])
    old, new = one["old"], one["new"]
    return _name(one), Word(words, tone), proved(old), proved(new), status_words(one)


def _name(one: dict[str, Any]) -> str:
    name = visible((one["new"] or one["old"])["id"])
    return name if len(name) <= _NAME_WIDTH else "…" + name[-_NAME_WIDTH + 1 :]


def _measures(measures: Sequence[dict[str, Any]], delta: float) -> Table:
    rows = (
        (row_name(one), Estimate(**one["old"]), Estimate(**one["new"]), Estimate(**one["difference"]))
        for one in measures
    )
    return paired_table(rows, ("before", "now", "change"), f"{confidence(delta)} interval", width=20)

"""Documents as lines of text for a terminal. The module does not print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rich.text import Text

from stabcert.report.bars import Bars
from stabcert.report.document import WIDTH, Bar, Cell, Document, Evidence, Heading, Line, Table, Word, length, pieces
from stabcert.report.halfblocks import HalfBlocks
from stabcert.report.sentence import INDENT, Sentence

Shown = Text | Sentence | Bars | HalfBlocks

_BETWEEN = "   "
_COLOURS = {"plain": "", "faint": "dim", "good": "green", "doubtful": "yellow", "bad": "red"}
_FAINT = _COLOURS["faint"]
_Styled = tuple[str, str]
"""Text and the name of its style."""


def lines(document: Document) -> list[Shown]:
    """Return everything that a screen shows: no charts, and of the input only what is kept."""
    shown: list[Shown] = [_heading(document.heading)]
    for block in () if document.folded else document.blocks:
        if isinstance(block, Line) and "screen" in block.on:
            words = (Word(f"note: {block.words[0].text}", "doubtful"),) if block.note else block.words
            shown.append(_text([(INDENT, _style(words[0])), *((word.shown, _style(word)) for word in words)]))
        elif isinstance(block, Table) and "screen" in block.on:
            shown += _table(block)
        elif isinstance(block, Evidence) and "screen" in block.on and block.mask is not None:
            if block.canvas is not None:
                shown.append(HalfBlocks(block.canvas, block.mask, block.features.shape))
            elif block.text is not None:
                shown.append(Sentence(block.text, block.features, block.mask, block.side))
    return shown


def _heading(heading: Heading) -> Text:
    parts: list[_Styled] = [(Word(heading.name).shown, "bold")]
    for part in heading.parts:
        parts += [(_BETWEEN, ""), *((word.shown, _style(word)) for word in part)]
    return _text(parts)


def _style(word: Word) -> str:
    return f"bold {_COLOURS[word.tone]}".strip() if word.strong else _COLOURS[word.tone]


def _text(parts: Sequence[_Styled]) -> Text:
    """Return one line; neighbours of one style become one piece."""
    merged = [
        (style, "".join(text for text, _ in group))
        for style, group in groupby((part for part in parts if part[0]), key=lambda part: part[1])
    ]
    if len(merged) == 1:
        return Text(merged[0][1], style=merged[0][0])
    found = Text()
    for style, text in merged:
        found.append(text, style=style or None)
    return found


def _table(whole: Table) -> Iterator[Text | Bars]:
    """Yield the lines of a table, split into several with the same first column where a screen is narrower."""
    table = whole.only([number for number, column in enumerate(whole.columns) if column.screen])
    if table.bare:
        table = replace(table, columns=tuple(replace(column, title="") for column in table.columns))
    if table.width <= WIDTH or not table.breaks:
        yield from _lines(table)
        return
    chosen: list[int] = []
    for group in _groups(table):
        if chosen and table.only([0, *chosen, *group]).width > WIDTH:
            yield from _lines(table.only([0, *chosen]))
            chosen = []
        chosen += group
    yield from _lines(table.only([0, *chosen]))


def _groups(table: Table) -> list[list[int]]:
    """Return the columns after the first; those that stay beside another one together with it."""
    groups: list[list[int]] = []
    for number, column in enumerate(table.columns[1:], start=1):
        if groups and column.beside:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _lines(table: Table) -> Iterator[Text | Bars]:
    widths = table.widths
    if any(column.over for column in table.columns):
        yield Text(_over(table, widths), style=_FAINT)
    if table.titled:
        titles = [column.title for column in table.columns]
        yield Text("".join(str(text) for text, _ in _row(table, widths, titles)).rstrip(), style=_FAINT)
    for number, cells in enumerate(table.rows):
        row = list(_row(table, widths, cells))
        if any(isinstance(part, Bar) for part, _ in row):
            yield Bars(tuple(part for part, _ in row))
            continue
        text = _text([(str(part), style) for part, style in row])
        text.rstrip()
        yield Text(text.plain, style=_FAINT) if table.faint and table.faint[number] else text


def _row(table: Table, widths: Sequence[int], cells: Sequence[Cell]) -> Iterator[tuple[str | Bar, str]]:
    """Yield the pieces of one line with their styles; the space before a cell has the style of its first word."""
    for column, width, cell in zip(table.columns, widths, cells, strict=False):
        parts = pieces(cell)
        words = [part for part in parts if isinstance(part, Word)]
        used = length(cell)
        right = column.align == "right"
        lead = " " * (column.gap + (max(0, width - used) if right else 0))
        yield lead, _style(words[0]) if words and words[0].text else ""
        for part in parts:
            if isinstance(part, Word):
                yield part.shown, _style(part)
            else:
                bar = replace(part, width=min(part.width, width - used))
                used += bar.width
                yield bar, ""
        if not right:
            yield " " * max(0, width - used), ""


def _over(table: Table, widths: Sequence[int]) -> str:
    """Return the titles over several columns, flush left with the first of them."""
    found = ""
    for title, group in groupby(range(len(widths)), key=lambda number: table.columns[number].over):
        columns = list(group)
        room = sum(table.columns[number].gap + widths[number] for number in columns)
        gap = table.columns[columns[0]].gap
        found += (" " * gap + title).ljust(room)
    return found.rstrip()

"""Documents as Markdown (CommonMark with the tables of GitHub) for comments on pull requests and summaries of jobs.

Texts are escaped so that they are read as text everywhere, whoever wrote them: no markup, no link, no picture, and
nobody is notified by a name after an ``@``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stabcert.report.document import Bar, Cell, Document, Evidence, Heading, Line, Table, Word, pieces
from stabcert.report.sentence import Sentence
from stabcert.report.visible import visible

_MARKUP = re.compile(r"[\\`*_\[\]<>&~|$]")
_SPACES = re.compile(r"\s+")
_BAR_WIDTH = 10
_BETWEEN = " · "
# GitHub looks for these in what is shown, where a backslash is gone: a character without width keeps them apart.
_JOINER = "\u2060"
_REFERENCES = (
    (re.compile(r"([@#])(?=\w)"), rf"\1{_JOINER}"),  # @user and #12
    (re.compile(r"\b(GH-)(?=\d)", re.IGNORECASE), rf"\1{_JOINER}"),
    (re.compile(r":(?=[\w+-]+:)"), rf":{_JOINER}"),  # :smile:
    (re.compile(r":(?=//)"), rf":{_JOINER}"),  # https://
    (re.compile(r"\b(www)\.", re.IGNORECASE), rf"\1{_JOINER}."),
)
_FIRST = re.compile(r"^(?:([-+=#])|(\d{1,9})([.)]))")
"""Beginnings that make a line a list, a heading or a rule; all other markup is escaped everywhere."""


def markdown(document: Document) -> str:
    """Return the document; it ends in a line break. One of many is an item of a list."""
    if document.folded:
        return f"- {_heading(document.heading)}\n"
    parts = [f"### {escaped(document.heading.name).strip()}", *_said(document.heading)]
    for block in document.blocks:
        if isinstance(block, Line) and "screen" in block.on:
            parts.append(f"> **note:** {_words(block.words, plain=True)}" if block.note else _line(block))
        elif isinstance(block, Table) and "screen" in block.on:
            parts.append(_table(block))
        elif isinstance(block, Evidence) and "screen" in block.on and block.text is not None and block.mask is not None:
            kept = Sentence(block.text, block.features, block.mask).plain
            label = f"**{escaped(block.side)}:** " if block.side else ""
            parts.append(f"> {label}{_as_first(escaped(kept).strip())}")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return a text on one line that is shown as it is, wherever in a line it stands but at its beginning."""
    text = _MARKUP.sub(r"\\\g<0>", _SPACES.sub(" ", visible(text)))
    for pattern, replacement in _REFERENCES:
        text = pattern.sub(replacement, text)
    return text


def _as_first(text: str) -> str:
    """Return an escaped text that is safe at the beginning of a line."""
    return _FIRST.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text)


def _heading(heading: Heading) -> str:
    return _BETWEEN.join([f"**{escaped(heading.name).strip()}**", *_said(heading)])


def _said(heading: Heading) -> list[str]:
    status = [] if heading.status is None else [_words((heading.status,))]
    parts = [*status, *(_words(part) for part in heading.parts)]
    return [_as_first(_BETWEEN.join(parts))] if parts else []


def _line(line: Line) -> str:
    if line.title:
        return f"#### {_words(line.words, plain=True)}"
    return _as_first(_words(line.words))


def _words(words: Sequence[Word | Bar], *, plain: bool = False) -> str:
    found = ""
    for word in words:
        if isinstance(word, Bar):
            found += Bar(word.known, word.possible, _BAR_WIDTH).blocks().rstrip()
            continue
        strong = (word.strong or word.tone in ("good", "doubtful", "bad")) and not plain
        # Emphasis neither begins nor ends with a space or a comma, next to which it would not be read as such.
        text = escaped(word.shown)
        core = text.strip(" ,;")
        found += text.replace(core, f"**{core}**", 1) if strong and core else text
    return found.strip()


def _table(table: Table) -> str:
    titles = [f"{column.over} {column.title}" if column.over else column.title for column in table.columns]
    rule = [":---" if column.align == "left" else "---:" for column in table.columns]
    rows = [[*row, *[""] * (len(table.columns) - len(row))] for row in table.rows]
    return "\n".join([_row([escaped(title).strip() for title in titles]), _row(rule), *(_cells(row) for row in rows)])


def _cells(row: Sequence[Cell]) -> str:
    return _row([_words(pieces(cell)) for cell in row])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

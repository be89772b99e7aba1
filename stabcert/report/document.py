"""Documents that describe a result in blocks. The screen, pages, Markdown and figures all show the same document.

Texts in a document are plain: a renderer makes control characters visible and escapes its own markup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from stabcert.core.types import Features, Mask, Scores
from stabcert.report.visible import visible

if TYPE_CHECKING:
    from stabcert.report.canvas import Canvas
    from stabcert.report.charts.area import Area

Tone = Literal["plain", "faint", "good", "doubtful", "bad"]
Medium = Literal["screen", "page", "figure"]
"""Markdown is read like a screen. Figures have neither heading nor tables, only charts and a caption."""
SCREEN: frozenset[Medium] = frozenset(["screen"])
PAGE: frozenset[Medium] = frozenset(["page"])
READ: frozenset[Medium] = frozenset(["screen", "page"])
PICTURES: frozenset[Medium] = frozenset(["page", "figure"])
CAPTION: frozenset[Medium] = frozenset(["figure"])
EVERYWHERE: frozenset[Medium] = frozenset(["screen", "page", "figure"])

WIDTH = 80
"""Characters in a line of a table."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_UNSURE = "░"
BLOCKS = _EIGHTHS + _UNSURE
"""Characters of a `Bar` on a terminal."""


@dataclass(frozen=True)
class Word:
    """A piece of text that is shown in one way."""

    text: str
    tone: Tone = "plain"
    strong: bool = False

    @property
    def shown(self) -> str:
        return visible(self.text)


@dataclass(frozen=True)
class Bar:
    """A bar in a table: what is known, and up to where it might be more."""

    known: float
    """Share of the width, 0 to 1."""
    possible: float
    """Largest possible share, not below ``known``; equal to it where the number is exact."""
    width: int = 30
    """Most characters; fewer where they do not fit."""

    def blocks(self) -> str:
        """Return the bar in eighths of a character; every value above zero is visible."""
        eighths = math.floor(8 * self.width * self.known + (0.5 if self.possible == self.known else 0.0))
        eighths = max(eighths, int(self.known > 0))
        whole = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
        return (whole + _UNSURE * (self._end - len(whole))).ljust(self.width)

    def plain(self) -> str:
        """Return the bar in whole characters."""
        known = math.floor(self.width * self.known + (0.5 if self.possible == self.known else 0.0))
        return ("#" * known + "." * (self._end - known)).ljust(self.width)

    @property
    def _end(self) -> int:
        """Rounded up: what might be is not hidden."""
        return math.ceil(self.width * self.possible) if self.possible > self.known else 0


Cell: TypeAlias = "str | Word | tuple[Word | Bar, ...]"


@dataclass(frozen=True)
class Heading:
    """The first line: the name of what the document is about, and what is said of it before all else."""

    name: str
    parts: tuple[tuple[Word, ...], ...] = ()
    """Each stays together where the line is broken. The first one is what an overview says of the input."""
    status: Word | None = None
    """The verdict, for media on which no exit code is seen."""
    naming: Literal["own", "path", "beginning"] = "own"
    """The name was given, is the path of a file, or is how the text begins that the document shows as a whole."""
    title: str = ""
    """Title of a picture or page, where the name is informative."""


@dataclass(frozen=True)
class Line:
    """A sentence or two."""

    words: tuple[Word, ...]
    note: bool = False
    """Makes the result worth less than it seems."""
    on: frozenset[Medium] = READ
    title: bool = False
    """The title of the blocks after it."""

    @property
    def text(self) -> str:
        return "".join(word.shown for word in self.words)


def line(text: str, tone: Tone = "plain", *, strong: bool = False, on: frozenset[Medium] = READ) -> Line:
    """Return a line of a single word."""
    return Line((Word(text, tone, strong),), on=on)


def title(text: str) -> Line:
    """Return the title of the blocks after it."""
    return Line((Word(text, strong=True),), title=True)


def note(text: str) -> Line:
    """Return a line on what makes the result worth less than it seems."""
    return Line((Word(text, "doubtful"),), note=True, on=EVERYWHERE)


@dataclass(frozen=True)
class Column:
    """A column of a table, at least ``width`` characters wide, ``gap`` characters after the one before it."""

    title: str = ""
    align: Literal["left", "right"] = "right"
    width: int = 0
    gap: int = 2
    over: str = ""
    """A title over this column and its neighbours with the same one."""
    beside: bool = False
    """The column stays beside the one before it where a table is broken."""
    screen: bool = True
    """False for what a screen has no room for."""


@dataclass(frozen=True)
class Table:
    """Rows of cells; a table whose columns have no titles has no header. Cells that are missing are empty."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    faint: tuple[bool, ...] = ()
    """True for each faint row, if there are any."""
    breaks: bool = False
    """Columns after the first that find no room go into a table of their own, which begins with the first as well."""
    bare: bool = False
    """A screen shows the rows alone, which speak for themselves."""
    on: frozenset[Medium] = READ

    @property
    def titled(self) -> bool:
        return any(column.title or column.over for column in self.columns)

    @property
    def widths(self) -> list[int]:
        """Widths of the columns in characters."""
        return [
            max(column.width, len(column.title), *(length(row[number]) for row in self.rows if number < len(row)), 0)
            for number, column in enumerate(self.columns)
        ]

    @property
    def width(self) -> int:
        """Width of a line in characters."""
        return sum(column.gap + width for column, width in zip(self.columns, self.widths, strict=True))

    def only(self, numbers: Sequence[int]) -> Table:
        """Return the table with some of its columns."""
        rows = tuple(tuple(row[number] if number < len(row) else "" for number in numbers) for row in self.rows)
        return replace(self, columns=tuple(self.columns[number] for number in numbers), rows=rows)


def table(columns: Sequence[Column | str], rows: Sequence[Sequence[Cell]], *, breaks: bool = False) -> Table:
    """Return a table; a column that is only a title is flush right."""
    return Table(
        tuple(Column(column) if isinstance(column, str) else column for column in columns),
        tuple(tuple(row) for row in rows),
        breaks=breaks,
    )


def pieces(cell: Cell) -> tuple[Word | Bar, ...]:
    """Return the parts of a cell."""
    return cell if isinstance(cell, tuple) else (cell if isinstance(cell, Word) else Word(cell),)


def length(cell: Cell) -> int:
    """Return how many characters a cell needs; a bar takes what is left."""
    return sum(len(part.shown) for part in pieces(cell) if isinstance(part, Word))


@dataclass(frozen=True)
class Evidence:
    """The input itself: the text or the image, with what is kept of it, what was added, and scores."""

    features: Features
    text: str | None
    canvas: Canvas | None
    mask: Mask | None
    """The kept features; None for the input as it is."""
    added: Mask | None = None
    scores: Scores | None = None
    title: str = ""
    said: str = ""
    """The prediction for what is shown, or the class that scores are for."""
    description: str = ""
    """The description for those who cannot see it."""
    side: str = ""
    """Name of the text where it is one of a pair; empty otherwise."""
    bar: bool = True
    """Shows the scale of its scores, where it has scores."""
    on: frozenset[Medium] = EVERYWHERE

    @property
    def name(self) -> str:
        """Title and prediction on one line."""
        return " · ".join(visible(part) for part in (self.title, self.said) if part)

    def kept_by(self, other: Evidence) -> bool:
        """Return whether it shows what is kept by the scores that ``other`` shows."""
        return other.scores is not None and self.scores is None and self.mask is other.mask


@dataclass(frozen=True)
class Chart:
    """A diagram that is drawn with matplotlib; screens and Markdown go without."""

    title: str
    """Empty for the legend of the diagrams before it."""
    subtitle: str
    description: str
    """The description for those who cannot see it."""
    draw: Callable[[Area], None]
    height: float
    """Height in inches; more beside pictures that are higher."""
    wide: bool = False
    """It needs a line of its own."""


Block: TypeAlias = "Line | Table | Evidence | Chart"


@dataclass(frozen=True)
class Document:
    """Everything that is said of one result."""

    heading: Heading
    blocks: tuple[Block, ...]
    facts: str = ""
    """Numbers that a figure or a page without its command line needs: sizes, model, seed."""
    folded: bool = False
    """One of many: a screen shows its heading alone, and a page the rest when it is opened."""

"""A text in a figure. Features are shaded by score, kept features are framed, and lines are wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from stabcert.core.types import Features
from stabcert.report.canvas import scaled
from stabcert.report.charts.area import Area, line_height
from stabcert.report.charts.fonts import cut, is_right_to_left, text_width
from stabcert.report.colours import ADDED_ON_PAPER, shade
from stabcert.report.document import Evidence
from stabcert.report.evidence.image import BAR_HEIGHT, draw_bar
from stabcert.report.sheet import Sheet
from stabcert.report.visible import visible

SIZE = 9.5
LINE = 1.75 * SIZE / 72
_BAR_WIDTH = 1.6
_KEPT_FRAME: dict[str, Any] = {"edgecolor": "black", "linewidth": 1.2}
_ADDED_FRAME: dict[str, Any] = {"edgecolor": ADDED_ON_PAPER, "linewidth": 1.6, "linestyle": (0, (2.5, 1.2))}
_PAD = 0.03
"""Between the letters and the frame."""
_SLACK = 0.12
"""A comma may stand this far beyond the right edge rather than at the start of a line."""


@dataclass(frozen=True)
class Piece:
    """Letters without a space among them, and their place: inches from the left, number of the line."""

    text: str
    feature: int | None
    spaced: bool
    """White space precedes it."""
    left: float = 0.0
    width: float = 0.0
    line: int = 0


def pieces(text: str, features: Features) -> Iterator[Piece]:
    """Yield the text in order: words of features, and the text between features."""
    end = 0
    for index, feature in enumerate(features.items):
        if feature.span is None:
            continue
        yield from _words(text, end, feature.span[0], None)
        yield from _words(text, *feature.span, index)
        end = feature.span[1]
    yield from _words(text, end, len(text), None)


def flow(text: str, features: Features, width: float) -> list[Piece]:
    """Return the pieces with their places in lines of ``width`` inches.

    A text whose first letter is of a right-to-left script flows from right to left, word by word
    (words of the other direction keep that order too).
    """
    space = text_width("n", SIZE) * 0.35  # beside the room around each piece
    placed: list[Piece] = []
    left, line = 0.0, 0
    for piece in _fitting(pieces(text, features), width):
        gap = space if piece.spaced and left > 0 else 0.0
        size = text_width(piece.text, SIZE) + 2 * _PAD
        slack = 0.0 if piece.spaced or size > _SLACK else _SLACK
        if left > 0 and left + gap + size > width + slack:
            left, gap, line = 0.0, 0.0, line + 1
        placed.append(replace(piece, left=left + gap, width=size, line=line))
        left += gap + size
    if is_right_to_left(text):
        placed = [replace(piece, left=width - piece.left - piece.width) for piece in placed]
    return placed


def add_text(sheet: Sheet, shown: Evidence, text: str) -> None:
    """Add a block with the text: shaded by its scores, with a frame around each feature that is kept or was added.

    Features without a frame are grey if the features do not have scores. A text without features, the one of a pair
    that is always kept, is not.
    """
    placed = flow(text, shown.features, sheet.inner_width)
    shades = None if shown.scores is None else shade(scaled(shown.scores)) / 255
    height = (1 + max((piece.line for piece in placed), default=0)) * LINE
    frames = [
        (mask, style) for mask, style in ((shown.mask, _KEPT_FRAME), (shown.added, _ADDED_FRAME)) if mask is not None
    ]

    def draw(area: Area) -> None:
        from matplotlib.patches import Rectangle

        axes = area.plain_axes()
        for piece in _joined(placed):
            bottom = area.height - (piece.line + 1) * LINE + 0.14 * LINE
            box: dict[str, Any] = {"xy": (piece.left, bottom), "width": piece.width, "height": 0.82 * LINE}
            if piece.feature is not None and shades is not None:
                axes.add_patch(Rectangle(**box, facecolor=shades[piece.feature], linewidth=0))
            for mask, style in frames:
                if piece.feature is not None and mask[piece.feature]:
                    axes.add_patch(Rectangle(**box, fill=False, zorder=3, clip_on=False, **style))
        for piece in placed:
            bottom = area.height - (piece.line + 1) * LINE + 0.14 * LINE
            framed = piece.feature is not None and any(mask[piece.feature] for mask, _ in frames)
            dark = shades is not None and piece.feature is not None and shades[piece.feature].mean() < 0.45
            faded = shades is None and not framed and shown.features.of_text
            colour = "white" if dark else "0.5" if faded else "black"
            area.write(piece.left + _PAD, bottom + 0.3 * line_height(SIZE), piece.text, SIZE, color=colour)

    sheet.add(height, draw)
    scores = shown.scores
    if scores is not None and shown.bar:
        sheet.add(BAR_HEIGHT, lambda area: draw_bar(area.part(0, 0, _BAR_WIDTH, BAR_HEIGHT), scores))


def _words(text: str, start: int, end: int, feature: int | None) -> Iterator[Piece]:
    """Yield the words between two places of the text, without white space."""
    spaced = False
    word = ""
    for position in range(start, end):
        if text[position].isspace():
            if word:
                yield Piece(visible(word), feature, spaced)
            word, spaced = "", True
        else:
            if not word:
                spaced = position > 0 and text[position - 1].isspace()
            word += text[position]
    if word:
        yield Piece(visible(word), feature, spaced)


def _fitting(whole: Iterator[Piece], width: float) -> Iterator[Piece]:
    for piece in whole:
        for number, part in enumerate(cut(piece.text, width - 2 * _PAD, SIZE)):
            yield replace(piece, text=part, spaced=piece.spaced and number == 0)


def _joined(placed: list[Piece]) -> list[Piece]:
    """Return neighbours on one line that belong to one feature, as one piece."""
    joined: list[Piece] = []
    for piece in placed:
        last = joined[-1] if joined else None
        if last is not None and piece.feature is not None and (last.feature, last.line) == (piece.feature, piece.line):
            left = min(last.left, piece.left)
            right = max(last.left + last.width, piece.left + piece.width)
            joined[-1] = replace(last, left=left, width=right - left)
        else:
            joined.append(piece)
    return joined

"""Lines that fit on a terminal. Long lines are broken between words and indented, but not in a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.style import Style
from rich.text import Text

from stabcert.report.sentence import Sentence

_HANGING = 2
_BETWEEN = "   "
"""Between the parts of the first line of a report; the best place to break it."""
_NARROWEST = 20


# The green and yellow of many terminals vanish on white, the red on black. These have a contrast above 3 on either.
_READABLE = {"green": "color(28)", "yellow": "color(166)", "red": "color(160)"}


class Screen(Console):
    """A console whose colours can be read on a light and on a dark ground, where there are enough to choose from."""

    def get_style(self, name: str | Style, *, default: Style | str | None = None) -> Style:
        if isinstance(name, str) and self.color_system in ("256", "truecolor"):
            name = " ".join(_READABLE.get(word, word) for word in name.split(" "))
        return super().get_style(name, default=default)


def fitted(line: RenderableType, console: Console) -> Iterator[RenderableType]:
    """Yield ``line`` as lines that the terminal need not break; a word wider than the terminal stays whole."""
    text = line.shown(console) if isinstance(line, Sentence) else line
    if not isinstance(text, Text) or text.cell_len <= console.width or console.width < _NARROWEST:
        yield text
        return
    lead = len(text.plain) - len(text.plain.lstrip(" "))
    if lead == 0:
        yield from _heading(text, console)
        return
    room = console.width - lead - _HANGING
    for number, part in enumerate(_broken(text[lead:], room)):
        yield Text(" " * (lead + (_HANGING if number else 0))).append_text(part)


def _heading(text: Text, console: Console) -> Iterator[Text]:
    """Yield the lines of a heading; its parts stay on one line as far as they fit."""
    rows: list[Text] = []
    for part in text.split(_BETWEEN):
        if rows and rows[-1].cell_len + len(_BETWEEN) + part.cell_len <= console.width:
            rows[-1].append(_BETWEEN, style="not bold").append_text(part)
        else:
            rows.append(part if not rows else Text(" " * _HANGING).append_text(part))
    for row in rows:
        if row.cell_len > console.width:
            for number, piece in enumerate(_broken(row, console.width - _HANGING)):
                yield Text(" " * _HANGING).append_text(piece) if number else piece
        else:
            yield row


def _broken(text: Text, width: int) -> Iterator[Text]:
    """Break a line before words; rich would also break words, or nothing."""
    offsets, used = [], 0
    for word in re.finditer(r"\S+\s*", text.plain):
        if used and used + cell_len(word[0].rstrip()) > width:
            offsets.append(word.start())
            used = 0
        used += cell_len(word[0])
    for part in text.divide(offsets):
        part.rstrip()
        yield part

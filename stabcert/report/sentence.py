"""The user's text with its kept features marked, for the screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from stabcert.core.types import Features, Mask
from stabcert.report.visible import visible

INDENT = "  "
HIGHLIGHT = Style(color="black", bgcolor="green")  # not bold: many terminals make bold black a grey


def on_terminal(console: Console) -> bool:
    """Return whether a person looks at it; FORCE_COLOR does not turn a pipe into a terminal, as rich assumes."""
    return console.is_terminal and console.file.isatty()


@dataclass(frozen=True)
class Sentence:
    """A text with its kept features in brackets, or on a coloured ground where colours are available."""

    text: str
    features: Features
    mask: Mask
    side: str = ""
    """Name of the text where it is one of a pair; empty otherwise."""

    @property
    def plain(self) -> str:
        return self.bracketed().plain

    def _beginning(self) -> Text:
        line = Text(INDENT)
        if self.side:
            line.append(f"{self.side}: ", style="dim")
        return line

    def bracketed(self) -> Text:
        line = self._beginning()
        for part, kept in self._parts():
            line.append(f"[{part}]" if kept else part, style="bold green" if kept else None)
        return line

    def highlighted(self) -> Text:
        line = self._beginning()
        for part, kept in self._parts():
            line.append(part, style=HIGHLIGHT if kept else None)
        return line

    def shown(self, console: Console) -> Text:
        """Return the text as the console prints it."""
        colours = on_terminal(console) and console.color_system is not None and not console.no_color
        return self.highlighted() if colours else self.bracketed()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.shown(console)

    def _parts(self) -> Iterator[tuple[str, bool]]:
        """Yield the text in pieces that can be shown, and whether each is a kept feature."""
        end = 0
        for index in np.flatnonzero(self.mask):
            span = self.features.items[index].span
            if span is not None and span[1] > end:  # not another token of the same character
                yield visible(self.text[end : span[0]]), False
                yield visible(self.text[span[0] : span[1]]), True
                end = span[1]
        yield visible(self.text[end:]), False

"""Lines with bars for the screen: blocks on a terminal, plain characters in a pipe."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from stabcert.report.sentence import on_terminal

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_UNSURE = "░"


@dataclass(frozen=True)
class Bar:
    """A bar of at most ``width`` characters: what is known, and up to where it might be more."""

    known: float
    """Share of the width, 0 to 1."""
    possible: float
    """At least ``known``; equal to it where the number is exact."""
    width: int

    def blocks(self) -> str:
        """In eighths of a character; whatever is above zero is seen."""
        eighths = math.floor(8 * self.width * self.known + (0.5 if self.possible == self.known else 0.0))
        eighths = max(eighths, int(self.known > 0))
        whole = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
        return (whole + _UNSURE * (self._end - len(whole))).ljust(self.width)

    def plain(self) -> str:
        """In whole characters."""
        known = math.floor(self.width * self.known + (0.5 if self.possible == self.known else 0.0))
        return ("#" * known + "." * (self._end - known)).ljust(self.width)

    @property
    def _end(self) -> int:
        """Rounded up: what might be is not hidden."""
        return math.ceil(self.width * self.possible) if self.possible > self.known else 0


@dataclass(frozen=True)
class Bars:
    """Pieces of text and bars that make one line."""

    parts: tuple[str | Bar, ...]

    @property
    def plain(self) -> str:
        return "".join(part if isinstance(part, str) else part.plain() for part in self.parts).rstrip()

    def drawn(self) -> str:
        return "".join(part if isinstance(part, str) else part.blocks() for part in self.parts).rstrip()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        try:
            (_EIGHTHS + _UNSURE).encode(options.encoding)
        except (UnicodeEncodeError, LookupError):
            yield Text(self.plain)
            return
        yield Text(self.drawn() if on_terminal(console) else self.plain)

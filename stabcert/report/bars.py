"""Lines with bars for the screen, with block characters on a terminal and ASCII characters in a pipe."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from stabcert.report.document import BLOCKS, Bar
from stabcert.report.sentence import on_terminal


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
            BLOCKS.encode(options.encoding)
        except (UnicodeEncodeError, LookupError):
            yield Text(self.plain)
            return
        yield Text(self.drawn() if on_terminal(console) else self.plain)

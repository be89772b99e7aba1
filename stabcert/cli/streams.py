"""Standard output and standard error of any encoding and width: how lines, messages and JSON are written there."""

from __future__ import annotations

import codecs
import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_NAME = "stabcert.replaced"
_INSTEAD = {
    "…": "...",
    "−": "-",
    "–": "-",
    "×": "x",
    "λ": "lambda",
    "δ": "delta",
    "·": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
_HANGING = "  "
_NARROWEST = 20


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Return an error handler for `codecs`: what looks alike where there is something, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_INSTEAD.get(character, "?") for character in error.object[error.start : error.end]), error.end


def replace_what_cannot_be_written() -> None:
    """For both streams; not for JSON, see `print_json`."""
    codecs.register_error(_NAME, replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_NAME)


def print_json(line: str, stream: TextIO) -> None:
    """One record on one line; what the stream cannot write is escaped, which means the same to every reader."""
    try:
        line.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(json.loads(line))
    stream.write(line + "\n")
    stream.flush()


def console_on(stream: TextIO) -> Console:
    """Return a console that leaves a closed pipe to `stabcert.cli.app`: rich would end the process with code 1."""
    from stabcert.report.screen import Screen

    class PipedConsole(Screen):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return PipedConsole(file=stream, highlight=False, soft_wrap=True)


def stand_in_for_closed_streams() -> bool:
    """Open the null device for each of the three streams that was closed; return whether standard output was.

    Otherwise the next file that is opened takes its number, and what libraries print there would be written into it.
    Python has no stream where one was closed: for standard error it gets one that goes nowhere.
    """
    closed = []
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.append(number)
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    # The types do not know that a stream may be missing.
    error: TextIO | None = sys.stderr
    if error is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    output: TextIO | None = sys.stdout
    return output is None or 1 in closed


def ignore_impossible_sizes() -> None:
    """Take a terminal of no columns or lines out of the environment: rich would print nothing at all on it."""
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value[:9]) == 0:
            del os.environ[name]


class Notes:
    """Notes for the user on stderr: each note once, however many inputs or workers have it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._said: set[str] = set()

    def __call__(self, text: str, *, always: bool = False) -> None:
        """Say it; ``always`` also again, and to those who want no notes."""
        if always or not (self._quiet or text in self._said):
            self._said.add(text)
            tell(text)


def tell(message: str) -> None:
    """One message on stderr, safe to show whatever is in it."""
    from stabcert.report.visible import visible

    print(fitted_message(visible(message), sys.stderr), file=sys.stderr)  # noqa: T201


def fitted_message(message: str, stream: TextIO) -> str:
    """Return a message of several sentences, on a terminal broken between words."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        width = 0
    if len(message) <= width or width < _NARROWEST:
        return message
    return textwrap.fill(message, width, subsequent_indent=_HANGING, break_long_words=False, break_on_hyphens=False)

"""Output of lines, messages and JSON on standard output and standard error, for any encoding and width."""

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
    """Return an error handler for `codecs` that writes a similar character or otherwise a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_INSTEAD.get(character, "?") for character in error.object[error.start : error.end]), error.end


def replace_what_cannot_be_written() -> None:
    """Replace characters that a stream cannot encode, on both streams. JSON is different, see `print_json`."""
    codecs.register_error(_NAME, replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_NAME)


def print_json(line: str, stream: TextIO) -> None:
    """Print a record on one line. Characters that the stream cannot encode are escaped, which keeps the JSON equal."""
    try:
        line.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(json.loads(line))
    stream.write(line + "\n")
    stream.flush()


def console_on(stream: TextIO) -> Console:
    """Return a console that leaves a closed pipe to `stabcert.cli.app`, because rich would exit with code 1."""
    from stabcert.report.screen import Screen

    class PipedConsole(Screen):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return PipedConsole(file=stream, highlight=False, soft_wrap=True)


def stand_in_for_closed_streams() -> bool:
    """Open the null device for each closed standard stream, and return whether standard output was closed.

    Otherwise the next opened file would get the number of the stream, and the output of libraries would go into that
    file. Python has no stream object for a closed stream. Standard error gets one that discards its text.
    """
    closed = []
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.append(number)
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is that of the closed stream
    # The types do not know that a stream may be missing.
    error: TextIO | None = sys.stderr
    if error is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    output: TextIO | None = sys.stdout
    return output is None or 1 in closed


def ignore_impossible_sizes() -> None:
    """Remove terminal sizes of 0 from the environment, because rich would not print anything."""
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name, "")
        if value.isdigit() and int(value[:9]) == 0:
            del os.environ[name]


class Notes:
    """Notes for the user on stderr. A note of several inputs or workers is shown once."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._said: set[str] = set()

    def __call__(self, text: str, *, always: bool = False) -> None:
        """Show a note. With ``always``, show it even if it was shown before or notes are off."""
        if always or not (self._quiet or text in self._said):
            self._said.add(text)
            tell(text)


def tell(message: str) -> None:
    """Print one message on stderr, without control characters."""
    from stabcert.report.visible import visible

    print(fitted_message(visible(message), sys.stderr), file=sys.stderr)  # noqa: T201


def fitted_message(message: str, stream: TextIO) -> str:
    """Return a message of several sentences. On a terminal, its lines are broken between words."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        width = 0
    if len(message) <= width or width < _NARROWEST:
        return message
    return textwrap.fill(message, width, subsequent_indent=_HANGING, break_long_words=False, break_on_hyphens=False)

"""Standard output and standard error of any encoding and width: what cannot be written is replaced."""

from __future__ import annotations

import codecs
import os
import sys
import textwrap
from typing import TextIO

_NAME = "stabcert.replaced"
_INSTEAD = {
    "…": "...",
    "−": "-",
    "–": "-",
    "×": "x",
    "λ": "lambda",
    "δ": "delta",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
_HANGING = "  "
_NARROWEST = 20


def replaced(error: UnicodeError) -> tuple[str, int]:
    """An error handler for `codecs`: what looks alike where there is something, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_INSTEAD.get(character, "?") for character in error.object[error.start : error.end]), error.end


def replace_what_cannot_be_written() -> None:
    """JSON is none of this function's business: it escapes what does not fit, see `stabcert.cli.writer`."""
    codecs.register_error(_NAME, replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_NAME)


def fitted_message(message: str, stream: TextIO) -> str:
    """A message of several sentences, on a terminal broken between words."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        width = 0
    if len(message) <= width or width < _NARROWEST:
        return message
    return textwrap.fill(message, width, subsequent_indent=_HANGING, break_long_words=False, break_on_hyphens=False)

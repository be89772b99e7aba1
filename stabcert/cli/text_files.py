"""Bytes, text and lines of files that the user names. `stabcert.cli.tables` reads rows."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from stabcert.cli.suffixes import suffix_of
from stabcert.errors import InputError
from stabcert.records.table import lines_in

_STREAMS = ("/dev/stdin", "/dev/fd/0")  # a terminal is a device, too


def read_text(path: Path) -> str:
    return decode(read_file(path), str(path))


def split_lines(text: str) -> list[str]:
    """Split a text at line ends only, because a sentence may contain a form feed or a line separator of Unicode."""
    return re.split(r"\r\n|\n|\r", text)


def read_lines(source: str) -> tuple[str, list[tuple[int, bytes]]]:
    """Return the name of ``source`` in messages, and its lines that are not empty with their numbers.

    Args:
        source: a path, or ``"-"`` for standard input. Lines of a Parquet file are its records.

    Raises:
        InputError: ``source`` cannot be read.
    """
    name = "standard input" if source == "-" else source
    if suffix_of(source) == ".parquet":
        return name, [(number, line.encode()) for number, line in enumerate(lines_in(Path(source)), start=1)]
    data = read_stdin() if source == "-" else read_file(Path(source))
    return name, [(number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip()]


def read_file(path: Path) -> bytes:
    """Return the bytes of a file that the user named.

    Raises:
        InputError: the file cannot be read, or is a device, which may be endless.
    """
    try:
        if is_there(lambda: path.is_char_device() or path.is_block_device()) and str(path) not in _STREAMS:
            raise InputError(f"{path} is a device. Give a file, or - for standard input")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # a null character, or half of a surrogate pair
        raise InputError(f"no such file: {path}. A file cannot have that name ({error})") from error


def read_stdin() -> bytes:
    """Return the bytes on standard input.

    Raises:
        InputError: standard input is closed (``<&-``).
    """
    # It is None if the stream was closed, which the type of sys.stdin does not allow.
    stream: TextIO | None = sys.stdin
    if stream is None:
        raise InputError("standard input is closed. Pipe an image, a text or records into it, or name a file")
    return stream.buffer.read()


def is_file(path: Path) -> bool:
    """Return whether a path is a file. Impossible names are not an error."""
    return is_there(path.is_file)


def is_there(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except (OSError, ValueError):  # a name that is too long or cannot be encoded
        return False


def decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is neither an image nor UTF-8 text (byte {error.start} cannot be read). Save it as UTF-8"
        ) from error

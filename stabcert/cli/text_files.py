"""Files that people wrote: their bytes, their text, their lines and rows."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from stabcert.errors import InputError
from stabcert.report.reading import parse_json

_STREAMS = ("/dev/stdin", "/dev/fd/0")  # a terminal is a device, too


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and columns of each row of a .jsonl or .csv file.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    text = read_text(path)
    if path.suffix.lower() == ".jsonl":
        yield from _json_lines(path, text)
        return
    # newline="" lets a quoted field hold line breaks; strict, because a quote that is never closed would swallow rows.
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(path, rows.fieldnames or [])
        for row in rows:
            if any(row.pop(None, [])):  # spreadsheets pad rows with empty fields
                raise InputError(
                    f"{path}, line {rows.line_num} has more fields than the header has columns; put texts with commas "
                    'in quotes, as in "one, two"'
                )
            yield rows.line_num, row
    except csv.Error as error:
        raise InputError(
            f"{path}, line {rows.reader.line_num} is not CSV: {error}; long texts can stand in a .jsonl file, or in "
            "files of their own"
        ) from error


def _check_header(path: Path, columns: Sequence[str]) -> None:
    twice = next((column for column in columns if column and columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{path} has two columns {twice!r}; leave one out, or give it another name")


def read_text(path: Path) -> str:
    return decode(read_file(path), str(path))


def split_lines(text: str) -> list[str]:
    """At line ends alone: a form feed or a line separator of Unicode may stand in a sentence."""
    return re.split(r"\r\n|\n|\r", text)


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number} {error}") from error
        if not isinstance(row, dict):
            raise InputError(f'{path}, line {number} must be an object such as {{"id": "a", "text": "..."}}')
        yield number, row


def read_lines(source: str) -> tuple[str, list[tuple[int, bytes]]]:
    """What messages call ``source``, and its lines that are not empty, with their numbers.

    Args:
        source: a path, or ``"-"`` for standard input.

    Raises:
        InputError: it cannot be read.
    """
    name = "standard input" if source == "-" else source
    data = sys.stdin.buffer.read() if source == "-" else read_file(Path(source))
    return name, [(number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip()]


def read_file(path: Path) -> bytes:
    """The bytes of a file that the user named.

    Raises:
        InputError: it cannot be read, or is a device, which may have no end.
    """
    try:
        if is_there(lambda: path.is_char_device() or path.is_block_device()) and str(path) not in _STREAMS:
            raise InputError(f"{path} is a device; give a file, or - for standard input")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # a null character, or half of a surrogate pair
        raise InputError(f"no such file: {path}; no file can have that name ({error})") from error


def is_file(path: Path) -> bool:
    """`Path.is_file`, also for names that no file can have."""
    return is_there(path.is_file)


def is_there(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except (OSError, ValueError):  # a name that is too long, or that cannot be encoded
        return False


def decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is neither an image nor UTF-8 text (byte {error.start} cannot be read)") from error

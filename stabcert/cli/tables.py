"""Lists of rows with named columns: .jsonl, .ndjson, .json, .csv and .tsv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stabcert.cli.columns import named
from stabcert.cli.suffixes import JSON_LINES, SEPARATED, suffix_of
from stabcert.cli.text_files import read_text
from stabcert.errors import InputError
from stabcert.records.reading import parse_json

_AN_OBJECT = 'must be an object such as {"id": "a", "text": "..."}'


@dataclass(frozen=True)
class Row:
    """One row of a list."""

    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    """The fields by their standard names, see `stabcert.cli.columns.named`."""
    problem: InputError | None = None
    """The reason why the row cannot be read."""


def read_rows(path: Path) -> Iterator[Row]:
    """Yield each row that is not blank.

    Raises:
        InputError: the file cannot be read, or its rest cannot, for instance because a quote is not closed.
    """
    text, suffix = read_text(path), suffix_of(path)
    if suffix in SEPARATED:
        rows = _separated(path, text, SEPARATED[suffix])
    elif suffix == ".json" and text.lstrip()[:1] == "[":
        rows = _array(path, text)
    else:
        rows = _json_lines(path, text)
    for line, fields, problem in rows:
        if problem is None:
            try:
                yield Row(line, named(fields, f"{path}, line {line}"))
            except InputError as error:
                yield Row(line, problem=error)
        else:
            yield Row(line, problem=problem)


_Read = tuple[int, list[tuple[Any, Any]], InputError | None]


def _separated(path: Path, text: str, separator: str) -> Iterator[_Read]:
    # newline="" allows line breaks in a quoted field. strict, because an unclosed quote would swallow rows.
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        _check_header(path, rows.fieldnames or [])
        for row in rows:
            extra = row.pop(None, [])
            if not any(value and value.strip() for value in [*row.values(), *extra]):
                continue  # spreadsheets end with blank rows
            problem = None
            if any(extra):  # spreadsheets also pad rows with empty fields
                name = "commas" if separator == "," else "tabs"
                problem = InputError(
                    f"{path}, line {rows.line_num} has more fields than the header has columns. Put texts with {name} "
                    f'in quotes, as in "one{separator} two"'
                )
            yield rows.line_num, list(row.items()), problem
    except csv.Error as error:
        raise _not_separated(path, rows.reader.line_num, error) from error


def _not_separated(path: Path, line: int, error: csv.Error) -> InputError:
    kind = suffix_of(path).removeprefix(".").upper()
    return InputError(
        f"{path}, line {line} is not {kind}: {error}. Write long texts into a .jsonl file, or into files of their own"
    )


def _check_header(path: Path, columns: Sequence[str]) -> None:
    twice = next((column for column in columns if column and columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{path} has two columns {twice!r}. Leave one out, or give it another name")
    named([(column, None) for column in columns if column.strip()], f"{path}: the header")


def _json_lines(path: Path, text: str) -> Iterator[_Read]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _object(path, number, line)


def _array(path: Path, text: str) -> Iterator[_Read]:
    """Yield the elements of a JSON array, each with the line in which it begins."""
    try:
        parse_json(text)
    except ValueError as error:
        raise InputError(f"{path} {error}. Write an array of objects, or one object a line in a .jsonl file") from error
    decoder, place, line, counted = json.JSONDecoder(), text.index("[") + 1, 1, 0
    while True:
        while text[place] in " \t\r\n,":
            place += 1
        if text[place] == "]":
            return
        line, counted = line + text.count("\n", counted, place), place
        _, end = decoder.raw_decode(text, place)
        yield _object(path, line, text[place:end])
        place = end


def _object(path: Path, line: int, text: str) -> _Read:
    try:
        row = parse_json(text)
    except ValueError as error:
        pretty = suffix_of(path) not in JSON_LINES and text.strip() == "{"
        advice = ". Write an array of objects, [{...}, {...}], or each object on one line" if pretty else ""
        return line, [], InputError(f"{path}, line {line} {error}{advice}")
    if not isinstance(row, dict):
        return line, [], InputError(f"{path}, line {line} {_AN_OBJECT}")
    return line, list(row.items()), None

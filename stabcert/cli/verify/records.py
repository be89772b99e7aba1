"""The lines of a file of records to verify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stabcert.cli.text_files import read_lines
from stabcert.errors import InputError, one_of
from stabcert.records.reading import parse_json
from stabcert.records.writing import SCHEMA

_COMMANDS = ("certify-soft", "certify-hard", "adapt")


@dataclass(frozen=True)
class Line:
    """One line of a file of records."""

    source: str
    number: int
    record: dict[str, Any] | None
    """The record, or None if it cannot be checked."""
    problem: InputError | None

    @property
    def origin(self) -> str:
        return f"{self.source}, line {self.number}"


def lines_of(source: str, command: str) -> list[Line]:
    """Return all lines of a file, or of standard input for ``"-"``. A line without a valid record has a problem.

    Raises:
        InputError: the file cannot be read, or does not contain records.
    """
    name, texts = read_lines(source)
    lines = [_line(name, number, text, command) for number, text in texts]
    if not lines:
        raise InputError(f"{name} contains no records. Make them with `stabcert {command} INPUT --json`")
    return lines


def _line(source: str, number: int, text: bytes, command: str) -> Line:
    origin = f"{source}, line {number}"
    try:
        return Line(source, number, _record(text, command), None)
    except RecursionError:
        return Line(source, number, None, InputError(f"{origin} is nested too deeply"))
    except InputError as error:
        return Line(source, number, None, InputError(f"{origin} {error}"))


def _record(text: bytes, command: str) -> dict[str, Any]:
    """Return a record of ``command`` that contains everything needed to check it.

    Raises:
        InputError: the record cannot be checked. The message continues the name of the line.
    """
    try:
        record = parse_json(text)
    except ValueError as error:
        raise InputError(str(error)) from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise InputError(f"is not a record of stabcert, schema {SCHEMA}")
    made_by = record.get("command")
    if made_by != command:
        if made_by in _COMMANDS:
            raise InputError(f"was made by `stabcert {made_by}`. Check it with `stabcert {made_by} --verify FILE`")
        made = f"was made by `stabcert {made_by}`" if isinstance(made_by, str) else "names no command"
        raise InputError(f"{made}. Give records of {one_of(_COMMANDS)}")
    from stabcert.records.problems import check_record

    try:
        check_record(record, "failed" if record.get("status") == "failed" else command)
    except InputError as error:
        raise InputError(f"is not a valid record of `stabcert {command}`: {error}") from error
    if record["status"] == "failed":
        raise InputError(
            f"certifies nothing: {record['input']['id']} failed when it was made ({record['error']['message']})"
        )
    if command != "adapt" and "request" not in record["result"]:
        version = record["run"]["versions"].get("stabcert", "an unknown version")
        raise InputError(
            f"has no result.request: it was made by stabcert {version}, whose records cannot be reproduced. Certify "
            "the input again with this version"
        )
    return record

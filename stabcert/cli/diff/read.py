"""Records of certificates in the two files that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stabcert.cli.suffixes import suffix_of
from stabcert.cli.text_files import read_file, read_lines
from stabcert.errors import InputError
from stabcert.records.reading import parse_json
from stabcert.records.writing import SCHEMA

COMMANDS = ("certify-soft", "certify-hard")
_CERTIFY = "Certify the inputs, for example with `stabcert certify-soft INPUT --json`"
_INSTEAD = {
    "explain": "An attribution guarantees nothing. Certify it with `stabcert certify-soft --from FILE --json`",
    "smooth-eval": f"It contains means over inputs, not certificates. {_CERTIFY}",
    "adapt": "It already compares two models. Read its screen, or certify inputs with both models",
    "verify": "Give the records that were verified",
    "diff": "Give the two files that were compared",
}


@dataclass(frozen=True)
class Entry:
    """One record of a file."""

    line: int
    record: dict[str, Any]

    @property
    def command(self) -> str:
        return str(self.record["command"])

    @property
    def failed(self) -> bool:
        return bool(self.record["status"] == "failed")

    @property
    def sha256(self) -> str | None:
        """The hash of the input; None for a failed record, which does not contain it."""
        sha256: str | None = None if self.failed else self.record["input"]["sha256"]
        return sha256

    @property
    def certified(self) -> bool:
        return bool(self.record["status"] == "certified")

    @property
    def interrupted(self) -> bool:
        """True if the certificate was interrupted before it met its threshold."""
        return not self.failed and bool(self.record["result"].get("interrupted")) and not self.certified


@dataclass(frozen=True)
class Side:
    """All records of one file."""

    source: str
    entries: list[Entry]
    unchecked: int
    """Records from before records contained their request, whose arithmetic cannot be checked."""


def side_of(source: str) -> Side:
    """Return the records of a file, or of standard input for ``"-"``, after checking each of them.

    A record that contradicts itself is refused, as `stabcert.cli.diff.check` finds it.

    Raises:
        InputError: the file cannot be read, or contains something other than consistent records of certificates.
    """
    name, values = _values(source)
    entries = []
    for number, value in values:
        _check(value, f"{name}, line {number}")
        entries.append(Entry(number, value))
    if not entries:
        raise InputError(f"{name} contains no records. {_CERTIFY}")
    unchecked = sum(not one.failed and "request" not in one.record["result"] for one in entries)
    return Side(name, entries, unchecked)


def _values(source: str) -> tuple[str, list[tuple[int, Any]]]:
    """Return the name of a source, and its values with the number of the line, or of the entry of an array."""
    if source != "-" and suffix_of(source) == ".json":
        try:
            whole = parse_json(read_file(Path(source)))
        except ValueError:  # one record a line, or broken; both are found below
            pass
        else:
            return source, list(enumerate(whole, 1)) if isinstance(whole, list) else [(1, whole)]
    name, lines = read_lines(source)
    found = []
    for number, line in lines:
        try:
            found.append((number, parse_json(line)))
        except ValueError as error:
            raise InputError(f"{name}, line {number} {error}. Write the file again, or leave the line out") from error
    return name, found


def _check(record: Any, origin: str) -> None:
    from stabcert.records.problems import check_record

    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise InputError(f"{origin} is not a record of stabcert, schema {SCHEMA}. {_CERTIFY}")
    command = record.get("command")
    if command not in COMMANDS:
        made = f"was made by `stabcert {command}`" if isinstance(command, str) else "names no command"
        advice = _INSTEAD.get(command, _CERTIFY) if isinstance(command, str) else _CERTIFY
        raise InputError(f"{origin} {made}, and certificates are needed. {advice}")
    try:
        check_record(record, "failed" if record.get("status") == "failed" else command)
    except RecursionError:
        raise InputError(f"{origin} is nested too deeply. Write the file again") from None
    except InputError as error:
        raise InputError(f"{origin} is not a valid record of `stabcert {command}`: {error}. {_CERTIFY}") from error

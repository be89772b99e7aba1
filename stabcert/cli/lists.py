"""The entries of ``--inputs FILE`` as inputs: rows of a table, or one sentence or path on each line."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from stabcert.cli.columns import found_columns, refuse_second, second_of, unread_label
from stabcert.cli.items import Item, broken_item, item_of, label_of, missing_item, text_item, with_second
from stabcert.cli.suffixes import (
    IMAGE_SUFFIXES,
    INPUT_SUFFIXES,
    LISTS,
    SEPARATED,
    TABLES,
    TEXT_SUFFIX,
    convert_advice,
    is_url,
    suffix_of,
    url_advice,
)
from stabcert.cli.tables import Row, read_rows
from stabcert.cli.text_files import is_file, read_text, split_lines
from stabcert.errors import InputError, one_of
from stabcert.models.words import join_passages
from stabcert.records.reading import parse_json


def from_list(path: Path, labelled: bool) -> list[Item]:
    """Return an item for each entry of a list. An unusable entry becomes an item with a problem.

    Raises:
        InputError: the list cannot be read, does not have the suffix of a list, or does not have a column of inputs.
    """
    suffix = suffix_of(path)
    if suffix in TABLES:
        return [replace(_from_row(path, row, labelled), listed=(path, row.line)) for row in _rows(path)]
    if suffix in IMAGE_SUFFIXES:
        raise InputError(f"{path} is an image, and --inputs is for a list. Write {path} without --inputs")
    if suffix not in ("", TEXT_SUFFIX):
        raise InputError(
            f"--inputs must be a list with the suffix {one_of(LISTS)}, got {path}. To read a "
            "sentence or a path from each line, rename or copy it to .txt"
        )
    lines = [(number, line) for number, line in enumerate(split_lines(read_text(path)), start=1) if line.strip()]
    if lines and _is_object(lines[0][1]):
        raise InputError(
            f"{path} has a JSON object a line, but {suffix or 'no suffix'} is for plain sentences and paths. "
            "Rename or copy it to .jsonl"
        )
    return [replace(_from_line(path, number, line), listed=(path, number)) for number, line in lines]


def _rows(path: Path) -> list[Row]:
    rows = list(read_rows(path))
    if suffix_of(path) in SEPARATED:
        # All rows share one header, so that a missing column is reported once.
        header = next((row.fields for row in rows if row.problem is None), None)
        if header is not None and not header.keys() & {"text", "path"}:
            raise InputError(f'{path} has neither a column "text" nor a column "path" ({found_columns([*header])})')
    return rows


def _from_row(path: Path, row: Row, labelled: bool) -> Item:
    place = f"{path}, line {row.line}"
    identity = row.fields.get("id")
    named = identity not in (None, "")  # 0 is an id
    name = str(identity) if named else f"{path}:{row.line}"
    try:
        if row.problem is not None:
            raise row.problem
        return item_of_row(path, row, place, name, named, labelled)
    except InputError as error:
        return broken_item(name, error)


def item_of_row(path: Path, row: Row, place: str, name: str, named: bool, labelled: bool) -> Item:
    """Return the input of a row of a list.

    Args:
        path: the list.
        place: the row in messages.
        name: the id of the row.
        named: whether the row gives the id.

    Raises:
        InputError: the row does not have exactly one input.
    """
    fields = row.fields
    if isinstance(fields.get("text"), list):
        fields = fields | {"text": join_passages(fields["text"])}
    text, file = (value if isinstance(value, str) and value else None for value in map(fields.get, ("text", "path")))
    if text is not None and file is not None:
        raise InputError(
            f'{place} has both a "text" and a "path", but only one of them would be certified. Leave one out, or '
            'rename it "meta_text" or "meta_path" if the model does not read it'
        )
    if text is None and file is None:
        raise InputError(f'{place} has neither a "text" nor a "path" {_instead(fields)}')
    refuse_second(fields, "path" if text is None else "text", place)
    item = text_item(name, text) if text is not None else _file(path, place, file or "", name if named else file)
    item = with_second(item, second_of(fields, place, separated=suffix_of(path) in SEPARATED), place)
    if not labelled:
        return item
    unread = unread_label(fields)
    if unread is not None:
        raise InputError(f"{place}: the field {unread!r} looks like a label. Rename it to 'label', or leave it out")
    return replace(item, label=label_of(fields.get("label"), place))


def _instead(fields: dict[str, Any]) -> str:
    empty = [name for name in ("text", "path") if name in fields]
    if not empty:
        return f"({found_columns([*fields])})"
    wrong = next((name for name in empty if fields[name] not in (None, "")), None)
    if wrong is None:
        return f'with something in it. Fill in "{empty[0]}", or take the line out'
    return f'that is text in quotes. Write {{"{wrong}": "..."}}'


def _from_line(path: Path, number: int, line: str) -> Item:
    name = line.strip()
    identity = f"{path}:{number}"
    if is_url(name):
        return broken_item(identity, InputError(f"{path}, line {number}: {url_advice(name)}"))
    if _is_path(path, name):
        return _file(path, f"{path}, line {number}", name, name)
    try:
        return text_item(identity, name)
    except InputError as error:
        return broken_item(identity, error)


def _is_path(listing: Path, name: str) -> bool:
    """Return whether a line names a file, by its suffix or because the file exists."""
    if "\0" in name:
        return False
    if suffix_of(name) in INPUT_SUFFIXES or convert_advice(name) is not None:
        return True
    # One word with a suffix or a folder may name a file of any kind. Any other word is a sentence.
    single = not any(character.isspace() for character in name)
    return single and ("/" in name or suffix_of(name) != "") and _found(listing, name) is not None


def _file(listing: Path, place: str, name: str, identity: str | None) -> Item:
    """Return a file that a list names, relative to the folder of the list or to the working directory."""
    identity = name if identity is None else identity
    if is_url(name):
        return missing_item(identity, Path(name), InputError(f"{place}: {url_advice(name)}"))
    path = _found(listing, name)
    if path is not None:
        return item_of(path, identity)
    unwritable = _unwritable(name)
    problem = f"no such file: {name} ({place}). It is neither beside the list nor in the working directory{unwritable}"
    return missing_item(identity, Path(name), InputError(problem))


def _found(listing: Path, name: str) -> Path | None:
    candidates = (listing.parent / name, Path(name), Path(os.path.expanduser(name)))
    return next((candidate for candidate in candidates if is_file(candidate)), None)


def _unwritable(name: str) -> str:
    encoding = sys.getfilesystemencoding()
    try:
        name.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return f". The locale's encoding, {encoding}, cannot write that name: set LC_ALL=C.UTF-8 or PYTHONUTF8=1"
    return ""


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(parse_json(line), dict)
    except ValueError:
        return False

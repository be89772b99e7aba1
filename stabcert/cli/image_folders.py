"""Folders with a file of labels beside their files, as the library ``datasets`` reads them (``imagefolder``)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from stabcert.cli.columns import unread_label
from stabcert.cli.items import Item, item_of, label_of, missing_item
from stabcert.cli.tables import Row, read_rows
from stabcert.cli.text_files import is_file
from stabcert.errors import InputError

_METADATA = ("metadata.csv", "metadata.jsonl")
_NAME = "file_name"


def from_metadata(directory: Path) -> list[Item] | None:
    """Return the files that ``metadata.csv`` or ``metadata.jsonl`` names, with their labels.

    The column ``file_name`` is relative to the folder; ``label`` is the name of a class or its number. Return None
    without such a file, or if it does not have both columns.

    Raises:
        InputError: the file cannot be read, both files exist, or a column that looks like a label has another name.
    """
    found = [directory / name for name in _METADATA if is_file(directory / name)]
    if len(found) > 1:
        raise InputError(f"{directory} has both {_METADATA[0]} and {_METADATA[1]}. Leave one of them")
    if not found:
        return None
    rows = list(read_rows(found[0]))
    named = [row for row in rows if row.problem is None and _NAME in row.fields]
    if not named:
        return None
    if not any("label" in row.fields for row in named):
        like = next((name for row in named if (name := unread_label(row.fields)) is not None), None)
        if like is not None:
            raise InputError(f"{found[0]}: the column {like!r} looks like a label. Rename it to 'label'")
        return None
    return [_item(found[0], row) for row in rows]


def _item(metadata: Path, row: Row) -> Item:
    place = f"{metadata}, line {row.line}"
    name: Any = row.fields.get(_NAME)
    path = metadata.parent / str(name or "")
    try:
        if row.problem is not None:
            raise row.problem
        if not isinstance(name, str) or not name:
            raise InputError(f"{place} has no {_NAME!r}. Fill it in, or take the line out")
        if not is_file(path):
            raise InputError(f"no such file: {path} ({place})")
        return replace(item_of(path, str(path)), label=label_of(row.fields.get("label"), place))
    except InputError as error:
        return missing_item(str(path) if name else place, path, error)

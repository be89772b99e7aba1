"""Rows of columns as inputs: of a .parquet, .arrow or .feather file for ``--inputs``, and of a ``--dataset``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stabcert.cli.columnar import Columnar, is_image, is_text, open_file
from stabcert.cli.columns import named, refuse_second, second_of, unread_label
from stabcert.cli.data_sets import open_slices
from stabcert.cli.items import Item, Label, broken_item, label_of, text_item, with_second
from stabcert.cli.lists import item_of_row
from stabcert.cli.stored import Stored
from stabcert.cli.tables import Row
from stabcert.errors import InputError, ParameterError
from stabcert.models.words import join_passages


@dataclass(frozen=True)
class Choice:
    """The columns that the user named."""

    column: str | None = None
    """The column of texts or images; two columns of texts, separated by a comma, are pairs."""
    label_column: str | None = None
    labelled: bool = False
    """True if the command uses labels."""


def from_file(path: Path, choice: Choice) -> Iterator[Item]:
    """Yield an item for each row of a file. An unusable row becomes an item with a problem.

    Raises:
        InputError: the file cannot be read, or does not have a column of inputs.
        ParameterError: a named column does not exist, or pyarrow is not installed.
    """
    rows = open_file(path)
    reader = _Reader(rows, choice, path, partial(Stored, str(path), None))
    return (reader.item(number, row) for number, row in rows.rows(reader.columns))


def from_data_set(name: str, split: str | None, choice: Choice, *, offline: bool) -> Iterator[Item]:
    """Yield an item for each row of a split, or of a part of it, see `stabcert.cli.data_sets.open_slices`.

    Ids are the name, the split and the number of the row in the whole split.
    """
    for part in open_slices(name, split, offline=offline):
        reader = _Reader(part.rows, choice, None, partial(Stored, name, part.split, offline=offline))
        for number, row in part.rows.part(part.numbers, reader.columns):
            yield reader.item(number, row)


class _Reader:
    """The conversion of rows to items.

    Args:
        file: the file of the rows, whose paths and ids count; None for a data set.
        store: makes the place of an image from the number of its row and its column.
    """

    def __init__(self, rows: Columnar, choice: Choice, file: Path | None, store: Any) -> None:
        self._name, self._choice, self._file, self._store = rows.name, choice, file, store
        names: list[str] = list(rows.schema.names)
        if len(set(names)) < len(names):
            raise InputError(f"{self._name} has two columns of one name ({_listed(names)}). Rename one")
        self._standard = {
            name: standard for standard, name in named(zip(names, names, strict=True), self._name).items()
        }
        images = [name for name in names if is_image(rows.schema, name)]
        self._image, self._texts = self._inputs(rows.schema, names, images)
        self._label = self._label_column(names)
        self._classes = None if self._label is None else rows.class_names.get(self._label)
        self.columns = self._read(rows.schema, names, images)
        """The columns whose values are needed to list the rows."""

    def item(self, number: int, row: dict[str, Any]) -> Item:
        """Return the input of a row."""
        place = f"{self._name}:{number}"
        identity = None if self._file is None else row.get(self._column_of("id") or "")
        named_row = identity not in (None, "")
        name = str(identity) if named_row else place
        try:
            item = self._item(number, row, place, name, named_row)
            return replace(item, label=self._label_of(row, place)) if self._choice.labelled else item
        except InputError as error:
            return broken_item(name, error)

    def _item(self, number: int, row: dict[str, Any], place: str, name: str, named_row: bool) -> Item:
        fields = {self._standard[column]: value for column, value in row.items() if column != self._label}
        if self._choice.column is None:
            self._check_rest(fields, place)
        if self._image is not None:
            return Item(name, "image", stored=self._store(row=number, column=self._image))
        if self._texts is None:
            return item_of_row(self._file or Path(), Row(number, fields), place, name, named_row, False)
        first, *rest = (self._text(row, column, place) for column in self._texts)
        item = text_item(name, first)
        second = rest[0] if rest else None if self._choice.column else second_of(fields, place, separated=False)
        return with_second(item, second, place)

    def _text(self, row: dict[str, Any], column: str, place: str) -> str:
        value = row[column]
        if value is None:
            raise InputError(f"{place}: {column!r} is null. Leave the row out, or fill it in")
        return join_passages(value) if isinstance(value, list) else str(value)

    def _check_rest(self, fields: dict[str, Any], place: str) -> None:
        """Check that the columns that are not read do not look like inputs or labels."""
        certified = self._image or (self._texts[0] if self._texts else "text" if fields.get("text") else "path")
        try:
            refuse_second(fields, certified, place)
        except InputError as error:
            raise InputError(f"{error}. To leave it out, name the column to read: --column {certified}") from error
        unread = unread_label(fields) if self._choice.labelled and self._label is None else None
        if unread is not None:
            raise InputError(f"{place}: the column {unread!r} looks like a label. Write --label-column {unread}")

    def _label_of(self, row: dict[str, Any], place: str) -> Label | None:
        value = None if self._label is None else row[self._label]
        if isinstance(value, float) and value.is_integer():  # pandas writes integers so, if one is missing
            value = int(value)
        if self._classes is None or not isinstance(value, int):
            return label_of(value, place)
        if value == -1:  # the mark of a row without a label
            return None
        if not 0 <= value < len(self._classes):
            raise InputError(f"{place}: class {value} does not exist. {self._label!r} has {len(self._classes)} classes")
        return Label(self._classes[value], place, self._classes)

    def _inputs(self, schema: Any, names: Sequence[str], images: list[str]) -> tuple[str | None, list[str] | None]:
        """Return the column of images, or the columns of texts. Neither is returned for rows with paths of files."""
        column = self._choice.column
        if column is not None:
            chosen = [column] if column in names else [name.strip() for name in column.split(",")]
            for name in chosen:
                self._check_exists("--column", name, names)
            if len(chosen) == 1 and column in images:
                return column, None
            wrong = next((name for name in chosen if not is_text(schema, name)), None)
            if wrong is not None or len(chosen) > 2:
                kind = "" if wrong is None else f" of type {schema.field(wrong).type}"
                raise ParameterError(
                    f"--column must be a column of texts or images, or two of texts as A,B, got {column!r}{kind}. "
                    f"{self._name} has {_listed(names)}"
                )
            return None, chosen
        given = [name for name in names if self._standard[name] in ("text", "path")]
        if len(images) > 1 or (images and given):
            raise ParameterError(
                f"{self._name} has several columns of inputs ({_listed([*images, *given])}). Choose one with "
                f"--column {images[0]}"
            )
        if images:
            return images[0], None
        texts = [name for name in given if self._standard[name] == "text"]
        if not given or (self._file is None and not texts):
            raise ParameterError(
                f'{self._name} has neither a column "text" nor a column of images. Name the column with --column: it '
                f"has {_listed(names)}. For pairs of texts write --column A,B"
            )
        return None, None if self._file is not None else texts

    def _label_column(self, names: Sequence[str]) -> str | None:
        asked = self._choice.label_column
        if asked is not None:
            self._check_exists("--label-column", asked, names)
            return asked
        return self._column_of("label")

    def _check_exists(self, flag: str, name: str, names: Sequence[str]) -> None:
        if name not in names:
            raise ParameterError(f"{flag} must be a column of {self._name}, got {name!r}. It has {_listed(names)}")

    def _column_of(self, standard: str) -> str | None:
        return next((name for name, known in self._standard.items() if known == standard), None)

    def _read(self, schema: Any, names: Sequence[str], images: Sequence[str]) -> list[str]:
        if self._choice.column is not None:
            wanted = [*(self._texts or ()), self._label, self._column_of("id")]
            return [name for name in names if name in wanted]
        # Values of other columns are looked at only to see whether a model might read them.
        return [
            name
            for name in names
            if name == self._label
            or (name not in images and (not _is_nested(schema, name) or "string" in str(schema.field(name).type)))
        ]


def _is_nested(schema: Any, name: str) -> bool:
    from pyarrow import types

    return bool(types.is_nested(schema.field(name).type))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "no columns"

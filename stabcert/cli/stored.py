"""An image inside of a data set, which is read when it is needed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from stabcert.cli.columnar import Columnar, open_file
from stabcert.cli.data_sets import open_split
from stabcert.cli.text_files import read_file
from stabcert.errors import InputError


@dataclass(frozen=True)
class Stored:
    """The place of an image: a column and a row of a file, or of a split of a data set."""

    dataset: str
    """The path of the file, or the name of the data set."""
    split: str | None
    """The split of the data set, or None for a file."""
    row: int
    """The number of the row, from 0."""
    column: str
    offline: bool = field(default=False, compare=False)

    @property
    def place(self) -> str:
        """The row in messages."""
        return f"{self.dataset}:{self.row}" if self.split is None else f"{self.dataset}:{self.split}:{self.row}"

    def read(self) -> bytes:
        """Return the bytes of the image.

        Raises:
            InputError: the row does not contain an image, or the data set cannot be read.
        """
        rows = _open(self)
        if self.column not in rows.schema.names:
            raise InputError(f"{self.place}: the column {self.column!r} does not exist any more")
        value = rows.value(self.row, self.column)
        data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if data is not None:
            return bytes(data)
        if not path:
            raise InputError(f"{self.place}: {self.column!r} is null. Leave the row out, or fill it in")
        beside = Path() if self.split is not None else Path(self.dataset).parent
        return read_file(beside / path)

    def describe(self) -> dict[str, Any]:
        """Return the place as it is in records."""
        return {"dataset": self.dataset, "split": self.split, "row": self.row, "column": self.column}


def _open(stored: Stored) -> Columnar:
    """Return the rows of a file or a split. A process opens each once, as long as the file is the same."""
    try:
        status = os.stat(stored.dataset)
        stamp = (os.getcwd(), status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:  # a name of the hub; a missing file is reported where it is opened
        stamp = None
    return _opened(stored.dataset, stored.split, stored.offline, stamp)


@lru_cache(maxsize=4)
def _opened(dataset: str, split: str | None, offline: bool, stamp: tuple[str | int, ...] | None) -> Columnar:
    return open_file(Path(dataset)) if split is None else open_split(dataset, split, offline=offline)

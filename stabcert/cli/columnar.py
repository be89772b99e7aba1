"""Rows of columns, read a part at a time: a .parquet, .arrow or .feather file, or a split of a data set."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

from stabcert.cli.suffixes import suffix_of
from stabcert.cli.text_files import is_file
from stabcert.errors import InputError, ParameterError

_CHUNK = 1000
"""Rows that are read together."""
_EXTRA = 'Install it with pip install "stabcert-attributions[data]"'


class Columnar(Protocol):
    """Rows with named columns, which are not in memory."""

    name: str
    """The name in messages and ids of rows."""
    schema: Any
    """The `pyarrow.Schema` of the columns."""
    class_names: Mapping[str, tuple[str, ...]]
    """The names of the classes of each column of class numbers that has names."""

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number of each row, from 0, and its values in ``columns``."""

    def value(self, row: int, column: str) -> Any:
        """Return one value."""


class ParquetRows:
    """The rows of a .parquet file. One group of rows is in memory at a time."""

    def __init__(self, path: Path) -> None:
        from pyarrow.parquet import ParquetFile

        self.name = str(path)
        self._file = ParquetFile(path, memory_map=True)
        self.schema = self._file.schema_arrow
        self.class_names: Mapping[str, tuple[str, ...]] = class_names_of(self.schema)
        sizes = (self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups))
        self._ends = list(accumulate(sizes))
        self._group = lru_cache(maxsize=1)(self._read_group)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        batches = self._file.iter_batches(batch_size=_CHUNK, columns=list(columns)) if columns else ()
        yield from enumerate(row for batch in batches for row in batch.to_pylist())
        if not columns:
            yield from ((row, {}) for row in range(self._ends[-1] if self._ends else 0))

    def value(self, row: int, column: str) -> Any:
        group = bisect_right(self._ends, row)
        if group == len(self._ends):
            raise InputError(f"{self.name} does not have a row {row}. It has changed since it was listed")
        start = self._ends[group - 1] if group else 0
        return self._group(group, column)[row - start].as_py()

    def _read_group(self, group: int, column: str) -> Any:
        return self._file.read_row_group(group, columns=[column]).column(column)


class ArrowRows:
    """The rows of an .arrow or .feather file, which is mapped into memory, not read."""

    def __init__(self, path: Path) -> None:
        import pyarrow

        self.name = str(path)
        mapped = pyarrow.memory_map(str(path))
        try:
            self._table = pyarrow.ipc.open_file(mapped).read_all()
        except pyarrow.ArrowInvalid:  # the library `datasets` writes streams
            mapped.seek(0)
            self._table = pyarrow.ipc.open_stream(mapped).read_all()
        self.schema = self._table.schema
        self.class_names: Mapping[str, tuple[str, ...]] = class_names_of(self.schema)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        table = self._table.select(list(columns))
        for start in range(0, len(table), _CHUNK):
            part = table.slice(start, _CHUNK)
            yield from enumerate(part.to_pylist() if columns else [{}] * len(part), start=start)

    def value(self, row: int, column: str) -> Any:
        if row >= len(self._table):
            raise InputError(f"{self.name} does not have a row {row}. It has changed since it was listed")
        return self._table.column(column)[row].as_py()


def open_file(path: Path) -> Columnar:
    """Return the rows of a .parquet, .arrow or .feather file.

    Raises:
        InputError: the file does not exist, is not a regular file, or has another format.
        ParameterError: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise ParameterError(f"{path} needs pyarrow. {_EXTRA}") from error
    if not is_file(path):
        raise InputError(f"{path} is not a regular file" if path.exists() else f"no such file: {path}")
    try:
        return ParquetRows(path) if suffix_of(path) == ".parquet" else ArrowRows(path)
    except (pyarrow.ArrowException, OSError) as error:
        kind = "Parquet" if suffix_of(path) == ".parquet" else "Arrow"
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"the {kind} file {path} cannot be read ({reason}). Write the file again") from error


def class_names_of(schema: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of classes that the library ``datasets`` wrote into the schema of a file."""
    return {
        column: tuple(str(name) for name in feature["names"])
        for column, feature in _features(schema).items()
        if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }


def is_image(schema: Any, column: str) -> bool:
    """Return whether a column contains images: the bytes of files, alone or in the form of the Hugging Face hub."""
    from pyarrow import types

    kind = schema.field(column).type
    if _features(schema).get(column, {}).get("_type", "Image") not in ("Image", "Value"):
        return False
    if types.is_struct(kind):
        inside = {field.name: field.type for field in kind}
        return _is_binary(inside.get("bytes"))
    return _is_binary(kind)


def is_text(schema: Any, column: str) -> bool:
    """Return whether a column contains texts, or lists of them."""
    from pyarrow import types

    kind = schema.field(column).type
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    return any(test(kind) for test in tests)


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return kind is not None and any(test(kind) for test in tests)


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """Return the description of each column by the library ``datasets``; empty without one."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return {name: feature for name, feature in features.items() if isinstance(feature, dict)}

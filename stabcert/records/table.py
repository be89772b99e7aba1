"""Records as the rows of a table: the columns, and the Parquet file that contains them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from stabcert.errors import InputError, ParameterError
from stabcert.records.reading import parse_json

Kind = Literal["text", "number", "count", "truth"]
RECORD = "record"
"""The column with the whole record."""
EXTRA = 'pip install "stabcert-attributions[data]"'

COLUMNS: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "command": ("text", ("command",)),
    "status": ("text", ("status",)),
    "reason": ("text", ("reason",)),
    "key": ("text", ("key",)),
    "input_id": ("text", ("input", "id")),
    "input_kind": ("text", ("input", "kind")),
    "input_sha256": ("text", ("input", "sha256")),
    "path": ("text", ("input", "path")),
    "text": ("text", ("input", "text")),
    "text_pair": ("text", ("input", "text_pair")),
    "model": ("text", ("model", "id")),
    "model_sha256": ("text", ("model", "sha256")),
    "prediction": ("text", ("prediction", "label")),
    "prediction_id": ("count", ("prediction", "id")),
    "probability": ("number", ("prediction", "probability")),
    "method": ("text", ("explanation", "method")),
    "features": ("count", ("explanation", "n")),
    "kept": ("count", ("explanation", "k")),
    "masked_prediction": ("text", ("explanation", "masked_prediction", "label")),
    "consistent": ("truth", ("explanation", "consistent")),
    "vacuous": ("truth", ("explanation", "vacuous")),
    "radius": ("count", ("result", "rates", "radius")),
    "samples": ("count", ("result", "rates", "samples")),
    "rate": ("number", ("result", "rates", "rate")),
    "rate_lower": ("number", ("result", "rates", "lower")),
    "rate_upper": ("number", ("result", "rates", "upper")),
    "lambda": ("text", ("result", "lambda")),
    "radius_incremental": ("count", ("result", "radius_incremental")),
    "radius_decremental": ("count", ("result", "radius_decremental")),
    "error": ("text", ("error", "message")),
    "seed": ("count", ("run", "seed")),
    "device": ("text", ("run", "device")),
    "evaluations": ("count", ("run", "evaluations")),
    "seconds": ("number", ("run", "seconds")),
}
"""The kind of each column, and its place in a record. Of several radii, the largest one counts."""

_ROWS = 1000


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return the value of each column, or None where a record does not have it."""
    return {name: _value(record, kind, place) for name, (kind, place) in COLUMNS.items()}


def _value(record: Any, kind: Kind, place: tuple[str, ...]) -> Any:
    for name in place:
        if isinstance(record, list):
            record = max(record, key=_radius, default=None)
        record = record.get(name) if isinstance(record, dict) else None
    if kind == "text":
        # Names of files may contain what is not Unicode.
        return record.encode("utf-8", "backslashreplace").decode() if isinstance(record, str) else None
    if kind == "truth":
        return record if isinstance(record, bool) else None
    if isinstance(record, bool) or not isinstance(record, (int, float)):
        return None
    return record if kind == "count" else float(record)


def _radius(rate: Any) -> int:
    radius = rate.get("radius") if isinstance(rate, dict) else None
    return radius if isinstance(radius, int) else -1


def to_parquet(lines: Iterable[str]) -> bytes:
    """Return a Parquet file with one row for each line, which is a record.

    Raises:
        ParameterError: pyarrow is not installed.
    """
    pyarrow = import_pyarrow("Parquet files")
    types = {
        "text": pyarrow.string(),
        "number": pyarrow.float64(),
        "count": pyarrow.int64(),
        "truth": pyarrow.bool_(),
    }
    fields = [(name, types[kind]) for name, (kind, _) in COLUMNS.items()]
    schema = pyarrow.schema([*fields, (RECORD, pyarrow.string())])
    out = pyarrow.BufferOutputStream()
    with pyarrow.parquet.ParquetWriter(out, schema) as writer:
        for part in _parts(lines):
            rows = [row_of(parse_json(line)) | {RECORD: line} for line in part]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
    return bytes(out.getvalue())


def _parts(lines: Iterable[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for line in lines:
        part.append(line)
        if len(part) == _ROWS:
            yield part
            part = []
    if part:
        yield part


def lines_in(path: Path) -> list[str]:
    """Return the records in a Parquet file, each as a line of JSON.

    Raises:
        InputError: the file cannot be read, or is not a table of records.
        ParameterError: pyarrow is not installed.
    """
    pyarrow = import_pyarrow(str(path))
    try:
        file = pyarrow.parquet.ParquetFile(path)
        if RECORD in file.schema_arrow.names and file.schema_arrow.field(RECORD).type == pyarrow.string():
            return [str(line) for line in file.read(columns=[RECORD]).column(RECORD).to_pylist()]
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{path} is not a Parquet file that can be read ({reason}). Name another file") from error
    raise InputError(f"{path} is not a table of stabcert records: it has no column {RECORD!r}. Name another file")


def import_pyarrow(what: str) -> Any:
    """Import pyarrow with its Parquet files, and return it.

    Args:
        what: what needs it, in the plural or as the name of a file.

    Raises:
        ParameterError: it is not installed. The message names the command that installs it.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ParameterError(f"pyarrow is needed for {what}. Install it with {EXTRA}") from error
    return pyarrow

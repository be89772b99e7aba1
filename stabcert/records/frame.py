"""Records as a pandas data frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcert.errors import InputError, ParameterError
from stabcert.records.reading import parse_json
from stabcert.records.table import COLUMNS, EXTRA, RECORD, lines_in, row_of

if TYPE_CHECKING:
    import pandas

_DTYPES = {"text": "string", "number": "Float64", "count": "Int64", "truth": "boolean"}


def read_records(path: str | Path | Sequence[str | Path]) -> pandas.DataFrame:
    """Return the records that commands wrote (``--output``, ``--json``) as a data frame, one row for each.

    Columns are null where a record does not have the value:

    - ``command``, ``status``, ``reason``, ``key``; ``error`` is the message of a failed input
    - ``input_id``, ``input_kind``, ``input_sha256``, ``path``, ``text``, ``text_pair``
    - ``model``, ``model_sha256``; ``prediction``, ``prediction_id`` and ``probability`` on the full input
    - ``method``, ``features`` (their number) and ``kept``, ``masked_prediction``, ``consistent``, ``vacuous``
    - of ``certify-soft``, at the largest radius: ``radius``, ``samples``, ``rate``, ``rate_lower``, ``rate_upper``
    - of ``certify-hard``: ``lambda``, ``radius_incremental``, ``radius_decremental``
    - ``seed``, ``device``, ``evaluations``, ``seconds``
    - ``record``: the whole record as a dict

    Parquet files of ``--output FILE.parquet`` have the same columns, with the record as a string of JSON. Needs the
    extra ``data``.

    Args:
        path: a .jsonl, .json or .parquet file, or several.

    Raises:
        InputError: a file cannot be read, or contains something other than records.
        ParameterError: pandas, or pyarrow for a Parquet file, is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ParameterError(f"pandas is needed for read_records. Install it with {EXTRA}") from error
    if isinstance(path, dict):
        raise InputError("path must be a file or several, got a dict. Use pandas.json_normalize(record) for one record")
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    records = [record for one in paths for record in _records(Path(one))]
    rows = [row_of(record) | {RECORD: record} for record in records]
    frame = pandas.DataFrame(rows, columns=[*COLUMNS, RECORD])
    return frame.astype({name: _DTYPES[kind] for name, (kind, _) in COLUMNS.items()})


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(_values(path), start=1):
        if not isinstance(record, dict) or not str(record.get("schema")).startswith("stabcert/"):
            raise InputError(f"{path}: entry {number} is not a record of stabcert. Name a file of --output or --json")
        yield record


def _values(path: Path) -> Iterator[Any]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from (_parsed(path, number, line) for number, line in enumerate(lines_in(path), start=1))
        return
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if suffix == ".json" and data.lstrip()[:1] == b"[":
        found = _parsed(path, 1, data)
        yield from found
        return
    if suffix == ".json" and data.strip().count(b"\n") and not _is_one_a_line(data):
        yield _parsed(path, 1, data)
        return
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield _parsed(path, number, line)


def _is_one_a_line(data: bytes) -> bool:
    try:
        return isinstance(parse_json(data.strip().split(b"\n", 1)[0]), dict)
    except ValueError:
        return False


def _parsed(path: Path, number: int, data: bytes | str) -> Any:
    try:
        return parse_json(data)
    except ValueError as error:
        raise InputError(f"{path}, line {number} {error}. Write the file again, or leave the line out") from error

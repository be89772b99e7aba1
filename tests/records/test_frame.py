"""Records as data frames and Parquet files: the same columns from every format, and every record as it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pyarrow.parquet
import pytest

import stabcert
from stabcert.errors import InputError, ParameterError
from stabcert.records.table import COLUMNS, RECORD, lines_in, row_of, to_parquet
from stabcert.records.writing import to_json

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "screens").rglob("*.json*"))


def record(**changes: Any) -> dict[str, Any]:
    """A record with the values that columns have."""
    made = {
        "schema": "stabcert/1",
        "command": "certify-soft",
        "status": "reported",
        "key": "0" * 64,
        "input": {"id": "a\udcff", "kind": "text", "sha256": "1" * 64, "path": None, "text": "a\u2028b"},
        "model": {"id": "demo:text", "sha256": "2" * 64},
        "prediction": {"id": 3, "label": "joy", "probability": 1},
        "explanation": {"method": "lime", "n": 4, "k": 1, "consistent": None, "vacuous": False},
        "result": {
            "rates": [
                {"radius": 1, "samples": 4, "rate": 1.0, "lower": 0.5, "upper": 1},
                {"radius": 3, "samples": 150, "rate": None, "lower": 0.25, "upper": 0.75},
            ]
        },
        "run": {"seed": 0, "device": "cpu", "evaluations": 7, "seconds": 0.5},
    }
    return made | changes


FAILED = {
    "schema": "stabcert/1",
    "command": "explain",
    "status": "failed",
    "key": "",
    "input": {"id": "b", "kind": "text", "path": None},
    "error": {"code": 3, "message": "the text is empty"},
}


def test_every_format_gives_one_frame(tmp_path: Path) -> None:
    records = [record(), FAILED, record(input=None, prediction=None, explanation=None)]
    lines = [to_json(one) for one in records]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "a.json").write_text(json.dumps(records, indent=1))
    (tmp_path / "a.parquet").write_bytes(to_parquet(lines))
    frames = [stabcert.read_records(tmp_path / f"a.{suffix}") for suffix in ("jsonl", "json", "parquet")]
    for frame in frames:
        pandas.testing.assert_frame_equal(frame, frames[0])
        assert list(frame.columns) == [*COLUMNS, RECORD]
        assert frame[RECORD].tolist() == records
    both = stabcert.read_records([tmp_path / "a.jsonl", str(tmp_path / "a.parquet")])
    assert len(both) == 6
    (tmp_path / "one.json").write_text(json.dumps(record(), indent=1))
    assert stabcert.read_records(tmp_path / "one.json")["radius"].tolist() == [3]


def test_the_largest_radius_counts_and_what_is_missing_is_null(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(to_parquet([to_json(record()), to_json(FAILED)]))
    frame = stabcert.read_records(tmp_path / "a.parquet")
    first, failed = (frame.iloc[i] for i in range(2))
    assert (first["radius"], first["rate_lower"], first["samples"]) == (3, 0.25, 150)
    assert pandas.isna(first["rate"])
    assert pandas.isna(first["consistent"])
    assert (first["input_id"], first["text"], first["vacuous"]) == ("a\\udcff", "a\u2028b", False)
    assert (failed["status"], failed["error"], pandas.isna(failed["model"])) == ("failed", "the text is empty", True)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert {str(table.schema.field(name).type) for name in COLUMNS} == {"string", "int64", "double", "bool"}
    assert lines_in(tmp_path / "a.parquet") == [to_json(record()), to_json(FAILED)]


def test_every_column_is_documented() -> None:
    text = stabcert.read_records.__doc__ or ""
    assert [name for name in [*COLUMNS, RECORD] if f"``{name}``" not in text] == []


def test_no_record_that_commands_write_breaks_a_column() -> None:
    seen: set[str] = set()
    for path in GOLDEN:
        for line in path.read_text().splitlines():
            if line.startswith('{"schema"'):
                row = row_of(json.loads(line))
                seen |= {name for name, value in row.items() if value is not None}
    assert not GOLDEN or seen >= {"command", "status", "rate_lower", "radius_incremental", "prediction"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.jsonl", None, "no such file"),
        ("none.parquet", None, "no such file"),
        ("a.jsonl", '{"schema": "stabcert/1"}\n{"schema": ', "line 2 is not JSON"),
        ("a.jsonl", '{"text": "a"}\n', "entry 1 is not a record"),
        ("a.json", "[1]", "entry 1 is not a record"),
        ("a.parquet", "PAR1", "is not a Parquet file"),
    ],
)
def test_what_is_not_records_is_refused(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        stabcert.read_records(tmp_path / name)


def test_a_record_in_the_place_of_a_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"json_normalize\(record\)"):
        stabcert.read_records({"schema": "stabcert/1"})  # type: ignore[arg-type]


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="not a table of stabcert records"):
        stabcert.read_records(tmp_path / "a.parquet")


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_without_the_libraries_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    (tmp_path / "a.parquet").write_bytes(to_parquet([to_json(FAILED)]))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ParameterError, match=rf'{library} is needed .*pip install "stabcert-attributions\[data\]"'):
        stabcert.read_records(tmp_path / "a.parquet")

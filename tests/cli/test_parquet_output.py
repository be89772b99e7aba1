"""``--output FILE.parquet``: one row for each record, complete at any time, and continued after a killed process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stabcert.cli.sinks.parquet import ParquetRecords
from stabcert.cli.sinks.sink import Done
from stabcert.errors import InputError, ParameterError
from stabcert.records.table import lines_in, to_parquet
from stabcert.records.writing import to_json
from stabcert.sweep.journal import Existing
from tests.cli.conftest import Run, without_run


def record(key: int) -> dict[str, object]:
    return {"schema": "stabcert/1", "command": "explain", "status": "reported", "key": f"{key:064}", "input": {}}


def done(key: int) -> Done:
    return Done("new", record(key), None, str(key), lambda: pytest.fail("no document is needed"))


def save(path: Path, existing: Existing, *keys: int) -> None:
    with ParquetRecords(path, existing) as records:
        for key in keys:
            records.save(done(key))


def keys_in(path: Path) -> list[int]:
    return [int(json.loads(line)["key"]) for line in lines_in(path)]


def test_records_are_added_replaced_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    save(path, "refuse", 1, 2)
    assert keys_in(path) == [1, 2]
    with pytest.raises(ParameterError, match=r"records.parquet already holds records"):
        save(path, "refuse", 3)
    save(path, "append", 3)
    save(path, "resume", 4)
    assert keys_in(path) == [1, 2, 3, 4]
    save(path, "overwrite", 5)
    assert keys_in(path) == [5]
    assert [file.name for file in tmp_path.iterdir()] == ["records.parquet"]


def interrupted(path: Path, existing: Existing, *keys: int) -> None:
    with ParquetRecords(path, existing) as records:
        for key in keys:
            records.save(done(key))
        raise KeyError


def test_an_error_leaves_what_is_complete_and_an_old_file_without_new_records(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    for existing, keys in (("refuse", (1,)), ("overwrite", ())):
        with pytest.raises(KeyError):
            interrupted(path, existing, *keys)  # type: ignore[arg-type]
        assert keys_in(path) == [1]
    assert [file.name for file in tmp_path.iterdir()] == ["records.parquet"]


def test_after_a_killed_process_resume_continues_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    path.write_bytes(to_parquet([to_json(record(1))]))
    killed = ParquetRecords(path, "resume").__enter__()
    killed.save(done(2))
    assert killed._journal is not None
    killed._journal.close()
    assert keys_in(path) == [1]
    with pytest.raises(ParameterError, match=r"unfinished\.jsonl already holds records"):
        save(path, "refuse", 3)
    with ParquetRecords(path, "resume") as records:
        assert [int(key) for key in records.finished] == [1, 2]
        assert records.read(f"{2:064}") == record(2)
        records.save(done(3))
    assert keys_in(path) == [1, 2, 3]


def test_two_processes_do_not_write_one_table(tmp_path: Path) -> None:
    path = tmp_path / "records.parquet"
    save(path, "refuse", 1)
    with ParquetRecords(path, "overwrite") as records:  # its lines are empty yet
        with pytest.raises(InputError, match="another process is writing"):
            save(path, "append", 2)
        records.save(done(3))
    assert keys_in(path) == [3]


def test_another_table_or_folder_is_left_as_it_is(tmp_path: Path) -> None:
    import pyarrow.parquet

    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), path)
    before = path.read_bytes()
    for existing in ("refuse", "append", "resume", "overwrite"):
        with pytest.raises(InputError, match="not a table of stabcert records"):
            save(path, existing, 1)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="cannot write"):
        save(tmp_path / "none" / "records.parquet", "refuse", 1)


@pytest.mark.slow
def test_a_command_writes_explains_and_verifies_tables(run: Run, bert: Path, tmp_path: Path) -> None:
    texts = ["-t", "a great film", "-t", " ", "-t", "not bad"]
    lines, table = tmp_path / "records.jsonl", tmp_path / "records.parquet"
    arguments = ["certify-soft", *texts, "-m", bert, "--method", "occlusion", "--keep-going"]
    assert run(*arguments, "-o", lines).code == run(*arguments, "-o", table).code == 4
    expected = [without_run(json.loads(line)) for line in lines.read_text().splitlines()]
    assert [without_run(json.loads(line)) for line in lines_in(table)] == expected
    ran = run(*arguments, "-o", table, "--resume")
    assert "2 of 3 inputs skipped" in ran.stderr
    assert run("certify-soft", "--verify", table, "--fast", "--keep-going").code == 4
    run("explain", *texts[:2], "-m", bert, "--method", "occlusion", "-o", tmp_path / "explained.parquet")
    ran = run("certify-soft", "--from", tmp_path / "explained.parquet", "--json")
    assert [one["input"]["text"] for one in ran.records] == ["a great film"]

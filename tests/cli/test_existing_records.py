"""``-o FILE`` where FILE holds records: refused, unless one of three options tells what to do with them."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from stabcert.cli.certifying import Certifier
from stabcert.errors import InputError
from tests.cli.conftest import Run

pytestmark = pytest.mark.slow

PARTIAL = '{"schema": "stabcert/1", "com'


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def command(bert: Path, output: Path) -> list[object]:
    return ["explain", "-m", bert, "--method", "random", "--quiet", "-o", output]


def texts(path: Path) -> list[str]:
    return [json.loads(line)["input"]["text"] for line in path.read_text().splitlines()]


def test_a_file_that_holds_records_is_refused_before_a_model_is_loaded(
    run: Run, command: list[object], output: Path
) -> None:
    run(*command, "-t", "a film")
    before = output.read_bytes()
    for model in (command[2], "a-model-that-only-the-hub-could-have"):
        ran = run("explain", "-m", model, *command[3:], "-t", "bad")
        assert (ran.code, ran.stdout) == (2, "")
        assert all(name in ran.stderr for name in ("--resume", "--append", "--overwrite", "another file"))
    assert output.read_bytes() == before


def test_records_that_were_cut_off_are_records(run: Run, command: list[object], output: Path) -> None:
    output.write_text(PARTIAL)
    assert run(*command, "-t", "a film").code == 2
    assert run(*command, "-t", "a film", "--append").code == 3
    assert output.read_text() == PARTIAL
    assert run(*command, "-t", "a film", "--overwrite").code == 0
    assert texts(output) == ["a film"]


@pytest.mark.parametrize("option", [None, "--append", "--overwrite", "--resume"])
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_is_missing_or_empty_needs_no_option(
    run: Run, command: list[object], output: Path, option: str | None, exists: bool
) -> None:
    if exists:
        output.touch()
    ran = run(*[part for part in command if part != "--quiet"], "-t", "a film", *([option] if option else []))
    assert (ran.code, texts(output)) == (0, ["a film"])
    assert ("nothing to resume" in ran.stderr) == (option == "--resume" and not exists)


def test_append_adds_and_overwrite_replaces(run: Run, command: list[object], output: Path) -> None:
    run(*command, "-t", "a film")
    assert run(*command, "-t", "bad", "--append").code == 0
    assert texts(output) == ["a film", "bad"]
    output.chmod(0o640)
    assert run(*command, "-t", "bad", "-t", "great", "--overwrite").code == 0
    assert texts(output) == ["bad", "great"]
    assert output.stat().st_mode & 0o777 == 0o640
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "no/such/model", "-t", "bad"],
        ["-t", ""],
        ["gone.txt"],
        ["-t", "bad", "-k", "0"],
        ["-t", "bad", "--plot", "no/such/folder.png"],
    ],
)
def test_old_records_survive_a_run_that_cannot_start(
    run: Run, command: list[object], output: Path, arguments: list[object]
) -> None:
    run(*command, "-t", "a film")
    assert run(*command, *arguments, "--overwrite").code in (2, 3)
    assert texts(output) == ["a film"]
    assert list(output.parent.iterdir()) == [output]


def test_old_records_go_with_the_first_new_one(
    run: Run, command: list[object], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*command, "-t", "a film")
    seen, one = [], Certifier._do

    def look(self: Certifier, task: object, *arguments: object) -> object:
        seen.append(texts(output))
        if len(seen) == 3:
            raise InputError("planted")
        return one(self, task, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Certifier, "_do", look)
    assert run(*command, "-t", "bad", "-t", "great", "-t", "good", "--overwrite").code == 3
    assert seen == [["a film"], ["bad"], ["bad", "great"]]
    assert texts(output) == ["bad", "great"]


def test_a_part_with_nothing_in_it_replaces_all_the_same(run: Run, command: list[object], output: Path) -> None:
    run(*command, "-t", "a film")
    assert run(*command, "-t", "a", "-t", "b", "--shard", "1/9", "--overwrite").code == 0
    assert output.read_text() == ""


@pytest.mark.parametrize("content", ["my notes\n", '{"a": 1}\n'])
@pytest.mark.parametrize("option", ["--append", "--overwrite", "--resume", None])
def test_files_of_others_are_never_replaced(
    run: Run, command: list[object], output: Path, content: str, option: str | None
) -> None:
    output.write_text(content)
    ran = run(*command, "-t", "bad", *([option] if option else []))
    assert (ran.code, output.read_text()) == (3, content)


def test_notes_between_records_are_not_replaced(run: Run, command: list[object], output: Path) -> None:
    run(*command, "-t", "a film")
    record = output.read_text()
    output.write_text(record + "my notes\n" + record)
    assert run(*command, "-t", "bad", "--overwrite").code == 3
    assert output.read_text() == record + "my notes\n" + record


def test_a_pipe_and_a_device_hold_nothing(run: Run, command: list[object], tmp_path: Path) -> None:
    assert run(*command[:-1], "/dev/null", "-t", "bad").code == 0
    assert run(*command[:-1], "/dev/null", "-t", "bad", "--overwrite").code == 0
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert run(*command[:-1], pipe, "-t", "bad").code == 0
    reader.join()
    assert json.loads(read[0])["input"]["text"] == "bad"


def test_records_of_checks_follow_the_same_rule(run: Run, bert: Path, tmp_path: Path) -> None:
    records, checks = tmp_path / "records.jsonl", tmp_path / "checks.jsonl"
    run("certify-soft", "-t", "a great film", "-m", bert, "--method", "random", "-o", records)
    verify = ["certify-soft", "--verify", records, "--fast", "-q", "-o", checks]
    assert run(*verify).code == 0
    ran = run(*verify)
    assert (ran.code, "--append to add to it, --overwrite to replace it" in ran.stderr) == (2, True)
    assert "--resume" not in ran.stderr
    assert run(*verify, "--append").code == 0
    assert len(checks.read_text().splitlines()) == 2
    assert run(*verify, "--overwrite").code == 0
    assert len(checks.read_text().splitlines()) == 1


def test_workers_append_and_replace_like_one_process(
    run: Run, command: list[object], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.pools import Backwards

    monkeypatch.setitem(sys.modules, "ray", object())
    monkeypatch.setattr("stabcert.sweep.pool.import_ray", lambda: None)
    monkeypatch.setattr("stabcert.sweep.pool.Pool", Backwards)
    run(*command, "-t", "a film")
    two = [*command, "-t", "bad", "-t", "great", "--workers", 2]
    assert run(*two).code == 2
    assert run(*two, "--overwrite").code == 0
    assert texts(output) == ["bad", "great"]
    assert run(*two, "--append").code == 0
    assert texts(output) == ["bad", "great"] * 2

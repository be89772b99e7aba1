"""--workers on a real Ray cluster: the records, the pages and the streams of a run without workers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stabcert.cli.certifying import Certifier
from tests.cli.conftest import Run, without_run
from tests.cli.pools import Backwards

TEXTS = ["a great film", "a bad film", " ", "not bad", "the movie was great"]
SENTENCES = [argument for text in TEXTS for argument in ("--text", text)]


@pytest.fixture
def backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stabcert.sweep.pool.Pool", Backwards)


@pytest.mark.slow
@pytest.mark.usefixtures("backwards")
@pytest.mark.parametrize("there", [[], [3, 0], [1, 2], [4, 3, 2, 1, 0]])
def test_whoever_is_first_the_file_and_the_stream_are_in_the_order_of_the_inputs(
    run: Run, bert: Path, tmp_path: Path, there: list[int]
) -> None:
    arguments = ["explain", *SENTENCES, "-m", bert, "--method", "random", "--keep-going"]
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    run(*arguments, "-o", whole)
    lines = whole.read_text().splitlines(keepends=True)
    part.write_text("".join(lines[i] for i in there))
    ran = run(*arguments, "-o", part, "--resume", "--workers", 2, "--json")
    expected = [without_run(json.loads(line)) for line in lines]
    assert [without_run(json.loads(line)) for line in part.read_text().splitlines()] == expected
    finished = set(there) - {2}  # the empty text fails again
    assert [without_run(record) for record in ran.records] == [
        record for i, record in enumerate(expected) if i not in finished
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("backwards")
def test_an_error_of_a_worker_ends_the_command_as_ever(run: Run, bert: Path) -> None:
    ran = run("explain", "-t", " ", "-m", bert, "--method", "random", "--workers", 1)
    assert (ran.code, ran.stdout) == (3, "")
    assert "empty" in ran.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("backwards")
def test_notes_of_workers_are_printed_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    collect = Certifier.collect
    # Nothing that one worker has loaded is there for the next.
    monkeypatch.setattr(
        Certifier, "collect", lambda self, task: collect(replace(self, opening=replace(self.opening, models={})), task)
    )
    ran = run("explain", "-t", "Good.", "-t", "Bad.", "--method", "random", "--workers", 2)
    assert ran.code == 0
    assert ran.stderr.count("built-in demo:text") == 1


@pytest.mark.slow
def test_a_gpu_of_a_number_cannot_be_shared(run: Run, bert: Path) -> None:
    ran = run("explain", "-t", "a film", "-m", bert, "--device", "cuda:0", "--workers", 2)
    assert (ran.code, "--device cuda" in ran.stderr) == (2, True)

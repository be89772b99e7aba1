"""--workers on a real Ray cluster: the records, the pages and the streams of a run without workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stabcert.cli.certifying import Certifier
from tests.cli.conftest import VALIDATOR, Run, without_run
from tests.cli.pools import Backwards
from tests.waiting import finish, wait_for_lines, wait_until_blocked

TEXTS = ["a great film", "a bad film", " ", "not bad", "the movie was great"]
SENTENCES = [argument for text in TEXTS for argument in ("--text", text)]


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here and in the workers: last digits of scores depend on how many threads share a sum."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_two_workers_give_what_one_process_gives(ray_cluster: str, run: Run, bert: Path, tmp_path: Path) -> None:
    arguments = ["certify-soft", *SENTENCES, "-m", bert, "--method", "occlusion", "-r", "1:2", "--keep-going", "--json"]
    serial = run(*arguments, "-o", tmp_path / "serial.jsonl", "--html", tmp_path / "serial.html")
    spread = run(*arguments, "-o", tmp_path / "spread.jsonl", "--html", tmp_path / "spread.html", "--workers", 2)
    assert serial.code == spread.code == 4
    assert [without_run(r) for r in spread.records] == [without_run(r) for r in serial.records]
    assert (tmp_path / "spread.jsonl").read_text() == spread.stdout
    assert spread.stderr.count('Error: "not bad"') == 1
    assert (tmp_path / "spread.html").read_text().count("<section") == 5


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


@pytest.fixture
def many(bert: Path, tmp_path: Path) -> list[str]:
    listed = tmp_path / "texts.txt"
    listed.write_text("\n".join(f"a film number {i}" for i in range(400)))
    arguments = ["explain", "--inputs", str(listed), "-m", str(bert), "--method", "random", "--json", "--workers", "2"]
    return [sys.executable, "-m", "stabcert", *arguments, "-o", str(tmp_path / "out.jsonl")]


@pytest.mark.slow
def test_ctrl_c_on_a_cluster_of_ones_own_keeps_what_is_finished(
    ray_cluster: str, run: Run, many: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [*many, "--ray-address", ray_cluster], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    # Nobody reads its standard output, which holds some forty of the records: it cannot be done before the signal.
    # Blocked there, it cannot lose the signal inside of Ray, either.
    wait_for_lines(output, 3, process)
    wait_until_blocked(output, process)
    process.send_signal(signal.SIGINT)
    out, errors = finish(process)
    assert process.returncode == 130
    assert errors.decode().rstrip().endswith("Error: interrupted")
    assert "Traceback" not in errors.decode()
    shown, kept = out.decode().splitlines(), output.read_text().splitlines()
    for line in kept:
        VALIDATOR.validate(json.loads(line))
    assert set(shown) <= set(kept)
    assert 2 < len(kept) < 400

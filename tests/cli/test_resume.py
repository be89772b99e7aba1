"""Many inputs: killed and resumed, in parts, with failures, the records are those of one undisturbed run."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from stabcert.cli.app import app
from stabcert.cli.call import OutputOptions, RunningOptions
from stabcert.cli.certifying import Certifier
from stabcert.cli.declared import Asked, Declared, Given, declaration_of
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import InputOptions
from stabcert.cli.tasks import result_parameters
from stabcert.errors import InputError
from stabcert.report.canvas import Exhibit
from tests.cli.conftest import VALIDATOR, Run, without_run
from tests.waiting import finish, wait_for_lines

TEXTS = ["a great film", "a bad film", "not bad", "the movie was great", "bad , bad", "a film"]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS))
    return path


@pytest.fixture
def command(bert: Path, listed: Path) -> list[object]:
    """Exit code 1: one of the texts is not certified."""
    arguments = ["--method", "random", "-k", 1, "--radius", 1, "--min-rate", 0.9, "--quiet"]
    return ["certify-soft", "--inputs", listed, "-m", bert, *arguments]


def records(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for record in found:
        VALIDATOR.validate(record)
    return [without_run(record) for record in found]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[set[str]], None]:
    """Makes inputs with these texts fail from now on."""
    one = Certifier._do

    def plant(texts: set[str]) -> None:
        def run(self: Certifier, task: Any, *arguments: Any) -> Any:
            if task.item.text in texts:
                raise InputError("planted")
            return one(self, task, *arguments)

        monkeypatch.setattr(Certifier, "_do", run)

    return plant


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were worked on, in order."""
    one, texts = Certifier._do, list[str]()

    def run(self: Certifier, task: Any, *arguments: Any) -> Any:
        texts.append(task.item.text)
        return one(self, task, *arguments)

    monkeypatch.setattr(Certifier, "_do", run)
    return texts


@pytest.mark.slow
def test_only_inputs_without_a_record_are_done(
    run: Run, command: list[object], tmp_path: Path, done: list[str]
) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    assert run(*command, "-o", whole).code == 1
    lines = whole.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:3]) + lines[3][:100])
    done.clear()
    ran = run(*command, "-o", part, "--resume", "--json")
    assert done == TEXTS[3:]
    assert [without_run(record) for record in ran.records] == records(whole)[3:]
    assert records(part) == records(whole)


def test_verdicts_of_skipped_records_count(run: Run, command: list[object], tmp_path: Path, done: list[str]) -> None:
    output = tmp_path / "out.jsonl"
    assert run(*command, "-o", output).code == 1
    done.clear()
    before = output.read_bytes()
    ran = run(*command[:-1], "-o", output, "--resume")
    assert (ran.code, done, ran.stdout) == (1, [], "")
    assert f"6 of 6 inputs skipped: their records are in {output}" in " ".join(ran.stderr.split())
    assert output.read_bytes() == before


@pytest.mark.slow
def test_failed_inputs_are_tried_again_and_take_their_place(
    run: Run, command: list[object], tmp_path: Path, fails: Callable[[set[str]], None]
) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    run(*command, "-o", whole)
    fails({TEXTS[0], TEXTS[2]})
    assert run(*command, "-o", part, "--keep-going").code == 4
    assert [record["status"] == "failed" for record in records(part)] == [True, False, True, False, False, False]
    failing = part.read_bytes()
    assert run(*command, "-o", part, "--keep-going", "--resume").code == 4
    assert part.read_bytes() == failing
    fails(set())
    assert run(*command, "-o", part, "--resume").code == 1
    assert records(part) == records(whole)


@pytest.mark.slow
def test_an_interrupted_certificate_is_made_again(run: Run, command: list[object], tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    run(*command, "-o", whole)
    lines = [json.loads(line) for line in whole.read_text().splitlines()]
    lines[1]["result"]["interrupted"] = True
    part.write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
    run(*command, "-o", part, "--resume")
    assert records(part) == records(whole)


@pytest.mark.slow
def test_inputs_twice_in_a_list_are_two_records(run: Run, bert: Path, tmp_path: Path) -> None:
    listed, whole, part = tmp_path / "texts.jsonl", tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    rows = [("a", "a film"), ("b", "a film"), ("a", "a film"), ("a", "bad")]
    listed.write_text("\n".join(json.dumps({"id": name, "text": text}) for name, text in rows))
    arguments = ["explain", "--inputs", listed, "-m", bert, "--method", "random", "--quiet"]
    run(*arguments, "-o", whole)
    assert len({record["key"] for record in records(whole)}) == 4
    part.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:1]))
    run(*arguments, "-o", part, "--resume")
    assert records(part) == records(whole)


@pytest.mark.slow
def test_another_parameter_or_other_weights_are_other_records(
    run: Run, command: list[object], tmp_path: Path, done: list[str]
) -> None:
    output = tmp_path / "out.jsonl"
    run(*command, "-o", output)
    done.clear()
    run(*command, "--delta", 0.2, "-o", output, "--resume")
    assert done == TEXTS
    assert len(records(output)) == 12


def test_the_batch_size_and_the_order_are_not_in_the_key(
    run: Run, command: list[object], listed: Path, tmp_path: Path, done: list[str]
) -> None:
    sentences = [argument for text in TEXTS for argument in ("--text", text)]
    arguments = ["explain", *sentences[:4], "-m", command[4], "--method", "random", "--quiet"]
    output = tmp_path / "out.jsonl"
    run(*arguments, "-o", output)
    done.clear()
    run(*arguments, "-b", 1, "--limit", 1, "-o", output, "--resume")
    assert done == []


@pytest.mark.slow
def test_shards_one_after_another_are_the_whole(run: Run, command: list[object], tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    run(*command, "-o", whole)
    parts = [tmp_path / f"{i}.jsonl" for i in range(1, 5)]
    for i, part in enumerate(parts, start=1):
        run(*command, "-o", part, "--shard", f"{i}/4")
    assert [record for part in parts for record in records(part)] == records(whole)


def test_limit_comes_before_the_shard(run: Run, command: list[object], done: list[str]) -> None:
    run(*command, "--limit", 4, "--shard", "2/2")
    assert done == TEXTS[2:4]


def test_an_empty_shard_is_no_error(run: Run, command: list[object]) -> None:
    ran = run(*command[:-1], "--shard", "1/9")
    assert (ran.code, ran.stdout) == (0, "")
    assert "part 1 of 9 contains none of 6 inputs" in ran.stderr


def test_an_output_that_holds_something_else_is_refused(run: Run, command: list[object], tmp_path: Path) -> None:
    output = tmp_path / "notes.txt"
    output.write_text("my notes\n")
    ran = run(*command, "-o", output)
    assert (ran.code, output.read_text()) == (3, "my notes\n")
    assert "not stabcert records" in ran.stderr


@pytest.mark.slow
def test_nothing_is_kept_of_inputs_that_are_done(
    run: Run, command: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, alive = Certifier._do, list[int]()

    def count(self: Certifier, *arguments: Any) -> Any:
        gc.collect()
        alive.append(sum(isinstance(thing, Exhibit) for thing in gc.get_objects()))
        return one(self, *arguments)

    monkeypatch.setattr(Certifier, "_do", count)
    run(*command, "-o", tmp_path / "out.jsonl", "--html", tmp_path / "out.html")
    assert len(alive) == len(TEXTS)
    assert max(alive) - alive[0] <= 1


def test_a_failed_record_is_one_failed_input_of_from(run: Run, bert: Path, tmp_path: Path) -> None:
    explained = tmp_path / "explained.jsonl"
    arguments = ["-t", "a film", "-t", " ", "-t", "bad", "-m", bert, "--method", "random"]
    run("explain", *arguments, "--keep-going", "-o", explained)
    ran = run("certify-soft", "--from", explained, "--json", "--keep-going")
    assert ran.code == 4
    assert [record["status"] for record in ran.records] == ["reported", "failed", "reported"]
    assert run("certify-soft", "--from", explained, "--json").code == 3


@pytest.mark.slow
def test_another_explanation_of_an_input_is_another_record(run: Run, bert: Path) -> None:
    keys = set()
    for k in (1, 1, 2):
        explained = run("explain", "-t", "a great film", "-m", bert, "--method", "random", "-k", k, "--json")
        keys.add(run("certify-soft", "--from", "-", "--json", "-q", stdin=explained.stdout).record["key"])
    assert len(keys) == 2


def _declared(command: str) -> dict[str, Declared]:
    (found,) = [one for one in app.registered_commands if one.name == command]
    assert found.callback is not None
    return {name: declaration_of(hint)[1] for name, hint in found.callback.__annotations__.items()}


def _asked(command: str, **values: Any) -> Asked:
    return Asked(tuple(Given(name, one, values.get(name), None) for name, one in _declared(command).items()))


@pytest.mark.parametrize("command", ["certify-soft", "explain", "smooth-eval"])
def test_every_option_is_in_the_key_unless_it_is_known_to_change_no_result(command: str) -> None:
    """This list says what is not."""
    every = set(_declared(command))
    outside = every - set(result_parameters(_asked(command)))
    groups = (InputOptions, ModelOptions, OutputOptions, RunningOptions)
    known = {f.name for group in groups for f in fields(group)} | {"from_file"}
    of_all_inputs = {"labels_file", "min_accuracy", "min_mean_rate", "mean_delta"}
    known |= {"threshold", "tolerance"}  # in the key where they are given
    assert outside - known <= {"show", "save_flips", "scorecard"} | (
        of_all_inputs if command == "smooth-eval" else set()
    )
    assert {"features", "baseline", "truncate", "dtype", "seed", "method", "top_k", "target"} & outside == set()


def test_files_are_in_the_key_with_their_content(tmp_path: Path) -> None:
    mask = tmp_path / "mask.json"
    mask.write_text("[1]")
    before = result_parameters(_asked("certify-soft", mask_file=mask, features=str(mask)))
    mask.write_text("[0]")
    after = result_parameters(_asked("certify-soft", mask_file=mask, features=str(mask)))
    assert [name for name in before if before[name] != after[name]] == ["features sha256", "mask_file sha256"]


@pytest.mark.slow
def test_kill_9_and_resume(run: Run, bert: Path, tmp_path: Path) -> None:
    listed, whole, part = tmp_path / "texts.txt", tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    listed.write_text("\n".join(TEXTS * 10))
    arguments = ["explain", "--inputs", listed, "-m", bert, "--method", "random", "--quiet", "--json", "--output"]
    command = [sys.executable, "-m", "stabcert", *map(str, arguments), str(part)]
    # Nobody reads its standard output, which holds some forty of the records: it cannot be done before it is killed.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    wait_for_lines(part, 3, process)
    process.send_signal(signal.SIGKILL)
    finish(process)
    assert process.returncode == -signal.SIGKILL
    assert 3 <= part.read_bytes().count(b"\n") < len(TEXTS) * 10
    assert run(*arguments, part, "--resume").code == 0
    assert run(*arguments, whole).code == 0
    assert records(part) == records(whole)

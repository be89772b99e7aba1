"""Every line of the table of exit codes, and who may see what on which stream."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from stabcert.core.soft.certify import Interrupted
from stabcert.models.base import ModelPredictor
from stabcert.models.evaluation import Evaluation
from tests.cli.conftest import SENTENCE, VALIDATOR, Run
from tests.warm import Warm


def test_0_done(run: Run, bert: Path) -> None:
    assert run("explain", "-t", SENTENCE, "-m", bert, "--method", "random").code == 0


def test_1_only_for_a_threshold_that_is_not_met(run: Run, bert: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1, 0, 1, 0, 0, 0, 0, 0, 0]))  # neither always nor never stable
    arguments = ["certify-soft", "-t", SENTENCE, "-m", bert, "--mask", mask, "-r", 7]
    measured = run(*arguments)
    refuted = run(*arguments, "--min-rate", 0.999)
    assert (measured.code, refuted.code) == (0, 1)
    assert "refuted (< 0.999)" in refuted.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--radius", "nine"], "1:10 or all"),
        (["--top-k", "99"], "Use 1 to 9"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_2_wrong_request(run: Run, bert: Path, arguments: list[str], message: str) -> None:
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert, *arguments)
    assert ran.code == 2
    assert message in " ".join(ran.stderr.split())
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("certify-soft", ["--delta", "2"], "between 0 and 1"),
        ("smooth-eval", ["--method", "lime,lim"], "Did you mean lime?"),
    ],
)
def test_2_a_wrong_request_is_no_failure_of_each_input(
    run: Run, bert: Path, command: str, arguments: list[str], message: str
) -> None:
    ran = run(command, "-t", SENTENCE, "-m", bert, "--keep-going", *arguments)
    assert (ran.code, ran.stdout) == (2, "")
    assert message in ran.stderr


def test_2_nothing_to_do(run: Run) -> None:
    ran = run("certify-soft")
    assert (ran.code, "--text" in ran.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jpg"], "no such file: missing.jpg"),
        (["-t", SENTENCE, "-m", "./nowhere"], "./nowhere does not exist"),
        (["-t", SENTENCE, "--device", "cuda:7"], "does not exist"),
        (["-t", SENTENCE, "-o", "no/such/folder/out.jsonl"], "cannot write"),
    ],
)
def test_3_could_not_run(run: Run, bert: Path, arguments: list[str], message: str) -> None:
    model = [] if "-m" in arguments else ["-m", str(bert)]
    ran = run("certify-soft", *arguments, *model)
    assert ran.code == 3
    assert message in ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr


def test_3_out_of_memory_at_batch_size_1(run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Evaluation, masks: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(Evaluation, "_logits", full)
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert)
    assert (ran.code, "one input at a time" in ran.stderr) == (3, True)


def test_3_a_bug_shows_its_traceback(run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Evaluation, masks: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Evaluation, "_logits", broken)
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert)
    assert ran.code == 3
    assert "ZeroDivisionError: planted" in ran.stderr
    assert "this is a bug in stabcert" in ran.stderr


def test_4_some_inputs_failed_and_the_rest_is_there(run: Run, bert: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    arguments = ["-t", SENTENCE, "-t", " ", "-t", "a bad film", "-m", bert, "--method", "random", "--json"]
    ran = run("certify-soft", *arguments, "--keep-going", "-o", output)
    assert ran.code == 4
    assert [record["status"] for record in ran.records] == ["reported", "failed", "reported"]
    assert ran.records[1]["error"]["code"] == 3
    assert [json.loads(line) for line in output.read_text().splitlines()] == ran.records
    stopped = run("certify-soft", *arguments)
    assert stopped.code == 3
    assert stopped.records == []  # nothing to read in a text is known before the first one is done


def test_130_interrupted_prints_the_bound_that_is_valid_so_far(
    run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, calls = ModelPredictor.__call__, []

    def interrupted(self: ModelPredictor, masks: object) -> object:
        calls.append(masks)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return evaluate(self, masks)  # type: ignore[arg-type]

    monkeypatch.setattr(ModelPredictor, "__call__", interrupted)
    arguments = ["--method", "random", "-k", 1, "-r", "1:8", "--min-rate", 0.05, "--json"]
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert, *arguments)
    assert ran.code == 130
    assert ran.record["result"]["interrupted"]
    rates = ran.record["result"]["rates"]
    assert len(rates) == 8
    assert rates[-1]["samples"] == 0
    assert rates[-1]["rate"] is None
    assert (rates[-1]["lower"], rates[-1]["upper"]) == (0, 1)


def test_130_interrupted_while_explaining(run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: ModelPredictor, masks: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelPredictor, "__call__", interrupted)
    ran = run("explain", "-t", SENTENCE, "-m", bert)
    assert (ran.code, ran.stdout) == (130, "")
    assert issubclass(Interrupted, KeyboardInterrupt)


@pytest.mark.slow
def test_stdout_carries_results_only(bert: Path, warm: Warm) -> None:
    command = [warm.program, "certify-soft", "-t", SENTENCE, "-m", bert, "--json"]
    ran = subprocess.run(command, capture_output=True, env=warm.environment())
    assert ran.returncode == 0
    (line,) = ran.stdout.decode().splitlines()
    VALIDATOR.validate(json.loads(line))
    assert ran.stderr == b""

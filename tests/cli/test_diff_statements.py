"""What two certificates must have in common, and what is only named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stabcert.cli.diff.statement import circumstances_of, differences, statement_of
from tests.cli.diff_cases import Record, compared, hard, ran, soft, write
from tests.report.examples import CHOICE, SAMPLED, SMOOTHING, certificate, soft_report

SMOOTHED = soft_report(certificate(SAMPLED), smoothing=SMOOTHING).to_dict()
CHOSEN = soft_report(certificate(SAMPLED), smoothing=SMOOTHING, choice=CHOICE).to_dict()
QUESTION = {"kind": "value", "output": 0, "outputs": 1, "name": "price", "threshold": 3.0, "answers": ["no", "yes"]}


def with_value(record: Record, value: Any, *path: str | int) -> Record:
    """The record with one value changed or added."""
    changed: Record = json.loads(json.dumps(record))
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


ASKED = with_value(soft("a"), QUESTION, "model", "question")


@pytest.mark.parametrize(
    ("record", "value", "path", "name"),
    [
        (soft("a"), 5, ("explanation", "n"), "n"),
        (soft("a"), 3, ("explanation", "k"), "k"),
        (soft("a"), "sentence", ("explanation", "masking", "features"), "masking.features"),
        (soft("a"), "mask", ("explanation", "masking", "baseline"), "masking.baseline"),
        (soft("a"), "first", ("explanation", "masking", "explain_side"), "masking.explain_side"),
        (soft("a"), True, ("input", "truncated"), "truncated"),
        (soft("a"), "exactly", ("result", "formulation"), "formulation"),
        (soft("a"), 0.2, ("result", "delta"), "delta"),
        (soft("a"), "exact", ("result", "interval"), "interval"),
        (soft("a"), 2, ("result", "sides"), "sides"),
        (soft("a"), False, ("result", "simultaneous"), "simultaneous"),
        (soft("a"), 0.8, ("result", "rates", 0, "threshold"), "rate"),
        (soft("a"), 2, ("result", "rates", 0, "radius"), "radius"),
        (SMOOTHED, 0.25, ("result", "smoothing", "lambda"), "lambda"),
        (SMOOTHED, 32, ("result", "smoothing", "draws"), "draws"),
        (SMOOTHED, 2, ("result", "request", "family"), "family"),
        (SMOOTHED, True, ("result", "request", "allow_vacuous"), "allow_vacuous"),
        (SMOOTHED, True, ("result", "request", "largest_radius"), "radius"),
        (CHOSEN, [0.5], ("result", "request", "choice", "lambdas"), "choice"),
        (hard("a", 1), 2, ("result", "threshold"), "radius"),
        (hard("a", 1), "31/64", ("result", "lambda"), "lambda"),
        (hard("a", 1), 32, ("result", "quantization"), "quantization"),
        (hard("a", 1), "bernoulli", ("result", "noise"), "noise"),
        (hard("a", 1), "probability", ("result", "scores"), "scores"),
        (hard("a", 1), "incremental", ("result", "direction"), "direction"),
        (
            with_value(soft("a"), QUESTION, "model", "question"),
            4.0,
            ("model", "question", "threshold"),
            "question.threshold",
        ),
    ],
)
def test_a_setting_is_part_of_the_statement(record: Record, value: Any, path: tuple[str | int, ...], name: str) -> None:
    different = differences(statement_of(record), statement_of(with_value(record, value, *path)))
    assert name in [one for one, _, _ in different]


@pytest.mark.parametrize(
    ("record", "value", "path", "name"),
    [
        (soft("a"), "shap", ("explanation", "method"), "method"),
        (soft("a"), 50, ("explanation", "settings", "n_samples"), "lime.n_samples"),
        (soft("a"), [4, 4], ("explanation", "masking", "input_size"), "input_size"),
        (soft("a"), "attention", ("explanation", "masking", "removal"), "removal"),
        (soft("a"), 7, ("run", "seed"), "seed"),
        (soft("a"), "float16", ("run", "dtype"), "dtype"),
        (soft("a"), "0.2.0", ("run", "versions", "stabcert"), "stabcert"),
        (SMOOTHED, 0.2, ("result", "request", "epsilon"), "epsilon"),
    ],
)
def test_a_circumstance_is_named_and_the_records_are_compared(
    record: Record, value: Any, path: tuple[str | int, ...], name: str
) -> None:
    other = with_value(record, value, *path)
    assert statement_of(record) == statement_of(other)
    first, *others = [one for one, _, _ in differences(circumstances_of(record), circumstances_of(other))]
    assert first == name
    assert all(one.startswith(("lime.", "shap.")) for one in others)  # settings of another method


@pytest.mark.parametrize("path", [("model", "id"), ("model", "sha256"), ("input", "id"), ("input", "path")])
def test_model_and_name_are_neither(path: tuple[str, str]) -> None:
    other = with_value(soft("a"), "other", *path)
    for settings in (statement_of, circumstances_of):
        assert settings(other) == settings(soft("a"))


def test_which_lambda_was_chosen_is_a_result() -> None:
    assert statement_of(with_value(CHOSEN, 0.75, "result", "smoothing", "lambda")) == statement_of(CHOSEN)


def test_a_number_is_not_a_truth_value() -> None:
    assert differences({"a": 1}, {"a": True}) == [("a", 1, True)]


def test_circumstances_are_on_the_screen_and_in_the_record(tmp_path: Path) -> None:
    new = with_value(soft("a"), 7, "run", "seed")
    _, record = compared(tmp_path, [soft("a")], [new])
    assert record["result"]["circumstances"] == [{"name": "seed", "old": 0, "new": 7}]
    assert "seed 0 → 7" in ran(tmp_path / "old.jsonl", tmp_path / "new.jsonl")[1]


def test_statements_that_differ_are_named(tmp_path: Path) -> None:
    files = write(tmp_path / "old.jsonl", [soft("a"), soft("b")]), tmp_path / "new.jsonl"
    write(files[1], [soft("a", radius=5), soft("b", radius=5, delta=0.05)])
    shown = ran(*files)[1]
    assert "not comparable, 1 input: radius 4 → 5" in shown
    assert "radius 4 → 5, delta 0.1 → 0.05" in shown
    assert "interval" not in shown


def test_a_configuration_sets_the_limit(tmp_path: Path) -> None:
    config = tmp_path / "stabcert.toml"
    config.write_text("[diff]\nmax-lost = 0\n")
    old, new = write(tmp_path / "old.jsonl", [soft("a")]), write(tmp_path / "new.jsonl", [soft("a", "undecided")])
    assert ran(old, new, "--config", config)[0] == 1
    assert ran(old, new, "--config", config, "--max-lost", 1)[0] == 0

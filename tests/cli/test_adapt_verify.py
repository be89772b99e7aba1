"""Records of ``adapt`` that were changed: every number that follows from others is found wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stabcert.records.writing import to_json
from stabcert.verify.adapt import adapt_checks
from tests.cli.conftest import Run
from tests.report.adaptations import RECORDS

PLAIN: dict[str, dict[str, Any]] = {name: json.loads(to_json(record)) for name, record in RECORDS.items()}
LABELS = PLAIN["adapt, labels"]


def failed(record: dict[str, Any]) -> list[str]:
    return [check.name for check in adapt_checks(record)[0] if not check.ok]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_an_honest_record_stands(name: str) -> None:
    checks, not_checked = adapt_checks(PLAIN[name])
    assert failed(PLAIN[name]) == []
    assert len(checks) > (3 if name == "adapt, interrupted" else 40)
    assert any("training" in what for what in not_checked)


def test_what_was_not_compared_is_incomplete_or_in_older_records_reported() -> None:
    record = PLAIN["adapt, interrupted"]
    assert record["status"] == "incomplete"
    assert failed({**record, "status": "reported"}) == []
    assert failed({**record, "status": "certified"}) == ["status"]
    assert failed({**LABELS, "status": "incomplete"}) == ["status"]
    assert not any("counts" in what for what in adapt_checks(record)[1])
    assert "any gain" in adapt_checks(record)[1][0]


def numbers(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of all numbers of a part."""
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(one, (*place, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place


def changed(record: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    found = copy.deepcopy(record)
    part = found
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return found


@pytest.mark.slow
def test_every_number_of_the_summary_is_checked() -> None:
    comparison = LABELS["result"]["comparison"]
    for part in ("measures", "mean_radii", "overconfidence", "labelled"):
        places = [("result", "comparison", part, *place) for place in numbers(comparison[part])]
        for place in places or [("result", "comparison", part)]:
            assert failed(changed(LABELS, place, 0.123456789)), place


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        (("shares", 2, "agreements"), 9, "shares[2].agreements"),
        (("shares", 2, "kept"), 3, "shares[2].kept"),
        (("shares", 2, "masks"), 4, "shares[2].masks"),
        (("shares", 1, "correct"), 4, "shares[1].correct"),
        (("shares", 1, "near_ties"), 4, "shares[1].near_ties"),
        (("shares", 2, "agrees"), False, "shares[2].agrees"),
        (("shares", 0, "agrees"), None, "shares[0].agrees"),
        (("shares", 0, "agreements"), 0, "shares[0].agreements"),
        (("shares", 1, "keep_share"), "2/3", "shares: keep_share"),
        (("lambdas", 1, "fraction"), "1/3", "lambdas: fraction"),
        (("lambdas", 0, "masks", 0, "n_free"), 5, "n_free"),
        (("lambdas", 0, "masks", 0, "rates", 0, "matches"), 99, "rates: matches"),
        (("lambdas", 0, "masks", 0, "rates", 0, "radius"), 3, "rates: radius"),
        (("lambdas", 1, "masks", 0, "hard_radius"), 7, "hard_radius"),
        (("lambdas", 1, "decremental_radius"), 9, "decremental_radius"),
        (("lambdas", 1, "masks", 0, "consistent"), None, "consistent"),
        (("prediction", "id"), 4, "prediction.id"),
        (("shares", 1, "agrees"), None, "shares[1].agrees"),
        (("shares", 1, "confidence"), 0.01, "shares[1].confidence"),
        (("shares", 1, "correct"), 2, "shares[1].correct"),
        (("shares", 1, "correct"), None, "shares[1].correct"),
        (("lambdas", 0, "prediction", "id"), 2, "lambdas[0].prediction.id"),
        (("lambdas", 0, "near_tie"), True, "lambdas[0].near_tie"),
        (("lambdas", 1, "correct"), False, "lambdas[1].correct"),
        (("lambdas", 1, "agrees"), False, "lambdas[1].agrees"),
        (("lambdas", 1, "decremental_radius"), None, "lambdas[1].decremental_radius"),
        (("lambdas", 1, "masks", 0, "hard_radius"), None, "lambdas[1].masks[0].hard_radius"),
    ],
)
def test_impossible_counts_are_found(place: tuple[Any, ...], value: Any, found: str) -> None:
    where = ("result", "comparison", "inputs", 0, "after", *place)
    assert any(found in name for name in failed(changed(LABELS, where, value)))


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        (("status",), "certified", "status"),
        (("result", "chosen", "epoch"), 2, "result.chosen.interpolation"),
        (("result", "chosen", "epoch"), 3, "result.chosen.epoch"),
        (("result", "history", 1, "epoch"), 2, "result.history: epoch"),
        (("result", "inputs", 0, "part"), "reporting", "result.comparison.inputs"),
        (("result", "inputs", 0, "sha256"), LABELS["result"]["inputs"][-1]["sha256"], "result.inputs: part"),
        (("result", "comparison", "clean", "verdict"), "beyond", "result.comparison.clean.verdict"),
        (("result", "comparison", "clean", "bound"), 0.5, "result.comparison.clean.bound"),
        (("result", "comparison", "clean", "quantity"), "agreement", "result.comparison.clean.quantity"),
        (("result", "comparison", "request", "report_share"), 0.2, "result.comparison.inputs: sha256"),
        (("result", "comparison", "request", "report_share"), 1.0, "result.comparison.request.report_share"),
        (("result", "comparison", "request", "noise_seed"), [1, 64], "result.comparison.request.noise_seed"),
        (("result", "comparison", "request", "lambdas"), ["1"], "result.comparison.request"),
        (("result", "comparison", "request", "keep_shares"), ["1/0"], "result.comparison.request"),
        (("result", "comparison", "inputs", 0, "selected"), [1, 0], "result.comparison.inputs[0].selected"),
        (("run", "seed"), 1, "result.comparison.request.noise_seed"),
    ],
)
def test_what_contradicts_itself_is_found(place: tuple[Any, ...], value: Any, found: str) -> None:
    assert found in failed(changed(LABELS, place, value))


def test_no_mask_has_two_classes() -> None:
    """Agreements with the original class, and masks with another class that is the label's."""
    inputs = LABELS["result"]["comparison"]["inputs"]
    labels = [one["label"]["id"] for one in LABELS["result"]["inputs"] if one["part"] == "reporting"]
    number = next(i for i, one in enumerate(inputs) if one["before"]["prediction"]["id"] != labels[i])
    share = inputs[number]["after"]["shares"][1]
    place = ("result", "comparison", "inputs", number, "after", "shares", 1, "correct")
    wrong = changed(LABELS, place, share["masks"] + 1 - share["agreements"])
    assert any("shares[1].correct" in name for name in failed(wrong))


@pytest.mark.parametrize(("field", "value"), [("threshold", 0.0), ("lower", 0.95), ("met", True)])
def test_a_gain_that_is_not_met_cannot_be_made_met(field: str, value: Any) -> None:
    record = PLAIN["adapt, a gain that is not met"]
    assert failed(changed(record, ("result", "comparison", "min_gain", field), value))


def test_the_command_names_the_difference_and_what_is_open(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    wrong = changed(LABELS, ("result", "comparison", "measures", 0, "after", "mean"), 0.5)
    path.write_text(f"{to_json(LABELS)}\n{to_json(wrong)}\n")
    ran = run("adapt", "--verify", path)
    assert ran.code == 1
    assert ran.stdout.count("NOT VERIFIED") == 1
    assert "result.comparison.measures[0].after.mean" in ran.stdout
    assert "not checked: the training" in ran.stdout
    assert run("adapt", "--verify", path, "--limit", 1, "--fast").code == 0
    refused = run("adapt", "--verify", path, "--epochs", 3)
    assert (refused.code, "leave out --epochs" in refused.stderr) == (2, True)
    other = run("certify-soft", "--verify", path)
    assert "Check it with `stabcert adapt --verify FILE`" in other.stderr

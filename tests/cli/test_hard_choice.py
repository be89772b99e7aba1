"""`certify-hard --lambda auto`: lambda is chosen by its rule, and the certificate is that of the chosen lambda."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.cli.verify_cases import Record, verify
from tests.doubles import Table
from tests.known_model import call, loaded, write_mask

N, Q, MASK = 7, 8, np.arange(7) < 3
COMMAND = ("certify-hard", "-t", "a text", "--quantization", Q, "--json", "--quiet")


def certify(directory: Path, function: Table, *options: object, mask: np.ndarray = MASK) -> Record:
    with loaded(lambda text: function, 3):
        code, found, errors = call(*COMMAND, "--mask", write_mask(directory, mask), *options)
    assert code in (0, 1), errors
    return found[0]


def function(seed: int) -> Table:
    """A function that keeps its class on most masks, so that smoothed models differ in what they predict."""
    rng = np.random.default_rng(seed)
    classes = np.where(rng.random(2**N) < (0.5, 0.75, 0.9)[seed % 3], 1, rng.integers(3, size=2**N))
    return Table(np.eye(3)[classes] * 0.8 + 0.2 / 3)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "radius_incremental": lambda was: was + 5,
    "lambda": lambda was: "16/16",
    "stable_for_all_supersets": lambda was: not was,
}


def without_choice(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("request", "sweep")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_the_choice_is_the_best_of_all_lambdas_and_the_certificate_is_its_own(tmp_path: Path, seed: int) -> None:
    """Oracle: each lambda is named in a command of its own, and the rule of the record is applied to what is proved."""
    f, mask = function(seed), np.random.default_rng(seed).permutation(MASK)
    chosen = certify(tmp_path, f, "-l", "auto", "--refine", 60, mask=mask)["result"]
    free, places = int((~mask).sum()), {}
    for count in {(Q - 1) // (2 * r) for r in range(1, free + 1)} - {0}:
        one, refined = (
            certify(tmp_path, f, "-l", f"{count}/{Q}", "--refine", calls, mask=mask)["result"] for calls in (0, 60)
        )
        plain, masked, full = (one[k]["id"] for k in ("unsmoothed_prediction", "prediction", "full_prediction"))
        proved = refined if masked == plain == full else one
        radius = free if proved["stable_for_all_supersets"] else proved["radius_incremental"]
        places[one["lambda"]] = (masked == plain == full, full == plain, radius, Fraction(one["lambda"]))
    assert chosen["lambda"] == max(places, key=lambda name: places[name])
    assert {row["lambda"] for row in chosen["sweep"]} == set(places)
    alone = certify(tmp_path, f, "-l", chosen["lambda"], "--refine", 60, mask=mask)["result"]
    assert without_choice(chosen) == without_choice(alone)


@pytest.mark.slow
def test_the_choice_depends_on_the_function(tmp_path: Path) -> None:
    """Otherwise the oracle tests nothing."""
    found = {
        certify(tmp_path, function(seed), "-l", "auto", mask=np.random.default_rng(seed).permutation(MASK))["result"][
            "lambda"
        ]
        for seed in range(12)
    }
    assert len(found) > 1


def test_the_screen_names_the_chosen_lambda_and_a_counterexample_is_one_of_its_smoothed_model(
    run: Run, bert: Path
) -> None:
    common = ("certify-hard", "-t", "a great film, not bad", "-m", bert, "--method", "random", "-k", 2, "-l", "auto")
    record = run(*common, "--json", "--attack", 600).record
    assert record["result"]["request"]["choice"] == "largest-radius"
    assert record["result"]["lambda"] == record["result"]["sweep"][0]["lambda"]
    screen = run(*common).stdout
    assert f"Lambda {record['result']['lambda']} was chosen among {len(record['result']['sweep'])} from" in screen
    assert "keeps the prediction" not in screen  # the table of all lambdas is on pages alone


@pytest.mark.slow
@pytest.mark.parametrize("fast", [True, False])
def test_a_choice_is_made_again(hard_records: dict[str, Record], fast: bool) -> None:
    record = hard_records["chosen"]
    assert verify("certify-hard", record, fast=fast)[0] == 0

    def changed(**values: Any) -> Record:
        again = copy.deepcopy(record)
        again["result"]["request"].update(values)
        return again

    other = copy.deepcopy(record)
    rows = other["result"]["sweep"]
    rows[0], rows[1] = rows[1], rows[0]
    named = changed()
    del named["result"]["request"]["choice"]
    missing = copy.deepcopy(record)
    missing["result"]["sweep"] = None
    forged = [other, named, missing, changed(sweep=True)]
    for row in range(len(rows)):
        for name, value_of in CHANGES.items():
            one = copy.deepcopy(record)
            one["result"]["sweep"][row][name] = value_of(record["result"]["sweep"][row][name])
            forged.append(one)
    found = verify("certify-hard", *forged, fast=fast)[1]
    assert [one["status"] for one in found] == ["does-not-stand"] * len(forged)

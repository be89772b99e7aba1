"""`stabcert certify-hard` from the command line to the record: what is certified."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stabcert.core.decisions import decide
from stabcert.core.hard.certificate import HardCertificate
from stabcert.core.types import Mask
from tests.cli.conftest import SENTENCE, Run, without_run
from tests.cli.hard_cases import Known, above, certify, file_of, known, result, some_mask


@pytest.fixture(scope="module")
def tiny(bert: Path) -> Known:
    return known(SENTENCE, str(bert))


def test_one_sentence_gives_one_valid_record(run: Run, bert: Path) -> None:
    ran = certify(run, bert)
    record, found = ran.record, ran.record["result"]
    assert (ran.code, record["status"], record["command"]) == (0, "reported", "certify-hard")
    assert (found["lambda"], found["quantization"], found["noise"], found["draws"]) == ("15/64", 64, "quantized", 64)
    assert sum(vote["votes"] for vote in found["votes"]) == 64
    assert (found["delta"], found["threshold"], found["met"], found["sweep"]) == (None, None, None, None)


def test_predictions_of_the_record_are_those_of_the_smoothed_model(run: Run, bert: Path) -> None:
    record = certify(run, bert).record
    votes = record["result"]["votes"][0]
    masked = record["explanation"]["masked_prediction"]
    assert (masked["id"], masked["probability"]) == (votes["id"], votes["votes"] / 64)
    full = record["result"]["full_votes"][0]
    assert (record["prediction"]["id"], record["prediction"]["probability"]) == (full["id"], full["votes"] / 64)


def test_the_model_itself_is_always_beside_it(run: Run, bert: Path) -> None:
    record = certify(run, bert).record
    plain = run("explain", "-t", SENTENCE, "-m", bert, "--method", "random", "--json").record
    assert record["result"]["unsmoothed_prediction"] == plain["prediction"]
    assert record["result"]["unsmoothed_masked_prediction"] == plain["explanation"]["masked_prediction"]
    assert record["result"]["agrees_with_unsmoothed"] == (record["prediction"]["id"] == plain["prediction"]["id"])


def check_by_brute_force(run: Run, case: Known, mask: Mask, folder: Path, keep: int) -> None:
    """Every superset within the radii, with the smoothed model made again from what the record says of it."""
    found = run(*case.arguments(mask, folder), "-l", f"{keep}/16", "--quantization", 16, "--refine", 0).record["result"]
    assert Fraction(found["lambda"]) == Fraction(keep, 16)
    function = case.smoothed(keep, found["quantization"], found["noise_seed"])
    votes = {vote["id"]: vote["votes"] for vote in found["votes"]}
    assert votes == {i: int(n) for i, n in enumerate(function.votes(mask[None])[0]) if n > 0}
    supersets = above(mask)
    added, missing = (supersets & ~mask).sum(axis=1), (~supersets).sum(axis=1)
    down = found["radius_decremental"]
    within = (added <= found["radius_incremental"]) | (missing <= (-1 if down is None else down))
    assert 1 < within.sum() < len(supersets)
    assert (decide(function, supersets[within]).classes == found["prediction"]["id"]).all()


@pytest.mark.slow
def test_the_noise_can_be_drawn_again_from_the_record_alone(run: Run, tiny: Known, tmp_path: Path) -> None:
    mask = np.arange(9) % 2 == 0
    seen = set()
    for seed in range(5):
        arguments = (*tiny.arguments(mask, tmp_path), "--seed", seed, "-l", "10/16", "--quantization", 16)
        found = run(*arguments).record["result"]
        function = tiny.smoothed(10, 16, found["noise_seed"])
        expected = function.votes(np.stack([mask, np.ones(9, dtype=bool)])).tolist()
        for key, votes in zip(("votes", "full_votes"), expected, strict=True):
            assert {vote["id"]: vote["votes"] for vote in found[key]} == {i: n for i, n in enumerate(votes) if n > 0}
        seen.add(json.dumps(expected))
    assert len(seen) > 1, "the votes do not depend on the noise, and this test proves nothing"


@pytest.mark.slow
def test_no_addition_within_the_radius_changes_the_smoothed_demo_model(run: Run, tmp_path: Path) -> None:
    demo = known("I cried when my sister moved out", "demo:text")
    mask = some_mask(
        demo.smoothed(4, 16, [0, 65]),
        lambda found, _: not found.stable_for_all_supersets and found.radius_incremental > 0,
    )
    check_by_brute_force(run, demo, mask, tmp_path, 4)


def test_nothing_within_both_radii_changes_a_smoothed_model(run: Run, tiny: Known, tmp_path: Path) -> None:
    mask = some_mask(
        tiny.smoothed(3, 16, [0, 65]),
        lambda found, _: not found.stable_for_all_supersets and min(found.radius_incremental, _down(found)) > 0,
    )
    check_by_brute_force(run, tiny, mask, tmp_path, 3)


def _down(found: HardCertificate) -> int:
    return 0 if found.radius_decremental is None else found.radius_decremental


def test_two_runs_with_one_seed_agree_in_everything_but_run(run: Run, bert: Path) -> None:
    options = ("--attack", 600, "--refine", 300)
    first, second = (certify(run, bert, *options).stdout for _ in range(2))
    records = [without_run(json.loads(text)) for text in (first, second)]
    assert json.dumps(records[0]) == json.dumps(records[1])


@pytest.mark.slow
def test_the_record_does_not_depend_on_the_batch_size(run: Run, bert: Path) -> None:
    records = [certify(run, bert, "-b", size).record for size in (1, 7, 64)]
    assert without_run(records[0]) == without_run(records[1]) == without_run(records[2])


@pytest.mark.slow
def test_another_seed_is_another_smoothed_model(run: Run, bert: Path, tmp_path: Path) -> None:
    mask = file_of(tmp_path / "m.json", [1, 0, 1, 0, 0, 0, 0, 0, 0])

    def votes(seed: int) -> str:
        arguments = ("certify-hard", "-t", SENTENCE, "-m", bert, "--mask", mask, "--json", "--seed", seed)
        found = run(*arguments, "-l", "31/64").record["result"]
        assert found["noise_seed"] == [seed, 65]
        return json.dumps([found["votes"], found["full_votes"]])

    assert len({votes(seed) for seed in range(6)}) > 1


def test_other_inputs_do_not_change_the_noise(run: Run, bert: Path) -> None:
    alone = certify(run, bert).record
    after = run(
        "certify-hard", "-t", "a good film", "-t", SENTENCE, "-m", bert, "--method", "random", "--json"
    ).records[1]
    assert without_run(alone)["result"] == without_run(after)["result"]


def test_every_mask_is_evaluated_once(run: Run, bert: Path) -> None:
    ran = certify(run, bert, "--enumerate", 0).record
    shown = 2  # the two predictions of the model itself, which are always evaluated alone
    of_nothing = 1
    assert ran["run"]["evaluations"] <= ran["result"]["evaluations"] + shown + of_nothing
    assert ran["result"]["evaluations"] <= 2 * 64


@pytest.mark.parametrize("text", ["0.3", "3/10", ".3"])
def test_a_lambda_off_the_grid_is_refused_with_both_neighbours(run: Run, bert: Path, text: str) -> None:
    ran = certify(run, bert, "-l", text)
    assert (ran.code, ran.stdout) == (2, "")
    assert "19/64" in ran.stderr
    assert "20/64" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "shown"), [("15/64", "15/64"), ("0.25", "16/64"), ("1/4", "16/64"), ("1", "64/64"), (" 1 / 2 ", "32/64")]
)
def test_lambda_is_exact_in_the_record(run: Run, bert: Path, text: str, shown: str) -> None:
    assert result(run, bert, "-l", text)["lambda"] == shown


def test_the_default_lambda_follows_the_grid(run: Run, bert: Path) -> None:
    assert result(run, bert, "--quantization", 32)["lambda"] == "7/32"
    assert result(run, bert, "--quantization", 2)["lambda"] == "1/2"


def test_min_radius_exits_0_when_met_and_1_when_not(run: Run, tiny: Known, tmp_path: Path) -> None:
    mask = some_mask(
        tiny.smoothed(7, 16, [0, 65]),
        lambda found, _: not found.stable_for_all_supersets and 0 < found.radius_incremental < found.n_free,
    )
    arguments = (*tiny.arguments(mask, tmp_path), "-l", "7/16", "--quantization", 16, "--refine", 0)
    radius = run(*arguments).record["result"]["radius_incremental"]
    # What the mask explains is another question: test_mask_flags.py.
    allowed = (*arguments, "--allow-inconsistent", "--allow-vacuous")
    met, missed = run(*allowed, "--min-radius", radius), run(*allowed, "--min-radius", radius + 1)
    assert (met.code, met.record["status"], met.record["result"]["met"]) == (0, "certified", True)
    assert (missed.code, missed.record["status"], missed.record["result"]["met"]) == (1, "not-certified", False)


@pytest.mark.slow
def test_one_word_is_certified_without_a_threshold(run: Run, bert: Path) -> None:
    arguments = ("certify-hard", "-t", "good", "-m", bert, "--method", "random", "--json")
    for more in ((), ("--sweep",), ("--attack", 300), ("--refine", 5), ("--noise", "bernoulli", "-l", "1/8")):
        assert run(*arguments, *more).record["result"]["stable_for_all_supersets"]
    ran = run(*arguments, "--min-radius", 1)
    assert ran.code == 2
    assert "--top-k" in ran.stderr


def test_the_direction_says_which_radius_is_there(run: Run, bert: Path) -> None:
    upwards = result(run, bert, "--direction", "incremental")
    assert upwards["radius_incremental"] is not None
    assert (upwards["radius_decremental"], upwards["why_no_decremental"]) == (None, "not asked for")
    assert upwards["full_votes"] is None
    downwards = result(run, bert, "--direction", "decremental")
    assert downwards["radius_incremental"] is None


def test_probabilities_are_another_smoothed_model(run: Run, bert: Path) -> None:
    found = certify(run, bert, "--scores", "probability").record
    assert found["result"]["scores"] == "probability"
    share = found["explanation"]["masked_prediction"]["probability"] * 64
    assert share != int(share)

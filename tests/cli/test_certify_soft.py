"""`stabcert certify-soft` from the command line to the record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import SENTENCE, Run, without_run


def certify(run: Run, bert: Path, *more: object):
    return run("certify-soft", "-t", SENTENCE, "-m", bert, "--method", "random", "--json", *more)


def test_one_sentence_gives_one_valid_record(run: Run, bert: Path) -> None:
    ran = certify(run, bert)
    record = ran.record
    assert ran.code == 0
    assert record["status"] == "reported"
    assert record["input"]["text"] == SENTENCE
    assert record["explanation"]["n"] == 9  # eight words and a comma
    assert record["explanation"]["k"] == 2  # a quarter of them, rounded half up
    (rate,) = record["result"]["rates"]
    assert (rate["radius"], rate["samples"], rate["enumerated"], rate["lower"], rate["upper"]) == (
        1,
        8,
        True,
        rate["rate"],
        rate["rate"],
    )


def test_two_runs_with_one_seed_agree_in_everything_but_run(run: Run, bert: Path) -> None:
    first, second = (certify(run, bert, "-r", "1:3", "--n-samples", 20).record for _ in range(2))
    assert without_run(first) == without_run(second)


@pytest.mark.slow
def test_another_seed_draws_other_samples(run: Run, bert: Path) -> None:
    def matches(seed: int) -> int:
        record = certify_with(run, bert, _mask(bert.parent), "-r", 4, "--n-samples", 60, "--seed", seed).record
        return record["result"]["rates"][0]["matches"]

    rates = {matches(seed) for seed in range(8)}
    assert len(rates) > 1


def certify_with(run: Run, bert: Path, mask: Path, *more: object):
    return run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", mask, "--json", *more)


def _mask(folder: Path, n: int = 9) -> Path:
    """A mask of the tiny model whose stability rate is neither 0 nor 1."""
    path = folder / "mask.json"
    path.write_text(json.dumps([1, 0, 1] + [0] * (n - 3)))
    return path


@pytest.mark.slow
def test_the_record_does_not_depend_on_the_batch_size(run: Run, bert: Path, tmp_path: Path) -> None:
    records = [certify_with(run, bert, _mask(tmp_path), "-r", "1:7", "-b", b).record for b in (1, 3, 64)]
    assert without_run(records[0]) == without_run(records[1]) == without_run(records[2])


@pytest.mark.slow
def test_min_rate_exits_0_when_met_and_1_when_not(run: Run, bert: Path, tmp_path: Path) -> None:
    everything = tmp_path / "all.json"
    everything.write_text(json.dumps([1] * 8 + [0]))
    shares = certify_with(run, bert, everything, "-r", "all").record["result"]["rates"][0]["rate"]
    met = certify_with(run, bert, everything, "--min-rate", shares, "--allow-vacuous")
    assert (met.code, met.record["status"]) == (0, "certified")
    mask = _mask(tmp_path)
    rate = certify_with(run, bert, mask, "-r", 7, "--n-samples", 1000).record["result"]["rates"][0]
    assert rate["enumerated"]
    assert rate["rate"] < 1, "the mask must be an unstable one, or this test proves nothing"
    missed = certify_with(run, bert, mask, "-r", 7, "--min-rate", 0.999)
    assert (missed.code, missed.record["status"]) == (1, "not-certified")


def test_a_threshold_is_compared_unrounded(run: Run, bert: Path, tmp_path: Path) -> None:
    mask = _mask(tmp_path)
    rate = certify_with(run, bert, mask, "-r", 7, "--n-samples", 1000).record["result"]["rates"][0]["rate"]
    assert 0 < rate < 1
    arguments = ("-r", 7, "--n-samples", 1000, "--allow-vacuous", "--min-rate")
    at = certify_with(run, bert, mask, *arguments, rate)
    above = certify_with(run, bert, mask, *arguments, np.nextafter(rate, 1))
    assert (at.code, above.code) == (0, 1)


def test_an_unreachable_threshold_is_refused_with_the_number_needed(run: Run, bert: Path) -> None:
    ran = certify(run, bert, "-r", 4, "--min-rate", 0.99, "--max-samples", 20)
    assert ran.code == 2
    assert "are needed. Use --max-samples" in ran.stderr
    assert ran.stdout == ""
    needed = int(ran.stderr.split("Use --max-samples ")[1].split()[0])
    assert certify(run, bert, "-r", 4, "--min-rate", 0.99, "--max-samples", needed).code in (0, 1)


def test_one_word_is_certified_at_radius_0_unless_a_radius_is_asked_for(run: Run, bert: Path) -> None:
    arguments = ("certify-soft", "-t", "good", "-m", bert, "--method", "random", "--json")
    assert [(r["radius"], r["rate"]) for r in run(*arguments).record["result"]["rates"]] == [(0, 1.0)]
    assert run(*arguments, "-r", 1).code == 2


def test_any_seed_is_possible(run: Run, bert: Path) -> None:
    assert run("certify-soft", "-t", SENTENCE, "-m", bert, "--seed", 2**70).code == 0


def test_largest_radius_is_reported(run: Run, bert: Path, tmp_path: Path) -> None:
    record = certify_with(run, bert, _mask(tmp_path), "--min-rate", 0.01, "--largest-radius").record
    largest = record["result"]["largest_radius"]
    exact = certify_with(run, bert, _mask(tmp_path), "-r", "all", "--n-samples", 1000).record["result"]["rates"]
    assert all(rate["rate"] >= 0.01 for rate in exact if rate["radius"] <= largest)
    assert largest >= 1


def test_fixed_samples_with_a_threshold_give_the_two_sided_interval(run: Run, bert: Path, tmp_path: Path) -> None:
    record = certify_with(
        run, bert, _mask(tmp_path), "-r", 5, "--n-samples", 40, "--min-rate", 0.05, "--interval", "hoeffding"
    ).record
    (rate,) = record["result"]["rates"]
    epsilon = np.sqrt(np.log(2 / 0.1) / 80)
    assert record["result"]["sides"] == 2
    assert rate["hoeffding_epsilon"] == pytest.approx(epsilon, abs=1e-15)
    assert rate["lower"] == pytest.approx(max(0, rate["rate"] - epsilon), abs=1e-12)


def test_smoothing_is_recorded_and_independent_of_the_input(run: Run, bert: Path) -> None:
    record = certify(run, bert, "--smooth", 0.75, "--smooth-draws", 8).record
    assert record["result"]["smoothing"]["draws"] == 8
    votes = record["explanation"]["masked_prediction"]["probability"] * 8
    assert votes == int(votes)
    plain = certify(run, bert).record
    assert record["result"]["smoothing"]["unsmoothed_prediction"]["label"] == plain["prediction"]["label"]
    assert record["explanation"]["selected"] == plain["explanation"]["selected"]


def test_smoothing_with_lambda_1_is_off(run: Run, bert: Path) -> None:
    assert certify(run, bert, "--smooth", 1).record["result"]["smoothing"] is None
    assert certify(run, bert, "--smooth-draws", 5).code == 2


def test_the_formulations_agree_with_their_definitions(run: Run, bert: Path, tmp_path: Path) -> None:
    mask = _mask(tmp_path)

    def rates(formulation: str) -> list[float]:
        ran = certify_with(run, bert, mask, "-r", "1:7", "--n-samples", 1000, "--formulation", formulation)
        return [rate["rate"] for rate in ran.record["result"]["rates"]]

    exactly = rates("exactly")
    sizes = [7, 21, 35, 35, 21, 7, 1]
    up_to = [
        (1 + sum(e * c for e, c in zip(exactly[:r], sizes[:r], strict=True))) / (1 + sum(sizes[:r]))
        for r in range(1, 8)
    ]
    assert rates("up-to") == pytest.approx(up_to, abs=1e-12)
    assert rates("worst") == pytest.approx(list(np.minimum.accumulate(exactly)), abs=0)


def test_the_screen_says_what_is_guaranteed(run: Run, bert: Path) -> None:
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert, "--method", "random", "-r", "1,5", "--n-samples", 50)
    assert ran.code == 0
    assert "with probability at least 90%" in ran.stdout
    assert "exact" in ran.stdout
    assert "mask alone:" in ran.stdout
    assert "evaluations" in ran.stdout.splitlines()[-1]
    assert not set(ran.stdout) & set("│╭╮╰╯━┃")

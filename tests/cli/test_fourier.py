"""`stabcert fourier` from the command line to the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stabcert.cli.commands import fourier_work
from stabcert.models.predictors import load_predictor
from tests.cli.conftest import SENTENCE, Ran, Run, without_run

N = 9  # eight words and a comma
SAMPLING = ("--exact-max", 4, "--n-samples", 60, "--degree", 2)


def fourier(run: Run, bert: Path, *more: object) -> Ran:
    return run("fourier", "-t", SENTENCE, "-m", bert, "--method", "random", "--json", *more)


@pytest.fixture(scope="module")
def values(bert: Path) -> np.ndarray:
    """The probability of every class at all masks; row ``sum(2**i for kept i)``."""
    predictor = load_predictor(str(bert), SENTENCE)
    codes = np.arange(2**N)
    return predictor((codes[:, None] >> np.arange(N) & 1).astype(bool))


def coefficient(table: np.ndarray, features: tuple[int, ...]) -> float:
    """By definition: the mean of h times (-1) to the number of kept features among these."""
    kept = (np.arange(2**N)[:, None] >> np.array(features, dtype=int) & 1).sum(axis=1)
    return float((table * (-1.0) ** kept).mean())


def result(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = ran.record["result"]
    return found


def test_a_short_sentence_has_an_exact_spectrum(run: Run, bert: Path, values: np.ndarray) -> None:
    ran = fourier(run, bert)
    record, found = ran.record, result(ran)
    assert (ran.code, record["status"], found["exact"], found["n"], found["delta"]) == (0, "reported", True, N, None)
    table = values[:, found["target_class"]["id"]]
    assert found["target_class"] == {key: record["prediction"][key] for key in ("id", "label")}
    mean, first = (one["weight"] for one in found["degrees"][:2])
    assert mean == pytest.approx(table.mean() ** 2, abs=1e-6)
    assert first == pytest.approx(sum(coefficient(table, (i,)) ** 2 for i in range(N)), abs=1e-6)
    plain = [one for one in found["degrees"] if one["lambda"] == 1]
    assert [one["degree"] for one in plain] == list(range(N + 1))
    assert sum(one["weight"] for one in plain) == pytest.approx((table**2).mean(), abs=1e-6)
    for one in found["coefficients"]:
        assert one["value"] == pytest.approx(coefficient(table, tuple(one["features"])), abs=1e-6)


def test_smoothing_is_that_of_the_definition(run: Run, bert: Path, values: np.ndarray) -> None:
    found = result(fourier(run, bert, "--lambdas", "0.5"))
    table = values[:, found["target_class"]["id"]].reshape((2,) * N)
    for axis in range(N):
        table = np.stack([np.take(table, 0, axis), (np.take(table, 0, axis) + np.take(table, 1, axis)) / 2], axis)
    assert found["degrees"][0]["weight"] == pytest.approx(table.mean() ** 2, abs=1e-6)
    assert sum(one["weight"] for one in found["degrees"]) == pytest.approx((table**2).mean(), abs=1e-6)


def test_the_bounds_stand_beside_the_true_rate(run: Run, bert: Path, values: np.ndarray, tmp_path: Path) -> None:
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1, 0, 1] + [0] * (N - 3)))
    ran = run("fourier", "-t", SENTENCE, "-m", bert, "--mask", mask, "--json", "-r", "1,2")
    found = result(ran)
    assert [(one["radius"], one["lambda"], one["variant"]) for one in found["bounds"]] == [
        (radius, share, variant)
        for radius in (1, 2)
        for share, variant in (
            (1, "unsmoothed"),
            (0.9, "smoothed"),
            (0.9, "smoothed-free"),
            (0.5, "smoothed"),
            (0.5, "smoothed-free"),
        )
    ]
    table = values[:, found["target_class"]["id"]]
    start, free = 0b101, [i for i in range(N) if not 0b101 >> i & 1]
    moved = [abs(table[start | 1 << i] - table[start]) for i in free]
    first = found["bounds"][0]
    assert first["sets"] == pytest.approx(2 * sum(moved) / (1 + len(free)), abs=1e-6)
    assert first["rate"] == pytest.approx(1 - sum(one > 0.5 for one in moved) / (1 + len(free)), abs=1e-12)
    assert all(1 - one["rate"] <= one["sets"] + 1e-9 <= one["degrees"] + 2e-9 for one in found["bounds"])


@pytest.mark.slow
def test_two_runs_with_one_seed_agree_and_another_seed_draws_others(run: Run, bert: Path) -> None:
    first, second = (fourier(run, bert, *SAMPLING).record for _ in range(2))
    other = fourier(run, bert, *SAMPLING, "--seed", 1).record
    assert without_run(first) == without_run(second)
    assert first["result"]["degrees"] != other["result"]["degrees"]


def test_more_features_than_exact_max_give_estimates(run: Run, bert: Path, values: np.ndarray) -> None:
    found = result(fourier(run, bert, "--exact-max", 8, "--n-samples", 400, "--degree", 1, "--delta", 1e-9))
    table = values[:, found["target_class"]["id"]]
    assert (found["exact"], found["delta"]) == (False, 1e-9)
    mean = found["degrees"][0]
    assert mean["weight_lower"] <= table.mean() ** 2 <= mean["weight_upper"]
    assert {one["mass"] for one in found["degrees"]} == {None}
    assert found["smoothing"][0]["tail_mass"] is None


@pytest.mark.slow
def test_what_it_takes_is_said_before_it_starts(run: Run, bert: Path) -> None:
    assert "512 evaluations" in fourier(run, bert).stderr
    assert "at most 480 evaluations" in fourier(run, bert, *SAMPLING).stderr
    assert fourier(run, bert, "--quiet").stderr == ""


def test_no_mask_is_evaluated_twice(run: Run, bert: Path) -> None:
    ran = fourier(run, bert, "-r", "all")
    # Three probabilities that are shown are evaluated alone, so that they do not depend on batches.
    assert ran.record["run"]["evaluations"] <= 2**N + 3


def test_an_estimate_spends_no_more_than_was_said(run: Run, bert: Path) -> None:
    ran = fourier(run, bert, *SAMPLING, "--restrict", 3, "-r", 0)
    said = int(ran.stderr.split("at most ")[1].split()[0])
    assert ran.record["run"]["evaluations"] <= said + 3 + 1
    assert result(ran)["restriction"]["draws"] == 32
    assert len(result(ran)["restriction"]["weights"]) == 4


def test_bounds_beyond_the_budget_are_left_out_with_their_cost(run: Run, bert: Path) -> None:
    found = result(fourier(run, bert, *SAMPLING, "-r", 1, "--max-evaluations", 8))
    assert [one["variant"] for one in found["bounds"]] == ["unsmoothed", "smoothed-free", "smoothed-free"]
    assert [one["needed_evaluations"] for one in found["bounds_left_out"]] == [32, 32]


def test_radius_0_and_a_mask_of_everything_have_no_bounds(run: Run, bert: Path) -> None:
    assert result(fourier(run, bert, "-r", 0))["bounds"] == []
    arguments = ("fourier", "-t", "good", "-m", bert, "--method", "random", "--json")
    assert result(run(*arguments))["bounds"] == []
    assert run(*arguments, "-r", 1).code == 2


@pytest.mark.slow
@pytest.mark.parametrize("function", ["probability", "margin", "indicator"])
def test_the_function_is_what_was_asked_for(run: Run, bert: Path, values: np.ndarray, function: str) -> None:
    found = result(fourier(run, bert, "--function", function, "--target", 1))
    table = {"probability": values[:, 1], "indicator": (values.argmax(axis=1) == 1).astype(float)}
    if function == "margin":
        other = found["other_class"]["id"]
        assert other != 1
        table["margin"] = values[:, 1] - values[:, other]
    assert (found["function"], found["target_class"]["id"]) == (function, 1)
    assert found["degrees"][0]["weight"] == pytest.approx(table[function].mean() ** 2, abs=1e-6)


def test_the_monotone_basis_starts_from_nothing(run: Run, bert: Path, values: np.ndarray) -> None:
    found = result(fourier(run, bert, "--basis", "monotone", "--lambdas", "1"))
    table = values[:, found["target_class"]["id"]]
    assert found["degrees"][0]["weight"] == pytest.approx(table[0] ** 2, abs=1e-6)
    assert found["degrees"][1]["mass"] == pytest.approx(sum(abs(table[1 << i] - table[0]) for i in range(N)), abs=1e-6)


def test_a_biased_basis_has_its_probability_in_the_record(run: Run, bert: Path, values: np.ndarray) -> None:
    found = result(fourier(run, bert, "--basis", "biased:0.3", "--lambdas", "1"))
    kept = (np.arange(2**N)[:, None] >> np.arange(N) & 1).sum(axis=1)
    mean = (values[:, found["target_class"]["id"]] * 0.3**kept * 0.7 ** (N - kept)).sum()
    assert (found["basis"], found["bias"]) == ("biased", 0.3)
    assert found["degrees"][0]["weight"] == pytest.approx(mean**2, abs=1e-6)


def test_a_radius_that_is_not_possible_is_refused_before_the_spectrum_is_made(
    run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[None] = []
    monkeypatch.setattr(fourier_work, "degree_weights", lambda *_, **__: begun.append(None))
    assert (fourier(run, bert, "--radius", 9).code, begun) == (2, [])


def test_an_exact_spectrum_that_is_too_large_names_the_ways_out(run: Run, bert: Path) -> None:
    text = " ".join(["the movie was not bad a great film"] * 4)
    ran = run("fourier", "-t", text, "-m", bert, "--method", "random", "--exact-max", 40)
    assert ran.code == 2
    assert all(option in ran.stderr for option in ("--exact-max", "--n-samples", "--restrict"))


def test_the_screen_is_plain_in_a_pipe(run: Run, bert: Path) -> None:
    ran = run("fourier", "-t", SENTENCE, "-m", bert, "--method", "random")
    assert ran.code == 0
    assert "spectrum of the probability of" in ran.stdout
    assert "All 2^9 = 512 masks were evaluated" in ran.stdout
    assert "evaluations" in ran.stdout.splitlines()[-1]
    assert not set(ran.stdout) & set("│╭╮╰╯━┃█░▏\x1b")


@pytest.mark.slow
def test_figure_and_page_do_not_change_the_record(run: Run, bert: Path, tmp_path: Path) -> None:
    plain = fourier(run, bert).record
    drawn = fourier(run, bert, "--plot", tmp_path / "f.pdf", "--html", tmp_path / "f.html").record
    assert without_run(plain) == without_run(drawn)
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")
    page = (tmp_path / "f.html").read_text("utf-8")
    assert page.count('<svg class="chart"') == 2
    assert "<script" not in page


def test_records_of_explain_give_the_mask(run: Run, bert: Path, tmp_path: Path) -> None:
    explained = run("explain", "-t", SENTENCE, "-m", bert, "--method", "random", "-k", 3, "--json")
    (tmp_path / "e.jsonl").write_text(explained.stdout)
    found = run("fourier", "--from", tmp_path / "e.jsonl", "--json").record
    assert found["explanation"]["selected"] == explained.record["explanation"]["selected"]

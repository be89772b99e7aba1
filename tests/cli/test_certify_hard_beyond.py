"""`stabcert certify-hard` beyond one radius: refinement, enumeration, attack, check, sweep, Bernoulli noise, files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from stabcert.core.decisions import decide
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.types import Mask
from tests.cli.conftest import SENTENCE, Run, without_run
from tests.cli.hard_cases import Known, above, certify, file_of, known, result, some_mask


@pytest.fixture(scope="module")
def tiny(bert: Path) -> Known:
    return known(SENTENCE, str(bert))


def test_refinement_is_on_unless_switched_off(run: Run, bert: Path) -> None:
    assert result(run, bert, "-l", "31/64")["refinement"] is not None
    assert result(run, bert, "-l", "31/64", "--refine", 0)["refinement"] is None


def test_a_refined_radius_that_cannot_be_larger_says_where_it_breaks(run: Run, tiny: Known, tmp_path: Path) -> None:
    function = tiny.smoothed(13, 16, [0, 65])

    def breaks(_: object, mask: Mask) -> bool:
        supersets = above(mask)
        return len(set(decide(function, supersets).classes.tolist())) > 1

    mask = some_mask(function, breaks)
    found = run(*tiny.arguments(mask, tmp_path), "-l", "13/16", "--quantization", 16).record["result"]
    supersets = above(mask)
    added = (supersets & ~mask).sum(axis=1)
    changed = decide(function, supersets).classes != found["prediction"]["id"]
    assert found["broken_at"] == added[changed].min() == found["radius_incremental"] + 1


def test_refinement_is_never_below_the_votes(run: Run, bert: Path) -> None:
    found = result(run, bert, "--refine", 500, "-l", "31/64")
    assert found["refinement"]["radius"] >= found["radius_votes"]
    assert found["radius_incremental"] >= found["refinement"]["radius"]
    assert found["refinement"]["evaluations"] <= 500


def test_single_additions_are_tried_by_default_and_not_with_enumerate_0(run: Run, bert: Path) -> None:
    assert result(run, bert)["enumerated_radius"] is not None
    off = result(run, bert, "--enumerate", 0)
    assert (off["enumerated"], off["enumerated_radius"]) == (None, None)


def test_nothing_is_tried_by_default_where_smoothing_is_cheaper(run: Run, bert: Path) -> None:
    # Seven words can be added: eight evaluations.
    assert result(run, bert, "--quantization", 4)["enumerated"] is not None
    assert result(run, bert, "--quantization", 3)["enumerated"] is None


def test_too_few_evaluations_for_single_additions_are_refused_with_the_number(run: Run, bert: Path) -> None:
    ran = certify(run, bert, "--enumerate", 7)
    assert ran.code == 2
    assert "Use --enumerate 8 or more" in ran.stderr
    assert certify(run, bert, "--enumerate", 8).code == 0


def test_every_addition_can_be_tried(run: Run, bert: Path) -> None:
    found = result(run, bert, "--enumerate", 2**7)["enumerated"]
    assert found["exact"]
    if found["flip"] is not None:
        assert len(found["flip"]) == found["radius"] + 1


def breakable(tiny: Known) -> Mask:
    """A mask whose smoothed model (12/16) some addition changes."""
    function = tiny.smoothed(12, 16, [0, 65])
    return some_mask(function, lambda found, mask: (decide(function, above(mask)).classes != found.prediction).any())


def test_an_attack_brackets_the_radius_by_a_flip_that_is_real(run: Run, tiny: Known, tmp_path: Path) -> None:
    mask = breakable(tiny)
    arguments = (*tiny.arguments(mask, tmp_path), "-l", "12/16", "--quantization", 16)
    found = run(*arguments, "--attack", 4000).record["result"]
    flip = found["attack"]["smoothed"]
    assert flip is not None
    assert found["radius_incremental"] <= found["attack_radius"] == len(flip["added"]) - 1
    addition = [int(i in flip["added"]) for i in range(9)]
    check = run(*arguments, "--check", file_of(tmp_path / "flip.json", addition)).record["result"]["check"]
    assert check["prediction"] == flip["prediction"]
    assert check["prediction"]["id"] != found["prediction"]["id"]
    assert not check["guaranteed"]


@pytest.mark.parametrize(("noise", "q"), [((), 64), (("--noise", "bernoulli", "-l", "1/8"), 0)])
def test_an_attack_costs_no_more_than_it_may(
    run: Run, bert: Path, monkeypatch: pytest.MonkeyPatch, noise: tuple[object, ...], q: int
) -> None:
    asked: list[int] = []

    def nothing(function: object, mask: object, *, max_evaluations: int, **_: object) -> None:
        asked.append(max_evaluations * (q if isinstance(function, SmoothedPredictor) else 1))

    monkeypatch.setattr("stabcert.cli.commands.certify_hard_work.find_flip", nothing)
    certify(run, bert, "-l", "63/64", "--enumerate", 0, "--refine", 0, "--attack", 300, *noise)
    assert len(asked) == (2 if q else 1)
    assert 256 <= sum(asked) <= 300


def test_too_short_an_attack_is_refused_with_the_number(run: Run, bert: Path) -> None:
    ran = certify(run, bert, "--attack", 255)
    assert (ran.code, "Use --attack 256 or more" in ran.stderr) == (2, True)
    assert certify(run, bert, "--attack", 256).code == 0


def test_without_an_attack_nothing_is_called_unbroken(run: Run, bert: Path) -> None:
    found = result(run, bert)
    assert (found["attack"], found["attack_radius"]) == (None, None)


@pytest.mark.slow
def test_a_checked_addition_may_repeat_the_explanation(run: Run, bert: Path, tmp_path: Path) -> None:
    selected = certify(run, bert).record["explanation"]["selected"]
    new = next(i for i in range(9) if i not in selected)
    alone = file_of(tmp_path / "alone.json", [int(i == new) for i in range(9)])
    whole = file_of(tmp_path / "whole.json", [int(i == new or i in selected) for i in range(9)])
    checks = [result(run, bert, "--check", path)["check"] for path in (alone, whole)]
    assert checks[0]["added"] == checks[1]["added"] == [new]
    assert checks[0]["prediction"] == checks[1]["prediction"]


def test_a_sweep_puts_what_keeps_the_prediction_first_then_the_largest_radius(run: Run, bert: Path) -> None:
    record = certify(run, bert, "--sweep").record
    sweep, free = record["result"]["sweep"], 7
    assert {Fraction(one["lambda"]) * 64 for one in sweep} == {31, 15, 10, 7, 6, 5, 4}
    plain = record["result"]["unsmoothed_prediction"]["id"]
    keys = [
        (
            not (one["agrees_with_unsmoothed"] and one["masked_prediction"]["id"] == plain),
            not one["agrees_with_unsmoothed"],
            -(free if one["stable_for_all_supersets"] else one["radius_incremental"]),
            -Fraction(one["lambda"]),
        )
        for one in sweep
    ]
    assert keys == sorted(keys)
    assert record["result"]["lambda"] == sweep[0]["lambda"]
    assert record["result"]["radius_incremental"] == sweep[0]["radius_incremental"]
    assert record["prediction"] == sweep[0]["prediction"]


def test_each_line_of_a_sweep_is_what_that_lambda_gives_by_itself(run: Run, bert: Path) -> None:
    sweep = result(run, bert, "--sweep")["sweep"]
    for one in (sweep[0], sweep[-1]):
        alone = result(run, bert, "-l", one["lambda"], "--refine", 0)
        assert {key: alone[key] for key in ("radius_incremental", "radius_decremental", "gap")} == {
            key: one[key] for key in ("radius_incremental", "radius_decremental", "gap")
        }


def bernoulli(run: Run, bert: Path, *more: object):
    return certify(run, bert, "--noise", "bernoulli", "-l", "1/8", "--n-samples", 200, *more)


def test_bernoulli_noise_says_with_which_probability_it_may_be_wrong(run: Run, bert: Path) -> None:
    found = bernoulli(run, bert, "--delta", 0.05).record["result"]
    assert (found["lambda"], found["noise"], found["delta"]) == ("1/8", "bernoulli", 0.05)
    assert (found["quantization"], found["noise_seed"]) == (None, None)
    screen = run(
        "certify-hard", "-t", SENTENCE, "-m", bert, "--mask", _all_but_one(bert.parent), "--noise", "bernoulli"
    ).stdout
    assert "at least 90% over the random draws" in screen


def _all_but_one(folder: Path) -> Path:
    return file_of(folder / "all-but-one.json", [1] * 8 + [0])


def test_bernoulli_predictions_are_those_of_the_model_itself(run: Run, bert: Path) -> None:
    record = bernoulli(run, bert).record
    assert record["prediction"] == record["result"]["unsmoothed_prediction"]


def test_bernoulli_draws_are_the_same_for_one_seed(run: Run, bert: Path) -> None:
    first, second = (without_run(bernoulli(run, bert).record) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_records_of_explain_are_certified(run: Run, bert: Path) -> None:
    explained = run("explain", "-t", SENTENCE, "-m", bert, "--method", "random", "--json")
    piped = run("certify-hard", "--from", "-", "--json", stdin=explained.stdout).record
    direct = certify(run, bert).record
    # The keys differ: one asks for what a record says, the other for what the options say.
    assert without_run(piped) | {"key": ""} == without_run(direct) | {"key": ""}


def test_a_text_from_standard_input_is_certified(run: Run, bert: Path) -> None:
    ran = run("certify-hard", "-", "-m", bert, "--method", "random", "--json", stdin=SENTENCE.encode())
    assert ran.record["result"] == result(run, bert)


def test_a_failed_input_leaves_a_record(run: Run, bert: Path) -> None:
    ran = run("certify-hard", "-t", "good", "-t", SENTENCE, "-m", bert, "--json", "--keep-going", "--min-radius", 7)
    failed, other = ran.records
    assert (ran.code, failed["status"], failed["error"]["code"]) == (4, "failed", 2)
    assert other["command"] == "certify-hard"


@pytest.mark.slow
def test_an_image_is_certified_drawn_and_put_on_a_page(run: Run, picture: Path, tmp_path: Path) -> None:
    figure, page = tmp_path / "figure.svg", tmp_path / "page.html"
    ran = run(
        *("certify-hard", picture, "-m", "demo:image", "--features", "grid:2", "--method", "random", "-k", 1),
        *("--quantization", 8, "--attack", 64, "--json", "--plot", figure, "--html", page),
    )
    assert ran.record["result"]["quantization"] == 8
    assert figure.read_text().startswith("<?xml")
    text = page.read_text()
    assert "<script" not in text
    assert "features added or removed" in text
    assert "smoothed model" in text


def test_the_screen_is_plain_when_piped(run: Run, bert: Path) -> None:
    ran = run("certify-hard", "-t", SENTENCE, "-m", bert, "--method", "random")
    assert "\x1b" not in ran.stdout
    assert "lambda 15/64, 64 " in ran.stdout
    assert ran.stdout.rstrip().endswith("seed 0")


def test_too_few_draws_do_not_say_whether_the_smoothed_model_agrees(run: Run, bert: Path) -> None:
    few = certify(run, bert, "--noise", "bernoulli", "-l", "7/8", "--n-samples", 9)
    many = certify(run, bert, "--noise", "bernoulli", "-l", "7/8", "--n-samples", 400)
    assert few.record["result"]["agrees_with_unsmoothed"] is None
    gap, agrees = (many.record["result"][name] for name in ("full_gap", "agrees_with_unsmoothed"))
    assert gap > 0
    same = many.record["result"]["prediction"]["id"] == many.record["result"]["unsmoothed_prediction"]["id"]
    assert agrees == same

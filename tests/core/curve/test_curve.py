"""One input under several keep probabilities, against the definitions by brute force."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from stabcert.core.curve.draws import smoothed_predictors, tries_of
from stabcert.core.curve.evaluate import evaluate_smoothing, smoothing_curve
from stabcert.core.curve.result import MaskStability, SmoothedInput, TriedAdditions
from stabcert.core.curve.summary import summarise
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.streams import words_of
from stabcert.core.types import MaskedPredictor
from stabcert.errors import InputError, ParameterError
from tests.doubles import Batchy, Constant, Counting, Majority, Parity, Table, Threshold
from tests.oracles import predicted_class, stability_rate

HALF, THREE_QUARTERS, ONE = Fraction(1, 2), Fraction(3, 4), Fraction(1)


def evaluate(
    predictor: MaskedPredictor, masks: Any, label: int | None = None, *, seed: int = 0, **arguments: Any
) -> tuple[SmoothedInput, ...]:
    settings: dict[str, Any] = {
        "keep_probabilities": [ONE, THREE_QUARTERS, HALF],
        "radii": [1, 2],
        "draws": 16,
        "noise_rng": np.random.default_rng(100),
        "rng": np.random.default_rng(seed),
    }
    return evaluate_smoothing(predictor, masks, label, **(settings | arguments))


def frozen(predictor: MaskedPredictor, keep_probability: Fraction, noise: str, draws: int = 16) -> SmoothedPredictor:
    """The function that `evaluate` is about."""
    words = words_of(np.random.default_rng(100))
    (function,) = smoothed_predictors(predictor, [keep_probability], draws, noise, words)  # type: ignore[arg-type]
    return function


def random_table(rng: np.random.Generator, n_features: int, n_classes: int = 3) -> Table:
    """Random, but with structure: the classes of similar masks are often the same."""
    bits = (np.arange(2**n_features)[:, None] >> np.arange(n_features)) & 1
    logits = bits @ rng.normal(size=(n_features, n_classes)) + rng.normal(size=(2**n_features, n_classes)) / 2
    weights = np.exp(logits + rng.normal(size=n_classes))
    return Table(weights / weights.sum(axis=1, keepdims=True))


def random_cases(count: int, seed: int) -> list[tuple[Table, np.ndarray, str]]:
    rng = np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        n_features = int(rng.integers(1, 7))
        noise = str(rng.choice(["bernoulli", "quantized"]))
        cases.append((random_table(rng, n_features), rng.random((2, n_features)) < rng.random(), noise))
    return cases


@pytest.mark.slow
def test_enumerated_rates_and_classes_are_those_of_the_definition() -> None:
    for predictor, masks, noise in random_cases(25, 0):
        results = evaluate(predictor, masks, 1, n_samples=64, radii=[0, 1, 3], noise=noise)
        full = (True,) * predictor.n_features
        for result, keep_probability in zip(results, [ONE, THREE_QUARTERS, HALF], strict=True):
            function = predictor if keep_probability == 1 else frozen(predictor, keep_probability, noise)
            assert result.keep_probability == keep_probability
            assert result.prediction == predicted_class(function, full)
            assert result.correct == (result.prediction == 1)
            assert result.agrees == (result.prediction == predicted_class(predictor, full))
            for mask, found in zip(masks, result.masks, strict=True):
                assert found.masked_prediction == predicted_class(function, tuple(mask.tolist()))
                assert found.consistent == (found.masked_prediction == result.prediction)
                for tried, radius in zip(found.additions, [0, 1, 3], strict=True):
                    used = min(radius, int((~mask).sum()))
                    assert (tried.radius, tried.radius_used, tried.enumerated) == (radius, used, True)
                    assert Fraction(tried.matches, tried.samples) == stability_rate(function, mask, used)


@pytest.mark.slow
def test_hard_and_decremental_radii_are_never_above_the_truth() -> None:
    positive = [0, 0]
    for predictor, masks, noise in random_cases(100, 1):
        n = predictor.n_features
        settings = {"keep_probabilities": [ONE, Fraction(1, 8), Fraction(1, 4), HALF], "radii": [1], "noise": noise}
        for result in evaluate(predictor, masks, **settings):
            function = frozen(predictor, result.keep_probability, noise)
            for mask, found in zip(masks, result.masks, strict=True):
                assert found.hard_radius is not None
                assert stability_rate(function, mask, found.hard_radius) == 1
                positive[0] += found.hard_radius > 0
            assert result.decremental_radius is not None
            for size in range(result.decremental_radius + 1):
                for removed in combinations(range(n), size):
                    row = tuple(i not in removed for i in range(n))
                    assert predicted_class(function, row) == result.prediction
            positive[1] += result.decremental_radius > 0
    assert min(positive) > 30


def test_the_decremental_radius_needs_no_consistency() -> None:
    """The empty mask has another class than the full input; the full input bears the loss of features anyway."""
    result = evaluate(Threshold(8, 1), np.zeros((1, 8)), keep_probabilities=[HALF], draws=64)[0]
    assert result.masks[0].consistent is False
    assert result.decremental_radius == 0
    small = evaluate(Constant(8), np.zeros((1, 8)), keep_probabilities=[Fraction(1, 8)], noise="quantized")[0]
    assert small.decremental_radius == 3  # 16 votes, one less for the tie, each feature in 2 of them


def test_the_unsmoothed_model_is_evaluated_once_a_mask() -> None:
    base = Counting(Majority(9))
    evaluate(base, np.eye(9)[:2], keep_probabilities=[ONE], radii=[1], n_samples=4)
    assert base.rows == 2 + 2 + 2 * 4  # the full input twice, each mask, and 4 additions to each


def test_equal_radii_after_clamping_are_evaluated_once_and_say_so() -> None:
    mask = np.array([[1, 1, 1, 1, 0, 0]])
    base = Counting(Majority(6))
    (result,) = evaluate(base, mask, keep_probabilities=[ONE], radii=[2, 3, 9])
    asked, used, samples = zip(*((t.radius, t.radius_used, t.samples) for t in result.masks[0].additions), strict=True)
    assert (asked, used, samples) == ((2, 3, 9), (2, 2, 2), (4, 4, 4))
    assert result.masks[0].n_free == 2
    assert base.rows == 2 + 1 + 4


def test_a_mask_that_keeps_everything_is_stable_at_every_radius() -> None:
    for result in evaluate(Parity(5), np.ones((1, 5)), radii=[1, 4]):
        (found,) = result.masks
        assert found.consistent
        assert (found.n_free, found.hard_radius) == (0, 0)
        assert [(t.radius_used, t.samples, t.matches) for t in found.additions] == [(0, 1, 1), (0, 1, 1)]


def test_the_noise_depends_on_its_generator_and_the_number_of_features_alone() -> None:
    seen = []
    for seed, mask, n_samples in ((0, np.zeros(6), 3), (1, np.eye(6)[2], 9)):
        base = Counting(Threshold(6, 3))
        arguments = {"keep_probabilities": [HALF], "radii": [1], "n_samples": n_samples, "draws": 64}
        evaluate(base, mask[None], seed=seed, **arguments)
        seen.append({tuple(row) for row in base.seen[1].tolist()})  # the noise masks themselves: the full input
    assert seen[0] == seen[1]
    assert len(seen[0]) > 20


def test_every_keep_probability_tries_the_same_additions() -> None:
    mask = np.zeros(40, dtype=bool)
    expected = {tuple(row) for row in tries_of(mask, [3], 7, words_of(np.random.default_rng(0))).masks.tolist()}
    for keep_probabilities in ([ONE], [HALF, ONE], [THREE_QUARTERS, HALF, ONE]):
        base = Counting(Constant(40))
        evaluate(base, mask[None], keep_probabilities=keep_probabilities, radii=[3], n_samples=7)
        assert {tuple(row) for row in base.masks[-7:].tolist()} == expected  # the unsmoothed model is the last


@pytest.mark.slow
def test_common_random_numbers_make_differences_less_variable() -> None:
    """The difference of two rates over 80 draws of the noise and of the additions, against independent ones."""
    predictor, mask = Threshold(20, 13), np.arange(20)[None] < 8
    near, far = Fraction(18, 20), Fraction(17, 20)

    def rate(seed: int, keep_probability: Fraction) -> float:
        (result,) = evaluate(
            predictor,
            mask,
            seed=seed,
            noise_rng=np.random.default_rng([9, seed]),
            keep_probabilities=[keep_probability],
            radii=[8],
            n_samples=6,
            draws=15,
        )
        return result.masks[0].additions[0].smallest_rate

    shared = [rate(seed, near) - rate(seed, far) for seed in range(80)]
    separate = [rate(seed, near) - rate(seed + 80, far) for seed in range(80)]
    assert 0 < np.var(shared) < 0.5 * np.var(separate)


def test_near_ties_widen_and_never_count_as_matches() -> None:
    """Kept with feature 0 and without feature 1 the two classes cannot be told apart."""
    base = Batchy(Constant(4), lambda masks: masks[:, 0] & ~masks[:, 1])
    clear, tied = evaluate(base, [[0, 1, 0, 0], [1, 0, 0, 0]], 1, keep_probabilities=[ONE], n_samples=99)[0].masks
    assert (clear.near_tie, clear.consistent, clear.hard_radius) == (False, True, 0)
    assert [(t.matches, t.near_ties) for t in clear.additions] == [(4, 0), (7, 0)]
    assert (tied.near_tie, tied.consistent, tied.hard_radius) == (True, None, None)
    assert [(t.samples, t.matches, t.near_ties) for t in tied.additions] == [(4, 0, 4), (7, 0, 7)]
    (empty,) = evaluate(base, [[0, 0, 0, 0]], keep_probabilities=[ONE], radii=[1], n_samples=99)[0].masks
    assert [(t.samples, t.matches, t.near_ties) for t in empty.additions] == [(5, 4, 1)]
    assert (empty.additions[0].smallest_rate, empty.additions[0].largest_rate) == (0.8, 1.0)


def test_a_full_input_that_is_a_near_tie_certifies_nothing() -> None:
    base = Batchy(Constant(3), lambda masks: masks.all(axis=1))
    (result,) = evaluate(base, [[1, 0, 0]], 1, keep_probabilities=[ONE])
    assert (result.near_tie, result.agrees, result.decremental_radius) == (True, None, None)
    assert result.masks[0].consistent is None


def test_results_are_plain_numbers_and_come_back_from_json() -> None:
    for result in evaluate(Threshold(6, 3), np.eye(6)[:2], np.int64(1), radii=np.array([1, 2])):  # type: ignore[arg-type]
        plain = json.loads(json.dumps(asdict(result), default=lambda value: [value.numerator, value.denominator]))
        masks = [mask | {"additions": tuple(TriedAdditions(**t) for t in mask["additions"])} for mask in plain["masks"]]
        plain |= {
            "keep_probability": Fraction(*plain["keep_probability"]),
            "masks": tuple(MaskStability(**mask) for mask in masks),
        }
        assert SmoothedInput(**plain) == result
        assert type(result.correct) is type(result.masks[0].consistent) is bool


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep_probabilities": [Fraction(3, 10)], "noise": "quantized"}, r"4/16.*5/16"),
        ({"keep_probabilities": [Fraction(0)]}, "above 0"),
        ({"keep_probabilities": [Fraction(3, 2)]}, "above 0 and at most 1, got 3/2"),
        ({"keep_probabilities": []}, "at least one"),
        ({"keep_probabilities": [HALF, HALF]}, "once"),
        ({"noise": "gaussian"}, "'bernoulli' or 'quantized'"),
        ({"radii": [-1]}, "from 0"),
        ({"radii": [1, 1]}, "once"),
        ({"radii": [1.5]}, "whole"),
        ({"n_samples": 0}, "1 or more"),
        ({"draws": 0}, "1 or more"),
    ],
)
def test_what_is_not_possible_is_refused_before_the_first_evaluation(change: dict[str, Any], message: str) -> None:
    base = Counting(Majority(4))
    with pytest.raises(ParameterError, match=message):
        evaluate(base, np.zeros((1, 4)), **change)
    assert base.rows == 0


def test_masks_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="4 features"):
        evaluate(Majority(4), np.zeros((1, 5)))


def test_the_curve_is_the_summary_of_its_inputs_and_takes_them_one_at_a_time() -> None:
    alive: list[int] = []

    def predictors() -> Any:
        for at_least in (2, 3, 4):
            alive.append(at_least)
            yield Threshold(7, at_least)

    masks = [np.eye(7)[i] for i in range(3)]
    settings: dict[str, Any] = {"keep_probabilities": [ONE, HALF], "radii": [1, 3], "draws": 8}
    curve = smoothing_curve(predictors(), masks, [1, 0, None], rng=np.random.default_rng(5), delta=0.2, **settings)
    assert (curve.inputs, curve.labelled, curve.delta) == (3, 2, 0.2)
    rng = np.random.default_rng(5)
    noise, words = words_of(rng), words_of(rng)
    expected = [
        evaluate_smoothing(
            Threshold(7, at_least),
            mask[None],
            label,
            noise_rng=np.random.default_rng(noise),
            rng=np.random.default_rng([*words, i]),
            **settings,
        )
        for i, (at_least, mask, label) in enumerate(zip((2, 3, 4), masks, (1, 0, None), strict=True))
    ]
    assert curve == summarise(expected, delta=0.2)


@pytest.mark.parametrize(("masks", "labels"), [(1, None), (3, None), (2, [0]), (2, [0, 1, 0])])
def test_a_different_number_of_masks_or_labels_than_inputs_is_refused(masks: int, labels: list[int] | None) -> None:
    with pytest.raises(ValueError, match=r"zip\(\)"):
        smoothing_curve(
            [Majority(3)] * 2,
            [np.zeros(3)] * masks,
            labels,
            keep_probabilities=[ONE],
            radii=[1],
            rng=np.random.default_rng(0),
        )

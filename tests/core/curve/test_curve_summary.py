"""Means over a data set: the two levels of sampling, paired differences, near ties, what cannot be summarised."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from stabcert.core.curve.estimates import mean_within
from stabcert.core.curve.evaluate import evaluate_smoothing
from stabcert.core.curve.result import (
    MaskStability,
    MethodStability,
    SmoothedInput,
    SmoothingCurve,
    TriedAdditions,
)
from stabcert.core.curve.summary import summarise
from stabcert.core.statistics.means import mean_interval, mean_lower, mean_upper
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import FALSE_ALARM, clopper_pearson_interval, difference_interval
from tests.doubles import Threshold

ONE, HALF = Fraction(1), Fraction(1, 2)


def tried(matches: int, *, near_ties: int = 0, radius: int = 2, samples: int = 4) -> TriedAdditions:
    return TriedAdditions(radius, radius, samples, matches, near_ties, False)


def mask_result(*additions: TriedAdditions, **changes: Any) -> MaskStability:
    found = MaskStability(0, False, True, n_free=6, hard_radius=0, additions=additions or (tried(3),))
    return replace(found, **changes)


def input_result(*masks: MaskStability, **changes: Any) -> SmoothedInput:
    return replace(SmoothedInput(ONE, 8, 0, False, True, True, 0, masks or (mask_result(),)), **changes)


def at_one(results: list[SmoothedInput], delta: float = 0.1) -> SmoothingCurve:
    """The curve of a single keep probability."""
    return summarise([(result,) for result in results], delta=delta)


def only_method(curve: SmoothingCurve) -> MethodStability:
    (method,) = curve.levels[0].methods
    return method


def test_shares_of_inputs_have_the_interval_of_clopper_and_pearson() -> None:
    results = [input_result(correct=i < 7, agrees=i < 4, decremental_radius=i // 3) for i in range(10)]
    results = [replace(result, masks=(mask_result(consistent=i < 9),)) for i, result in enumerate(results)]
    level = at_one(results).levels[0]
    assert level.accuracy is not None
    for found, matches in ((level.accuracy, 7), (level.agreement, 4), (level.methods[0].consistency, 9)):
        assert (found.mean, (found.lower, found.upper)) == (matches / 10, clopper_pearson_interval(matches, 10, 0.1))


def test_the_mean_rate_has_the_interval_of_a_mean_of_shares() -> None:
    (rate,) = only_method(at_one([input_result(mask_result(tried(k))) for k in (4, 3, 4, 1, 4)])).rates
    assert rate.mean == 0.8
    assert (rate.lower, rate.upper) == mean_interval([1, 0.75, 1, 0.25, 1], 0.1)


def test_hard_rates_and_certified_accuracy_count_the_radii_that_reach_it() -> None:
    additions = [tried(4, radius=r) for r in (0, 1, 3)]
    radii = [0, 1, 2, 3, None]
    results = [
        input_result(mask_result(*additions, hard_radius=r), decremental_radius=r, correct=i != 3)
        for i, r in enumerate(radii)
    ]
    level = at_one(results).levels[0]
    assert [found.mean for found in level.methods[0].hard_rates] == [0.8, 0.6, 0.2]
    assert [found.mean for found in level.certified_accuracy] == [0.6, 0.4, 0.0]
    assert [found.radius for found in level.certified_accuracy] == [0, 1, 3]
    assert (level.certified_accuracy[0].lower, level.certified_accuracy[0].upper) == clopper_pearson_interval(3, 5, 0.1)


def test_short_inputs_count_at_all_their_features_and_are_counted() -> None:
    short = mask_result(tried(4, radius=5), n_free=2, hard_radius=2)
    inputs = [input_result(short, n_features=3, decremental_radius=3), input_result(mask_result(tried(4, radius=5)))]
    level = at_one(inputs).levels[0]
    (rate,), (hard,), (certified,) = level.methods[0].rates, level.methods[0].hard_rates, level.certified_accuracy
    assert (rate.clamped, hard.clamped, certified.clamped) == (1, 1, 1)
    assert (hard.mean, certified.mean) == (0.5, 0.5)


def test_near_ties_fail_for_the_lower_bound_and_hold_for_the_upper_one() -> None:
    open_ends = mask_result(tried(1, near_ties=2), consistent=None)
    results = [input_result()] * 5 + [input_result(open_ends, near_tie=True, agrees=None)]
    level = at_one(results).levels[0]
    (rate,) = level.methods[0].rates
    assert rate.lower == mean_interval([0.75] * 5 + [0.25], 0.1)[0]
    assert rate.upper == mean_interval([0.75] * 5 + [0.75], 0.1)[1]
    assert level.accuracy is not None
    for share in (level.accuracy, level.agreement, level.methods[0].consistency):
        assert share.mean == 5 / 6
        assert share.lower == clopper_pearson_interval(5, 6, 0.1)[0]
        assert share.upper == clopper_pearson_interval(6, 6, 0.1)[1] == 1.0


def test_differences_are_paired_and_against_the_first_keep_probability() -> None:
    ones, halves = (4, 4, 1, 2), (4, 3, 3, 2)
    rows = [
        (
            input_result(mask_result(tried(one)), correct=i != 0),
            input_result(mask_result(tried(half)), correct=i != 1, keep_probability=HALF),
        )
        for i, (one, half) in enumerate(zip(ones, halves, strict=True))
    ]
    (difference,) = summarise(rows, delta=0.2).differences
    assert (difference.keep_probability, difference.reference) == (HALF, ONE)
    ((rate,),) = difference.rates
    assert rate.mean == pytest.approx(0.0625)
    assert (rate.lower, rate.upper) == difference_interval([0, -0.25, 0.5, 0], 0.2)
    assert difference.accuracy is not None
    assert difference.accuracy.mean == 0
    assert (difference.accuracy.lower, difference.accuracy.upper) == difference_interval([1, -1, 0, 0], 0.2)


def test_near_ties_on_either_side_widen_a_difference() -> None:
    clear = (input_result(), input_result(keep_probability=HALF))
    tie_at_one = (input_result(mask_result(tried(2, near_ties=1)), near_tie=True), clear[1])
    tie_at_half = (clear[0], input_result(mask_result(tried(2, near_ties=1)), near_tie=True, keep_probability=HALF))
    base = summarise([clear] * 6, delta=0.1).differences[0]
    at_first = summarise([clear] * 5 + [tie_at_one], delta=0.1).differences[0]
    at_second = summarise([clear] * 5 + [tie_at_half], delta=0.1).differences[0]
    for pick in (lambda d: d.accuracy, lambda d: d.rates[0][0]):
        assert pick(at_first).lower == pick(base).lower
        assert pick(at_first).upper > pick(base).upper
        assert pick(at_second).lower < pick(base).lower
        assert pick(at_second).upper == pick(base).upper


def test_inputs_without_a_label_are_left_out_of_the_accuracy_alone() -> None:
    results = [input_result(correct=True), input_result(correct=None), input_result(correct=False)]
    curve = at_one(results)
    assert (curve.inputs, curve.labelled) == (3, 2)
    assert curve.levels[0].accuracy is not None
    assert curve.levels[0].accuracy.mean == 0.5
    assert curve.levels[0].agreement.mean == 1.0
    nothing = at_one([input_result(correct=None)] * 3).levels[0]
    assert (nothing.accuracy, nothing.certified_accuracy) == (None, ())


def test_several_methods_are_kept_apart() -> None:
    masks = (mask_result(tried(4), consistent=True), mask_result(tried(0), consistent=False))
    first, second = at_one([input_result(*masks)] * 3).levels[0].methods
    assert (first.consistency.mean, first.rates[0].mean) == (1.0, 1.0)
    assert (second.consistency.mean, second.rates[0].mean) == (0.0, 0.0)


def test_the_order_of_the_inputs_does_not_matter_in_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    rows = [
        tuple(
            input_result(
                mask_result(tried(int(rng.integers(7)), samples=7, near_ties=int(rng.integers(2)))),
                keep_probability=level,
                correct=bool(correct),
            )
            for level in (ONE, HALF)
        )
        for correct in rng.integers(2, size=40)
    ]
    assert summarise(rows[::-1], delta=0.1) == summarise(rows, delta=0.1)


def test_the_interval_covers_the_choice_of_inputs_and_of_additions_exactly() -> None:
    """Each outcome of 5 inputs of two kinds with 3 additions each; the pooled interval of 15 draws would be wrong."""
    inputs, samples, delta = 5, 3, 0.2
    worst_pooled = 0.0
    for kinds in ([(0.5, 1.0), (0.5, 0.0)], [(0.7, 0.9), (0.3, 0.2)], [(0.95, 1.0), (0.05, 0.3)]):
        truth = sum(weight * rate for weight, rate in kinds)
        law = sum(weight * stats.binom.pmf(np.arange(samples + 1), samples, rate) for weight, rate in kinds)
        missed = pooled_missed = 0.0
        for counts in product(range(inputs + 1), repeat=samples):
            if sum(counts) > inputs:
                continue
            histogram = [*counts, inputs - sum(counts)]
            matches = np.repeat(np.arange(samples + 1), histogram)
            results = [input_result(mask_result(tried(int(k), samples=samples))) for k in matches]
            (rate,) = only_method(at_one(results, delta)).rates
            probability = float(stats.multinomial.pmf(histogram, inputs, law))
            missed += probability * (not rate.lower <= truth <= rate.upper)
            low, high = clopper_pearson_interval(int(matches.sum()), inputs * samples, delta)
            pooled_missed += probability * (not low <= truth <= high)
        assert missed <= delta
        worst_pooled = max(worst_pooled, pooled_missed)
    assert worst_pooled > 1.5 * delta


@pytest.mark.slow
def test_the_interval_covers_the_mean_rate_of_a_known_population() -> None:
    """From evaluation to interval: thresholds drawn at random, the true rates known in closed form."""
    rng = np.random.default_rng(0)
    mask, thresholds, delta, runs = np.arange(9) < 3, (1, 4, 5, 6), 0.5, 60
    truth = float(np.mean([Threshold(9, at_least).rate(mask, 3) for at_least in thresholds]))
    assert 0.3 < truth < 0.9
    wrong = 0
    for _ in range(runs):
        rows = [
            evaluate_smoothing(
                Threshold(9, int(rng.choice(thresholds))),
                mask[None],
                None,
                keep_probabilities=[ONE],
                radii=[3],
                n_samples=3,
                noise_rng=np.random.default_rng(0),
                rng=rng,
            )
            for _ in range(12)
        ]
        (rate,) = only_method(summarise(rows, delta=delta)).rates
        wrong += not rate.lower <= truth <= rate.upper
    assert wrong <= stats.binom.isf(FALSE_ALARM, runs, delta)


@pytest.mark.slow
def test_estimates_of_a_single_input_are_unbiased() -> None:
    """Their mean over many draws of the additions is the rate, within what 1e-9 allows (Hoeffding)."""
    mask, runs = np.arange(9) < 3, 600
    predictor = Threshold(9, 5)
    rng = np.random.default_rng(1)
    rates = [
        evaluate_smoothing(
            predictor,
            mask[None],
            None,
            keep_probabilities=[ONE],
            radii=[3],
            n_samples=4,
            noise_rng=np.random.default_rng(0),
            rng=rng,
        )[0]
        .masks[0]
        .additions[0]
        .smallest_rate
        for _ in range(runs)
    ]
    margin = np.sqrt(np.log(2 / FALSE_ALARM) / (2 * runs * 4))
    assert abs(np.mean(rates) - float(predictor.rate(mask, 3))) < margin


@pytest.mark.parametrize(
    "other",
    [
        (input_result(keep_probability=HALF),),
        (input_result(), input_result(keep_probability=HALF)),
        (input_result(mask_result(tried(3, radius=3))),),
        (input_result(mask_result(), mask_result()),),
    ],
)
def test_inputs_of_other_settings_are_refused(other: tuple[SmoothedInput, ...]) -> None:
    with pytest.raises(InputError, match="same settings"):
        summarise([(input_result(),), other], delta=0.1)


def test_a_label_under_some_keep_probabilities_only_is_refused() -> None:
    with pytest.raises(InputError, match="label"):
        summarise([(input_result(), input_result(keep_probability=HALF, correct=None))], delta=0.1)


@pytest.mark.parametrize("inputs", [[], [()]])
def test_nothing_cannot_be_summarised(inputs: list[tuple[SmoothedInput, ...]]) -> None:
    with pytest.raises(InputError, match="at least one"):
        summarise(inputs, delta=0.1)


def test_a_delta_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ParameterError, match="delta"):
        at_one([input_result()], delta=1.0)


def test_bounds_that_fail_as_often_as_allowed_do_not_move_the_mean() -> None:
    """The worst case: every true value is 1/2, and a bound that fails is as wrong as possible."""
    rng = np.random.default_rng(3)
    failure, n = 0.1, 20_000
    fails = rng.random(n) < failure
    lower, upper = np.where(fails, 1.0, 0.5), np.where(fails, 0.0, 0.5)
    assert mean_lower(lower, 1e-9) > 0.5, "without the correction, the bound is wrong"
    low, high = mean_within(list(zip(lower, upper, strict=True)), 2e-9, failure=failure)
    assert 0.4 < low <= 0.5 <= high < 0.6


def test_certain_bounds_need_no_correction() -> None:
    bounds = [(0.2, 0.4), (0.5, 0.9)] * 20
    assert mean_within(bounds, 0.1, failure=0.0) == pytest.approx(
        (mean_lower([low for low, _ in bounds], 0.05), mean_upper([high for _, high in bounds], 0.05))
    )
    assert mean_within([(0.0, 1.0)], 0.1, failure=0.5) == (0.0, 1.0)

"""Soft certificates: exact where they enumerate, indifferent to batches, strict about what they are given."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.soft import Interrupted, certify_soft
from stabcert.core.soft_certificate import SoftCertificate
from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ModelError, ParameterError
from tests.doubles import Batchy, Constant, Counting, FlipAtSize, Parity, Table, Threshold, one_hot
from tests.oracles import stability_rate

FORMULATIONS = ["up-to", "exactly", "worst"]
MASK_196 = np.arange(196) < 49


def certify(predictor: MaskedPredictor, mask: Any, *, seed: int = 0, **arguments: Any) -> SoftCertificate:
    return certify_soft(predictor, mask, rng=np.random.default_rng(seed), **arguments)


@st.composite
def small_cases(draw: st.DrawFn) -> tuple[Table, np.ndarray, str]:
    """Any function of up to 6 features to 3 classes, often with equal best classes; a mask; a formulation."""
    n_features = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = rng.integers(1, 4, size=(2**n_features, 3)).astype(float)
    weights[rng.random(2**n_features) < draw(st.sampled_from([0.0, 0.7])), 1] = 5.0
    mask = np.array(draw(st.lists(st.booleans(), min_size=n_features, max_size=n_features)))
    return Table(weights / weights.sum(axis=1, keepdims=True)), mask, draw(st.sampled_from(FORMULATIONS))


# Enumeration


@given(small_cases())
def test_enumerated_rates_are_those_of_the_definition(case: tuple[Table, np.ndarray, str]) -> None:
    predictor, mask, formulation = case
    n_free = int((~mask).sum())
    certificate = certify(predictor, mask, radius=range(n_free + 1), formulation=formulation, n_samples=64)
    assert [rate.radius for rate in certificate.rates] == list(range(n_free + 1))
    for rate in certificate.rates:
        exact = stability_rate(predictor, mask, rate.radius, formulation)
        assert rate.rate == rate.lower == rate.upper == float(exact)
        assert Fraction(rate.matches, rate.samples) == exact
        assert rate.enumerated
        assert rate.population == rate.samples
        assert rate.verdict == "reported"


@given(small_cases(), st.floats(0.01, 1.0))
def test_enumerated_rates_decide_about_a_threshold_exactly(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    predictor, mask, formulation = case
    n_free = int((~mask).sum())
    certificate = certify(predictor, mask, radius="all", formulation=formulation, n_samples=64, min_rate=threshold)
    for rate in certificate.rates:
        met = float(stability_rate(predictor, mask, rate.radius, formulation)) >= threshold
        assert rate.met is met
        assert rate.verdict == ("certified" if met else "not-certified")
    assert certificate.verdict == ("certified" if all(rate.met for rate in certificate.rates) else "not-certified")
    assert [rate.radius for rate in certificate.rates] == (list(range(1, n_free + 1)) or [0])


@given(small_cases(), st.sampled_from([0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0]))
def test_a_sequential_test_that_cannot_err_decides_like_the_definition(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    """With a delta of 1e-12 only certainty decides, so that no seed can make this fail."""
    predictor, mask, formulation = case
    certificate = certify(
        predictor, mask, radius="all", formulation=formulation, min_rate=threshold, delta=1e-12, max_samples=10**5
    )
    for rate in certificate.rates:
        exact = float(stability_rate(predictor, mask, rate.radius, formulation))
        assert rate.lower <= exact <= rate.upper
        assert rate.met is (exact >= threshold)
        assert rate.verdict == ("certified" if exact >= threshold else "not-certified")


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_radius_1_of_an_image_is_enumerated_and_the_interval_has_width_0(formulation: str) -> None:
    predictor = Counting(Threshold(196, 50))  # class 0 with 49 kept, class 1 with any patch more
    certificate = certify(predictor, MASK_196, radius=1, formulation=formulation)
    (rate,) = certificate.rates
    masks = 148 if formulation == "up-to" else 147
    assert (rate.samples, rate.population, rate.enumerated) == (masks, masks, True)
    assert rate.lower == rate.upper == rate.rate == (1 / 148 if formulation == "up-to" else 0.0)
    assert certificate.evaluations == predictor.rows == masks + 1
    assert rate.hoeffding_epsilon is None
    assert (certificate.n_features, certificate.n_selected, certificate.prediction) == (196, 49, 0)


def test_stability_rates_may_fall_and_rise_again_with_the_radius() -> None:
    """Mismatch exactly when one of three features is added: 1, 1/4, 4/7, 5/8."""
    flips_at_one = Table(one_hot([0, 1, 1, 0, 1, 0, 0, 0]))
    certificate = certify(flips_at_one, np.zeros(3), radius=range(4))
    assert [rate.rate for rate in certificate.rates] == [1.0, 1 / 4, 4 / 7, 5 / 8]
    exactly = certify(flips_at_one, np.zeros(3), radius=range(4), formulation="exactly")
    assert [rate.rate for rate in exactly.rates] == [1.0, 0.0, 1.0, 1.0]
    worst = certify(flips_at_one, np.zeros(3), radius=range(4), formulation="worst")
    assert [rate.rate for rate in worst.rates] == [1.0, 0.0, 0.0, 0.0]
    searched = certify(flips_at_one, np.zeros(3), radius="all", min_rate=0.5, largest_radius=True)
    assert searched.largest_radius == 0
    assert searched.verdict == "not-certified"
    assert len(searched.rates) == 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_parity_is_stable_in_half_of_everything(formulation: str) -> None:
    mask = np.array([True, False, False, False, False])
    certificate = certify(Parity(5), mask, radius=4, formulation=formulation)
    assert certificate.rates[0].rate == {"up-to": 0.5, "exactly": 1.0, "worst": 0.0}[formulation]


@pytest.mark.parametrize("arguments", [{}, {"min_rate": 1.0}, {"min_rate": 0.9, "largest_radius": True}])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_at_radius_0_there_is_the_mask_alone_and_it_survives(formulation: str, arguments: dict[str, Any]) -> None:
    certificate = certify(Parity(5), np.zeros(5), radius=0, formulation=formulation, **arguments)
    (rate,) = certificate.rates
    assert (rate.radius, rate.samples, rate.rate, rate.lower, rate.upper) == (0, 1, 1.0, 1.0, 1.0)
    assert certificate.evaluations == 2


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_with_all_features_kept_there_is_only_radius_0(formulation: str) -> None:
    certificate = certify(Parity(4), np.ones(4), radius="all", formulation=formulation)
    assert [rate.radius for rate in certificate.rates] == [0]
    assert certificate.rates[0].lower == certificate.rates[0].upper == 1.0
    with pytest.raises(ParameterError, match="0 to 0"):
        certify(Parity(4), np.ones(4), radius=1, formulation=formulation)


def test_all_means_every_radius_from_1_to_what_is_left_to_add() -> None:
    certificate = certify(Parity(6), np.array([1, 0, 0, 0, 1, 0]), radius="all")
    assert [rate.radius for rate in certificate.rates] == [1, 2, 3, 4]


def test_radii_are_sorted_and_repeated_ones_are_asked_once() -> None:
    once = certify(Threshold(40, 5), np.zeros(40), radius=[2, 9], n_samples=50)
    for radius in ([9, 2, 2, 9], iter([9, 2]), np.array([2, 9]), (np.int64(9), 2)):
        assert certify(Threshold(40, 5), np.zeros(40), radius=radius, n_samples=50) == once


def test_a_rate_of_1_is_certified_for_a_set_that_can_be_tried_whole() -> None:
    for arguments in ({"n_samples": 150}, {"max_samples": 150}):
        certificate = certify(Constant(196), MASK_196, radius=1, min_rate=1.0, **arguments)
        assert certificate.verdict == "certified"
        assert certificate.rates[0].lower == 1.0


# Independence of what must not matter


def arbitrary_function(n_features: int, share: float, seed: int = 0) -> MaskedPredictor:
    """Class 1 on a pseudo-random ``share`` of all masks: no structure that a test could be blind to."""
    weights = np.random.default_rng(seed).integers(1, 2**31, size=n_features)

    class Arbitrary:
        def __init__(self) -> None:
            self.n_features = n_features

        def __call__(self, masks: Masks, /) -> Probs:
            mixed = (masks @ weights * 2654435761) % 2**32 % 1_000_003
            return one_hot(mixed >= share * 1_000_003)

    return Arbitrary()


CASES: list[dict[str, Any]] = [
    {"radius": [1, 3, 8]},
    {"radius": [2, 12], "interval": "hoeffding", "n_samples": 40},
    {"radius": 4, "formulation": "worst"},
    {"radius": [2, 9], "min_rate": 0.6, "max_samples": 300},
    {"radius": 3, "min_rate": 0.5, "formulation": "worst"},
    {"radius": range(1, 12), "min_rate": 0.5, "largest_radius": True},
]
SOME_MASK = np.arange(36) % 4 == 0


class Rebatched:
    """Evaluates the same function in other batches and in another order."""

    def __init__(self, base: MaskedPredictor, size: int) -> None:
        self.base, self.size, self.n_features = base, size, base.n_features

    def __call__(self, masks: Masks, /) -> Probs:
        order = np.arange(len(masks))[::-1]
        parts = [self.base(masks[order[i : i + self.size]]) for i in range(0, len(masks), self.size)]
        return np.concatenate(parts)[::-1]


@pytest.mark.parametrize("arguments", CASES)
def test_the_batches_and_the_order_of_evaluation_do_not_change_a_certificate(arguments: dict[str, Any]) -> None:
    base = arbitrary_function(36, 0.1)
    expected = certify(base, SOME_MASK, **arguments)
    for size in (1, 7, 1000):
        assert certify(Rebatched(base, size), SOME_MASK, **arguments) == expected


@pytest.mark.parametrize("arguments", CASES)
def test_the_same_generator_state_gives_the_same_certificate_and_another_gives_other_draws(
    arguments: dict[str, Any],
) -> None:
    runs = [Counting(arbitrary_function(36, 0.1)) for _ in range(3)]
    first, second, _ = (certify(run, SOME_MASK, seed=seed, **arguments) for run, seed in zip(runs, (3, 3, 4), strict=True))
    assert first == second
    assert (runs[0].masks == runs[1].masks).all()
    rows = min(run.rows for run in runs)
    assert (runs[0].masks[:rows] != runs[2].masks[:rows]).any()


@pytest.mark.parametrize("arguments", CASES)
def test_the_type_of_the_mask_does_not_change_a_certificate(arguments: dict[str, Any]) -> None:
    base = arbitrary_function(36, 0.1)
    expected = certify(base, SOME_MASK, **arguments)
    for dtype in (np.int64, np.uint8, np.float64, np.float32):
        assert certify(base, SOME_MASK.astype(dtype), **arguments) == expected
    assert certify(base, SOME_MASK.tolist(), **arguments) == expected


@pytest.mark.parametrize("arguments", CASES)
def test_masks_reach_the_predictor_as_rows_of_bools_that_keep_what_the_mask_keeps(arguments: dict[str, Any]) -> None:
    predictor = Counting(arbitrary_function(36, 0.1))
    certificate = certify(predictor, SOME_MASK.astype(float), **arguments)
    assert predictor.masks.dtype == np.bool_
    assert predictor.masks[:, SOME_MASK].all()
    assert predictor.masks.sum(axis=1).max() - SOME_MASK.sum() <= max(np.atleast_1d(list(arguments["radius"]) if not isinstance(arguments["radius"], int) else arguments["radius"]))
    assert certificate.evaluations == predictor.rows


def test_the_callers_mask_and_generator_are_treated_well() -> None:
    mask = SOME_MASK.copy()
    rng = np.random.default_rng(0)
    first = certify_soft(arbitrary_function(36, 0.4), mask, radius=9, rng=rng)
    second = certify_soft(arbitrary_function(36, 0.4), mask, radius=9, rng=rng)
    assert (mask == SOME_MASK).all()
    assert first != second  # one generator, used twice, gives new draws


@pytest.mark.parametrize("extra", [{"n_samples": 60}, {"min_rate": 0.7}])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_what_is_drawn_at_one_radius_does_not_depend_on_which_others_are_asked_for(
    formulation: str, extra: dict[str, Any]
) -> None:
    base = arbitrary_function(36, 0.3)
    arguments = {"formulation": formulation, "simultaneous": False, **extra}
    together = certify(base, SOME_MASK, radius=[2, 4, 9], **arguments)
    for i, radius in enumerate((2, 4, 9)):
        assert certify(base, SOME_MASK, radius=radius, **arguments).rates[0] == together.rates[i]


def test_a_global_seed_neither_matters_nor_changes() -> None:
    first = certify(arbitrary_function(36, 0.3), SOME_MASK, radius=9)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    try:
        assert certify(arbitrary_function(36, 0.3), SOME_MASK, radius=9) == first
    finally:
        np.random.set_state(state)  # noqa: NPY002


# Requests that cannot be met


@pytest.mark.parametrize("mask", [np.full(5, 0.5), [0, 1, 2, 0, 0], [0.999998, 0, 0, 0, 0], np.zeros(4), np.zeros((1, 5))])
def test_a_mask_that_is_none_is_refused(mask: Any) -> None:
    with pytest.raises(InputError):
        certify(Parity(5), mask, radius=1)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("radius", [5, 100, -1, [1, 5], [-1, 2]])
def test_a_radius_that_does_not_exist_is_refused_and_the_range_is_named(radius: Any, formulation: str) -> None:
    with pytest.raises(ParameterError, match="0 to 4"):
        certify(Parity(6), np.array([1, 0, 0, 0, 0, 1]), radius=radius, formulation=formulation)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_refused_radius_is_the_one_that_was_given(formulation: str) -> None:
    with pytest.raises(ParameterError, match="100"):
        certify(Parity(6), np.array([1, 0, 0, 0, 0, 1]), radius=[2, 100], formulation=formulation)


@pytest.mark.parametrize("radius", [1.5, [1.5], [2, 2.9], np.array([0.5, 1.0]), "one", [], math.nan])
def test_a_radius_that_is_no_whole_number_is_refused_and_not_rounded(radius: Any) -> None:
    with pytest.raises(ParameterError, match="radius"):
        certify(Parity(6), np.zeros(6), radius=radius)


@pytest.mark.parametrize(
    "arguments",
    [
        {"delta": 0.0},
        {"delta": 1.0},
        {"delta": math.nan},
        {"epsilon": 0.0},
        {"epsilon": 1.0},
        {"n_samples": 0},
        {"n_samples": -3},
        {"min_rate": 0.0},
        {"min_rate": 1.1},
        {"min_rate": math.nan},
        {"min_rate": 0.9, "max_samples": 0},
        {"min_rate": 0.9, "max_samples": -5},
        {"max_samples": 100},
        {"largest_radius": True},
        {"min_rate": 0.9, "n_samples": 50, "max_samples": 100},
        {"min_rate": 0.9, "n_samples": 50, "largest_radius": True},
        {"formulation": "average"},
        {"interval": "bayes"},
        {"interval": "bayes", "min_rate": 0.5},
    ],
)
def test_a_request_without_a_meaning_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        certify(Constant(20), np.zeros(20), radius=8, **arguments)


def number_after(word: str, message: str) -> int:
    found = re.search(rf"{word}\D{{0,20}}?(\d+)", message)
    assert found, message
    return int(found[1])


@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize(("radius", "threshold"), [(12, 0.9), (12, 0.99), ([9, 12], 0.9), (2, 0.95), (3, 0.9), ([3, 12], 0.97)])
@pytest.mark.parametrize("formulation", ["up-to", "worst"])
def test_a_rate_that_no_outcome_can_certify_is_refused_with_the_number_of_samples_that_is_enough(
    radius: Any, threshold: float, interval: str, formulation: str
) -> None:
    arguments: dict[str, Any] = {
        "radius": radius, "min_rate": threshold, "interval": interval, "formulation": formulation,
    }
    predictor, mask = Constant(40), np.arange(40) < 4
    needed = 20
    for _ in range(10):  # one message per radius that is out of reach
        with pytest.raises(ParameterError, match=r"cannot certify") as refused:
            certify(Counting(predictor), mask, n_samples=needed, **arguments)
        following = number_after("use", str(refused.value))
        assert following > needed
        needed = following
        try:
            certificate = certify(predictor, mask, n_samples=needed, **arguments)
            break
        except ParameterError:
            assert not isinstance(radius, int)
    assert certificate.verdict == "certified"
    if isinstance(radius, int):
        with pytest.raises(ParameterError, match="cannot certify"):
            certify(predictor, mask, n_samples=needed - 1, **arguments)


def test_the_sequential_alternative_that_is_named_works_too() -> None:
    for radius in (2, 12, [9, 12]):
        with pytest.raises(ParameterError, match="sequential") as refused:
            certify(Constant(40), np.zeros(40), radius=radius, n_samples=20, min_rate=0.95)
        samples = number_after("can end after", str(refused.value))
        certificate = certify(Constant(40), np.zeros(40), radius=radius, min_rate=0.95, max_samples=samples)
        assert certificate.verdict == "certified"


def test_a_refused_request_costs_no_more_than_the_prediction() -> None:
    predictor = Counting(Constant(40))
    with pytest.raises(ParameterError):
        certify(predictor, np.zeros(40), radius=12, n_samples=10, min_rate=0.99)
    assert predictor.rows <= 1


@pytest.mark.parametrize(("radius", "threshold"), [(12, 0.9), (12, 0.99), ([9, 12], 0.9), (2, 0.95), (3, 0.99)])
@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_a_maximum_of_samples_that_is_too_small_is_refused_with_the_number_that_is_enough(
    radius: Any, threshold: float, formulation: str
) -> None:
    arguments: dict[str, Any] = {"radius": radius, "min_rate": threshold, "formulation": formulation}
    with pytest.raises(ParameterError, match="cannot certify") as refused:
        certify(Constant(40), np.zeros(40), max_samples=10, **arguments)
    needed = number_after("--max-samples", str(refused.value))
    assert certify(Constant(40), np.zeros(40), max_samples=needed, **arguments).verdict == "certified"
    if isinstance(radius, int):
        with pytest.raises(ParameterError, match="cannot certify"):
            certify(Constant(40), np.zeros(40), max_samples=needed - 1, **arguments)


def test_a_rate_of_1_over_a_set_too_large_to_be_tried_is_refused() -> None:
    with pytest.raises(ParameterError, match="trying every addition"):
        certify(Constant(196), MASK_196, radius=10, min_rate=1.0)
    with pytest.raises(ParameterError, match="trying every addition"):
        certify(Constant(196), MASK_196, radius=10, min_rate=1.0, n_samples=1000)


# Broken predictors


@pytest.mark.parametrize(
    "answer",
    [
        lambda k: np.full((k, 3), math.nan),
        lambda k: np.full((k, 2), math.inf),
        lambda k: np.ones((k, 1)),
        lambda k: np.ones(k),
        lambda k: np.full((k + 1, 2), 0.5),
        lambda k: np.full((1, 2), 0.5) if k > 1 else np.full((2, 2), 0.5),
        lambda k: np.tile([2.0, -1.0], (k, 1)),
        lambda k: np.tile([3.5, 1.2], (k, 1)),
        lambda k: np.zeros((k, 2)),
        lambda k: np.full((k, 2, 2), 0.25),
        lambda k: None,
    ],
)
@pytest.mark.parametrize("arguments", [{}, {"min_rate": 0.5}])
def test_a_predictor_that_returns_no_probabilities_is_refused(
    answer: Callable[[int], Any], arguments: dict[str, Any]
) -> None:
    class Broken:
        n_features = 5

        def __call__(self, masks: Masks, /) -> Probs:
            return answer(len(masks))  # type: ignore[no-any-return]

    with pytest.raises(ModelError):
        certify(Broken(), np.zeros(5), radius=2, **arguments)


def test_a_nan_in_a_single_later_row_is_noticed() -> None:
    probabilities = one_hot(np.zeros(32, dtype=int))
    probabilities[21] = math.nan
    with pytest.raises(ModelError, match="finite"):
        certify(Table(probabilities), np.zeros(5), radius=5)


# Near ties


def one_added(masks: Masks) -> np.ndarray:
    return masks.sum(axis=1) == 1


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_near_ties_widen_an_enumerated_rate_on_both_sides(batch: int) -> None:
    predictor = Batchy(Constant(6), one_added)
    wrapped = Counting(Rebatched(predictor, batch))
    wrapped.decision_tolerance = predictor.decision_tolerance
    (rate,) = certify(wrapped, np.zeros(6), radius=2).rates
    assert (rate.samples, rate.matches, rate.near_ties) == (22, 16, 6)
    assert (rate.lower, rate.rate, rate.upper) == (16 / 22, 16 / 22, 1.0)
    assert rate.enumerated
    decided = certify(wrapped, np.zeros(6), radius=2, min_rate=0.9)
    assert decided.verdict == "undecided"
    assert certify(wrapped, np.zeros(6), radius=2, min_rate=0.7).verdict == "certified"


@pytest.mark.parametrize("arguments", [{"n_samples": 80}, {"min_rate": 0.6}, {"min_rate": 0.9, "max_samples": 400}])
def test_near_ties_make_a_certificate_independent_of_the_batch_that_decided_them(arguments: dict[str, Any]) -> None:
    def tied(masks: Masks) -> np.ndarray:
        return masks[:, 5] & ~masks[:, 7]

    certificates = [
        certify(Batchy(Constant(30), tied, drift=drift), np.zeros(30), radius=10, **arguments) for drift in (0, 1)
    ]
    assert certificates[0] == certificates[1]
    assert certificates[0].near_ties > 0


def test_near_ties_support_neither_certification_nor_refutation() -> None:
    """All additions but the mask itself are too close to tell: nothing is known, however many are drawn."""
    predictor = Batchy(Constant(30), lambda masks: masks.any(axis=1))
    certificate = certify(predictor, np.zeros(30), radius=15, min_rate=0.5, max_samples=500)
    (rate,) = certificate.rates
    assert rate.samples == rate.near_ties == 500
    assert rate.verdict == certificate.verdict == "undecided"
    (fixed,) = certify(predictor, np.zeros(30), radius=15, n_samples=100).rates
    assert (fixed.lower, fixed.upper) == (0.0, 1.0)


def test_a_mask_that_is_itself_a_near_tie_has_no_largest_radius() -> None:
    predictor = Batchy(Constant(4), lambda masks: ~masks.any(axis=1))
    certificate = certify(predictor, np.zeros(4), radius=range(3), min_rate=0.5, largest_radius=True)
    assert not certificate.rates[0].met
    assert certificate.verdict != "certified"


def test_without_a_tolerance_an_exact_tie_goes_to_the_lower_class() -> None:
    certificate = certify(Table(np.full((8, 2), 0.5)), np.zeros(3), radius=3)
    assert certificate.prediction == 0
    assert certificate.near_ties == 0
    assert certificate.rates[0].rate == 1.0


# Interruption


class Impatient:
    """Raises KeyboardInterrupt instead of evaluating more than ``rows`` rows."""

    def __init__(self, base: MaskedPredictor, rows: int) -> None:
        self.base, self.rows, self.n_features = base, rows, base.n_features

    def __call__(self, masks: Masks, /) -> Probs:
        self.rows -= len(masks)
        if self.rows < 0:
            raise KeyboardInterrupt
        return self.base(masks)


@pytest.mark.parametrize("rows", [1, 20, 60, 100, 200, 400])
@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("largest_radius", [False, True])
def test_an_interrupted_test_gives_the_bounds_that_are_valid_so_far(
    rows: int, formulation: str, largest_radius: bool
) -> None:
    """A function that is almost never unstable: a bound is wrong with probability at most delta = 1e-9."""
    base = Threshold(30, 2, [0, 1])
    mask = np.arange(30) == 29
    radii = [1, 2, 3, 9]
    with pytest.raises(KeyboardInterrupt) as stopped:
        certify(
            Impatient(base, rows),
            mask,
            radius=radii,
            formulation=formulation,
            min_rate=0.93,
            delta=1e-9,
            max_samples=5000,
            largest_radius=largest_radius,
        )
    assert isinstance(stopped.value, Interrupted)
    certificate = stopped.value.certificate
    assert certificate.interval == "anytime"
    assert certificate.verdict == "undecided" or (largest_radius and certificate.verdict == "certified")
    for rate in certificate.rates:
        sizes = range(1, rate.radius + 1) if formulation == "worst" else [rate.radius]
        exact = float(min(base.rate(mask, j, exactly=formulation != "up-to") for j in sizes))
        assert 0.0 <= rate.lower <= exact <= rate.upper <= 1.0
        assert rate.met is (rate.lower >= 0.93)
        assert rate.samples <= rows
        if rate.samples == 0:
            assert (rate.rate, rate.lower, rate.upper) == (None, 0.0, 1.0)
    if largest_radius:
        assert certificate.largest_radius is not None
        for radius in radii:
            if radius <= certificate.largest_radius and formulation == "up-to":
                assert base.rate(mask, radius) >= Fraction(93, 100)
    else:
        assert [rate.radius for rate in certificate.rates] == radii


# Sizes and budgets


def test_a_stable_function_is_certified_after_29_draws() -> None:
    certificate = certify(Constant(196), MASK_196, radius=10, min_rate=0.9)
    (rate,) = certificate.rates
    assert (rate.samples, rate.matches, rate.met) == (29, 29, True)
    assert certificate.evaluations == 30
    assert rate.lower >= 0.9
    assert not rate.enumerated


@pytest.mark.parametrize(("epsilon", "delta", "samples"), [(0.1, 0.1, 150), (0.05, 0.05, 738)])
def test_the_sample_size_is_that_of_the_paper(epsilon: float, delta: float, samples: int) -> None:
    certificate = certify(Constant(196), MASK_196, radius=10, epsilon=epsilon, delta=delta)
    assert certificate.rates[0].samples == samples
    assert certificate.evaluations == samples + 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("radius", [10, [10, 12, 15], [1, 10]])
@pytest.mark.parametrize("simultaneous", [True, False])
def test_the_papers_half_width_is_within_epsilon(formulation: str, radius: Any, simultaneous: bool) -> None:
    certificate = certify(
        Threshold(40, 9), np.zeros(40), radius=radius, formulation=formulation, simultaneous=simultaneous
    )
    for rate in certificate.rates:
        assert rate.hoeffding_epsilon is None or rate.hoeffding_epsilon <= 0.1 * (1 + 1e-12)


def test_a_radius_that_is_enumerated_costs_the_others_nothing() -> None:
    alone = certify(arbitrary_function(40, 0.2), np.zeros(40), radius=12, n_samples=150)
    both = certify(arbitrary_function(40, 0.2), np.zeros(40), radius=[1, 12], n_samples=150)
    assert both.rates[0].enumerated
    assert both.rates[1] == alone.rates[0]


def test_many_radii_together_are_bounded_less_tightly_than_each_by_itself() -> None:
    arguments = {"radius": [10, 12, 15], "n_samples": 150}
    joint = certify(arbitrary_function(40, 0.2), np.zeros(40), **arguments)
    single = certify(arbitrary_function(40, 0.2), np.zeros(40), simultaneous=False, **arguments)
    for together, alone in zip(joint.rates, single.rates, strict=True):
        assert together.lower < alone.lower < alone.upper < together.upper
        assert together.matches == alone.matches


def test_a_sequential_test_uses_no_more_than_the_maximum_of_samples() -> None:
    predictor = Counting(arbitrary_function(40, 0.1))
    certificate = certify(predictor, np.zeros(40), radius=[10, 20], min_rate=0.9, max_samples=97)
    assert all(rate.samples <= 97 for rate in certificate.rates)
    assert predictor.rows <= 2 * 97 + 1


# The largest radius


@given(small_cases(), st.sampled_from([0.25, 0.4, 0.5, 0.51, 0.6, 0.75, 0.9, 1.0]))
def test_a_largest_radius_never_covers_a_radius_below_the_threshold(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    predictor, mask, formulation = case
    certificate = certify(
        predictor, mask, radius="all", formulation=formulation, min_rate=threshold, delta=1e-12,
        max_samples=10**5, largest_radius=True,
    )
    assert certificate.largest_radius is not None
    for radius in range(1, certificate.largest_radius + 1):
        assert float(stability_rate(predictor, mask, radius, formulation)) >= threshold
    for rate in certificate.rates:
        if rate.covers_up_to is not None:
            assert rate.met


@given(small_cases(), st.sampled_from([0.25, 0.4, 0.5, 0.51, 0.6, 0.75, 0.9, 1.0]))
def test_where_every_addition_can_be_tried_the_largest_radius_is_exact(
    case: tuple[Table, np.ndarray, str], threshold: float
) -> None:
    predictor, mask, formulation = case
    n_free = int((~mask).sum())
    certificate = certify(
        predictor, mask, radius="all", formulation=formulation, min_rate=threshold, delta=1e-12,
        max_samples=10**5, largest_radius=True,
    )
    good = [float(stability_rate(predictor, mask, r, formulation)) >= threshold for r in range(1, n_free + 1)]
    assert certificate.largest_radius == (good.index(False) if False in good else n_free)


@given(small_cases())
def test_the_rates_of_two_radii_differ_by_no_more_than_the_sizes_of_their_sets_allow(
    case: tuple[Table, np.ndarray, str],
) -> None:
    """rate(r') >= |Delta_r| / |Delta_r'| rate(r): what lets one radius stand for all larger ones."""
    predictor, mask, _ = case
    n_free = int((~mask).sum())
    rates = [stability_rate(predictor, mask, r) for r in range(n_free + 1)]
    counts = [sum(math.comb(n_free, j) for j in range(r + 1)) for r in range(n_free + 1)]
    for (smaller, small_count), (larger, large_count) in pairwise(zip(rates, counts, strict=True)):
        assert larger >= Fraction(small_count, large_count) * smaller


@pytest.mark.parametrize(("n_features", "threshold"), [(30, 0.9), (147, 0.9), (147, 0.5), (60, 0.99), (1000, 0.95)])
def test_one_test_that_stands_for_larger_radii_reaches_a_rate_that_implies_the_threshold_there(
    n_features: int, threshold: float
) -> None:
    certificate = certify(
        Constant(n_features), np.zeros(n_features), radius=range(n_features // 2 - 5, n_features + 1),
        min_rate=threshold, largest_radius=True,
    )
    last = certificate.rates[-1]
    assert certificate.largest_radius == last.covers_up_to == n_features
    assert last.threshold is not None
    assert last.lower >= last.threshold
    inside = sum(math.comb(n_features, j) for j in range(last.radius + 1))
    for radius in range(last.radius, n_features + 1):
        inside_larger = sum(math.comb(n_features, j) for j in range(radius + 1))
        assert Fraction(last.threshold) * Fraction(inside, inside_larger) >= Fraction(threshold)
    assert all(rate.threshold == threshold for rate in certificate.rates[:-1])
    assert len(certificate.rates) < n_features // 2


def test_a_largest_radius_is_not_extended_over_radii_that_were_not_asked_for() -> None:
    certificate = certify(Constant(30), np.zeros(30), radius=[5, 25, 28], min_rate=0.9, largest_radius=True)
    assert certificate.largest_radius == 28
    assert [rate.radius for rate in certificate.rates] == [5, 25, 28]
    for formulation in ("exactly", "worst"):
        radii = [8, 9, 10, 11]
        certificate = certify(
            Constant(12), np.zeros(12), radius=radii, min_rate=0.9, largest_radius=True, formulation=formulation
        )
        assert [rate.radius for rate in certificate.rates] == radii


def test_the_search_for_the_largest_radius_ends_at_the_first_that_is_not_certified() -> None:
    """Class 1 exactly when 4 features are kept, among them feature 0: only from radius 4 on a little unstable."""
    predictor = FlipAtSize(12, 4, watched=0)
    exact = [float(predictor.rate_from_nothing(r)) for r in range(13)]
    assert exact[:4] == [1.0] * 4
    threshold = 0.9
    certificate = certify(
        predictor, np.zeros(12), radius="all", min_rate=threshold, largest_radius=True, delta=1e-12, max_samples=10**4
    )
    first_bad = next(r for r in range(13) if exact[r] < threshold)
    assert certificate.largest_radius == first_bad - 1
    assert [rate.radius for rate in certificate.rates] == list(range(1, first_bad + 1))
    assert certificate.verdict == "certified"


def test_a_certificate_is_frozen_numbers() -> None:
    certificate = certify(Constant(20), np.zeros(20), radius=[1, 9], min_rate=0.9)
    with pytest.raises(dataclasses.FrozenInstanceError):
        certificate.delta = 0.5  # type: ignore[misc]
    for value in (*dataclasses.asdict(certificate).values(), *dataclasses.asdict(certificate.rates[1]).values()):
        assert type(value) in (int, float, bool, str, tuple, type(None))

"""The estimated spectrum: coverage of every interval, known functions of many features, what is evaluated."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.intervals import square_quantity
from stabcert.core.spectrum.low_degree import low_degree_coefficients
from stabcert.core.spectrum.result import Quantity, Spectrum
from stabcert.core.spectrum.settings import SpectrumSettings
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.types import MaskedPredictor
from stabcert.errors import ParameterError
from tests.core.boolean_functions import Junta, Tribes, random_values, soft
from tests.core.helpers import FALSE_ALARM
from tests.doubles import Constant, Counting, Majority, Parity, Table, Unanimity

pytestmark = pytest.mark.slow

LAMBDAS = (1.0, 0.8, 0.5, 0.2)


def sampled(predictor: MaskedPredictor, seed: int = 0, **arguments: Any) -> Spectrum:
    return degree_weights(predictor, exact_max=0, rng=np.random.default_rng(seed), **arguments)


def named(spectrum: Spectrum) -> dict[str, Quantity]:
    """Every quantity whose interval holds by itself."""
    found = {f"weight {one.keep_probability} {one.degree}": one.weight for one in spectrum.degrees}
    for step in spectrum.smoothing:
        found[f"variance {step.keep_probability}"] = step.variance
        found[f"stability {step.keep_probability}"] = step.noise_stability
    if spectrum.restriction is not None:
        found |= {f"restriction {k}": weight for k, weight in enumerate(spectrum.restriction.weights)}
    return found | {"influence": spectrum.total_influence}


SMALL: dict[str, MaskedPredictor] = {
    "parity": Parity(6),
    "majority": Majority(5),
    "and": Unanimity(6),
    "tribes": Tribes(6, 2),
    "junta": Junta(8, [1, 6], [0.1, 0.9, 0.8, 0.0]),
    "anything": soft(random_values(6, np.random.default_rng(0))),
    "constant": Constant(5),
}


CASES = [
    *[(name, "standard", None, "probability") for name in SMALL],
    *[(name, "biased", 0.3, "probability") for name in ("majority", "junta")],
    *[(name, "standard", None, "margin") for name in ("parity", "anything")],
]


@pytest.mark.parametrize(("name", "basis", "bias", "target"), CASES)
def test_every_interval_holds_at_least_as_often_as_promised(name: str, basis: Any, bias: Any, target: Any) -> None:
    predictor, trials, delta = SMALL[name], 40, 0.25
    common: dict[str, Any] = {
        "basis": basis,
        "bias": bias,
        "target": target,
        "target_class": 1,
        "keep_probabilities": (1.0, 0.8, 0.2),
        "degree": 3,
        "restrict": 3,
        "top": 10**6,
    }
    exact = degree_weights(predictor, rng=np.random.default_rng(0), **common)
    assert exact.exact
    truth = named(exact)
    coefficients = {one.features: one.value.value for one in exact.coefficients}
    misses: Counter[str] = Counter()
    for seed in range(trials):
        spectrum = sampled(predictor, seed, n_samples=50, restrict_draws=4, delta=delta, **common)
        for key, quantity in named(spectrum).items():
            assert quantity.lower <= quantity.value <= quantity.upper
            misses[key] += not quantity.lower - 1e-12 <= truth[key].value <= quantity.upper + 1e-12
        misses["coefficients together"] += not all(
            one.value.lower - 1e-12 <= coefficients.get(one.features, 0.0) <= one.value.upper + 1e-12
            for one in spectrum.coefficients
        )
    assert len(misses) == 24
    assert max(misses.values()) <= binom.isf(FALSE_ALARM / len(misses), trials, delta), misses


def test_the_estimates_approach_the_truth() -> None:
    predictor = SMALL["anything"]
    common: dict[str, Any] = {"target_class": 1, "keep_probabilities": LAMBDAS, "degree": 3, "restrict": 3}
    truth = named(degree_weights(predictor, rng=np.random.default_rng(0), **common))
    found = named(sampled(predictor, n_samples=5000, restrict_draws=300, **common))
    for key, quantity in found.items():
        assert quantity.value == pytest.approx(truth[key].value, abs=0.03), key


@pytest.mark.parametrize("bias", [0.2, 0.7])
def test_the_estimate_of_the_influence_approaches_the_truth_in_a_biased_basis(bias: float) -> None:
    common: dict[str, Any] = {"target_class": 1, "basis": "biased", "bias": bias}
    predictor = soft(np.random.default_rng(2).random(2**5))
    truth = degree_weights(predictor, rng=np.random.default_rng(0), **common).total_influence.value
    found = sampled(predictor, n_samples=5000, **common).total_influence.value
    assert found == pytest.approx(truth, abs=0.02)
    assert abs(truth / (4 * bias * (1 - bias)) - truth) > 0.02  # what the factor of uniform masks would give


def test_the_interval_of_every_degree_is_the_narrower_the_more_samples() -> None:
    few, many = (sampled(Majority(15), target_class=1, n_samples=n).degrees for n in (100, 3000))
    for a, b in zip(few, many, strict=True):
        assert b.weight.upper - b.weight.lower < a.weight.upper - a.weight.lower


def test_the_features_of_a_junta_are_found_among_many() -> None:
    spectrum = sampled(Junta(200, [17, 140], [0.0, 1.0, 1.0, 0.0]), target_class=1, n_samples=2000, top=1)
    (largest,) = spectrum.coefficients
    assert largest.features == (17, 140)
    assert largest.value.lower <= -0.5 <= largest.value.upper


def test_coefficients_are_not_above_the_degree_asked_for() -> None:
    spectrum = sampled(Junta(30, [1, 2], [0.0, 1.0, 1.0, 0.0]), degree=1, top=50)
    assert {len(one.features) for one in spectrum.coefficients} == {1}
    assert sampled(Majority(30), degree=0).coefficients == ()


def test_the_interval_of_a_biased_coefficient_is_that_of_hoeffding_for_all_candidates() -> None:
    """Values times the basis function of k features vary by at most the k-th power of the largest factor, 3 here."""
    samples, delta = 4000, 0.1
    spectrum = sampled(Tribes(6, 2), basis="biased", bias=0.1, n_samples=samples, degree=2, top=100, delta=delta)
    candidates = 6 + 15
    for one in spectrum.coefficients:
        width = 2 * 3 ** len(one.features) * np.sqrt(np.log(2 * candidates / delta) / (2 * samples))
        assert one.value.upper - one.value.lower == pytest.approx(width, rel=1e-9)


def test_an_interval_of_a_coefficient_that_nothing_possible_is_in_says_nothing() -> None:
    """Draws that hardly ever happen: every feature is kept each time, although it is with probability 1/10."""
    settings = SpectrumSettings(
        n_features=1,
        basis="biased",
        bias=0.1,
        degree=1,
        n_samples=1000,
        keep_probabilities=(1.0,),
        restrict=None,
        restrict_draws=2,
        top=1,
        delta=0.1,
    )
    function = TargetFunction(Constant(1), "probability", 1)
    (one,) = low_degree_coefficients(np.ones((1000, 1), dtype=bool), np.full(1000, 0.5), function, settings)
    assert (one.value.lower, one.value.upper) == (-0.5, 0.5)
    assert not one.value.meaningful


def test_with_very_many_features_coefficients_of_two_are_left_out() -> None:
    spectrum = sampled(Unanimity(1500, [7]), target_class=1, n_samples=200, degree=2, top=3)
    assert spectrum.coefficients[0].features == (7,)
    assert {len(one.features) for one in spectrum.coefficients} == {1}


def test_an_interval_that_says_nothing_is_marked_with_the_samples_it_takes() -> None:
    weight = sampled(Majority(60), target_class=1, n_samples=100).degrees[3].weight
    assert (weight.lower, weight.upper) == (0.0, 0.25)
    assert not weight.meaningful
    assert weight.needed_evaluations is not None
    samples = round(1.3 * weight.needed_evaluations)
    assert samples < 5000
    again = sampled(Majority(60), target_class=1, n_samples=samples).degrees[3].weight
    assert again.meaningful
    assert again.needed_evaluations is None


def test_nothing_is_known_from_two_samples() -> None:
    spectrum = sampled(Majority(15), n_samples=2, keep_probabilities=LAMBDAS)
    for key, quantity in named(spectrum).items():
        assert not quantity.meaningful, key
        assert quantity.needed_evaluations is not None
        assert quantity.needed_evaluations > 2


def test_no_degree_has_more_than_the_variance_that_is_possible() -> None:
    spectrum = sampled(Parity(20), n_samples=100, keep_probabilities=LAMBDAS, target="margin")
    for one in spectrum.degrees[1:]:
        assert 0 <= one.weight.lower <= one.weight.value <= one.weight.upper <= 1.0


@pytest.mark.parametrize("basis", ["standard", "monotone"])
def test_what_is_drawn_for_one_keep_probability_does_not_depend_on_the_others(basis: Any) -> None:
    together = sampled(Majority(20), n_samples=200, keep_probabilities=LAMBDAS, basis=basis)
    alone = sampled(Majority(20), n_samples=200, keep_probabilities=[0.5], basis=basis)
    assert [one for one in together.degrees if one.keep_probability == 0.5] == list(alone.degrees)
    assert together.smoothing[2] == alone.smoothing[0]
    assert together.total_influence == alone.total_influence


def test_the_same_generator_gives_the_same_spectrum_and_another_one_another() -> None:
    first, again, other = (sampled(Majority(20), seed, restrict=3, restrict_draws=4) for seed in (1, 1, 2))
    assert first == again
    assert first.degrees != other.degrees


@pytest.mark.parametrize(("keeps", "samples_each"), [((1.0,), 2), ((1.0, 0.9), 5), ((0.5,), 5)])
def test_evaluations_are_as_announced_and_each_mask_of_a_sample_is_evaluated_once(
    keeps: tuple[float, ...], samples_each: int
) -> None:
    counting = Counting(Majority(60))
    spectrum = sampled(counting, n_samples=300, keep_probabilities=keeps)
    assert spectrum.evaluations == counting.rows == 300 * samples_each + 1


def test_equal_masks_of_one_sample_are_evaluated_once() -> None:
    counting = Counting(Majority(3))
    spectrum = sampled(counting, n_samples=1000)
    assert spectrum.evaluations == counting.rows <= 1 + 2 * 7


def test_many_masks_are_evaluated_in_chunks_of_bounded_size() -> None:
    counting = Counting(Majority(40))
    sampled(counting, n_samples=5000, degree=1)
    assert max(len(rows) for rows in counting.seen) <= 4096


def test_the_monotone_spectrum_of_low_degree_is_exact_whatever_is_sampled() -> None:
    values = np.random.default_rng(1).random(2**7)
    common: dict[str, Any] = {"basis": "monotone", "degree": 2, "keep_probabilities": LAMBDAS, "target_class": 1}
    found = sampled(soft(values), n_samples=10, top=5, **common)
    truth = degree_weights(soft(values), rng=np.random.default_rng(0), top=10**6, **common)
    for one, other in zip(found.degrees, truth.degrees, strict=True):
        assert (one.keep_probability, one.degree, one.weight.exact) == (other.keep_probability, other.degree, True)
        assert one.weight.value == pytest.approx(other.weight.value, abs=1e-13)
        assert one.mass == pytest.approx(other.mass, abs=1e-13)
    low = [one for one in truth.coefficients if len(one.features) <= 2][:5]
    assert [one.features for one in found.coefficients] == [one.features for one in low]
    assert not found.exact


@pytest.mark.parametrize(("n_samples", "degree"), [(10, 1), (210, 1), (211, 2), (1350, 2), (1351, 3)])
def test_the_monotone_degree_is_the_largest_that_fits_the_samples(n_samples: int, degree: int) -> None:
    spectrum = sampled(Majority(20), basis="monotone", n_samples=n_samples)
    assert spectrum.degrees[-1].degree == degree


def test_a_monotone_degree_that_takes_too_many_evaluations_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"degree must be smaller"):
        sampled(Majority(196), basis="monotone", degree=4)


def test_a_degree_with_too_many_sets_is_refused_before_anything_is_sampled() -> None:
    counting = Counting(Majority(2000))
    with pytest.raises(ParameterError, match="degree must be smaller"):
        sampled(counting, degree=1000)
    assert counting.rows <= 1


def test_the_weight_of_degree_0_is_estimated_from_products_of_different_samples_alone() -> None:
    function = TargetFunction(Majority(3), "probability", 1)
    assert square_quantity(np.array([0.0, 1.0, 1.0]), function, 0.1).value == pytest.approx(1 / 3)


def test_the_estimates_of_several_classes_are_of_the_class_asked_for() -> None:
    rows = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.3, 0.1, 0.6]])
    for target_class in range(3):
        spectrum = sampled(Table(rows), target_class=target_class, n_samples=4000, degree=0)
        assert spectrum.degrees[0].weight.value == pytest.approx(rows[:, target_class].mean() ** 2, abs=0.02)

"""Independent noise: a confidence that allows for choosing the class, and what is counted."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binom

from stabcert.core.hard.bernoulli import certify_hard_bernoulli
from stabcert.core.hard.bernoulli_radius import decremental_radius, gap_lower, incremental_radius
from stabcert.core.hard.certificate import HardCertificate
from stabcert.core.noise import exact_keep_masks
from stabcert.core.statistics.bounds import clopper_pearson_lower
from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import InputError, ParameterError
from tests.core.helpers import FALSE_ALARM
from tests.doubles import Batchy, Constant, Counting, Threshold, Unanimity, one_hot


def certify(predictor: MaskedPredictor, mask: object, seed: int = 0, **arguments: object) -> HardCertificate:
    arguments = {"keep_probability": Fraction(1, 8), **arguments}
    return certify_hard_bernoulli(predictor, mask, rng=np.random.default_rng(seed), **arguments)  # type: ignore[arg-type]


def test_bounding_the_winner_by_the_votes_that_chose_it_fails_more_often_than_delta() -> None:
    """Two classes with 1/2 each have no gap. Exact binomial probabilities of claiming one all the same."""
    delta, draws, pilot = 0.1, 40, 8
    law = [comb(draws, x) / 2**draws for x in range(draws + 1)]
    same_sample = sum(p for x, p in enumerate(law) if clopper_pearson_lower(max(x, draws - x), draws, delta) > 0.5)
    assert same_sample > 1.2 * delta
    rest = draws - pilot
    ours = 0.0
    for x in range(pilot + 1):
        chosen_first = x >= pilot - x
        for y in range(rest + 1):
            claimed = gap_lower(y if chosen_first else rest - y, rest, delta) > 0
            ours += claimed * comb(pilot, x) * comb(rest, y) / 2**draws
    assert 0 < ours <= delta


def test_the_class_is_chosen_by_the_pilot_alone() -> None:
    """The first tenth of the draws votes for class 0, all others for class 1."""
    n, probability = 60, Fraction(1, 2)
    noise = exact_keep_masks(n, keep_probability=probability, draws=100, rng=np.random.default_rng(0))
    pilot = {row.tobytes() for row in noise[:10]}

    class Pilot:
        n_features = n

        def __call__(self, masks: Masks, /) -> Probs:
            return one_hot([int(row.tobytes() not in pilot) for row in masks])

    certificate = certify(Pilot(), np.ones(n), keep_probability=probability, n_samples=100)
    assert certificate.prediction == 0
    assert certificate.votes.tolist() == [0, 90]
    assert certificate.draws == 90
    assert certificate.gap < -0.99
    assert certificate.radius_incremental == 0
    assert not certificate.stable_for_all_supersets
    assert certificate.why_no_decremental == "the prediction of the masked input is too close to call"


@pytest.mark.slow
def test_certificates_are_wrong_no_more_often_than_delta() -> None:
    """M_{1/2} of "feature 0 is kept" is a tie: every positive gap is wrong. The one side of the masked input."""
    delta, repeats, mask = 0.2, 1500, np.array([True, False])
    base = Threshold(2, 1, [0])
    wrong = sum(
        certify(base, mask, seed, keep_probability=0.5, delta=delta, n_samples=40, decremental=False).gap > 0
        for seed in range(repeats)
    )
    # The exact probability, so that the test also fails if hardly anything is ever claimed.
    rest = 32
    expected = sum(comb(rest, y) / 2**rest for y in range(rest + 1) if gap_lower(y, rest, delta) > 0)
    assert expected <= delta
    low, high = binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], repeats, expected)
    assert low <= wrong <= high


def test_a_unanimous_vote_certifies_what_its_bound_allows() -> None:
    certificate = certify(Constant(64), np.arange(64) < 16, n_samples=1000, delta=0.1)
    gap = gap_lower(900, 900, 0.05)
    assert certificate.gap == certificate.full_gap == float(gap)
    assert (
        certificate.radius_incremental == certificate.radius_votes == incremental_radius(gap, Fraction(1, 8), 48) == 5
    )
    assert certificate.radius_decremental == decremental_radius(gap, Fraction(1, 8), 48) == 37
    assert not certificate.stable_for_all_supersets
    assert (certificate.noise, certificate.scores, certificate.delta) == ("bernoulli", "vote", 0.1)
    assert (certificate.keep_probability, certificate.draws) == (Fraction(1, 8), 900)
    assert (certificate.prediction, certificate.full_prediction, certificate.radius_arcs) == (1, 1, None)
    one_sided = certify(Constant(64), np.arange(64) < 16, n_samples=1000, delta=0.1, decremental=False)
    assert one_sided.gap == float(gap_lower(900, 900, 0.1))
    assert (one_sided.full_prediction, one_sided.full_votes, one_sided.full_gap) == (None, None, None)
    assert (one_sided.radius_decremental, one_sided.why_no_decremental) == (None, "the full input was not evaluated")


def test_both_radii_together_may_cover_every_superset() -> None:
    certificate = certify(Constant(30), np.arange(30) < 5, n_samples=1000)
    assert incremental_radius(Fraction(certificate.gap), Fraction(1, 8), 25) < 25
    assert certificate.stable_for_all_supersets
    assert certificate.radius_incremental == certificate.radius_decremental == 25


def test_a_masked_input_with_another_prediction_has_no_decremental_radius() -> None:
    certificate = certify(Threshold(40, 1, range(20, 40)), np.arange(40) < 5, keep_probability=0.5)
    assert (certificate.prediction, certificate.full_prediction) == (0, 1)
    assert certificate.radius_decremental is None
    assert certificate.why_no_decremental == "the full input has another prediction than the masked one"


def test_near_ties_count_against_the_prediction() -> None:
    doubtful = Batchy(Constant(10), lambda masks: masks[:, 0])
    certificate = certify(doubtful, np.ones(10), keep_probability=0.25, n_samples=400)
    assert certificate.near_ties > 50
    assert certificate.gap == float(gap_lower(360 - certificate.near_ties, 360, 0.05))


def test_each_distinct_masked_input_is_evaluated_once() -> None:
    base = Counting(Unanimity(12))
    certificate = certify(base, np.arange(12) < 4, n_samples=500)
    assert certificate.evaluations == base.rows == len(np.unique(base.masks, axis=0)) < 500
    assert certificate.votes.sum() == certificate.full_votes.sum() == 450


def test_memory_does_not_grow_with_samples_times_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    n_classes, n_samples = 400, 4000

    class ManyClasses:
        n_features = 40

        def __call__(self, masks: Masks, /) -> Probs:
            return np.full((len(masks), n_classes), 1 / n_classes)

    monkeypatch.setattr("stabcert.core.hard.bernoulli._ROWS_AT_ONCE", 64)
    tracemalloc.start()
    certificate = certify(ManyClasses(), np.ones(40), keep_probability=0.5, n_samples=n_samples, decremental=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert certificate.evaluations > 3900
    assert peak < n_samples * n_classes * 8 / 3


def test_the_same_generator_gives_the_same_certificate() -> None:
    base = Threshold(20, 2)
    certificates = [repr(certify(base, np.arange(20) < 10, seed)) for seed in (1, 1, 2)]
    assert certificates[0] == certificates[1] != certificates[2]


def test_a_float_means_exactly_the_fraction_that_it_is() -> None:
    certificate = certify(Constant(5), np.zeros(5), keep_probability=0.1)
    assert certificate.keep_probability == Fraction(0.1) != Fraction(1, 10)


@pytest.mark.parametrize("probability", [0, 1, 0.0, 1.0, -0.5, Fraction(3, 2), float("nan")])
def test_a_keep_probability_that_smooths_nothing_is_refused(probability: float) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1, such as 1/8"):
        certify(Constant(5), np.zeros(5), keep_probability=probability)


def test_too_few_samples_and_masks_that_do_not_fit_are_refused() -> None:
    for n_samples in (-1, 0, 8):
        with pytest.raises(ParameterError, match="Use more than 8"):
            certify(Constant(5), np.zeros(5), n_samples=n_samples)
    with pytest.raises(ParameterError, match="delta"):
        certify(Constant(5), np.zeros(5), delta=0.0)
    with pytest.raises(InputError, match="5 features"):
        certify(Constant(5), np.zeros(4))


@pytest.mark.parametrize("delta", [1e-291, 1e-300])
def test_a_delta_whose_halves_are_hardly_numbers_is_refused(delta: float) -> None:
    with pytest.raises(ParameterError, match="at least 1e-290"):
        certify(Constant(6), np.ones(6), delta=delta)

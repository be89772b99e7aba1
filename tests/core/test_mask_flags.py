"""Whether a mask is consistent or vacuous: what every certificate carries beside its bounds."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from stabcert.core.hard.bernoulli import certify_hard_bernoulli
from stabcert.core.hard.certificate import HardCertificate
from stabcert.core.hard.certify import certify_hard
from stabcert.core.mask_flags import Allowed, MaskFlags, refusal
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.certify import certify_soft
from stabcert.core.soft.minimal import smallest_stable_mask
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.doubles import Batchy, Constant, Counting, Table, Threshold, one_hot

N = 12
MASK = np.arange(N) < 4
BOOLS = (True, False, None)


class Sizes:
    """Class by the number of kept features: ``empty`` for none, ``full`` for all, else ``rest``."""

    def __init__(self, empty: int, rest: int, full: int) -> None:
        self.n_features = N
        self.classes = np.array([empty, *[rest] * (N - 1), full])

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(self.classes[masks.sum(axis=1)], 3)


CASES = [
    (Sizes(0, 1, 1), MaskFlags(consistent=True, vacuous=False)),
    (Sizes(0, 1, 2), MaskFlags(consistent=False, vacuous=False)),
    (Sizes(1, 1, 1), MaskFlags(consistent=True, vacuous=True)),
    (Sizes(1, 1, 2), MaskFlags(consistent=False, vacuous=True)),
]


def soft(predictor: MaskedPredictor, mask: Any = MASK, **options: Any) -> SoftCertificate:
    return certify_soft(predictor, mask, radius=3, rng=np.random.default_rng(0), **options)


def flags(certificate: SoftCertificate | HardCertificate) -> MaskFlags:
    return MaskFlags(certificate.consistent, certificate.vacuous)


@pytest.mark.parametrize(("predictor", "expected"), CASES)
@pytest.mark.parametrize("options", [{}, {"min_rate": 0.8}, {"min_rate": 0.8, "largest_radius": True}])
def test_a_soft_certificate_carries_both_flags_for_two_evaluations(
    predictor: MaskedPredictor, expected: MaskFlags, options: dict[str, Any]
) -> None:
    counted = Counting(predictor)
    found, without = soft(counted, **options), soft(predictor, judge_mask=False, **options)
    assert flags(found) == expected
    assert found.evaluations == counted.rows == without.evaluations + 2
    assert flags(without) == MaskFlags(None, None)
    assert (found.rates, found.verdict) == (without.rates, without.verdict)


def test_a_mask_of_everything_or_of_nothing_is_not_evaluated_twice() -> None:
    counted = Counting(Threshold(N, 1))
    everything = certify_soft(counted, np.ones(N), radius=0, rng=np.random.default_rng(0))
    assert (flags(everything), counted.rows) == (MaskFlags(True, False), everything.evaluations)
    assert everything.evaluations == 3  # the mask twice, and the empty input
    nothing = soft(Threshold(N, 1), np.zeros(N))
    assert flags(nothing) == MaskFlags(consistent=False, vacuous=True)


@pytest.mark.parametrize(
    ("tied", "expected"),
    [
        (N, MaskFlags(consistent=None, vacuous=False)),
        (0, MaskFlags(consistent=True, vacuous=None)),
        (4, MaskFlags(consistent=None, vacuous=None)),
    ],
)
def test_what_is_too_close_to_call_is_not_known(tied: int, expected: MaskFlags) -> None:
    predictor = Batchy(Threshold(N, 1), lambda masks: masks.sum(axis=1) == tied)
    assert flags(soft(predictor)) == expected
    one = SmoothedPredictor(predictor, np.ones((1, N), dtype=bool))
    assert flags(certify_hard(one, MASK)) == expected
    if tied != N:  # where noise matters the votes of the full input are others
        assert flags(bernoulli(predictor, Fraction(999, 1000))).vacuous == expected.vacuous


@pytest.mark.parametrize(("predictor", "expected"), CASES)
def test_a_smoothed_predictor_is_asked_itself(predictor: MaskedPredictor, expected: MaskFlags) -> None:
    """Of three equal noise masks, each of which drops the last feature: the full input is one of ``rest``."""
    smoothed = SmoothedPredictor(predictor, np.tile(np.arange(N) < N - 1, (3, 1)))
    assert flags(soft(smoothed)) == MaskFlags(consistent=True, vacuous=expected.vacuous)
    assert flags(certify_hard(smoothed, MASK)) == MaskFlags(consistent=True, vacuous=expected.vacuous)


def bernoulli(predictor: MaskedPredictor, keep: Fraction, **options: Any) -> HardCertificate:
    return certify_hard_bernoulli(
        predictor, MASK, keep_probability=keep, n_samples=300, rng=np.random.default_rng(0), **options
    )


@pytest.mark.parametrize("scores", ["vote", "probability"])
def test_a_hard_certificate_carries_both_flags_for_one_evaluation(scores: Any) -> None:
    noise = quantized_keep_masks(N, keep=8, quantization=16, rng=np.random.default_rng(1))
    for base, vacuous in ((Threshold(N, 1), False), (Constant(N), True)):
        counted = Counting(base)
        found = certify_hard(SmoothedPredictor(counted, noise, scores=scores), MASK)
        assert flags(found) == MaskFlags(consistent=True, vacuous=vacuous)
        assert found.evaluations == counted.rows
        without = certify_hard(SmoothedPredictor(base, noise, scores=scores), MASK, judge_mask=False)
        assert flags(without) == MaskFlags(consistent=True, vacuous=None)
        assert 0 <= found.evaluations - without.evaluations <= 1
        assert found.radius_incremental == without.radius_incremental
        upwards = certify_hard(SmoothedPredictor(base, noise, scores=scores), MASK, decremental=False)
        assert flags(upwards) == MaskFlags(consistent=None, vacuous=vacuous)


def test_a_bernoulli_certificate_carries_both_flags() -> None:
    keep = Fraction(7, 8)
    for base, vacuous in ((Threshold(N, 1), False), (Constant(N), True)):
        counted = Counting(base)
        found = bernoulli(counted, keep)
        assert flags(found) == MaskFlags(consistent=True, vacuous=vacuous)
        assert found.evaluations == counted.rows
        assert flags(bernoulli(base, keep, decremental=False)) == MaskFlags(consistent=None, vacuous=vacuous)
        assert flags(bernoulli(base, keep, judge_mask=False)) == MaskFlags(consistent=True, vacuous=None)
    # Six of the twelve: on the mask class 0, on the full input class 1, and class 0 without any.
    assert flags(bernoulli(Threshold(N, 6), keep)) == MaskFlags(consistent=False, vacuous=True)
    half = Table(np.full((2**N, 2), 0.5))
    half.decision_tolerance = 1e-6  # type: ignore[attr-defined]
    assert flags(bernoulli(half, keep)) == MaskFlags(consistent=None, vacuous=None)


@pytest.mark.parametrize("allowed", [Allowed(*pair) for pair in product([False, True], repeat=2)])
@pytest.mark.parametrize("given", [MaskFlags(*pair) for pair in product(BOOLS, repeat=2)])
def test_only_what_is_known_to_be_right_passes(given: MaskFlags, allowed: Allowed) -> None:
    good = MaskFlags(consistent=True, vacuous=False)
    found = refusal([given], allowed)
    assert found == refusal([good, given], allowed) == refusal([given, good], allowed)
    assert (found == "inconsistent") == (given.consistent is not True and not allowed.inconsistent)
    if found != "inconsistent":
        assert (found == "vacuous") == (given.vacuous is not False and not allowed.vacuous)


def search(predictor: MaskedPredictor, **options: Any) -> Any:
    return smallest_stable_mask(predictor, -np.arange(N), min_rate=0.8, rng=np.random.default_rng(0), **options)


def test_a_vacuous_mask_is_no_answer_of_the_search_unless_it_is_allowed() -> None:
    counted = Counting(Constant(N))
    refused = search(counted)
    assert (refused.k, refused.mask, refused.certificate, refused.tested) == (None, None, None, ())
    assert (refused.vacuous, refused.evaluations, counted.rows) == (True, 2, 2)
    allowed = search(Constant(N), allow_vacuous=True)
    assert (allowed.k, allowed.vacuous) == (1, True)
    assert flags(allowed.certificate) == MaskFlags(consistent=True, vacuous=True)
    clear = search(Threshold(N, 1))
    assert (clear.k, clear.vacuous) == (1, False)
    assert flags(clear.certificate) == MaskFlags(consistent=True, vacuous=False)
    assert clear.certificate == search(Threshold(N, 1), allow_vacuous=True).certificate


def test_an_empty_input_that_is_too_close_to_call_counts_against_every_mask() -> None:
    predictor = Batchy(Threshold(N, 1), lambda masks: ~masks.any(axis=1))
    refused = search(predictor)
    assert (refused.k, refused.vacuous, refused.tested) == (None, None, ())
    assert search(predictor, allow_vacuous=True).k == 1
    # Of a full input that is itself a near tie no mask is consistent, which is what is said.
    close = search(Batchy(Constant(N), lambda masks: masks.all(axis=1)))
    assert (close.k, close.vacuous) == (None, None)
    assert [size.consistent for size in close.tested] == [False] * N

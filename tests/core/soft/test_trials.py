"""What the review of the first release found: near ties of the reference, interruptions, shares that run out."""

from __future__ import annotations

import numpy as np
import pytest

from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certify import certify_soft
from stabcert.core.soft.minimal import smallest_stable_mask
from stabcert.core.statistics.sequential import SequentialTest
from stabcert.core.types import Masks, Probs
from tests.doubles import Constant


class Tied:
    """Nearly tied on the watched mask, certain everywhere else."""

    decision_tolerance = 1e-4

    def __init__(self, watched: np.ndarray) -> None:
        self.watched = watched
        self.n_features = len(watched)

    def __call__(self, masks: Masks, /) -> Probs:
        tied = (masks == self.watched).all(axis=1)
        first = np.where(tied, 0.5 + 1e-8, 0.9)
        return np.stack([first, 1 - first], axis=1)


@pytest.mark.parametrize("options", [{}, {"min_rate": 0.9}, {"min_rate": 0.9, "largest_radius": True}])
def test_nothing_is_known_of_a_mask_whose_own_prediction_is_too_close_to_call(options: dict[str, float]) -> None:
    mask = np.arange(40) < 10
    certificate = certify_soft(Tied(mask), mask, radius=[1, 5], rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]
    for rate in certificate.rates:
        assert (rate.lower, rate.upper, rate.near_ties) == (0.0, 1.0, rate.samples)
    assert certificate.verdict in ("reported", "undecided")
    assert len(certificate.flips) == 0


def test_a_vote_of_votes_keeps_the_near_ties_of_the_inner_one() -> None:
    mask = np.arange(6) < 3
    everything = np.ones((1, 6), dtype=np.bool_)
    inner = SmoothedPredictor(Tied(mask), everything)
    outer = SmoothedPredictor(inner, everything)
    assert inner.decide(mask[None]).near_tie.tolist() == [True]
    assert outer.decide(mask[None]).near_tie.tolist() == [True]


def test_an_interruption_between_two_draws_finds_whole_draws_only() -> None:
    test = SequentialTest(0.5, delta_certify=0.1, delta_refute=0.1, population=10, exhaustive=True)
    states = []

    class Watch(SequentialTest):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if hasattr(self, "_counts"):
                states.append((self.samples, self.matches, self.near_ties))

    watched = Watch(0.5, delta_certify=0.1, delta_refute=0.1, population=10, exhaustive=True)
    for _ in range(5):
        test.add(match=True)
        watched.add(match=True)
    assert all(samples == matches for samples, matches, _ in states)
    assert test.upper == watched.upper == 1.0


@pytest.mark.slow
def test_the_search_for_a_stable_mask_passes_over_sizes_for_which_too_little_of_delta_is_left() -> None:
    class FlipsOnMost(Constant):
        """Masks of the ranking keep the class of the full input; most additions to them do not."""

        def __call__(self, masks: Masks, /) -> Probs:
            prefix = np.array([row[: int(row.sum())].all() for row in masks])
            first = np.where(prefix, 0.9, 0.1)
            return np.stack([first, 1 - first], axis=1)

    n = 40
    found = smallest_stable_mask(
        FlipsOnMost(n),
        np.arange(n)[::-1],
        radius=5,
        min_rate=0.9,
        max_samples=40,
        largest_k=6,
        allow_vacuous=True,
        rng=np.random.default_rng(0),
    )
    assert found.k is None
    assert [size.consistent for size in found.tested] == [True] * 6
    assert found.tested[0].verdict == "not-certified"
    assert found.tested[-1].rate is None


def test_a_fixed_test_of_several_radii_reaches_its_epsilon() -> None:
    certificate = certify_soft(
        Constant(60),
        np.arange(60) < 10,
        radius=[3, 5, 8],
        epsilon=0.1,
        min_rate=0.5,
        sequential=False,
        rng=np.random.default_rng(0),
    )
    assert certificate.sides == 2
    assert all(rate.hoeffding_epsilon is not None and rate.hoeffding_epsilon <= 0.1 for rate in certificate.rates)


@pytest.mark.parametrize("options", [{}, {"min_rate": 0.5}])
def test_a_predictor_cannot_write_into_the_masks_that_it_is_given(options: dict[str, float]) -> None:
    """Else the flips that are reported would be masks that nobody tried."""

    class Writing:
        n_features = 12

        def __call__(self, masks: Masks, /) -> Probs:
            masks[:, 0] = True
            return np.tile([0.9, 0.1], (len(masks), 1))

    with pytest.raises(ValueError, match="read-only"):
        certify_soft(Writing(), np.arange(12) < 3, radius=2, rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_the_base_of_a_vote_cannot_write_into_masks_either() -> None:
    class Writing:
        n_features = 12

        def decide(self, masks: Masks) -> None:
            masks[:, 0] = True

        def __call__(self, masks: Masks, /) -> Probs:
            return np.tile([0.9, 0.1], (len(masks), 1))

    with pytest.raises(ValueError, match="read-only"):
        certify_soft(Writing(), np.arange(12) < 3, radius=2, rng=np.random.default_rng(0))

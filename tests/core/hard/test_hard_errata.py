"""Faults of formulas and of implementations: each breaks under brute force, and ours holds on the same case.

Beside the errata of the papers, four faults that an implementation may have: a factor 2 dropped, a tie
counted as a win, noise that is drawn anew at each call, and a keep probability that is rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from stabcert.core.hard.certify import certify_hard
from stabcert.core.noise import grid_count, keep_masks_from, quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.errors import ParameterError
from tests.core.hard.hard_cases import random_function, true_radii
from tests.doubles import Parity, Table, one_hot

pytestmark = pytest.mark.slow


def leads(smoothed: SmoothedPredictor, mask: np.ndarray) -> list[tuple[int, bool]]:
    """For each other class: votes that the winner has more, and whether that class has the lower index."""
    votes = smoothed.votes(mask[None])[0]
    winner = int(votes.argmax())
    return [(int(votes[winner] - votes[k]), k < winner) for k in range(len(votes)) if k != winner]


def published(smoothed: SmoothedPredictor, mask: np.ndarray, keep: int) -> int:
    """gap / (2 lambda), as printed."""
    return min(lead for lead, _ in leads(smoothed, mask)) // (2 * keep)


def without_the_factor_2(smoothed: SmoothedPredictor, mask: np.ndarray, keep: int) -> int:
    return min((lead - lower) // keep for lead, lower in leads(smoothed, mask))


def ties_won(smoothed: SmoothedPredictor, mask: np.ndarray, keep: int) -> int:
    return published(smoothed, mask, keep)


def sound(smoothed: SmoothedPredictor, mask: np.ndarray, keep: int) -> int:
    return min((lead - lower) // (2 * keep) for lead, lower in leads(smoothed, mask))


def violations(formula: Callable[[SmoothedPredictor, np.ndarray, int], int]) -> int:
    """Random cases, of 400, in which a formula claims more than is true."""
    rng = np.random.default_rng(21)
    wrong = 0
    for _ in range(400):
        n, q = int(rng.integers(2, 7)), int(rng.integers(2, 13))
        keep = int(rng.integers(1, q // 2 + 1))
        smoothed = SmoothedPredictor(
            random_function(n, rng), quantized_keep_masks(n, keep=keep, quantization=q, rng=rng)
        )
        mask = rng.random(n) < 0.4
        claimed = min(formula(smoothed, mask, keep), int((~mask).sum()))
        if formula is sound:
            assert certify_hard(smoothed, mask).radius_votes == claimed
        wrong += claimed > true_radii(smoothed, mask)[0]
    return wrong


def test_the_sound_formula_is_never_wrong() -> None:
    assert violations(sound) == 0


def test_a_dropped_factor_2_is_caught_by_brute_force() -> None:
    assert violations(without_the_factor_2) > 10


def test_a_tie_counted_as_a_win_is_caught_by_brute_force() -> None:
    assert violations(ties_won) > 2


def test_noise_drawn_anew_at_each_call_is_caught_by_brute_force() -> None:
    """One draw may claim a radius while the prediction of the next draw is another one, at the very same mask."""
    mask = np.arange(6) < 5
    rng = np.random.default_rng(22)
    claims: dict[int, int] = {}
    for _ in range(200):
        noise = quantized_keep_masks(6, keep=2, quantization=12, rng=rng, balanced=False)
        drawn_anew = SmoothedPredictor(Parity(6), noise)
        certificate = certify_hard(drawn_anew, mask)
        claims[certificate.prediction] = max(claims.get(certificate.prediction, 0), certificate.radius_incremental)
        # Of the function that was certified the claim is true.
        assert certificate.radius_incremental <= true_radii(drawn_anew, mask)[0]
    assert claims == {0: 1, 1: 1}  # both proved, each of its own function; of one function they contradict


def test_a_rounded_keep_probability_is_caught_by_brute_force() -> None:
    """int(lambda q) masks for a certificate of lambda: more is kept than the certificate reckons with (E8, ii)."""
    q, asked = 4, Fraction(3, 10)
    rng = np.random.default_rng(23)
    wrong = 0
    for _ in range(300):
        n = int(rng.integers(2, 6))
        rounded_up = int(asked * q) + 1  # floor(lambda q + 1/2) and the like do that, too
        smoothed = SmoothedPredictor(
            random_function(n, rng), quantized_keep_masks(n, keep=rounded_up, quantization=q, rng=rng)
        )
        mask = rng.random(n) < 0.4
        truth = true_radii(smoothed, mask)[0]
        claimed = min(int((lead - lower) / (2 * asked * q)) for lead, lower in leads(smoothed, mask))
        wrong += min(claimed, int((~mask).sum())) > truth
        assert certify_hard(smoothed, mask).radius_incremental <= truth
        assert certify_hard(smoothed, mask).keep_probability == Fraction(rounded_up, q)
    assert wrong > 5
    with pytest.raises(ParameterError, match="1/4"):
        grid_count(asked, q)


def test_e6_the_published_radius_is_wrong_at_a_tie() -> None:
    """Two votes for class 1; the feature takes one of them, and the lower class wins the tie."""
    smoothed = SmoothedPredictor(Table(one_hot([1, 0])), keep_masks_from([0], keep=1, quantization=2))
    nothing = np.array([False])
    assert published(smoothed, nothing, 1) == 1
    assert true_radii(smoothed, nothing) == (0, -1)
    certificate = certify_hard(smoothed, nothing)
    assert certificate.published_radius == 1.0
    assert (certificate.radius_votes, certificate.radius_arcs, certificate.radius_incremental) == (0, 0, 0)


@pytest.mark.parametrize(("rivals", "radius"), [((0, 2), 0), ((2, 3), 1)])
def test_e6_of_two_runners_up_the_one_of_lower_index_binds(rivals: tuple[int, int], radius: int) -> None:
    """Class 1 leads both by 4, and one feature takes 2 of its 6 votes: class 0 wins the tie, class 2 loses it."""
    votes = np.repeat([*rivals, 1], [2, 2, 6])
    # Four features spell out which noise mask it is, so that its vote is what the table says.
    spelled = (np.arange(10)[:, None] >> np.arange(4)) % 2 == 1
    free = np.isin(np.arange(10), [4, 5])
    without_it = np.append(votes, np.ones(6, dtype=int))
    base = Table(one_hot(np.append(without_it, np.full(16, rivals[0])), n_classes=4))
    smoothed = SmoothedPredictor(base, np.column_stack([spelled, free]))
    mask = np.arange(5) < 4
    assert min(lead for lead, _ in leads(smoothed, mask)) == 4
    assert published(smoothed, mask, 2) == 1
    assert certify_hard(smoothed, mask).radius_votes == true_radii(smoothed, mask)[0] == radius


def test_e7_without_consistency_no_decremental_radius_is_claimed() -> None:
    """Two votes for class 1 on the full input, "stable under one removal"; but the mask has class 0."""
    smoothed = SmoothedPredictor(Table(one_hot([1, 0, 1, 1])), keep_masks_from([0, 0], keep=1, quantization=2))
    mask = np.array([True, False])
    votes = smoothed.votes(np.array([[True, True], [True, False]]))
    assert votes.tolist() == [[0, 2], [1, 1]]
    assert 2 // (2 * 1) == 1  # the published decremental radius
    certificate = certify_hard(smoothed, mask)
    assert not certificate.consistent
    assert certificate.radius_decremental is None
    assert certificate.why_no_decremental == "the full input has another prediction than the masked one"
    assert not certificate.stable_for_all_supersets


def test_e8_i_there_may_be_fewer_than_q_distinct_noise_masks() -> None:
    def distinct(values: list[int], keep: int) -> int:
        return len(np.unique(keep_masks_from(values, keep=keep, quantization=8), axis=0))

    assert distinct([3], 2) == distinct([5, 5, 5], 2) == 2
    assert distinct([1, 4, 6], 8) == 1


def test_e8_ii_off_the_grid_the_published_masks_keep_more_than_lambda() -> None:
    """q = 2, lambda = 1/4: half of the published masks keep a feature, and the radius claims twice the truth."""
    base = Table(one_hot([0, 1, 1, 1]))
    q, asked = 2, Fraction(1, 4)
    starts, samples = np.array([0.0, 0.5]), (np.arange(q) + 0.5) / q
    masks = (starts[None] + samples[:, None]) % 1.0 <= float(asked)
    assert masks.mean(axis=0).tolist() == [0.5, 0.5]
    smoothed = SmoothedPredictor(base, masks)
    nothing = np.zeros(2, dtype=bool)
    gap = 1
    assert gap / (2 * asked) == 2  # what the paper claims
    assert true_radii(smoothed, nothing)[0] == 1
    certificate = certify_hard(smoothed, nothing)
    assert certificate.keep_probability == Fraction(1, 2)
    assert certificate.radius_incremental == 1
    with pytest.raises(ParameterError, match=r"Use 1/2 \(0\.5\)"):
        grid_count(asked, q)


def test_every_keep_probability_is_the_share_of_masks_that_keep_a_feature() -> None:
    """E8, ii: the marginal is the exact fraction for every feature, not something near it."""
    rng = np.random.default_rng(24)
    for q in range(1, 20):
        for keep in range(1, q + 1):
            smoothed = SmoothedPredictor(
                Table(one_hot([0, 1, 1, 0])), quantized_keep_masks(2, keep=keep, quantization=q, rng=rng)
            )
            certificate = certify_hard(smoothed, np.array([True, False]), decremental=False)
            assert certificate.keep_probability == Fraction(keep, q)

"""Independent noise: radii in closed form, and the bound of the lead, against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.hard.bernoulli_radius import decremental_radius, gap_lower, incremental_radius
from tests.core.hard.bernoulli_cases import lead, smoothed_exactly
from tests.core.helpers import GOLDEN


@pytest.mark.parametrize(("gap", "probability", "radius"), GOLDEN["incremental_radius"])
def test_incremental_radii_are_golden(gap: str, probability: str, radius: int) -> None:
    assert incremental_radius(Fraction(gap), Fraction(probability), 1000) == radius


@pytest.mark.parametrize(("gap", "probability", "radius"), GOLDEN["decremental_radius"])
def test_decremental_radii_are_golden(gap: str, probability: str, radius: int) -> None:
    assert decremental_radius(Fraction(gap), Fraction(probability), 1000) == radius


@pytest.mark.parametrize(("gap", "radii"), GOLDEN["incremental_radius_by_gap"]["radii"].items())
def test_incremental_radii_are_those_of_the_golden_table(gap: str, radii: list[int]) -> None:
    probabilities = GOLDEN["incremental_radius_by_gap"]["probabilities"]
    assert [incremental_radius(Fraction(gap), Fraction(one), 1000) for one in probabilities] == radii


@pytest.mark.parametrize(("probability", "radius"), GOLDEN["incremental_radius_of_64_unanimous_draws"])
def test_a_unanimous_vote_of_64_draws_has_its_golden_radius(probability: str, radius: int) -> None:
    assert incremental_radius(gap_lower(64, 64, 0.1), Fraction(probability), 1000) == radius


@pytest.mark.slow
@given(st.fractions(0, 1), st.fractions(Fraction(1, 50), Fraction(49, 50)), st.integers(0, 40))
def test_radii_are_the_largest_that_meet_their_inequality(gap: Fraction, probability: Fraction, at_most: int) -> None:
    untouched = [(1 - probability) ** r for r in range(at_most + 1)]
    up = [r for r, share in enumerate(untouched) if share * (1 + gap) > 1]
    down = [r for r, share in enumerate(untouched) if share > 1 - gap]
    assert incremental_radius(gap, probability, at_most) == max(up, default=0)
    assert decremental_radius(gap, probability, at_most) == max(down, default=0)


def test_radii_are_exact_where_floating_point_numbers_are_not() -> None:
    """At lambda = 1/2 the gap 1 is a tie after one addition; a hair above 3/4 of the untouched it is not."""
    assert incremental_radius(Fraction(1), Fraction(1, 2), 10) == 0
    assert incremental_radius(Fraction(1, 3), Fraction(1, 4), 10) == 0
    assert incremental_radius(Fraction(1, 3) + Fraction(1, 10**30), Fraction(1, 4), 10) == 1
    assert decremental_radius(Fraction(1, 4), Fraction(1, 4), 10) == 0
    assert decremental_radius(Fraction(1, 4) + Fraction(1, 10**30), Fraction(1, 4), 10) == 1


def test_a_unanimous_full_input_survives_every_removal_and_no_lead_survives_any() -> None:
    assert decremental_radius(Fraction(1), Fraction(1, 4), 77) == 77
    for gap in (Fraction(0), Fraction(-1, 3), Fraction(-1)):
        assert incremental_radius(gap, Fraction(1, 4), 77) == decremental_radius(gap, Fraction(1, 4), 77) == 0


@pytest.mark.parametrize("probability", [Fraction(1, 10_000), Fraction(1e-4)])
def test_a_tiny_keep_probability_has_its_large_radius_soon(probability: Fraction) -> None:
    assert incremental_radius(Fraction(1), probability, 10**6) == 6931


def test_closed_forms_are_sound_for_the_exact_smoothed_predictor() -> None:
    rng = np.random.default_rng(31)
    up = down = 0
    for _ in range(150):
        n = int(rng.integers(2, 6))
        probability = Fraction(int(rng.integers(1, 5)), int(rng.integers(5, 17)))
        rows = list(product((0, 1), repeat=n))
        ahead = int(rng.integers(3))
        classes = {row: ahead if rng.random() < 0.85 else int(rng.integers(3)) for row in rows}
        mask = tuple(int(value) for value in rng.random(n) < 0.4)
        shares = {row: smoothed_exactly(classes, row, probability) for row in rows}
        prediction = shares[mask].index(max(shares[mask]))
        gap, full_gap = lead(shares[mask], prediction), lead(shares[(1,) * n], prediction)
        n_free = n - sum(mask)
        r_up = incremental_radius(gap, probability, n_free)
        r_down = decremental_radius(full_gap, probability, n_free)
        for row in rows:
            if any(a > b for a, b in zip(mask, row, strict=True)):
                continue
            if gap > 0 and sum(row) - sum(mask) <= r_up:
                assert lead(shares[row], prediction) > 0
            if full_gap > 0 and n - sum(row) <= r_down:
                assert lead(shares[row], prediction) > 0
        up += 0 < r_up < n_free
        down += 0 < r_down < n_free
    assert min(up, down) > 10


def test_beyond_the_incremental_radius_an_adversary_takes_the_lead() -> None:
    """The function that says B wherever a free feature is kept: the inequality is met with equality."""
    rng = np.random.default_rng(32)
    beaten = 0
    for _ in range(100):
        n, probability = 5, Fraction(int(rng.integers(1, 5)), int(rng.integers(5, 17)))
        mask = (1, 1, 0, 0, 0)
        rows = list(product((0, 1), repeat=n))
        classes = {row: 1 if any(row[2:]) else int(rng.random() < 0.15) for row in rows}
        gap = lead(smoothed_exactly(classes, mask, probability), 0)
        radius = incremental_radius(gap, probability, 3)
        if gap <= 0 or radius == 3:
            continue
        more = tuple(int(i < 2 + radius + 1) for i in range(n))
        assert (
            lead(smoothed_exactly(classes, more, probability), 0) == (1 - probability) ** (radius + 1) * (1 + gap) - 1
        )
        assert lead(smoothed_exactly(classes, more, probability), 0) <= 0
        beaten += 1
    assert beaten > 20


@pytest.mark.parametrize(("matches", "draws", "delta", "gap"), GOLDEN["gap_lower"])
def test_gap_bounds_are_golden(matches: int, draws: int, delta: float, gap: float) -> None:
    assert float(gap_lower(matches, draws, delta)) == pytest.approx(gap, abs=5e-7)


@pytest.mark.parametrize("draws", [1, 12, 100])
def test_a_gap_bound_is_below_the_exact_one(draws: int) -> None:
    """At the bound, so many matches or more have a probability of at most delta, in exact fractions."""
    delta = 0.05
    assert gap_lower(0, draws, delta) == -1
    for matches in {1, (draws + 1) // 2, draws - 1, draws} - {0}:
        share = (gap_lower(matches, draws, delta) + 1) / 2
        tail = 1 - sum(comb(draws, j) * share**j * (1 - share) ** (draws - j) for j in range(matches))
        assert tail <= Fraction(delta)
        assert tail > Fraction(delta) * Fraction(999, 1000)

"""How often a soft certificate may be wrong: exactly where it can be computed, else by simulation.

The simulations have fixed seeds; a bound that keeps its promise fails them with a chance of 1e-9 at most.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.core.helpers import FALSE_ALARM, certify
from tests.doubles import FlipAtSize, Scripted, Table, Threshold, one_hot
from tests.oracles import e_value_finite, predicted_class, stability_rate

pytestmark = pytest.mark.slow


def allowed(runs: int, delta: float) -> int:
    """The most failures among ``runs`` that a failure probability of ``delta`` exceeds with chance 1e-9 at most."""
    return int(stats.binom.isf(FALSE_ALARM, runs, delta))


Bounds = dict[int, tuple[float, float]]


def bounds_by_matches(n_free: int, samples: int, radii: list[int], **arguments: Any) -> list[Bounds]:
    """For each number of matches among the draws the bounds that the certificate then gives at each radius."""
    table: list[Bounds] = [{} for _ in radii]
    for matches in range(samples + 1):
        answers = ([True] * matches + [False] * (samples - matches)) * len(radii)
        certificate = certify(Scripted(n_free, answers), np.zeros(n_free), radius=radii, n_samples=samples, **arguments)
        for at, rate in zip(table, certificate.rates, strict=True):
            assert (rate.samples, rate.matches) == (samples, matches)
            at[matches] = (rate.lower, rate.upper)
    return table


@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize("simultaneous", [True, False])
@pytest.mark.parametrize("radii", [[15], [12, 15, 20]])
def test_the_bounds_of_independent_draws_miss_exactly_as_seldom_as_promised(
    radii: list[int], simultaneous: bool, interval: str
) -> None:
    """Every outcome is scripted, so the probability of a miss is a sum of binomial ones. Over 10^6 additions."""
    samples, delta = 40, 0.1
    tables = bounds_by_matches(30, samples, radii, delta=delta, simultaneous=simultaneous, interval=interval)
    coverage = 1.0
    for table in tables:
        lows, highs = np.array([table[s] for s in range(samples + 1)]).T
        worst = 0.0
        for rate in np.concatenate([np.linspace(0, 1, 201), np.clip(lows - 1e-10, 0, 1), np.clip(highs + 1e-10, 0, 1)]):
            law = stats.binom.pmf(np.arange(samples + 1), samples, rate)
            worst = max(worst, law[(lows > rate) | (highs < rate)].sum())
        assert worst <= delta
        coverage *= 1 - worst  # the radii have draws of their own
    assert not simultaneous or coverage >= 1 - delta


@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize(("n_free", "radius"), [(9, 3), (12, 2), (15, 4)])
def test_the_bounds_of_draws_without_replacement_miss_exactly_as_seldom_as_promised(
    n_free: int, radius: int, interval: str
) -> None:
    """Scripted like above, for every number of matching members; hypergeometric probabilities."""
    samples, delta = 40, 0.1
    members = sum(math.comb(n_free, j) for j in range(radius + 1))
    (table,) = bounds_by_matches(n_free, samples, [radius], delta=delta, interval=interval)
    lows, highs = np.array([table[s] for s in range(samples + 1)]).T
    for count in range(0, members + 1, max(1, members // 300)):
        law = stats.hypergeom.pmf(np.arange(samples + 1), members, count, samples)
        missed = (lows > count / members) | (highs < count / members)
        assert law[missed].sum() <= delta * (1 + 1e-9)


@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
def test_the_worst_size_is_bounded_as_seldom_wrongly_as_promised(interval: str) -> None:
    """Scripted, two sizes with draws of their own, over a grid of both rates; size 1 is drawn without replacement."""
    samples, delta = 40, 0.1
    bounds = np.empty((samples + 1, samples + 1, 2))
    for first in range(samples + 1):
        for second in range(samples + 1):
            answers = [i < first for i in range(samples)] + [i < second for i in range(samples)]
            (rate,) = certify(
                Scripted(1500, answers),
                np.zeros(1500),
                radius=2,
                formulation="worst",
                n_samples=samples,
                delta=delta,
                interval=interval,
            ).rates
            assert rate.matches == min(first, second)
            bounds[first, second] = rate.lower, rate.upper
    counts = np.arange(samples + 1)
    for first in (0, 300, 750, 1200, 1350, 1425, 1485, 1500):
        small = stats.hypergeom.pmf(counts, 1500, first, samples)
        for share in (0.0, 0.3, 0.8, 0.9, 0.95, 0.99, 1.0):
            large = stats.binom.pmf(counts, samples, share)  # 1,124,250 members: above 10^6
            smallest = min(first / 1500, share)
            wrong = (bounds[..., 0] > smallest + 1e-12) | (bounds[..., 1] < smallest - 1e-12)
            assert (small[:, None] * large[None] * wrong).sum() <= delta * (1 + 1e-9)


def test_the_upper_bound_of_the_worst_of_many_equal_sizes_misses_as_seldom_as_promised() -> None:
    """Size 1 is perfect, sizes 2 to 5 (over 10^6 additions each) share one rate; every outcome is scripted."""
    samples, sizes, delta = 40, 4, 0.1
    highs = []
    for matches in range(samples + 1):
        answers = [True] * samples + [i < matches for i in range(samples)] * sizes
        predictor = Scripted(1500, answers)
        arguments: dict[str, Any] = {"formulation": "worst", "n_samples": samples, "delta": delta}
        (rate,) = certify(predictor, np.zeros(1500), radius=1 + sizes, **arguments).rates
        highs.append(rate.upper)
    assert highs == sorted(highs)  # so the bound of several sizes is that of the fewest matches
    for rate_of_all in np.clip(np.array(highs) + 1e-10, 0, 1):
        # P(the fewest of four counts is at most s) for the largest s whose bound is below the rate
        missed = sum(high < rate_of_all for high in highs) - 1
        assert 1 - stats.binom.sf(missed, samples, rate_of_all) ** sizes <= delta


@pytest.mark.parametrize("sizes", [1, 3, 10])
def test_the_worst_size_is_refuted_at_delta_shared_by_the_sizes(sizes: int) -> None:
    """Whichever size is refuted wrongly, the statement is wrong. No match at all, among 300 additions of one."""
    delta, threshold = 0.6, 0.9
    certificate = certify(
        Scripted(300, [False] * 300),
        np.zeros(300),
        radius=sizes,
        formulation="worst",
        min_rate=threshold,
        delta=delta,
    )
    n = certificate.rates[0].samples
    limit = 300 - 270  # "at least 270 match" says that at most 30 do not
    assert e_value_finite(limit, n, 0, 300) >= sizes / delta > e_value_finite(limit, n - 1, 0, 300)
    assert certificate.verdict == "not-certified"


@pytest.mark.parametrize(
    ("radii", "arguments"),
    [
        ([4], {}),
        ([13], {}),
        ([3, 5, 13], {}),
        ([3, 13], {"interval": "hoeffding"}),
        ([6], {"formulation": "exactly"}),
        ([4], {"formulation": "worst"}),
    ],
)
def test_certificates_of_a_known_function_hold_at_all_radii_together(
    radii: list[int], arguments: dict[str, Any]
) -> None:
    predictor, mask = Threshold(30, 2, [1, 4, 6, 7, 9, 20]), np.arange(30) < 3
    runs, delta = 250, 0.2
    formulation = arguments.get("formulation", "up-to")
    exact = {}
    for radius in radii:
        sizes = range(1, radius + 1) if formulation == "worst" else [radius]
        exact[radius] = float(min(predictor.rate(mask, j, exactly=formulation != "up-to") for j in sizes))
    wrong = 0
    for seed in range(runs):
        rates = certify(predictor, mask, seed=seed, radius=radii, delta=delta, n_samples=40, **arguments).rates
        assert not any(rate.enumerated for rate in rates)
        wrong += not all(rate.lower <= exact[rate.radius] <= rate.upper for rate in rates)
    assert wrong <= allowed(runs, delta)


def test_the_closed_form_of_the_doubles_is_the_definition() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        n_features = int(rng.integers(1, 8))
        members = np.flatnonzero(rng.random(n_features) < 0.6)
        predictor = Threshold(n_features, int(rng.integers(0, 4)), members.tolist())
        mask = rng.random(n_features) < 0.3
        for radius in range(int((~mask).sum()) + 1):
            assert predictor.rate(mask, radius) == stability_rate(predictor, mask, radius)
            assert predictor.rate(mask, radius, exactly=True) == stability_rate(predictor, mask, radius, "exactly")
    flips = FlipAtSize(6, 3, watched=2)
    for radius in range(7):
        assert flips.rate_from_nothing(radius) == stability_rate(flips, np.zeros(6), radius)


@pytest.mark.parametrize(("radius", "n_free"), [(9, 40), (4, 25)])
def test_a_rate_just_below_the_threshold_is_seldom_certified_and_one_just_above_seldom_refuted(
    radius: int, n_free: int
) -> None:
    """Above and below 10^6 additions; the threshold is the next number above (or is) the true rate."""
    predictor, mask = Threshold(n_free, 1, [3]), np.zeros(n_free)
    exact = float(predictor.rate(mask, radius))
    runs, delta = 150, 0.1
    certified = refuted = 0
    for seed in range(runs):
        arguments: dict[str, Any] = {"radius": radius, "delta": delta, "max_samples": 250}
        above = certify(predictor, mask, seed=seed, min_rate=math.nextafter(exact, 2), **arguments)
        certified += above.verdict == "certified"
        refuted += certify(predictor, mask, seed=seed, min_rate=exact, **arguments).verdict == "not-certified"
        rate = above.rates[0]
        assert (rate.verdict == "certified") == (rate.lower > exact)
    assert certified <= allowed(runs, delta)
    assert refuted <= allowed(runs, delta)


def test_the_bounds_of_a_sequential_test_hold_wherever_it_stops() -> None:
    predictor, mask = Threshold(40, 2, [0, 3, 5, 7, 11]), np.zeros(40)
    exact = float(predictor.rate(mask, 9))
    runs, delta = 150, 0.2
    low = high = 0
    for seed in range(runs):
        threshold = (0.5, 0.7, 0.8, 0.9)[seed % 4]
        (rate,) = certify(predictor, mask, seed=seed, radius=9, delta=delta, min_rate=threshold, max_samples=200).rates
        low += rate.lower > exact
        high += rate.upper < exact
    assert low <= allowed(runs, delta)
    assert high <= allowed(runs, delta)


def test_the_largest_radius_is_too_large_with_probability_at_most_delta() -> None:
    """Radius 5 is perfect, the rate at 6 is the last number below the threshold: only the test of 6 can err."""
    predictor, mask = FlipAtSize(50, 6, watched=0), np.zeros(50)
    exact = float(predictor.rate_from_nothing(6))
    assert predictor.rate_from_nothing(5) == 1
    threshold = math.nextafter(exact, 2)
    runs, delta = 150, 0.1
    too_large = 0
    for seed in range(runs):
        certificate = certify(
            predictor,
            mask,
            seed=seed,
            radius=[5, 6, 7],
            min_rate=threshold,
            delta=delta,
            max_samples=250,
            largest_radius=True,
        )
        assert certificate.largest_radius in (5, 6, 7)  # a perfect radius is certified whatever is drawn
        too_large += certificate.largest_radius != 5
    assert too_large <= allowed(runs, delta)


def test_one_test_for_all_larger_radii_is_wrong_with_probability_at_most_delta() -> None:
    """A function whose rate falls below the threshold just at the last radius, after the radius that stands for it."""
    n_features, threshold, delta, runs = 12, 0.9, 0.1, 150
    sizes = np.array([bin(row).count("1") for row in range(2**n_features)])
    rng = np.random.default_rng(1)
    wrong = 0
    for seed in range(runs):
        flips = sizes > 2
        flips &= rng.random(2**n_features) < 0.1
        predictor = Table(one_hot(flips))
        certificate = certify(
            predictor,
            np.zeros(n_features),
            seed=seed,
            radius=range(5, n_features + 1),
            min_rate=threshold,
            delta=delta,
            max_samples=300,
            largest_radius=True,
        )
        assert certificate.largest_radius is not None
        exact = [1 - flips[sizes <= r].mean() for r in range(n_features + 1)]
        wrong += any(exact[r] < threshold for r in range(5, certificate.largest_radius + 1))
    assert wrong <= allowed(runs, delta)


def test_the_certified_class_is_that_of_the_mask_alone() -> None:
    rng = np.random.default_rng(9)
    for seed in range(20):
        weights = rng.integers(1, 4, size=(32, 3)).astype(float)
        predictor = Table(weights / weights.sum(axis=1, keepdims=True))
        mask = rng.random(5) < 0.5
        certificate = certify(predictor, mask, seed=seed, radius=0)
        assert certificate.prediction == predicted_class(predictor, tuple(bool(value) for value in mask))

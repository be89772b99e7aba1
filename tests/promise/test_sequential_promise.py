"""What a test says that looks after every draw: certified, refuted, bounds, the largest radius, a search.

A wrong variant this file has been seen to kill with a thousand certificates: Clopper and Pearson's bound looked at
after every draw.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.doubles import FlipAtSize
from tests.promise.cases import (
    ALLOWED,
    CERTIFICATES,
    DELTAS,
    ROUNDING,
    SLOW,
    Record,
    SumModulo,
    at_most,
    check,
    judge,
    just_above,
    mask_option,
    nearest,
    records,
)

pytestmark = pytest.mark.slow

TARGETS = [0.9, 0.5] if SLOW else [0.9]
MAX_SAMPLES = 200 if SLOW else 100
SETS = {"independent": (24, 12), "without replacement": (12, 4)}


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", SETS)
def test_a_rate_just_below_the_threshold_is_certified_with_frequency_delta_at_most(
    tmp_path: Path, kind: str, target: float, delta: float
) -> None:
    n_free, radius = SETS[kind]
    function, mask = nearest(target, n_free, radius)
    truth = function.rate(mask, radius)
    arguments = ["-r", radius, "--min-rate", just_above(truth), "--max-samples", MAX_SAMPLES, "--delta", delta]
    found = records(tmp_path, function, "certify-soft", *arguments, *ALLOWED, *mask_option(tmp_path, mask))
    checks = {
        "certified wrongly": lambda r: r["status"] == "certified",
        "lower bound at the stop": lambda r: r["result"]["rates"][0]["lower"] > truth + ROUNDING,
        "upper bound at the stop": lambda r: r["result"]["rates"][0]["upper"] < truth - ROUNDING,
    }
    check(f"sequential, {kind}, rate {float(truth):.4f} just below", delta, found, checks)


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("target", TARGETS[:1])
@pytest.mark.parametrize("kind", SETS)
def test_a_rate_on_the_threshold_is_refuted_with_frequency_delta_at_most(
    tmp_path: Path, kind: str, target: float, delta: float
) -> None:
    n_free, radius = SETS[kind]
    function, mask = nearest(target, n_free, radius)
    truth = function.rate(mask, radius)
    arguments = ["-r", radius, "--min-rate", at_most(truth), "--max-samples", MAX_SAMPLES, "--delta", delta]
    found = records(tmp_path, function, "certify-soft", *arguments, *ALLOWED, *mask_option(tmp_path, mask))
    checks = {
        "refuted wrongly": lambda r: r["status"] == "not-certified",
        "lower bound at the stop": lambda r: r["result"]["rates"][0]["lower"] > truth + ROUNDING,
        "upper bound at the stop": lambda r: r["result"]["rates"][0]["upper"] < truth - ROUNDING,
    }
    check(f"sequential, {kind}, rate {float(truth):.4f} on it", delta, found, checks)


@pytest.mark.parametrize("delta", DELTAS)
def test_several_thresholds_hold_together(tmp_path: Path, delta: float) -> None:
    """Radii 8, 12 and 24 of a function whose rates are nearly equal, all of them just below the threshold."""
    function, mask = SumModulo(25, 10), np.arange(25) == 24
    truths = [function.rate(mask, radius) for radius in (8, 12, 24)]
    arguments = ["-r", "8,12,24", "--min-rate", just_above(max(truths)), "--max-samples", MAX_SAMPLES, "--delta", delta]
    found = records(tmp_path, function, "certify-soft", *arguments, *ALLOWED, *mask_option(tmp_path, mask))

    def any_certified(record: Record) -> bool:
        return any(rate["verdict"] == "certified" for rate in record["result"]["rates"])

    def any_lower(record: Record) -> bool:
        rates = record["result"]["rates"]
        return any(rate["lower"] > truth + ROUNDING for rate, truth in zip(rates, truths, strict=True))

    checks = {"any certified wrongly": any_certified, "any lower bound": any_lower}
    check("sequential, three radii together", delta, found, checks)


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("radii", ["11:15", "11:25"])
def test_the_largest_radius_is_too_large_with_frequency_delta_at_most(tmp_path: Path, radii: str, delta: float) -> None:
    """Stable up to radius 12, and just below the threshold at 13: what a test by itself may miss, and no more."""
    function = FlipAtSize(25, 13, 0)
    truth = function.rate_from_nothing(13)
    assert function.rate_from_nothing(12) == 1
    assert 0.85 < truth < 0.95
    arguments = ["-r", radii, "--min-rate", just_above(truth), "--largest-radius", "--delta", delta]
    found = records(
        tmp_path,
        function,
        "certify-soft",
        *arguments,
        *ALLOWED,
        "--max-samples",
        MAX_SAMPLES,
        *mask_option(tmp_path, np.zeros(25)),
    )
    check(f"largest radius of {radii}", delta, found, {"beyond 12": lambda r: r["result"]["largest_radius"] > 12})


@pytest.mark.parametrize("delta", DELTAS)
def test_the_search_for_a_stable_mask_is_wrong_with_frequency_delta_at_most(tmp_path: Path, delta: float) -> None:
    """Whatever is selected, its rate is just below what is asked for."""
    function, radius = SumModulo(25, 10), 3
    # The scores and so the masks are the same for every input, since the seed is.
    arguments = ["explain", "--method", "random", "--until-stable", "-r", radius, "-k", 8, "--delta", delta]
    (one,) = records(tmp_path, function, "explain", "--method", "random", "-k", 8, number=1)
    scores = np.array([feature["score"] for feature in one["explanation"]["features"]])
    order = np.argsort(-scores)
    rates = [function.rate(np.isin(np.arange(25), order[:k]), radius) for k in range(1, 9)]
    assert max(rates) < 0.95
    arguments += ["--min-rate", just_above(max(rates)), "--max-samples", MAX_SAMPLES, "--allow-vacuous"]
    found = records(tmp_path, function, *arguments, number=CERTIFICATES if SLOW else 20)
    check("search for a stable mask", delta, found, {"certified wrongly": lambda r: r["status"] == "certified"})


@pytest.mark.parametrize("delta", DELTAS)
def test_whoever_goes_on_with_more_samples_is_wrong_with_frequency_delta_at_most(tmp_path: Path, delta: float) -> None:
    """A test that is valid at every moment may go on; begun anew it would be another chance to be wrong each time."""
    function, mask = nearest(0.5, 24, 12)
    arguments = ["-r", 12, "--min-rate", just_above(function.rate(mask, 12)), "--delta", delta]
    falsely: dict[str, bool] = {}
    for most in (20, 40, 60, 80, 100, 150, 200, 300):
        limit = ["--max-samples", most, *mask_option(tmp_path, mask)]
        for record in records(tmp_path, function, "certify-soft", *arguments, *limit):
            name = record["input"]["id"]
            falsely[name] = falsely.get(name, False) or record["result"]["rates"][0]["verdict"] == "certified"
    judge("a test that goes on", delta, len(falsely), {"certified wrongly": sum(falsely.values())})

"""``certify-soft`` with a fixed number of samples: intervals of each kind, families of radii, formulations.

Wrong variants this file has been seen to kill with a thousand certificates or two: both bounds at delta instead of
delta / 2; each of several radii at delta; independent draws bounded as those from a small set; the half-width of
Hoeffding divided by 2; exactly r additions taken for up to r.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.promise.cases import DELTAS, SLOW, SumModulo, check, mask_option, misses, nearest, records

pytestmark = pytest.mark.slow

TARGETS = [0.9, 0.5] if SLOW else [0.9]
INDEPENDENT, WITHOUT_REPLACEMENT = (24, 12), (12, 4)
"""Features that can be added, and how many are: 9,740,686 ways, and 794."""


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize(("n_free", "radius"), [INDEPENDENT, WITHOUT_REPLACEMENT])
def test_a_rate_is_outside_of_its_interval_with_frequency_delta_at_most(
    tmp_path: Path, n_free: int, radius: int, interval: str, target: float, delta: float
) -> None:
    function, mask = nearest(target, n_free, radius)
    truth = function.rate(mask, radius)
    arguments = ["-r", radius, "--interval", interval, "--delta", delta, "--n-samples", 150]
    found = records(tmp_path, function, "certify-soft", *arguments, *mask_option(tmp_path, mask))
    kind = "independent" if (n_free, radius) == INDEPENDENT else "without replacement"
    check(f"{interval}, {kind}, rate {float(truth):.4f}", delta, found, {"interval": lambda r: any(misses(r, [truth]))})


@pytest.mark.parametrize("delta", DELTAS)
def test_radii_hold_together_or_each_by_itself(tmp_path: Path, delta: float) -> None:
    radii = [8, 12, 24]
    function, mask = nearest(0.9, 24, 12)
    truths = [function.rate(mask, radius) for radius in radii]
    arguments = ["-r", "8,12,24", "--delta", delta, "--n-samples", 60, *mask_option(tmp_path, mask)]
    found = records(tmp_path, function, "certify-soft", *arguments)
    check("three radii together", delta, found, {"all": lambda r: any(misses(r, truths))})
    found = records(tmp_path, function, "certify-soft", *arguments, "--per-radius")
    each = {f"r = {radius}": lambda r, i=i: misses(r, truths)[i] for i, radius in enumerate(radii)}
    check("per radius", delta, found, each)


@pytest.mark.parametrize("delta", DELTAS)
def test_exactly_r_additions(tmp_path: Path, delta: float) -> None:
    function, mask = nearest(0.9, 24, 12, exactly=True)
    truth = function.rate(mask, 12, exactly=True)
    arguments = ["-r", 12, "--formulation", "exactly", "--delta", delta, "--n-samples", 150]
    found = records(tmp_path, function, "certify-soft", *arguments, *mask_option(tmp_path, mask))
    check(f"exactly 12, rate {float(truth):.4f}", delta, found, {"interval": lambda r: any(misses(r, [truth]))})


@pytest.mark.parametrize("delta", DELTAS)
def test_the_worst_size(tmp_path: Path, delta: float) -> None:
    """Sizes 1 and 2 are drawn without replacement, size 3 (1,313,400 ways) independently; of nearly equal rates."""
    function, mask = SumModulo(201, 10), np.arange(201) == 200
    truth = min(function.rates_by_size(mask, 3)[1:])
    assert abs(truth - Fraction(9, 10)) < Fraction(1, 100)
    arguments = ["-r", 3, "--formulation", "worst", "--delta", delta, "--n-samples", 60]
    found = records(tmp_path, function, "certify-soft", *arguments, *mask_option(tmp_path, mask))
    check(
        f"worst of sizes 1 to 3, rate {float(truth):.4f}", delta, found, {"interval": lambda r: any(misses(r, [truth]))}
    )


def test_the_known_rates_are_the_definition() -> None:
    """The oracle of this file against the one of `tests.oracles`."""
    from tests.oracles import stability_rate

    rng = np.random.default_rng(0)
    for _ in range(20):
        function, mask = SumModulo(7, int(rng.integers(2, 5))), rng.random(7) < 0.4
        free = int((~mask).sum())
        for radius in range(1, free + 1):
            assert function.rate(mask, radius) == stability_rate(function, mask, radius)
            assert function.rates_by_size(mask, radius)[radius] == stability_rate(function, mask, radius, "exactly")
            assert min(function.rates_by_size(mask, radius)[1:]) == stability_rate(function, mask, radius, "worst")

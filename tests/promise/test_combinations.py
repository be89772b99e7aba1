"""Every formulation with every kind of radii, families and tests: whatever is shown together is true together.

The rates lie just below what is asked for, so that each chance to be wrong is one; each function is known by counting
all of its additions. With STABCERT_PROMISE all combinations are run, without it those that differ most.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stabcert.core.soft.certificate import Formulation, SoftCertificate
from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import MaskedPredictor, Masks, Probs
from tests.doubles import one_hot
from tests.promise.cases import FALSE_ALARM, ROUNDING, SLOW, SumModulo, allowed, just_above

RUNS = 1000 if SLOW else 60
DELTA = 0.1
FORMULATIONS: list[Formulation] = ["up-to", "exactly", "worst"]
RADII: dict[str, Any] = {"one": 4, "list": (2, 4, 6), "range": range(1, 7), "all": "all"}


class BySize:
    """Class 1 on a fixed share of the additions of each size to nothing, those of lowest rank."""

    def __init__(self, flipping: tuple[int, ...]) -> None:
        self.n_features = len(flipping) - 1
        self.flipping = flipping
        codes = sorted(range(2**self.n_features), key=lambda code: (code.bit_count(), code))
        left = list(flipping)
        table = np.zeros(len(codes), dtype=np.intp)
        for code in codes:
            if left[code.bit_count()]:
                left[code.bit_count()] -= 1
                table[code] = 1
        self._table = table

    def __call__(self, masks: Masks, /) -> Probs:
        return one_hot(self._table[masks @ (1 << np.arange(self.n_features))])

    def by_size(self) -> list[Fraction]:
        n = self.n_features
        return [1 - Fraction(flips, math.comb(n, size)) for size, flips in enumerate(self.flipping)]


Known = tuple[MaskedPredictor, NDArray[np.bool_], list[Fraction]]


@cache
def known(name: str) -> Known:
    """A function, a mask, and the rates by number of added features."""
    if name == "independent draws":
        # 30 free features: beyond radius 6 there are more than 10^6 additions.
        function, mask = SumModulo(31, 10), np.arange(31) == 30
        return function, mask, function.rates_by_size(mask, 30)
    flipping = {
        "the jump of the issue": (0, 0, 0, 0, 15, 0, 0, 0, 0, 0),
        "all sizes just below": (0, 1, 4, 9, 14, 14, 9, 4, 1, 0),
        "falling": (0, 0, 1, 6, 15, 20, 20, 12, 3, 1),
    }[name]
    small = BySize(flipping)
    return small, np.zeros(small.n_features, dtype=np.bool_), small.by_size()


CASES = ["the jump of the issue", "all sizes just below", "falling", "independent draws"]


def rates_of(case: str, formulation: Formulation, radii: list[int]) -> list[Fraction]:
    """The true rate at each radius, from the definition."""
    _, mask, by_size = known(case)
    free = int((~mask).sum())
    found = []
    for radius in radii:
        if formulation == "exactly":
            found.append(by_size[radius])
        elif formulation == "worst":
            found.append(min(by_size[1 : radius + 1]))
        else:
            counts = [math.comb(free, size) for size in range(radius + 1)]
            matching = sum(count * rate for count, rate in zip(counts, by_size, strict=False))
            found.append(Fraction(matching) / sum(counts))
    return found


def radii_of(case: str, name: str) -> list[int]:
    free = int((~known(case)[1]).sum())
    if name == "all":
        return list(range(1, free + 1))
    radii = [RADII[name]] if name == "one" else list(RADII[name])
    return [radius + 6 for radius in radii] if case == "independent draws" else radii


def certificates(case: str, radii: list[int], **arguments: Any) -> Iterator[SoftCertificate]:
    function, mask, _ = known(case)
    for seed in range(RUNS):
        yield certify_soft(function, mask, radius=radii, delta=DELTA, rng=np.random.default_rng(seed), **arguments)


def judge(case: str, wrong: dict[str, int]) -> None:
    assert {name: count for name, count in wrong.items() if count > allowed(RUNS, DELTA)} == {}, case


def statements(events: dict[str, list[bool]], radii: list[int], simultaneous: bool) -> dict[str, bool]:
    """What each event makes wrong: one statement about all radii, or one about each."""
    if simultaneous:
        return {name: any(event) for name, event in events.items()}
    return {f"{name}, r = {r}": wrong for name, event in events.items() for r, wrong in zip(radii, event, strict=True)}


def count_wrong(wrong: dict[str, int], found: dict[str, bool]) -> None:
    for name, is_wrong in found.items():
        wrong[name] = wrong.get(name, 0) + is_wrong


Choice = tuple[str, Formulation, str, bool]


def quick(case: str, formulation: Formulation, radii: str) -> bool:
    """Whether it takes milliseconds: many radii of many features take seconds for each certificate."""
    if case == "independent draws":
        return radii in ("one", "list") and formulation != "worst"
    return radii in ("one", "list") or (radii == "all" and formulation == "worst" and case != "falling")


CHOICES: list[Choice] = [
    (case, formulation, radii, simultaneous)
    for case, formulation, radii, simultaneous in itertools.product(CASES, FORMULATIONS, RADII, (True, False))
    if (radii != "one" or simultaneous) and (quick(case, formulation, radii) or (SLOW and radii != "all"))
]


@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize(("case", "formulation", "radii", "simultaneous"), CHOICES)
def test_intervals_of_a_fixed_number_of_samples(
    case: str, formulation: Formulation, radii: str, simultaneous: bool, interval: str
) -> None:
    asked = radii_of(case, radii)
    truths, wrong = rates_of(case, formulation, asked), dict[str, int]()
    arguments = {"formulation": formulation, "simultaneous": simultaneous, "interval": interval, "n_samples": 25}
    for found in certificates(case, asked, **arguments):
        missed = [
            not rate.lower - ROUNDING <= truth <= rate.upper + ROUNDING
            for rate, truth in zip(found.rates, truths, strict=True)
        ]
        count_wrong(
            wrong,
            {"together": any(missed)} if simultaneous else {f"r = {r}": m for r, m in zip(asked, missed, strict=True)},
        )
    judge(case, wrong)


@pytest.mark.parametrize("max_samples", [42, 400])
@pytest.mark.parametrize(("case", "formulation", "radii", "simultaneous"), CHOICES)
def test_sequential_tests(
    case: str, formulation: Formulation, radii: str, simultaneous: bool, max_samples: int
) -> None:
    """With few samples most tests stay undecided; with many all are decided."""
    asked = radii_of(case, radii)
    truths, wrong = rates_of(case, formulation, asked), dict[str, int]()
    # As few samples as there are must be able to certify all radii at their shares of delta.
    min_rate = 0.9 if not simultaneous or len(asked) == 1 else 0.82
    arguments = {"formulation": formulation, "simultaneous": simultaneous, "min_rate": min_rate}
    for found in certificates(case, asked, max_samples=max_samples, **arguments):
        pairs = list(zip(found.rates, truths, strict=True))
        too_high = [rate.lower > truth + ROUNDING for rate, truth in pairs]
        too_low = [rate.upper < truth - ROUNDING for rate, truth in pairs]
        falsely = [bool(rate.met) and truth < min_rate - ROUNDING for rate, truth in pairs]
        refuted = [rate.verdict == "not-certified" and truth >= min_rate + ROUNDING for rate, truth in pairs]
        events = {"lower": too_high, "upper": too_low, "certified": falsely, "refuted": refuted}
        if simultaneous:
            count_wrong(wrong, {name: any(event) for name, event in events.items()})
        else:
            count_wrong(
                wrong, {f"{name}, r = {r}": w for name, e in events.items() for r, w in zip(asked, e, strict=True)}
            )
        for rate in found.rates:
            assert rate.samples <= max(max_samples, rate.population or 0 if rate.enumerated else 0)
        if formulation == "worst":
            assert all(b.lower <= a.lower and b.upper <= a.upper for a, b in itertools.pairwise(found.rates))
    judge(case, wrong)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("radii", ["list", "range", "all"] if SLOW else ["list"])
@pytest.mark.parametrize("boundary", [False, True])
def test_the_largest_radius(case: str, formulation: Formulation, radii: str, boundary: bool) -> None:
    """Asked for 0.9, or for a hair more than the first rate that sampling has to find too low."""
    asked = radii_of(case, radii)
    truths, wrong = rates_of(case, formulation, asked), 0
    min_rate = min(0.93, just_above(truths[len(truths) // 2])) if boundary else 0.9
    for found in certificates(case, asked, formulation=formulation, min_rate=min_rate, largest_radius=True):
        covered = [t for r, t in zip(asked, truths, strict=True) if r <= (found.largest_radius or 0)]
        wrong += any(truth < min_rate - ROUNDING for truth in covered)
        for rate, truth in zip(found.rates, truths, strict=False):
            assert not rate.met or rate.radius <= (found.largest_radius or 0), "what is met is covered"
            assert not (rate.enumerated and rate.lower > truth + ROUNDING)
    judge(case, {"largest radius": wrong})


def test_the_known_rates_are_the_definition() -> None:
    """The oracle of this file against the one of `tests.oracles`."""
    from tests.oracles import stability_rate

    for case in CASES[:3]:
        function, mask, _ = known(case)
        for formulation in FORMULATIONS:
            truths = rates_of(case, formulation, list(range(1, 10)))
            for radius, truth in enumerate(truths, start=1):
                assert truth == stability_rate(function, mask, radius, formulation)


def test_the_allowance_is_a_false_alarm_of_one_in_a_billion() -> None:
    from scipy.stats import binom

    assert binom.sf(allowed(RUNS, DELTA), RUNS, DELTA) <= FALSE_ALARM

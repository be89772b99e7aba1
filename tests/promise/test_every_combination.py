"""Every formulation with every kind of radii, family and test: what a certificate shows together is true together.

All rates lie just below what is asked for, or on it, so that each draw that is counted twice and each delta that is
not shared is one more chance to be wrong; they are known by counting. delta is large, for then few draws decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import stats

from stabcert.core.soft.certificate import Formulation, SoftCertificate
from stabcert.core.soft.certify import certify_soft
from tests.oracles import stability_rate
from tests.promise.cases import FALSE_ALARM, ROUNDING, SLOW, at_most, just_above
from tests.promise.known_rates import BySize, Known, just_below, rates, watched_just_below

pytestmark = pytest.mark.slow

RUNS = 1000 if SLOW else 50
MORE = 1000 if SLOW else 80
JUDGED = 4000
"""More statements than are judged here; they share one false alarm."""
FORMULATIONS: list[Formulation] = ["up-to", "exactly", "worst"]
RADII: dict[str, Any] = {"one": 4, "list": (3, 4, 6), "range": range(2, 7), "all": "all", "many": range(2, 14)}


class Case(NamedTuple):
    function: Known
    target: float
    """Rates are just below it, or 1."""
    delta: float
    few: int
    """Draws of which all have to match to certify at any share of delta."""
    many: int
    """Draws that decide nearly every test."""


@cache
def case(name: str, formulation: Formulation) -> Case:
    """The mask keeps nothing, and up to 9 features more are few enough for draws without replacement."""
    if name == "several sizes":
        return Case(just_below(0.7, 8, range(3, 8), together=formulation == "up-to"), 0.7, 0.3, 13, 60)
    if name == "every other size":
        return Case(just_below(0.7, 8, (2, 4, 6), together=formulation == "up-to"), 0.7, 0.3, 13, 60)
    if name == "one size":
        return Case(BySize([0, 0, 0, 0, 15, 0, 0, 0, 0, 0]), 0.9, 0.1, 52, 130)
    return Case(watched_just_below(0.7, 1500, 13), 0.7, 0.3, 16, 40)  # more than 10^6 from 2 features on: independent


RADII_OF = {name: ["one", "list", "range", "all"] for name in ("several sizes", "every other size", "one size")}
RADII_OF["many features"] = ["one", "many"]
QUICK = {"several sizes": FORMULATIONS, "one size": ["worst"], "many features": FORMULATIONS}
CASES = [(name, one) for name in RADII_OF for one in (FORMULATIONS if SLOW else QUICK.get(name, []))]


def as_list(function: Known, radii: str) -> list[int]:
    asked = range(1, function.n_features + 1) if radii == "all" else RADII[radii]
    return [asked] if isinstance(asked, int) else list(asked)


def certificates(case: Case, radii: str, runs: int, **arguments: Any) -> Iterator[SoftCertificate]:
    for seed in range(runs):
        yield certify_soft(
            case.function,
            np.zeros(case.function.n_features),
            radius=RADII[radii],
            delta=case.delta,
            rng=np.random.default_rng(seed),
            **arguments,
        )


def families(name: str) -> list[tuple[str, bool]]:
    """Kinds of radii, and whether bounds hold for all of them together; of a single radius that is the same."""
    return [(radii, together) for radii in RADII_OF[name] for together in (True, False) if radii != "one" or together]


class Wrong:
    """How often each of several statements is wrong, and those of one kind about all radii together."""

    def __init__(self, delta: float) -> None:
        self._delta = delta
        self._found: dict[str, list[bool]] = defaultdict(list)

    def add(self, statement: str, kind: str, radii: list[int], wrong: list[bool], *, together: bool) -> None:
        """``wrong`` is about one certificate, radius by radius."""
        if together:
            self._found[f"{statement}, {kind}"].append(any(wrong))
            self._found[f"{statement}, radii of any kind"].append(any(wrong))
        else:
            for radius, one in zip(radii, wrong, strict=True):
                self._found[f"{statement}, {kind}, r = {radius}"].append(one)

    def judge(self) -> None:
        """Each is wrong with frequency delta at most."""
        seen = {name: (sum(wrong), len(wrong)) for name, wrong in self._found.items()}
        too_often = {name: f"{wrong} of {runs}" for name, (wrong, runs) in seen.items() if wrong > self._most(runs)}
        assert seen
        assert too_often == {}, f"delta is {self._delta}"

    def _most(self, runs: int) -> int:
        return int(stats.binom.isf(FALSE_ALARM / JUDGED, runs, self._delta))


def check_record(found: SoftCertificate, truths: list[Fraction], most: int) -> None:
    """What no run can give, whatever is drawn."""
    for rate, truth in zip(found.rates, truths, strict=True):
        assert rate.samples <= most
        assert rate.matches + rate.near_ties <= rate.samples <= (rate.population or rate.samples)
        assert not rate.enumerated or rate.lower == rate.upper == pytest.approx(float(truth), abs=ROUNDING)
        assert rate.met == (None if rate.threshold is None else rate.lower >= rate.threshold)
    if found.formulation == "worst":
        assert all(larger.lower <= smaller.lower for smaller, larger in pairwise(found.rates))


@pytest.mark.parametrize("interval", ["exact", "hoeffding"])
@pytest.mark.parametrize(("name", "formulation"), CASES)
def test_intervals_of_a_fixed_number_of_samples(name: str, formulation: Formulation, interval: str) -> None:
    known = case(name, formulation)
    wrong = Wrong(known.delta)
    for radii, together in families(name):
        asked = as_list(known.function, radii)
        truths = rates(known.function, formulation, asked)
        arguments = {"formulation": formulation, "simultaneous": together, "interval": interval, "n_samples": 15}
        for found in certificates(known, radii, MORE, **arguments):
            check_record(found, truths, 15)
            pairs = zip(found.rates, truths, strict=True)
            missed = [not one.lower - ROUNDING <= truth <= one.upper + ROUNDING for one, truth in pairs]
            wrong.add("interval", radii, asked, missed, together=together)
    wrong.judge()


@pytest.mark.parametrize("how", ["undecided", "decided", "rates on the threshold"])
@pytest.mark.parametrize(("name", "formulation"), CASES)
def test_sequential_tests(name: str, formulation: Formulation, how: str) -> None:
    """Certified, refuted, and the bounds where a test ended: each is wrong with frequency delta at most."""
    known = case(name, formulation)
    wrong, most = Wrong(known.delta), known.few if how == "undecided" else known.many
    for radii, together in families(name):
        asked = as_list(known.function, radii)
        truths = rates(known.function, formulation, asked)
        below = [truth for truth in truths if truth < known.target] or [Fraction(known.target)]
        min_rate = at_most(min(below)) if how == "rates on the threshold" else just_above(max(below))
        arguments = {"formulation": formulation, "simultaneous": together, "min_rate": min_rate, "max_samples": most}
        for found in certificates(known, radii, RUNS, **arguments):
            check_record(found, truths, most)
            if formulation == "worst":
                assert all(larger.upper <= smaller.upper for smaller, larger in pairwise(found.rates))
            pairs = list(zip(found.rates, truths, strict=True))
            for statement, missed in {
                "certified": [one.verdict == "certified" and truth < min_rate for one, truth in pairs],
                "refuted": [one.verdict == "not-certified" and truth >= min_rate for one, truth in pairs],
                "lower bound": [one.lower > truth + ROUNDING for one, truth in pairs],
                "upper bound": [one.upper < truth - ROUNDING for one, truth in pairs],
            }.items():
                wrong.add(statement, radii, asked, missed, together=together)
    wrong.judge()


@pytest.mark.parametrize("how", ["just below", "on the threshold"])
@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("name", ["several sizes", "one size", "falling"])
def test_the_largest_radius(name: str, formulation: Formulation, how: str) -> None:
    """No radius that it covers has a rate below the one requested, except with frequency delta."""
    known = (
        Case(BySize([0, 0, 1, 6, 15, 20, 20, 12, 3, 1]), 0.9, 0.1, 42, 130)
        if name == "falling"
        else case(name, formulation)
    )
    wrong = 0
    asked = as_list(known.function, "list")
    truths = rates(known.function, formulation, asked)
    below = [truth for truth in truths if truth < known.target]
    # Where all rates reach the target, the smallest is the one that a wrong certificate would cover.
    min_rate = just_above(max(below, default=sorted(truths)[0])) if how == "just below" else at_most(min(truths))
    for found in certificates(known, "list", RUNS, formulation=formulation, min_rate=min_rate, largest_radius=True):
        covered = [truth for r, truth in zip(asked, truths, strict=True) if r <= (found.largest_radius or 0)]
        wrong += any(truth < min_rate for truth in covered)
        for rate, truth in zip(found.rates, truths, strict=False):
            assert not rate.met or rate.radius <= (found.largest_radius or 0), "what is met is covered"
            assert not (rate.enumerated and rate.lower > truth + ROUNDING)
    assert wrong <= stats.binom.isf(FALSE_ALARM / JUDGED, RUNS, known.delta)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("name", ["several sizes", "every other size", "one size"])
def test_the_known_rates_are_the_definition(name: str, formulation: Formulation) -> None:
    function = case(name, formulation).function
    radii = list(range(1, function.n_features + 1))
    nothing = np.zeros(function.n_features, dtype=np.bool_)
    truths = [stability_rate(function, nothing, radius, formulation) for radius in radii]
    assert rates(function, formulation, radii) == truths

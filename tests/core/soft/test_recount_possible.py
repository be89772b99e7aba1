"""The recount refuses what no run could have produced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stabcert.core.masks import Additions
from stabcert.core.soft.certificate import Shown
from stabcert.core.soft.certify import Interrupted, certify_soft
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.recount import recount_soft
from stabcert.core.soft.trials import Trials, larger_than, population
from stabcert.core.statistics.sequential import SequentialTest, samples_to_certify
from stabcert.core.types import Mask, Masks, Probs
from tests.core.soft.test_recount import Rough, shown

NINE_FREE = np.arange(11) < 2


class FlipsOnFour:
    """Flips on 15 of the 126 additions of exactly 4 of 9 free features: the worst rate is 111/126 from 4 on."""

    n_features = 11
    decision_tolerance = 0.0

    def __call__(self, masks: Masks, /) -> Probs:
        added = np.asarray(masks)[:, 2:]
        value = added @ (2 ** np.arange(9))
        flipped = np.isin(value, [v for v in range(512) if v.bit_count() == 4][:15])
        return np.stack([np.where(flipped, 0.1, 0.9), np.where(flipped, 0.9, 0.1)], axis=1)


class EveryAdditionFlips(FlipsOnFour):
    def __call__(self, masks: Masks, /) -> Probs:
        flipped = np.asarray(masks)[:, 2:].any(axis=1)
        return np.stack([np.where(flipped, 0.1, 0.9), np.where(flipped, 0.9, 0.1)], axis=1)


def worst_by_definition(
    predictor: Any, mask: Mask, radii: list[int], min_rate: float, delta: float, max_samples: int, seed: int
) -> dict[int, Shown]:
    """Each size tested once, draw by draw, up to the first that is not certified; each radius at delta."""
    trials, tests = Trials(predictor, mask, np.random.default_rng(seed)), list[SequentialTest]()
    whole = samples_to_certify(min_rate, delta, at_most=max_samples) or 0
    for size in range(1, max(radii) + 1):
        additions = Additions(mask, size, exactly=True)
        test = SequentialTest(
            min_rate,
            delta_certify=delta,
            delta_refute=delta / max(radii),
            population=population(additions),
            exhaustive=not larger_than(additions, whole),
        )
        draws = trials.draws(additions)
        while not test.decided and test.samples < min(max_samples, test.population or max_samples):
            match, near_tie = trials.outcomes(draws.draw(1))
            test.add(match=match[0], near_tie=near_tie[0])
        tests.append(test)
        if not test.certified:
            break
    found = {}
    for r in radii:
        known = tests[:r]
        one = min(known, key=lambda test: (test.matches / test.samples, test.lower))
        lower = min(test.lower for test in known) if len(known) == r else 0.0
        upper = min(test.upper for test in known)
        found[r] = Shown(one.samples, one.matches, one.near_ties, one.population, lower, upper)
    return found


WORST: dict[str, Any] = {"radius": [4, 5, 6], "formulation": "worst", "min_rate": 0.9, "delta": 0.1, "max_samples": 42}


def recount(counts: dict[int, Shown], *, interrupted: bool = False, **request: Any) -> list[tuple[int, str]]:
    again = recount_soft(NINE_FREE, counts, SoftQuestion(**request), prediction=0, interrupted=interrupted)
    return [(one.radius, one.name) for one in again.impossible]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_sizes_that_are_tested_once_are_possible(seed: int) -> None:
    counts = worst_by_definition(FlipsOnFour(), NINE_FREE, [4, 5, 6], 0.9, 0.1, 42, seed)
    again = recount_soft(NINE_FREE, counts, SoftQuestion(simultaneous=False, **WORST), prediction=0)
    assert again.impossible == ()
    assert shown(again.certificate) == counts


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("ties", [0.0, 0.1])
def test_honest_minima_are_possible(share: float, ties: float) -> None:
    request = WORST | {"radius": [1, 2, 4, 7, 9], "min_rate": 0.8, "max_samples": 40}
    undecided = 0
    for seed in range(6):
        counts = worst_by_definition(
            Rough(11, share, ties, seed), NINE_FREE, request["radius"], 0.8, 0.1, request["max_samples"], seed
        )
        again = recount_soft(NINE_FREE, counts, SoftQuestion(simultaneous=False, **request), prediction=0)
        assert again.impossible == ()
        assert shown(again.certificate) == counts
        undecided += again.certificate.verdict == "undecided"
    assert undecided or share != 0.8 or ties, "a case that is meant to be undecided is not"


def test_more_samples_than_the_maximum_are_impossible() -> None:
    """What a command did that ran an undecided size again: 118 draws under a maximum of 42."""
    honest = next(
        counts
        for seed in range(30)
        if (counts := worst_by_definition(FlipsOnFour(), NINE_FREE, [4, 5, 6], 0.9, 0.1, 42, seed))[4].samples == 42
    )
    request = WORST | {"simultaneous": False}
    again = replace(honest[5], samples=84, matches=honest[5].matches + 42)
    assert (5, "samples") in recount(honest | {5: again}, **request)
    assert (4, "samples") in recount({r: replace(again, samples=118, matches=108) for r in (4, 5, 6)}, **request)


def certified_at_4() -> dict[int, Shown]:
    """Nothing flips: every size is certified."""
    return worst_by_definition(Rough(11, 1.0, 0.0, 0), NINE_FREE, [4, 5, 6], 0.9, 0.1, 42, 0)


def test_a_worst_rate_that_rises_is_impossible() -> None:
    request, honest = WORST | {"simultaneous": False}, certified_at_4()
    assert recount(honest, **request) == []
    lower = replace(honest[4], lower=honest[4].lower - 0.005)
    assert (5, "lower") in recount(honest | {4: lower}, **request)
    # Undecided at 4, certified at 5: a size that is not certified stays so.
    undecided = Shown(42, 38, 0, 126, 0.5, 1.0)
    assert {(5, "matches"), (5, "lower"), (5, "samples")} <= set(recount(honest | {4: undecided}, **request))


def test_a_bound_after_a_size_that_is_not_certified_is_impossible() -> None:
    honest = next(
        counts
        for seed in range(30)
        if (counts := worst_by_definition(FlipsOnFour(), NINE_FREE, [4, 5, 6], 0.9, 0.1, 42, seed))[4].lower < 0.9
    )
    assert honest[5].lower == 0.0
    claims = {5: replace(honest[5], lower=honest[4].lower)}
    assert (5, "lower") in recount(honest | claims, **WORST, simultaneous=False)


def test_a_fixed_worst_rate_that_rises_is_impossible() -> None:
    request: dict[str, Any] = {"radius": [3, 4], "formulation": "worst", "n_samples": 20, "delta": 0.1}
    found = certify_soft(FlipsOnFour(), NINE_FREE, rng=np.random.default_rng(3), **request)
    counts = shown(found)
    assert recount(counts, **request) == []
    fewer = replace(counts[3], matches=counts[3].matches - 2, lower=0.6)
    names = recount(counts | {3: fewer}, **request)
    assert (4, "matches") in names
    assert (4, "lower") in names


def test_counts_of_a_size_that_was_shown_before_must_be_the_same() -> None:
    request = WORST | {"simultaneous": False, "radius": [5, 6]}
    honest = worst_by_definition(Rough(11, 1.0, 0.0, 0), NINE_FREE, [5, 6], 0.9, 0.1, 42, 0)
    # Sizes 1 (9 additions), 5 (126) and 6 (84): one of size 5 or less is not tried again at radius 6.
    again = replace(honest[6], samples=9, matches=9, population=9)
    assert (6, "population") in recount(honest | {6: again}, **request)


@pytest.mark.parametrize("formulation", ["up-to", "exactly"])
def test_a_test_ends_with_the_draw_that_decides(formulation: str) -> None:
    request: dict[str, Any] = {"radius": 4, "formulation": formulation, "min_rate": 0.9, "max_samples": 100}
    honest = shown(certify_soft(EveryAdditionFlips(), NINE_FREE, rng=np.random.default_rng(0), **request))
    assert recount(honest, **request) == []
    one = honest[4]
    assert one.samples < 10, "refuted at once"
    later = recount_soft(
        NINE_FREE,
        {4: replace(one, samples=one.samples + 5)},
        SoftQuestion(**request),
        prediction=0,
    )
    (problem,) = later.impossible
    assert (problem.name, "decide earlier" in problem.possible) == ("samples", True)


def test_a_test_that_decides_nothing_goes_on_to_the_maximum() -> None:
    request: dict[str, Any] = {"radius": 4, "min_rate": 0.9, "max_samples": 60}
    undecided = Shown(50, 46, 0, 256, 0.7, 1.0)
    assert (4, "samples") in recount({4: undecided}, **request)
    assert recount({4: undecided}, **request, interrupted=True) == []
    assert (4, "samples") in recount({4: replace(undecided, samples=61, matches=57)}, **request, interrupted=True)


class Stopped(Rough):
    """Ctrl-C after some evaluations."""

    def __init__(self, *arguments: Any, after: int) -> None:
        super().__init__(*arguments)
        self._left = after

    def __call__(self, masks: Masks, /) -> Probs:
        self._left -= len(masks)
        if self._left < 0:
            raise KeyboardInterrupt
        return super().__call__(masks)


def test_an_interrupted_run_ends_at_the_radius_it_was_interrupted_at() -> None:
    request: dict[str, Any] = {"radius": [3, 4, 5], "min_rate": 0.9, "max_samples": 80}
    interrupted = 0
    for after in (5, 30, 60, 90, 120):
        try:
            certify_soft(Stopped(11, 0.9, 0.0, 4, after=after), NINE_FREE, rng=np.random.default_rng(4), **request)
        except Interrupted as error:
            interrupted += 1
            counts = shown(error.certificate)
            assert recount(counts, **request, interrupted=True) == []
            assert counts[5].samples == 0
            assert (5, "samples") in recount(counts | {5: Shown(10, 9, 0, 382, 0.1, 1.0)}, **request, interrupted=True)
    assert interrupted

"""A soft certificate reproduced from its counts: the bounds and verdict that follow, without a predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stabcert.core.masks import Additions
from stabcert.core.soft.certificate import Shown, SoftCertificate, StabilityRate
from stabcert.core.soft.certify import soft_certificate
from stabcert.core.soft.fixed import Budget, Tally, check_counts, fixed_rates
from stabcert.core.soft.possible import Impossible, impossible_end, impossible_minima, impossible_order
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.sequential import SequentialRates
from stabcert.core.soft.trials import larger_than, population
from stabcert.core.statistics.sequential import SequentialTest
from stabcert.core.types import Mask, as_mask
from stabcert.errors import ParameterError

_MAX_CELLS = 2 * 10**7
"""Radii times features, beyond any input; each radius takes an array of the features."""


@dataclass(frozen=True)
class Recount:
    """The certificate that follows from counts."""

    certificate: SoftCertificate
    """Its ``samples`` are as many as the command draws; its bounds follow from the shown counts."""
    complete: bool
    """True if the shown radii are all that the command goes through."""
    impossible: tuple[Impossible, ...] = ()
    """Values that a run cannot give for any model; with them, nothing follows from the counts."""


def recount_soft(
    mask: Mask, shown: Mapping[int, Shown], question: SoftQuestion, *, prediction: int, interrupted: bool = False
) -> Recount:
    """Return the certificate that `certify_soft` makes of these counts: the same bounds, verdicts and largest radius.

    It runs the code of `certify_soft` with another source of outcomes: counts instead of draws.

    Guarantee: a certificate of `certify_soft` is equal to the recount of its own counts, in every number that a
    record shows. With the formulation "worst" only the counts of the size that decides are known; the bounds are
    then those of this size, which bound those of the certificate from above, or smaller ones that are shown.
    Counts that no order of draws and no model can lead to are listed as `impossible`.

    Args:
        mask: ``(n_features,)``, True = kept.
        shown: for each radius, samples, matches and near ties, of which ``matches + near_ties <= samples``.
        question: the question that the certificate answers.
        prediction: class that must survive.
        interrupted: allow tests that did not come to an end.

    Raises:
        ParameterError: contradictory counts, or a question that `certify_soft` refuses for this mask.
    """
    mask = as_mask(mask, len(mask))
    for r, one in shown.items():
        if min(one.counts) < 0 or one.matches + one.near_ties > one.samples:
            raise ParameterError(
                f"{one.matches} matches and {one.near_ties} near ties at radius {r} must be at most {one.samples}"
            )
        if one.population is not None and one.samples > one.population:
            raise ParameterError(f"samples must be at most {one.population} at radius {r}, got {one.samples}")
    number = question.number_of_radii(int((~mask).sum()))
    if number * len(mask) > _MAX_CELLS:
        raise ParameterError(f"{number} radii times {len(mask)} features must be at most {_MAX_CELLS}")
    sets = question.sets(mask)
    largest: int | None = None
    impossible: list[Impossible] = []
    if question.fixed:
        counted = RecordedTallies(shown)
        rates = fixed_rates(counted, sets, question)
        complete, samples = len(rates) == len(sets), counted.expected_samples
        members = Budget.of(sets, question).population
    else:
        tests = SequentialRates.of(question, sets)
        complete = tests.run(RecordedTests(shown))
        rates, largest = tests.rates, tests.largest_radius
        samples = {r: tests.expected_samples(r) for r in tests.tested}
        impossible = _impossible_tests(tests, shown, interrupted)
        members = population
    if question.formulation == "worst":
        impossible += impossible_minima(sets, shown, members, None if question.fixed else question.min_rate)
    final = tuple(
        _final(rate, shown, samples, several=len(sets[rate.radius]) > 1, interrupted=interrupted) for rate in rates
    )
    return Recount(soft_certificate(question, mask, prediction, final, largest), complete, tuple(impossible))


class RecordedTallies:
    """Recorded counts instead of a fixed number of draws.

    Of several sizes ("worst") only the shown one is known. The bounds are then upper limits of the true ones.
    """

    def __init__(self, shown: Mapping[int, Shown]) -> None:
        self._shown = shown
        self.expected_samples: dict[int, int] = {}
        """Number of samples that a run takes at each radius."""

    def of_radius(self, radius: int, group: list[Additions], budget: Budget) -> list[Tally] | None:
        if radius not in self._shown:
            return None
        one = self._shown[radius]
        additions = _counted(one, group, budget.population)
        members = budget.population(additions)
        check_counts(one.samples, members, at_least=1)
        self.expected_samples[radius] = (
            budget.samples if larger_than(additions, budget.enumerate_up_to) else additions.count()
        )
        return [Tally(members, *one.counts)] * len(group)


class RecordedTests:
    """Recorded counts instead of the draws of sequential tests.

    Of several sizes ("worst") only the shown one is known. The bounds are then upper limits of the true ones.
    """

    def __init__(self, shown: Mapping[int, Shown]) -> None:
        self._shown = shown

    def knows(self, radius: int) -> bool:
        return radius in self._shown

    def carry_out(
        self, rates: SequentialRates, radius: int, group: list[Additions], tests: list[SequentialTest]
    ) -> bool:
        one = self._shown[radius]

        def feed(fed: list[SequentialTest]) -> None:
            check_counts(one.samples, fed[0].population, at_least=0)
            for test in fed:
                test.count(*one.counts)

        rates.test(radius, _counted(one, group, population), tests, feed)
        certified = tests[-1].certified and (len(group) == 1 or one.lower >= rates.threshold)
        tests[:] = tests * (len(group) if one.lower > 0.0 else 1)
        return certified


def _counted(one: Shown, group: list[Additions], population: Callable[[Additions], int | None]) -> Additions:
    """Return the shown set of additions: the first whose size fits."""
    return ([additions for additions in group if population(additions) == one.population] or group)[0]


def _impossible_tests(tests: SequentialRates, shown: Mapping[int, Shown], interrupted: bool) -> list[Impossible]:
    """Return numbers of draws at which a run of a test cannot end; `_final` gives the right number where it can."""
    found, states = [], {r: tests.test_of(r) for r in tests.tested}
    for r, test in states.items():
        possible = impossible_end(test, tests.limit(test), unfinished=interrupted)
        if possible is not None:
            found.append(Impossible(r, "samples", test.samples, possible))
    return found + (impossible_order(states, shown, tests.max_samples) if interrupted else [])


def _final(
    rate: StabilityRate, shown: Mapping[int, Shown], samples: Mapping[int, int], *, several: bool, interrupted: bool
) -> StabilityRate:
    one = shown.get(rate.radius)
    if one is None:
        return rate
    if several:  # sizes that are not shown may have lower bounds
        lower = min(one.lower, rate.lower)
        met = None if rate.threshold is None else lower >= rate.threshold
        rate = replace(rate, lower=lower, upper=min(one.upper, rate.upper), met=met)
    return rate if interrupted else replace(rate, samples=samples.get(rate.radius, rate.samples))

"""Soft stability with a number of samples that is fixed before the first one is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stabcert.core.masks import MAX_RANKED, Additions
from stabcert.core.soft.certificate import Interval, StabilityRate
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.trials import Trials, larger_than, population
from stabcert.core.statistics.bounds import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    hoeffding_epsilon,
    hoeffding_lower,
    hoeffding_sample_size,
    hoeffding_upper,
)
from stabcert.core.statistics.finite import hypergeometric_lower, hypergeometric_upper
from stabcert.core.statistics.sequential import samples_to_certify
from stabcert.errors import ParameterError


@dataclass
class Tally:
    """Outcome of a fixed number of draws from one set of additions."""

    population: int | None
    samples: int = 0
    matches: int = 0
    near_ties: int = 0

    def add(self, matches: list[bool], near_ties: list[bool]) -> None:
        self.samples += len(matches)
        self.matches += sum(matches)
        self.near_ties += sum(near_ties)

    @property
    def enumerated(self) -> bool:
        return self.samples == self.population

    def lower(self, delta: float, interval: Interval) -> float:
        """Return a one-sided lower bound on the rate, wrong with probability at most ``delta``."""
        if self.enumerated:
            return self.matches / self.samples
        if interval == "hoeffding":
            return hoeffding_lower(self.matches, self.samples, delta)
        if self.population is not None:
            return hypergeometric_lower(self.matches, self.samples, self.population, delta) / self.population
        return clopper_pearson_lower(self.matches, self.samples, delta)

    def upper(self, delta: float, interval: Interval) -> float:
        """Return a one-sided upper bound on the rate, wrong with probability at most ``delta``."""
        matches = self.matches + self.near_ties
        if self.enumerated:
            return matches / self.samples
        if interval == "hoeffding":
            return hoeffding_upper(matches, self.samples, delta)
        if self.population is not None:
            return hypergeometric_upper(matches, self.samples, self.population, delta) / self.population
        return clopper_pearson_upper(matches, self.samples, delta)


class Tallies(Protocol):
    """A source of outcomes for a fixed number of samples: draws or recorded counts."""

    def of_radius(self, radius: int, group: list[Additions], budget: Budget) -> list[Tally] | None:
        """Return the outcome for each set of a radius; None for a radius without outcomes."""


def fixed_rates(source: Tallies, sets: dict[int, list[Additions]], question: SoftQuestion) -> tuple[StabilityRate, ...]:
    """Return the rate at each radius from the same number of draws, or from all additions where they are not more.

    Args:
        source: source of the outcomes; radii without outcomes are left out.
        sets: for each radius, the sets of additions whose smallest rate is bounded (one, unless "worst").
        question: a question with a fixed number of samples.

    Raises:
        ParameterError: a rate that no outcome can certify.
    """
    budget = Budget.of(sets, question)
    check_reachable(sets, budget, question)
    known = {r: source.of_radius(r, group, budget) for r, group in sets.items()}
    return tuple(_rate(r, tallies, budget, question) for r, tallies in known.items() if tallies is not None)


class DrawnTallies:
    """New outcomes, drawn once for each set of additions."""

    def __init__(self, trials: Trials) -> None:
        self._trials = trials
        self._tallies: dict[int, Tally] = {}

    def of_radius(self, radius: int, group: list[Additions], budget: Budget) -> list[Tally]:
        for additions in group:
            if additions.radius not in self._tallies:
                self._tallies[additions.radius] = _tally(self._trials, additions, budget)
        return [self._tallies[additions.radius] for additions in group]


@dataclass(frozen=True)
class Budget:
    """The shares of delta and samples, set before the first draw."""

    delta: float
    """Failure probability of one radius."""
    samples: int
    """Draws from a set that is not enumerated."""
    enumerate_up_to: int
    """Size of the largest set that is enumerated."""
    sampled: dict[int, int]
    """Number of larger sets, for each radius."""

    @classmethod
    def of(cls, sets: dict[int, list[Additions]], question: SoftQuestion) -> Budget:
        epsilon, delta, n_samples = question.epsilon, question.delta, question.n_samples
        family = (len(sets) if question.joint else 1) * max(len(group) for group in sets.values())
        enumerate_up_to = min(n_samples or hoeffding_sample_size(epsilon, delta / family), MAX_RANKED)
        sampled = {r: sum(larger_than(s, enumerate_up_to) for s in group) for r, group in sets.items()}
        if question.joint:  # only a radius that is sampled can be wrong
            delta /= max(1, sum(count > 0 for count in sampled.values()))
        samples = n_samples or hoeffding_sample_size(epsilon, delta / max(1, *sampled.values()))
        return cls(delta, samples, enumerate_up_to, sampled)

    def population(self, additions: Additions) -> int | None:
        """Return the size of a set that is enumerated or sampled without replacement, otherwise None."""
        return population(additions) if larger_than(additions, self.enumerate_up_to) else additions.count()


def check_counts(samples: int, members: int | None, *, at_least: int) -> None:
    """Refuse counts that drawing cannot give."""
    if samples < at_least or (members is not None and samples > members):
        possible = f"{at_least} or more" if members is None else f"{at_least} to {members}"
        raise ParameterError(f"samples must be {possible}, got {samples}")


def _tally(trials: Trials, additions: Additions, budget: Budget) -> Tally:
    tally = Tally(budget.population(additions))
    if not larger_than(additions, budget.enumerate_up_to):
        for masks in additions.enumerate():
            tally.add(*trials.outcomes(masks))
        return tally
    draws, step = trials.draws(additions), additions.chunk_rows()
    while tally.samples < budget.samples:
        tally.add(*trials.outcomes(draws.draw(min(step, budget.samples - tally.samples))))
    return tally


def _rate(radius: int, tallies: list[Tally], budget: Budget, question: SoftQuestion) -> StabilityRate:
    interval, threshold = question.interval, question.min_rate
    delta, parts = budget.delta, max(1, budget.sampled[radius])
    # The smallest of several rates: a lower bound can be wrong only at the smallest rate, so each has all of
    # delta / 2. An upper bound can be wrong at any of them, so they share it.
    lower = min(tally.lower(delta / 2, interval) for tally in tallies)
    upper = min(tally.upper(delta / 2 / parts, interval) for tally in tallies)
    # Among sizes of equal rate the one that sets the bound, so that the counts shown belong to it.
    worst = min(tallies, key=lambda tally: (tally.matches / tally.samples, tally.lower(delta / 2, interval)))
    return StabilityRate(
        radius=radius,
        samples=worst.samples,
        matches=worst.matches,
        near_ties=worst.near_ties,
        rate=worst.matches / worst.samples,
        lower=lower,
        upper=upper,
        hoeffding_epsilon=None if worst.enumerated else hoeffding_epsilon(worst.samples, delta / parts),
        enumerated=all(tally.enumerated for tally in tallies),
        population=worst.population,
        threshold=threshold,
        met=None if threshold is None else lower >= threshold,
    )


def check_reachable(sets: dict[int, list[Additions]], budget: Budget, question: SoftQuestion) -> None:
    """Refuse before the first evaluation a rate that no outcome can certify, and name what could.

    Raises:
        ParameterError: a rate that no outcome of so many draws can certify.
    """
    samples, delta, threshold, interval = budget.samples, budget.delta, question.min_rate, question.interval
    if threshold is None:
        return
    out_of_reach: list[Additions] = []
    for group in sets.values():
        for additions in group:
            if larger_than(additions, budget.enumerate_up_to):
                best = Tally(population(additions), samples, samples).lower(delta / 2, interval)
                out_of_reach += [additions] if best < threshold else []
    if not out_of_reach:
        return
    fixed = [_samples_needed(population(a), threshold, delta, interval) for a in out_of_reach]
    sequential = [samples_to_certify(threshold, delta, population=population(a)) for a in out_of_reach]
    ways = [
        f"{name}={max(n for n in needed if n is not None)}"
        for name, needed in (("n_samples", fixed), ("a sequential test with max_samples", sequential))
        if None not in needed
    ]
    raise ParameterError(
        f"{samples} samples cannot certify a rate of {threshold:g} at radius {out_of_reach[-1].radius}, even if all of "
        f"them match. Use {' or '.join(ways) or 'a smaller radius, because only testing every addition could'}"
    )


def _samples_needed(members: int | None, threshold: float, delta: float, interval: Interval) -> int | None:
    low, high = 1, 2
    limit = members or 10**7
    while high < limit and Tally(members, high, high).lower(delta / 2, interval) < threshold:
        low, high = high, high * 2
    high = min(high, limit)
    if Tally(members, high, high).lower(delta / 2, interval) < threshold:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        reached = Tally(members, middle, middle).lower(delta / 2, interval) >= threshold
        low, high = (low, middle) if reached else (middle, high)
    return high

"""A test of "the rate is at least t" that looks after every draw and stops as soon as it can decide."""

from __future__ import annotations

import math
from collections.abc import Callable

from stabcert.core.statistics.bounds import anytime_lower, anytime_upper, check_share, log_e_value
from stabcert.core.statistics.finite import finite_lower, finite_upper, log_e_value_finite, smallest_count


def samples_to_certify(
    threshold: float,
    delta: float,
    *,
    failures: int = 0,
    population: int | None = None,
    at_least: int = 1,
    at_most: int = 10**7,
) -> int | None:
    """Return the fewest draws that certify a rate of ``threshold`` when ``failures`` of them do not match.

    For draws without replacement from a finite ``population``, give its size. The result is None if more than
    ``at_most`` draws are needed, as for a threshold of 1 without a finite population. The search
    starts at ``at_least``, which must not be above the answer.
    """
    check_share(delta)
    enough = -math.log(delta)
    if population is None:

        def certified(samples: int) -> bool:
            return log_e_value(threshold, samples - failures, failures) >= enough
    else:
        limit = smallest_count(threshold, population) - 1
        at_most = min(at_most, population)

        def certified(samples: int) -> bool:
            return log_e_value_finite(limit, samples - failures, failures, population) >= enough

    return _first(certified, start=max(failures + 1, at_least), at_most=at_most)


def _first(holds: Callable[[int], bool], *, start: int, at_most: int) -> int | None:
    """Return the smallest n >= start with ``holds(n)``, for a statement that stays true once it is true."""
    low, step = start - 1, 1
    while True:
        high = min(low + step, at_most)
        if high <= low:
            return None
        if holds(high):
            break
        low, step = high, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


class SequentialTest:
    """A decision between "rate >= threshold" and "rate < threshold" while draws arrive.

    Whatever the moment of the decision, "certified" is wrong with probability at most
    ``delta_certify`` and "refuted" with probability at most ``delta_refute``. Only one of the two
    can be wrong for a given rate. The bounds at ``lower`` and ``upper`` are valid at that
    moment too, each individually.

    Args:
        threshold: the required rate, in (0, 1].
        delta_certify: failure probability of "certified".
        delta_refute: failure probability of "refuted".
        population: size of the set when drawing without replacement, None for independent draws.
        exhaustive: True to decide only when the whole population was tested. The bounds then are certain at
            every moment, and the test does not use any of a failure probability shared with others.
    """

    def __init__(
        self,
        threshold: float,
        *,
        delta_certify: float,
        delta_refute: float,
        population: int | None = None,
        exhaustive: bool = False,
    ) -> None:
        self.threshold = threshold
        self.population = population
        self.exhaustive = exhaustive
        self.delta_certify = delta_certify
        self.delta_refute = delta_refute
        # In one attribute, so that an interruption never leaves a draw half counted.
        self._counts = (0, 0, 0)
        self.certified = self.refuted = False
        self._target: int | None = None
        self._target_failures = -1

    def count(self, samples: int, matches: int, near_ties: int) -> None:
        """Set the state that follows these draws, of which only the last one may have decided.

        Whether counts decide does not depend on their order. Evidence for a rate grows with a match, evidence
        against it grows with a failure, and a test ends with the draw that decides.
        """
        self._counts = (samples, matches, near_ties)
        if samples == self.population:
            self.certified, self.refuted = self.lower >= self.threshold, self.upper < self.threshold
        elif not self.exhaustive and samples > 0:
            target = self.target() if matches >= self.threshold * samples else None
            self.certified = target is not None and samples >= target
            self.refuted = not self.certified and self._refutes()

    @property
    def decided(self) -> bool:
        return self.certified or self.refuted

    @property
    def samples(self) -> int:
        return self._counts[0]

    @property
    def matches(self) -> int:
        """Number of draws that certainly match."""
        return self._counts[1]

    @property
    def near_ties(self) -> int:
        return self._counts[2]

    @property
    def failures(self) -> int:
        """Number of draws that do not match, or are too close to a tie to count as a match."""
        return self.samples - self.matches

    def target(self) -> int | None:
        """Return the number of samples at which the rate is certified if every further draw matches."""
        if self.exhaustive:
            return self.population
        if self._target_failures != self.failures:
            self._target = samples_to_certify(
                self.threshold,
                self.delta_certify,
                failures=self.failures,
                population=self.population,
                # One more failure needs at least one more sample.
                at_least=(self._target or 0) + 1 if self._target_failures < self.failures else 1,
            )
            self._target_failures = self.failures
        return self._target

    def add(self, *, match: bool, near_tie: bool = False) -> None:
        """Count one draw and decide if possible. A near tie counts against either decision."""
        matches = match and not near_tie
        self._counts = (self.samples + 1, self.matches + matches, self.near_ties + near_tie)
        if matches:
            if not self.exhaustive and self.matches >= self.threshold * self.samples:
                target = self.target()
                self.certified = target is not None and self.samples >= target
        else:
            self.refuted = not self.exhaustive and self._refutes()
        if self.samples == self.population:  # everything was tested, so the rate is known
            self.certified = self.lower >= self.threshold
            self.refuted = self.upper < self.threshold

    def _refutes(self) -> bool:
        matches, failures = self.matches + self.near_ties, self.failures - self.near_ties
        if matches >= self.threshold * self.samples:
            return False
        if self.population is None:
            evidence = log_e_value(1.0 - self.threshold, failures, matches)
        else:
            most = self.population - smallest_count(self.threshold, self.population)
            evidence = log_e_value_finite(most, failures, matches, self.population)
        # The bound is compared too: at equality of the evidence bisection may end at the threshold itself.
        return evidence >= -math.log(self.delta_refute) and self.upper < self.threshold

    @property
    def lower(self) -> float:
        """Lower bound on the rate, wrong with probability at most ``delta_certify``."""
        if self.population is not None and (self.exhaustive or self.samples == self.population):
            return self.matches / self.population
        if self.population is not None:
            return finite_lower(self.matches, self.failures, self.population, self.delta_certify) / self.population
        bound = anytime_lower(self.matches, self.failures, self.delta_certify)
        # The same evidence certified the threshold; bisection may end an ulp below it.
        return max(bound, self.threshold) if self.certified else bound

    @property
    def upper(self) -> float:
        """Upper bound on the rate, wrong with probability at most ``delta_refute``."""
        matches, failures = self.matches + self.near_ties, self.failures - self.near_ties
        if self.population is not None and (self.exhaustive or self.samples == self.population):
            return (self.population - failures) / self.population
        if self.population is not None:
            return finite_upper(matches, failures, self.population, self.delta_refute) / self.population
        return anytime_upper(matches, failures, self.delta_refute)

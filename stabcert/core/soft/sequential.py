"""Soft stability against a threshold: draw until the answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from stabcert.core.masks import Additions, size_weights
from stabcert.core.soft.certificate import StabilityRate
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.trials import MAX_WITHOUT_REPLACEMENT, larger_than, population
from stabcert.core.statistics.sequential import SequentialTest, samples_to_certify
from stabcert.errors import ParameterError

Feed = Callable[[list[SequentialTest]], None]
"""A function that feeds the outcomes of one set of additions to several tests."""


class Outcomes(Protocol):
    """A source of outcomes for sequential tests: draws or recorded counts."""

    def knows(self, radius: int) -> bool:
        """Return whether there are outcomes at a radius."""

    def carry_out(
        self, rates: SequentialRates, radius: int, group: list[Additions], tests: list[SequentialTest]
    ) -> bool:
        """Test the sets of a radius with `SequentialRates.test`, up to the first that is not certified.

        Args:
            rates: carries out the test of one set.
            radius: radius of the sets.
            group: sets whose smallest rate is tested.
            tests: tests of this radius; new ones are appended here.

        Returns:
            True if every set is certified, and with them the smallest rate.
        """


@dataclass
class SequentialRates:
    """Tests of all radii against one threshold, in the order in which they are carried out.

    After an interruption at any moment `rates` and `largest_radius` are valid for what was drawn so far.

    Args:
        sets: for each radius, in increasing order, the sets of additions whose smallest rate is tested
            (one, unless the formulation is "worst").
        stop_at_first: fixed-sequence test for the largest radius, which ends at the first radius not certified.
        tail: with ``stop_at_first``, let one radius cover all larger ones (see `_find_tail`).
    """

    sets: dict[int, list[Additions]]
    threshold: float
    delta: float
    simultaneous: bool
    max_samples: int
    stop_at_first: bool = False
    tail: bool = False
    largest_radius: int | None = None
    _tests: dict[int, list[SequentialTest]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Sets that are not larger than the shortest possible test are enumerated, because that cannot be wrong.
        # Neither that nor the shares of delta depend on the maximum of samples, so that raising it continues the tests.
        self._enumerate_up_to = samples_to_certify(self.threshold, self.delta) or 0
        sampled = sum(any(larger_than(s, self._enumerate_up_to) for s in group) for group in self.sets.values())
        self._delta_each = self.delta / max(1, sampled) if self.simultaneous else self.delta
        self._parts = max(len(group) for group in self.sets.values())
        self._tail_start, self._tail_threshold = self._find_tail() if self.stop_at_first and self.tail else (None, 1.0)
        self._covers_up_to: int | None = None
        self.largest_radius = min(0, min(self.sets) - 1) if self.stop_at_first else None

    @classmethod
    def of(cls, question: SoftQuestion, sets: dict[int, list[Additions]]) -> SequentialRates:
        """Return the tests that answer a question.

        Raises:
            ParameterError: a rate that no outcome of the draws can certify.
        """
        if question.min_rate is None:
            raise TypeError("a sequential test needs min_rate")
        tests = cls(
            sets,
            question.min_rate,
            question.delta,
            question.joint,
            question.most_samples,
            stop_at_first=question.largest_radius,
            tail=question.formulation == "up-to",
        )
        tests.check_reachable()
        return tests

    def run(self, source: Outcomes) -> bool:
        """Carry out the tests with the outcomes of a source; `rates` and `largest_radius` then contain the results.

        Returns:
            True if the tests came to their end; False if a radius has no outcomes.

        Raises:
            KeyboardInterrupt: passed on; `rates` then contains the bounds so far.
        """
        for r, group in self.sets.items():
            if not source.knows(r):
                return False
            # In the table before the first draw, so that an interruption finds what is known.
            certified = source.carry_out(self, r, group, self._tests.setdefault(r, []))
            if self.stop_at_first:
                if not certified:
                    return True
                self.largest_radius = self._covers_up_to or r
                if r == self._tail_start:
                    return True
        return True

    def test(self, radius: int, additions: Additions, tests: list[SequentialTest], feed: Feed) -> None:
        """Test one set of additions, as the last of ``tests``.

        Where one radius may cover all larger ones, its outcomes are also those of the tail's test, which replaces
        the first if both certify.
        """
        tests.append(self._new_test(self.threshold, additions))
        if radius != self._tail_start:
            feed([tests[-1]])
            return
        tail = self._new_test(self._tail_threshold, additions)
        feed([tests[-1], tail])
        if tests[-1].certified and tail.certified:
            tests[-1] = tail
            self._covers_up_to = max(self.sets)

    @property
    def tested(self) -> tuple[int, ...]:
        """The radii whose tests have begun."""
        return tuple(self._tests)

    def expected_samples(self, radius: int) -> int:
        """Return the number of draws of an uninterrupted test that ended with these counts."""
        test = self._tests[radius][0]
        if test.exhaustive and test.population is not None:
            return test.population
        if test.samples == test.population:
            return test.samples
        if test.certified:
            return test.target() or test.samples
        return test.samples if test.refuted else self.limit(test)

    def limit(self, test: SequentialTest) -> int:
        """Return the maximum number of draws of a test."""
        return self.max_samples if test.population is None else min(self.max_samples, test.population)

    def test_of(self, radius: int) -> SequentialTest:
        """Return the test whose counts are shown at a radius."""
        return self._tests[radius][0]

    @property
    def rests_on_draws(self) -> bool:
        """True if a test may end before it has tested every addition, and so be wrong; known before the first draw."""
        return any(larger_than(s, self._enumerate_up_to) for group in self.sets.values() for s in group)

    @property
    def rates(self) -> tuple[StabilityRate, ...]:
        """Bounds at each radius; in a fixed-sequence test, at each tested radius."""
        return tuple(self._rate(r) for r in (self._tests or self.sets if self.stop_at_first else self.sets))

    def _new_test(self, threshold: float, additions: Additions) -> SequentialTest:
        # "The smallest rate is high enough" is wrong only if the smallest is certified: each test has all
        # of delta. "It is too low" is wrong if any test refutes wrongly: they share it.
        return SequentialTest(
            threshold,
            delta_certify=self._delta_each,
            delta_refute=self._delta_each / self._parts,
            population=population(additions),
            exhaustive=not larger_than(additions, self._enumerate_up_to),
        )

    def check_reachable(self) -> None:
        """Refuse before the first evaluation a rate that no outcome can certify, and name what could.

        Raises:
            ParameterError: too few samples, or a set that is too large to test completely.
        """
        needed, radius = 0, 0
        for r, group in self.sets.items():
            for additions in group:
                if not larger_than(additions, self._enumerate_up_to):
                    needed, radius = max((needed, radius), (additions.count(), r))
                    continue
                samples = samples_to_certify(self.threshold, self._delta_each, population=population(additions))
                if samples is None:
                    raise ParameterError(
                        f"only testing every addition can show a rate of {self.threshold:g} at radius {r}, and there "
                        f"are more than {MAX_WITHOUT_REPLACEMENT}. Use a lower rate or a smaller radius"
                    )
                needed, radius = max((needed, radius), (samples, r))
        if needed > self.max_samples:
            raise ParameterError(
                f"{self.max_samples} samples cannot certify a rate of {self.threshold:g} at radius {radius} with delta "
                f"{self._delta_each:g}. Even if all of them match, {needed} are needed. "
                f"Use max_samples={needed} or more"
            )

    def _find_tail(self) -> tuple[int | None, float]:
        """Return a radius whose draws can cover all larger ones, and the slightly higher rate that this takes.

        For r < r' the rates obey ``rate(r') >= w rate(r)`` with ``w = |Delta_r| / |Delta_r'|``, and w is
        nearly 1 once r is well above half of the free features. So "rate(r) >= threshold / w" implies the
        threshold at every larger radius; as one hypothesis it takes the last place in the sequence. This is
        possible only where the sets are too large to enumerate, and where the radii have no gap.
        """
        radii = list(self.sets)
        last = self.sets[radii[-1]][-1]
        if radii != list(range(radii[0], radii[-1] + 1)) or population(last) is not None:
            return None, 1.0
        cumulative = np.cumsum(size_weights(len(last.free), radii[-1]))
        for r in radii[:-1]:
            share = float(cumulative[r] / cumulative[-1]) * (1 - 1e-9)
            higher = self.threshold / share
            if higher <= self.threshold + 0.1 * (1.0 - self.threshold) and self._can_be_shown(higher, self.sets[r][-1]):
                return r, higher
        return None, 1.0

    def _can_be_shown(self, threshold: float, additions: Additions) -> bool:
        return samples_to_certify(threshold, self._delta_each, population=population(additions)) is not None

    def _rate(self, radius: int) -> StabilityRate:
        group, tests = self.sets[radius], self._tests.get(radius, [])
        complete = len(tests) == len(group)
        # A size without outcomes may have any rate.
        lower = min(test.lower for test in tests) if complete else 0.0
        upper = min((test.upper for test in tests), default=1.0)
        # Among sizes of equal rate the one that sets the bound, so that the counts shown belong to it.
        worst = min(tests, key=lambda test: (test.matches / max(1, test.samples), test.lower), default=None)
        samples, matches = (worst.samples, worst.matches) if worst else (0, 0)
        met = lower >= self.threshold
        return StabilityRate(
            radius=radius,
            samples=samples,
            matches=matches,
            near_ties=worst.near_ties if worst else 0,
            rate=matches / samples if samples else None,
            lower=lower,
            upper=upper,
            hoeffding_epsilon=None,
            enumerated=complete and all(test.samples == test.population for test in tests),
            population=population(group[0]) if worst is None else worst.population,
            threshold=self.threshold,
            met=met,
            covers_up_to=self._covers_up_to if met and radius == self._tail_start else None,
        )

"""Soft stability against a threshold: draw until the answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stabcert.core.masks import Additions, size_weights
from stabcert.core.soft.certificate import Shown, StabilityRate
from stabcert.core.soft.fixed import check_counts
from stabcert.core.soft.trials import MAX_WITHOUT_REPLACEMENT, Trials, larger_than, population
from stabcert.core.statistics.sequential import SequentialTest, samples_to_certify
from stabcert.errors import ParameterError

_FIRST_CHUNK = 32


@dataclass
class SequentialRates:
    """Tests of all radii against one threshold, in the order in which they are carried out.

    Each set of additions is tested once, and every radius whose group holds it shares that test, decided or not.

    After an interruption at any moment `rates` and `largest_radius` are valid for what was drawn so far.

    Args:
        sets: for each radius, in increasing order, the sets of additions whose smallest rate is meant
            (one, unless the formulation is "worst").
        stop_at_first: fixed-sequence test for the largest radius: end at the first radius not certified.
        tail: with ``stop_at_first``, let one radius stand for all larger ones (see `_find_tail`).
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
    _of_size: dict[int, SequentialTest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Sets that are no larger than the shortest possible test are tried whole: they cannot be wrong.
        self._enumerate_up_to = samples_to_certify(self.threshold, self.delta, at_most=self.max_samples) or 0
        sampled = sum(any(larger_than(s, self._enumerate_up_to) for s in group) for group in self.sets.values())
        self._delta_each = self.delta / max(1, sampled) if self.simultaneous else self.delta
        self._parts = max(len(group) for group in self.sets.values())
        self._tail_start, self._tail_threshold = self._find_tail() if self.stop_at_first and self.tail else (None, 1.0)
        self._covers_up_to: int | None = None
        self.largest_radius = min(0, min(self.sets) - 1) if self.stop_at_first else None
        self._check_reachable()

    def run(self, trials: Trials) -> None:
        """Carry out the tests.

        Raises:
            KeyboardInterrupt: passed on; `rates` then holds what is known.
        """
        for r, group in self.sets.items():
            tests = self._tests[r] = []
            for additions in group:
                known = self._of_size.get(additions.radius)
                # In the list before the first draw, so that an interruption finds what is known.
                tests.append(known or self._new_test(self.threshold, additions))
                if known is None:
                    # Once for all radii: a second run of an undecided test would have a second chance to be wrong.
                    self._of_size[additions.radius] = tests[-1]
                    self._run_test(trials, tests, additions, with_tail=r == self._tail_start)
                if not tests[-1].certified:
                    break  # the smallest of the rates is not certified, whatever the others are
            if self.stop_at_first:
                if not all(test.certified for test in tests):
                    return
                self.largest_radius = self._covers_up_to or r
                if r == self._tail_start:
                    return

    def replay(self, shown: Mapping[int, Shown]) -> bool:
        """Put the tests into the state in which they have counted what is shown; `rates` then says what follows.

        Of several sizes ("worst") only the one that is shown is known, and `rates` gives what bounds are at most.

        Returns:
            Whether the tests would end there; after an interruption they do not.
        """
        for r, group in self.sets.items():
            if r not in shown:
                return False
            counts = shown[r].counts
            fitting = [a for a in group if population(a) == shown[r].population]
            additions = (fitting or group)[0]
            test = self._new_test(self.threshold, additions)
            check_counts(counts[0], test.population, at_least=0)
            test.count(*counts)
            if r == self._tail_start and test.certified:
                tail = self._new_test(self._tail_threshold, additions)
                tail.count(*counts)
                if tail.certified:
                    test, self._covers_up_to = tail, max(self.sets)
            self._tests[r] = [test] * (len(group) if shown[r].lower > 0.0 else 1)
            if self.stop_at_first:
                if not (test.certified and (len(group) == 1 or shown[r].lower >= self.threshold)):
                    return True
                self.largest_radius = self._covers_up_to or r
                if r == self._tail_start:
                    return True
        return True

    @property
    def tested(self) -> tuple[int, ...]:
        """The radii whose tests have begun."""
        return tuple(self._tests)

    def expected_samples(self, radius: int) -> int:
        """How many draws a test that ended with these counts had, if nobody interrupted it."""
        test = self._tests[radius][0]
        if test.exhaustive and test.population is not None:
            return test.population
        if test.samples == test.population:
            return test.samples
        if test.certified:
            return test.target() or test.samples
        return test.samples if test.refuted else self.limit(test)

    def limit(self, test: SequentialTest) -> int:
        """Most draws of a test."""
        return self.max_samples if test.population is None else min(self.max_samples, test.population)

    def test_of(self, radius: int) -> SequentialTest:
        """The test whose counts are shown at a radius, after `replay`."""
        return self._tests[radius][0]

    @property
    def rests_on_draws(self) -> bool:
        """Whether a test may end before every addition was tried, and so be wrong; known before the first draw."""
        return any(larger_than(s, self._enumerate_up_to) for group in self.sets.values() for s in group)

    @property
    def rates(self) -> tuple[StabilityRate, ...]:
        """What is known of each radius; in a fixed-sequence test, of each radius that was tested."""
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

    def _run_test(self, trials: Trials, tests: list[SequentialTest], additions: Additions, *, with_tail: bool) -> None:
        """Carry out the last of ``tests``; if its draws also certify the tail, the tail's test takes its place."""
        test = tests[-1]
        if not with_tail:
            self._draw(trials, [test], additions)
            return
        tail = self._new_test(self._tail_threshold, additions)
        self._draw(trials, [test, tail], additions)
        if test.certified and tail.certified:
            tests[-1] = tail
            self._covers_up_to = max(self.sets)

    def _draw(self, trials: Trials, tests: list[SequentialTest], additions: Additions) -> None:
        """Feed the same draws to all tests until each has decided, or the first has refuted."""
        draws, first = trials.draws(additions), tests[0]
        limit = self.max_samples if first.population is None else min(self.max_samples, first.population)
        drawn = 0
        while drawn < limit and not first.refuted and not all(test.decided for test in tests):
            # As many as could end the tests, but no more than doubles what is known: little is wasted.
            wanted = max(test.target() or limit for test in tests if not test.decided) - drawn
            wanted = min(max(1, wanted), max(_FIRST_CHUNK, drawn), additions.chunk_rows())
            masks = draws.draw(min(wanted, limit - drawn))
            drawn += len(masks)
            for match, near_tie in zip(*trials.outcomes(masks), strict=True):
                for test in tests:
                    if not test.decided:
                        test.add(match=match, near_tie=near_tie)
                if first.refuted:
                    break

    def _check_reachable(self) -> None:
        """Refuse before the first evaluation what no outcome could certify, and say what could."""
        needed, radius = 0, 0
        for r, group in self.sets.items():
            for additions in group:
                if not larger_than(additions, self._enumerate_up_to):
                    continue
                samples = samples_to_certify(self.threshold, self._delta_each, population=population(additions))
                if samples is None:
                    raise ParameterError(
                        f"a rate of {self.threshold:g} at radius {r} can only be shown by trying every addition, and "
                        f"there are more than {MAX_WITHOUT_REPLACEMENT}; ask for a lower rate or a smaller radius"
                    )
                needed, radius = max((needed, radius), (samples, r))
        if needed > self.max_samples:
            raise ParameterError(
                f"{self.max_samples} samples cannot certify a rate of {self.threshold:g} at radius {radius} with delta "
                f"{self._delta_each:g}: even if all of them match, {needed} are needed; "
                f"use max_samples={needed} or more"
            )

    def _find_tail(self) -> tuple[int | None, float]:
        """A radius whose draws can speak for all larger ones, and the slightly higher rate this takes.

        For r < r' the rates obey ``rate(r') >= w rate(r)`` with ``w = |Delta_r| / |Delta_r'|``, and w is
        nearly 1 once r is well above half of the free features. So "rate(r) >= threshold / w" implies the
        threshold at every larger radius; as one hypothesis it takes the last place in the sequence. Only
        where the sets are too large to be tried whole, and where no radius is left out.
        """
        radii = list(self.sets)
        last = self.sets[radii[-1]][-1]
        if radii != list(range(radii[0], radii[-1] + 1)) or population(last) is not None:
            return None, 1.0
        cumulative = np.cumsum(size_weights(len(last.free), radii[-1]))
        for r in radii[:-1]:
            share = float(cumulative[r] / cumulative[-1]) * (1 - 1e-9)
            higher = self.threshold / share
            if higher <= self.threshold + 0.1 * (1.0 - self.threshold) and self._within_reach(higher, self.sets[r][-1]):
                return r, higher
        return None, 1.0

    def _within_reach(self, threshold: float, additions: Additions) -> bool:
        needed = samples_to_certify(threshold, self._delta_each, population=population(additions))
        return needed is not None and needed <= self.max_samples

    def _rate(self, radius: int) -> StabilityRate:
        group, tests = self.sets[radius], self._tests.get(radius, [])
        complete = len(tests) == len(group)
        # A size that was not reached may have any rate.
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

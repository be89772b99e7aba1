"""Soft stability against a threshold: draw until the answer is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stabcert.core.masks import Additions, size_weights
from stabcert.core.sequential import SequentialTest, samples_to_certify
from stabcert.core.soft_certificate import StabilityRate
from stabcert.core.trials import MAX_WITHOUT_REPLACEMENT, Trials, larger_than, population
from stabcert.errors import ParameterError

_FIRST_CHUNK = 32


@dataclass
class SequentialRates:
    """Tests of all radii against one threshold, in the order in which they are carried out.

    After an interruption at any moment `rates` and `largest_radius` are valid for what was drawn so far.

    Args:
        sets: for each radius, in increasing order, the sets of additions whose smallest rate is meant
            (one, unless the formulation is "worst").
        stop_at_first: fixed-sequence test for the largest radius: end at the first radius not certified.
        tail: with ``stop_at_first``, let one test stand for all large radii (see `_tail`).
    """

    trials: Trials
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
        self._tail_start, self._tail_threshold = self._tail() if self.stop_at_first and self.tail else (None, 1.0)
        # Sets that are no larger than the shortest possible test are tried whole: they cannot be wrong.
        self._enumerate_up_to = samples_to_certify(self.threshold, self.delta, at_most=self.max_samples) or 0
        sampled = sum(any(larger_than(s, self._enumerate_up_to) for s in group) for group in self.sets.values())
        self._delta_each = self.delta / max(1, sampled) if self.simultaneous else self.delta
        self.largest_radius = 0 if self.stop_at_first else None
        for r in self.sets:
            self._check_reachable(r)

    def run(self) -> None:
        """Carry out the tests.

        Raises:
            KeyboardInterrupt: passed on; `rates` then holds what is known.
        """
        for r, group in self.sets.items():
            tests = self._tests[r] = []
            for additions in group:
                tests.append(self._new_test(r, additions, len(group)))
                self._run_test(tests[-1], additions)
                if not tests[-1].certified:
                    break  # the smallest of the rates is not certified, whatever the others are
            if self.stop_at_first:
                if not all(test.certified for test in tests):
                    return
                self.largest_radius = max(self.sets) if r == self._tail_start else r
                if r == self._tail_start:
                    return

    @property
    def rests_on_draws(self) -> bool:
        """Whether a test may end before every addition was tried, and so be wrong; known before the first draw."""
        return any(larger_than(s, self._enumerate_up_to) for group in self.sets.values() for s in group)

    @property
    def rates(self) -> tuple[StabilityRate, ...]:
        """What is known of each radius; in a fixed-sequence test, of each radius that was tested."""
        return tuple(self._rate(r) for r in (self._tests or self.sets if self.stop_at_first else self.sets))

    def _threshold(self, radius: int) -> float:
        return self._tail_threshold if radius == self._tail_start else self.threshold

    def _new_test(self, radius: int, additions: Additions, parts: int) -> SequentialTest:
        # "The smallest rate is high enough" is wrong only if the smallest is certified: each test has all
        # of delta. "It is too low" is wrong if any test refutes wrongly: they share it.
        return SequentialTest(
            self._threshold(radius),
            delta_certify=self._delta_each,
            delta_refute=self._delta_each / parts,
            population=population(additions),
            exhaustive=not larger_than(additions, self._enumerate_up_to),
        )

    def _run_test(self, test: SequentialTest, additions: Additions) -> None:
        draws = self.trials.draws(additions)
        limit = self.max_samples if test.population is None else min(self.max_samples, test.population)
        while not test.decided and test.samples < limit:
            # As many as could end the test, but no more than doubles what is known: little is wasted.
            wanted = (test.target() or limit) - test.samples
            wanted = min(max(1, wanted), max(_FIRST_CHUNK, test.samples), additions.chunk_rows())
            masks = draws.draw(min(wanted, limit - test.samples))
            for match, near_tie in zip(*self.trials.outcomes(masks), strict=True):
                test.add(match=match, near_tie=near_tie)
                if test.decided:
                    break

    def _check_reachable(self, radius: int) -> None:
        threshold = self._threshold(radius)
        for additions in self.sets[radius]:
            members = population(additions)
            if not larger_than(additions, self._enumerate_up_to):
                continue
            needed = samples_to_certify(threshold, self._delta_each, population=members)
            if needed is None:
                raise ParameterError(
                    f"a rate of {threshold:g} at radius {radius} can only be shown by trying every addition, and there "
                    f"are more than {MAX_WITHOUT_REPLACEMENT}; ask for a lower rate or a smaller radius"
                )
            if needed > self.max_samples:
                raise ParameterError(
                    f"{self.max_samples} samples cannot certify a rate of {threshold:g} at radius {radius} with delta "
                    f"{self._delta_each:g}: even if all of them match, {needed} are needed; "
                    f"use --max-samples {needed} or more"
                )

    def _tail(self) -> tuple[int | None, float]:
        """A radius whose one test covers all larger ones, and the slightly higher rate it has to reach.

        For r < r' the rates obey ``rate(r') >= w rate(r)`` with ``w = |Delta_r| / |Delta_r'|``, and w is
        nearly 1 once r is well above half of the free features. So "rate(r) >= threshold / w" implies the
        threshold at every larger radius; as one hypothesis it takes one place in the sequence.
        """
        radii = list(self.sets)
        if radii != list(range(radii[0], radii[-1] + 1)):
            return None, 1.0
        n_free = int((~self.trials.mask).sum())
        cumulative = np.cumsum(size_weights(n_free, radii[-1]))
        for r in radii[:-1]:
            share = float(cumulative[r] / cumulative[-1]) * (1 - 1e-9)
            if self.threshold / share <= self.threshold + 0.1 * (1.0 - self.threshold):
                return r, self.threshold / share
        return None, 1.0

    def _rate(self, radius: int) -> StabilityRate:
        group, tests = self.sets[radius], self._tests.get(radius, [])
        complete = len(tests) == len(group)
        # A size that was not reached may have any rate.
        lower = min(test.lower for test in tests) if complete else 0.0
        upper = min((test.upper for test in tests), default=1.0)
        worst = min(tests, key=lambda test: test.matches / max(1, test.samples), default=None)
        samples, matches = (worst.samples, worst.matches) if worst else (0, 0)
        met = lower >= self._threshold(radius)
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
            threshold=self._threshold(radius),
            met=met,
            covers_up_to=max(self.sets) if met and radius == self._tail_start else None,
        )

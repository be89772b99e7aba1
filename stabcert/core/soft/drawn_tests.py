"""Outcomes of sequential tests that are drawn until the tests have decided."""

from __future__ import annotations

from functools import partial

from stabcert.core.masks import Additions
from stabcert.core.soft.sequential import SequentialRates
from stabcert.core.soft.trials import Trials
from stabcert.core.statistics.sequential import SequentialTest

_FIRST_CHUNK = 32


class DrawnTests:
    """New outcomes, drawn until the tests have decided.

    Each set of additions is tested once, and every radius whose group contains it shares that test, decided or not.
    A second run of an undecided test would have a second chance to be wrong.
    """

    def __init__(self, trials: Trials) -> None:
        self._trials = trials
        self._of_size: dict[int, SequentialTest] = {}

    def knows(self, radius: int) -> bool:
        return True

    def carry_out(
        self, rates: SequentialRates, radius: int, group: list[Additions], tests: list[SequentialTest]
    ) -> bool:
        for additions in group:
            if additions.radius in self._of_size:
                tests.append(self._of_size[additions.radius])
            else:
                rates.test(radius, additions, tests, partial(self._draw, rates, additions))
                self._of_size[additions.radius] = tests[-1]
            if not tests[-1].certified:
                return False  # the smallest of the rates is not certified, whatever the others are
        return True

    def _draw(self, rates: SequentialRates, additions: Additions, tests: list[SequentialTest]) -> None:
        """Feed the same draws to all tests until each has decided, or the first has refuted."""
        draws, first = self._trials.draws(additions), tests[0]
        limit = rates.limit(first)
        drawn = 0
        while drawn < limit and not first.refuted and not all(test.decided for test in tests):
            # As many as could end the tests, but at most as many as were drawn before, so that few are wasted.
            wanted = max(test.target() or limit for test in tests if not test.decided) - drawn
            wanted = min(max(1, wanted), max(_FIRST_CHUNK, drawn), additions.chunk_rows())
            masks = draws.draw(min(wanted, limit - drawn))
            drawn += len(masks)
            for match, near_tie in zip(*self._trials.outcomes(masks), strict=True):
                for test in tests:
                    if not test.decided:
                        test.add(match=match, near_tie=near_tie)
                if first.refuted:
                    break

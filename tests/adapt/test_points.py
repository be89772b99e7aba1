"""The search for the best point on the way to the trained weights, against measuring all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stabcert.adapt.history import Quality
from stabcert.adapt.points import Found, best_point

TENTHS = tuple(i / 10 for i in range(1, 11))
ORIGINAL = Quality(1.0, None, (0.3,))


class _Curves:
    """Clean agreement that falls and masked agreement that is given, and how often each was measured."""

    def __init__(self, last_inside: float, masked: Callable[[float], float]) -> None:
        self._last_inside, self._masked = last_inside, masked
        self.without, self.with_masks = list[float](), list[float]()

    def clean(self, point: float) -> Quality:
        self.without.append(point)
        return Quality(1.0 if point <= self._last_inside else 0.9, None, None)

    def masked(self, point: float, clean: Quality) -> Quality:
        self.with_masks.append(point)
        return Quality(clean.clean_agreement, None, (self._masked(point),))


def _best(
    curves: _Curves,
    points: tuple[float, ...] = TENTHS,
    *,
    thorough: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Found:
    return best_point(points, curves, ORIGINAL, least_clean=0.98, thorough=thorough, stop=stop)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("last_inside", [0.0, *TENTHS])
@pytest.mark.parametrize("points", [TENTHS, (1.0,), (0.5,), (0.2, 0.7)])
def test_where_masked_agreement_rises_the_last_point_inside_is_found(
    points: tuple[float, ...], last_inside: float, thorough: bool
) -> None:
    curves = _Curves(last_inside, lambda point: 0.3 + point / 2)
    found = _best(curves, points, thorough=thorough)
    assert found.point == max([0.0, *(point for point in points if point <= last_inside)])
    assert found.complete
    assert (found.trained.masked_agreement is None) == (last_inside < 1)
    assert len(curves.without) <= 5 + thorough
    assert len(curves.with_masks) <= 3


def test_a_thorough_search_finds_a_peak_before_the_last_point_inside() -> None:
    def peak(point: float) -> float:
        return 0.8 - abs(point - 0.5)

    assert _best(_Curves(0.8, peak), thorough=True).point == 0.5
    assert _best(_Curves(0.8, peak)).point == 0.8


def test_no_point_is_chosen_that_is_not_better_than_the_original() -> None:
    found = _best(_Curves(1.0, lambda point: 0.3), thorough=True)
    assert (found.point, found.quality) == (0.0, ORIGINAL)


@pytest.mark.parametrize("answers", range(8))
def test_a_stop_returns_what_was_measured(answers: int) -> None:
    left = iter([False] * answers + [True] * 100)
    found = _best(_Curves(0.6, lambda point: 0.3 + point / 2), stop=lambda: next(left))
    assert found.point in (0.0, 0.6)
    assert found.complete == (found.point == 0.6)

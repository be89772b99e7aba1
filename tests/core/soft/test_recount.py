"""A soft certificate follows from its own counts, and from no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stabcert.core.soft.certificate import Shown, SoftCertificate
from stabcert.core.soft.certify import certify_soft
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.recount import recount_soft
from stabcert.core.types import Masks, Probs
from stabcert.errors import ParameterError


class Rough:
    """Class 0 of a mask by a hash of it, with a given probability; some masks are near ties."""

    def __init__(self, n_features: int, share: float, ties: float, seed: int) -> None:
        self.n_features = n_features
        self.decision_tolerance = 0.1
        self._weights = np.random.default_rng(seed).random(n_features)
        self._share, self._ties = share, ties

    def __call__(self, masks: Masks, /) -> Probs:
        value = (np.asarray(masks) @ self._weights * 1e4) % 1.0
        first = np.where(value < self._share, 0.9, 0.1)
        first = np.where((value * 1e3) % 1.0 < self._ties, 0.5001, first)
        first = np.where(masks.any(axis=1), first, 0.9)
        return np.stack([first, 1 - first], axis=1)


def shown(found: SoftCertificate) -> dict[int, Shown]:
    return {r.radius: Shown(r.samples, r.matches, r.near_ties, r.population, r.lower, r.upper) for r in found.rates}


REQUESTS: list[dict[str, Any]] = [
    {"radius": 1},
    {"radius": [1, 3, 9]},
    {"radius": [2, 9], "n_samples": 40},
    {"radius": [0, 2, 9], "n_samples": 40, "interval": "hoeffding", "simultaneous": False},
    {"radius": [2, 9], "n_samples": 60, "min_rate": 0.3},
    {"radius": [2, 9], "epsilon": 0.2, "min_rate": 0.3, "sequential": False},
    {"radius": [1, 4, 9], "formulation": "exactly", "delta": 0.01},
    {"radius": [1, 4, 9], "min_rate": 0.8},
    {"radius": [1, 4, 9], "min_rate": 0.8, "simultaneous": False, "max_samples": 60},
    {"radius": [9]},
    {"radius": [9], "formulation": "worst"},
    {"radius": [9], "min_rate": 0.97, "delta": 0.3, "max_samples": 120},
    {"radius": "all", "min_rate": 0.7, "largest_radius": True},
    {"radius": "all", "min_rate": 0.9, "delta": 0.001, "largest_radius": True},
    {"radius": [3, 5, 11], "min_rate": 0.5, "largest_radius": True, "formulation": "exactly"},
    {"radius": [1, 4, 8], "formulation": "worst"},
    {"radius": [1, 4, 8], "formulation": "worst", "n_samples": 50, "interval": "hoeffding", "min_rate": 0.2},
    {"radius": [1, 4, 8], "formulation": "worst", "min_rate": 0.6},
    {"radius": "all", "formulation": "worst", "min_rate": 0.6, "largest_radius": True},
]


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any], SoftCertificate]:
    request = draw(st.sampled_from(REQUESTS))
    # Of 40 features more than 10^6 additions have size 9; smaller radii of so many are slow.
    n = 40 if request["radius"] == [9] else draw(st.sampled_from([12, 15]))
    mask = np.arange(n) < draw(st.integers(0, 1))
    share = draw(st.sampled_from([0.0, 0.5, 0.8, 0.95, 1.0]))
    predictor = Rough(n, share, draw(st.sampled_from([0.0, 0.1])), draw(st.integers(0, 5)))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    found = certify_soft(predictor, mask, judge_mask=False, rng=rng, **request)  # which counts do not tell
    return mask, request, found


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(cases())
def test_a_certificate_is_the_recount_of_its_own_counts(
    case: tuple[np.ndarray, dict[str, Any], SoftCertificate],
) -> None:
    mask, request, found = case
    again = recount_soft(mask, shown(found), SoftQuestion(**request), prediction=found.prediction)
    assert again.complete
    assert again.impossible == ()
    expected = replace(found, evaluations=0)
    if found.formulation == "worst":  # which of the sizes were tried whole is not known from one of them
        expected = replace(
            expected,
            rates=tuple(
                replace(a, enumerated=b.enumerated) for a, b in zip(found.rates, again.certificate.rates, strict=True)
            ),
        )
    assert again.certificate == expected


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(cases(), st.data())
def test_other_counts_give_another_certificate(
    case: tuple[np.ndarray, dict[str, Any], SoftCertificate], data: st.DataObject
) -> None:
    mask, request, found = case
    assume(found.formulation != "worst")
    rates = shown(found)
    radius = data.draw(st.sampled_from(list(rates)))
    name = data.draw(st.sampled_from(["samples", "matches", "near_ties"]))
    changed = replace(rates[radius], **{name: data.draw(st.integers(0, 3000))})
    assume(changed != rates[radius])
    try:
        again = recount_soft(mask, rates | {radius: changed}, SoftQuestion(**request), prediction=found.prediction)
    except ParameterError:
        return
    was = {rate.radius: rate for rate in found.rates}
    now = {rate.radius: rate for rate in again.certificate.rates}
    assert was.get(radius) != replace(now[radius], **{name: getattr(was[radius], name)}) or name == "samples"
    assert was[radius] != now[radius]


def test_counts_that_no_drawing_gives_are_refused() -> None:
    mask = np.arange(9) < 2
    for counts in ((0, 0, 0), (8, 9, 0), (8, 7, 2), (9, 9, 0), (8, -1, 0)):
        with pytest.raises(ParameterError, match=r"samples|matches"):
            recount_soft(mask, {1: Shown(*counts, 8, 0.0, 1.0)}, SoftQuestion(1), prediction=0)


def test_a_delta_whose_shares_are_no_numbers_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="delta must be at least 1e-290"):
        certify_soft(Rough(12, 1.0, 0.0, 0), np.arange(12) < 2, radius=[3, 4], n_samples=30, delta=1e-300, rng=rng)


def test_radii_that_are_missing_are_noticed() -> None:
    mask = np.arange(12) < 2
    found = certify_soft(Rough(12, 1.0, 0.0, 0), mask, radius=[1, 2], rng=np.random.default_rng(0))
    rates = shown(found)
    del rates[2]
    assert not recount_soft(mask, rates, SoftQuestion([1, 2]), prediction=0).complete


def test_more_radii_than_anything_has_are_refused_before_they_are_listed() -> None:
    with pytest.raises(ParameterError, match="radii times"):
        recount_soft(np.zeros(10**6, dtype=np.bool_), {}, SoftQuestion("all"), prediction=0)

"""Soft certificates of arbitrary functions: what must be true of every one of them, whatever was drawn.

Wrong variants this file has been seen to kill: an addition counted twice in an enumeration; the best instead of the
worst size; `>` for `>=` at the threshold; a largest radius that goes on beyond one that is not certified; evaluations
that are not counted; a hard radius one too large.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.core.hard.exhaustive import enumerate_hard_radius
from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.core.types import MaskedPredictor, Masks, Probs
from stabcert.errors import ParameterError
from tests.core.helpers import FORMULATIONS, certify
from tests.doubles import Counting, Table
from tests.fuzz.strategies import examples, masks_of, tables, teaches
from tests.oracles import stability_rate

pytestmark = pytest.mark.slow

deltas = st.sampled_from([1e-9, 0.01, 0.1, 0.3, 0.9])
seeds = st.integers(0, 2**32)


class Permuted:
    """The same function with its features in another order."""

    def __init__(self, base: MaskedPredictor, order: np.ndarray) -> None:
        self.base, self.order, self.n_features = base, order, base.n_features

    def __call__(self, masks: Masks, /) -> Probs:
        original = np.empty_like(masks)
        original[:, self.order] = masks
        return self.base(original)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Table, np.ndarray, dict[str, Any]]:
    """A function, a mask and anything that may be asked of them."""
    function = draw(tables())
    mask = draw(masks_of(function.n_features))
    free = int((~mask).sum())
    radii = draw(st.lists(st.integers(0, free), min_size=1, max_size=3))
    arguments: dict[str, Any] = {
        "radius": radii,
        "delta": draw(deltas),
        "formulation": draw(st.sampled_from(FORMULATIONS)),
        "simultaneous": draw(st.booleans()),
        "seed": draw(seeds),
    }
    kind = draw(st.sampled_from(["sequential", "largest", "fixed threshold", "fixed", "epsilon"]))
    if kind in ("fixed", "fixed threshold"):
        arguments |= {"n_samples": draw(st.integers(1, 40)), "interval": draw(st.sampled_from(["exact", "hoeffding"]))}
    if kind == "epsilon":
        arguments |= {"epsilon": draw(st.sampled_from([0.1, 0.3, 0.9]))}
    if kind not in ("fixed", "epsilon"):
        arguments |= {"min_rate": draw(st.sampled_from([1.0, 0.5, 0.25, 0.75, 0.9]) | st.floats(0.01, 1.0))}
    if kind in ("sequential", "largest"):
        arguments |= {"largest_radius": kind == "largest", "max_samples": draw(st.integers(1, 60) | st.just(2000))}
    return function, mask, arguments


def certified(function: MaskedPredictor, mask: np.ndarray, arguments: dict[str, Any]) -> SoftCertificate | None:
    try:
        return certify(function, mask, **arguments)
    except ParameterError as error:  # a rate that so few samples cannot certify
        teaches(error)
        return None


def check_rate(rate: StabilityRate, truth: float, near: bool) -> None:
    assert 0.0 <= rate.lower <= rate.upper <= 1.0
    assert 0 <= rate.matches <= rate.samples
    assert not near
    if rate.rate is not None:
        assert rate.rate == rate.matches / rate.samples
    if rate.enumerated:
        assert (rate.lower, rate.upper, rate.rate) == (truth, truth, truth)
    if rate.population is not None:
        assert rate.samples <= rate.population
    assert rate.met is None if rate.threshold is None else rate.met == (rate.lower >= rate.threshold)
    assert rate.verdict != "certified" or rate.lower >= (rate.threshold or 0.0)
    assert rate.verdict != "not-certified" or rate.upper < (rate.threshold or 0.0)


@examples(200)
@given(requests())
def test_every_certificate_is_consistent_with_itself_and_counts_what_it_evaluates(
    case: tuple[Table, np.ndarray, dict[str, Any]],
) -> None:
    function, mask, arguments = case
    counting = Counting(function)
    certificate = certified(counting, mask, arguments)
    if certificate is None:
        return
    assert certificate.evaluations == counting.rows
    assert (counting.masks >= mask).all(), "only additions are tried"
    for rate in certificate.rates:
        truth = stability_rate(function, mask, rate.radius, arguments["formulation"])
        check_rate(rate, float(truth), rate.near_ties > 0)
        if arguments["formulation"] != "worst" or rate.enumerated:
            continue
        assert rate.samples >= 1 or rate.threshold is not None
    largest = certificate.largest_radius
    if largest is not None:
        tested = {rate.radius: rate.met for rate in certificate.rates}
        assert all(met for radius, met in tested.items() if radius <= largest)
        asked = sorted(set(arguments["radius"]))
        beyond = [radius for radius in asked if radius > largest]
        assert not beyond or tested.get(beyond[0]) is False or certificate.rates[-1].covers_up_to == max(asked)
        assert largest in (*asked, min(0, asked[0] - 1))
    sizes = certificate.flips.sum(axis=1) - mask.sum() if len(certificate.flips) else np.zeros(0)
    smallest = enumerate_hard_radius(function, mask, max_evaluations=10**6).radius
    assert (sizes > smallest).all(), "no flip is within the hard radius"


@examples(40)
@given(requests())
def test_within_one_radius_nothing_is_evaluated_twice(case: tuple[Table, np.ndarray, dict[str, Any]]) -> None:
    function, mask, arguments = case
    counting = Counting(function)
    if certified(counting, mask, arguments | {"radius": max(arguments["radius"])}) is None:
        return
    # The first row is the mask itself; it is met again as the addition of nothing.
    rows = counting.masks[1:]
    assert len(np.unique(rows, axis=0)) == len(rows)


@examples(40)
@given(case=requests(), seed=seeds)
def test_the_order_of_the_features_changes_no_exact_certificate(
    case: tuple[Table, np.ndarray, dict[str, Any]], seed: int
) -> None:
    function, mask, arguments = case
    order = np.random.default_rng(seed).permutation(len(mask))
    one, other = (certified(f, m, arguments) for f, m in ((function, mask), (Permuted(function, order), mask[order])))
    assert (one is None) == (other is None)
    if one is None or other is None:
        return
    assert other.prediction == one.prediction
    if all(rate.enumerated for rate in (*one.rates, *other.rates)):
        assert replace(other, evaluations=one.evaluations) == one
        if one.largest_radius is None:
            assert other.evaluations == one.evaluations


@examples(40)
@given(case=requests(), seed=seeds)
def test_renaming_the_classes_changes_no_certificate_unless_classes_are_equal(
    case: tuple[Table, np.ndarray, dict[str, Any]], seed: int
) -> None:
    function, mask, arguments = case
    rng = np.random.default_rng(seed)
    # A little of everything, so that no two classes are equal.
    probabilities = function.probabilities + rng.random(function.probabilities.shape) / 1000
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    order = rng.permutation(probabilities.shape[1])
    one = certified(Table(probabilities), mask, arguments)
    other = certified(Table(probabilities[:, order]), mask, arguments)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert order[other.prediction] == one.prediction
        assert replace(other, prediction=one.prediction) == one
        assert np.array_equal(other.flips, one.flips)


@examples(40)
@given(case=requests(), smaller=deltas)
def test_the_same_draws_at_a_smaller_delta_say_no_more(
    case: tuple[Table, np.ndarray, dict[str, Any]], smaller: float
) -> None:
    function, mask, arguments = case
    fixed = {name: arguments[name] for name in ("radius", "formulation", "simultaneous", "seed")}
    fixed |= {"n_samples": arguments.get("n_samples", 7), "interval": arguments.get("interval", "exact")}
    low, high = sorted((smaller, arguments["delta"]))
    one, other = certify(function, mask, delta=low, **fixed), certify(function, mask, delta=high, **fixed)
    for wide, narrow in zip(one.rates, other.rates, strict=True):
        assert (wide.samples, wide.matches) == (narrow.samples, narrow.matches)
        assert wide.lower <= narrow.lower
        assert narrow.upper <= wide.upper


@examples(40)
@given(requests())
def test_a_sequential_test_that_tried_everything_agrees_with_a_fixed_one(
    case: tuple[Table, np.ndarray, dict[str, Any]],
) -> None:
    function, mask, arguments = case
    fixed = certify(function, mask, radius=arguments["radius"], formulation=arguments["formulation"], n_samples=10**4)
    truths = {rate.radius: rate.lower for rate in fixed.rates}
    certificate = certified(function, mask, arguments)
    for rate in certificate.rates if certificate else ():
        if rate.enumerated:
            assert (rate.lower, rate.upper) == (truths[rate.radius], truths[rate.radius])
            assert rate.threshold is None or rate.met == (truths[rate.radius] >= rate.threshold)

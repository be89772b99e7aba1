"""The sentence under a table: the right probability, the right scope, and never more than was certified."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest

from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import Masks, Probs
from stabcert.report.says.soft import guarantee
from tests.doubles import Constant, one_hot
from tests.report.examples import ENUMERATED, REFUTED, SAMPLED, TESTED, certificate, sequential, soft_report
from tests.report.screens import render

FIVE = replace(SAMPLED, radius=5)


def test_of_rates_that_are_all_exact_no_probability_is_spoken() -> None:
    for found in (
        certificate(ENUMERATED),
        certificate(ENUMERATED, replace(ENUMERATED, radius=2)),
        sequential(ENUMERATED),
    ):
        assert "exact" in guarantee(found)
        assert not re.search(r"%|probab", guarantee(found))


def test_a_rate_with_near_ties_is_not_called_exact() -> None:
    undecided = replace(ENUMERATED, near_ties=1, upper=1.0)
    assert "exact" not in guarantee(certificate(undecided))


@pytest.mark.parametrize(("delta", "confidence"), [(0.1, "90%"), (0.05, "95%"), (0.001, "99.9%"), (0.29, "71%")])
def test_one_sampled_rate(delta: float, confidence: str) -> None:
    sentence = guarantee(certificate(SAMPLED, delta=delta))
    assert f"at least {confidence} over the random draws" in sentence
    assert "radi" not in sentence


@pytest.mark.parametrize("delta", [1e-6, 1e-7, 1e-9, 1e-12])
def test_a_small_delta_is_not_rounded_to_certainty(delta: float) -> None:
    percent = re.search(r"at least ([\d.]+)%", guarantee(certificate(SAMPLED, delta=delta)))
    assert percent is not None
    assert Fraction(percent[1]) < 100
    assert abs((1 - Fraction(percent[1]) / 100) / Fraction(delta) - 1) < 1e-3
    assert "100%" not in screen(certificate(SAMPLED, delta=delta))


def test_several_radii_together() -> None:
    for rates in ((SAMPLED, FIVE), (ENUMERATED, FIVE)):
        sentence = guarantee(certificate(*rates, delta=0.05))
        assert "lies in its interval" in sentence
        assert "at least 95% over the random draws, jointly for all radii" in sentence


def test_several_radii_each_by_itself() -> None:
    sentence = guarantee(certificate(SAMPLED, FIVE, simultaneous=False))
    assert "at least 90% over the random draws" in sentence
    assert "individually for each radius" in sentence
    assert "jointly" not in sentence


def test_a_sequential_bound_is_not_an_interval() -> None:
    for rate in (TESTED, REFUTED):
        sentence = guarantee(sequential(rate, delta=0.02))
        assert "at least 98% over the random draws" in sentence
        assert "lies in" not in sentence
        assert "together" not in sentence


def test_sequential_bounds_of_several_radii_hold_together_on_each_side() -> None:
    together = guarantee(sequential(TESTED, REFUTED))
    assert "jointly for all radii" in together
    assert "lower" in together, "only the lower bounds together and the upper bounds together, not all of them"
    assert "individually for each radius" in guarantee(sequential(TESTED, REFUTED, simultaneous=False))


def test_the_largest_radius() -> None:
    sentence = guarantee(sequential(TESTED, largest_radius=4, simultaneous=False, delta=0.05))
    assert re.match("The largest radius holds .* at least 95% ", sentence)
    assert "Each bound holds individually" in sentence
    assert "not jointly" in sentence


def screen(found: SoftCertificate) -> str:
    return "\n".join(line.plain for line in render(soft_report(found)))


class BarelyStable:
    """Class 1 on masks of up to 19 of 40 features, and of 20 unless both of the first two are kept."""

    n_features = 40

    def __call__(self, masks: Masks, /) -> Probs:
        sizes = masks.sum(axis=1)
        return one_hot((sizes < 20) | ((sizes == 20) & ~masks[:, :2].all(axis=1)))

    def rate_from_nothing(self, radius: int) -> Fraction:
        kept = sum(comb(40, size) for size in range(21)) - comb(38, 18)
        return Fraction(kept, sum(comb(40, size) for size in range(radius + 1)))


def found_with_a_tail() -> tuple[SoftCertificate, dict[int, Fraction]]:
    """One radius speaks for all larger ones, whose rates are smaller than what its own draws show."""
    predictor = BarelyStable()
    found = certify_soft(
        predictor,
        np.zeros(40, dtype=bool),
        radius=range(24, 41),
        min_rate=0.5,
        max_samples=20_000,
        largest_radius=True,
        rng=np.random.default_rng(0),
    )
    assert (found.largest_radius, [rate.covers_up_to for rate in found.rates]) == (40, [40])
    return found, {radius: predictor.rate_from_nothing(radius) for radius in range(24, 41)}


def test_the_rate_that_is_said_to_hold_up_to_the_largest_radius_holds_there() -> None:
    found, rates = found_with_a_tail()
    said = re.search(r"largest radius 40: the rate is at least ([\d.]+) at every", screen(found))
    assert said is not None
    assert Fraction(said[1]) <= min(rates.values())
    assert Fraction(said[1]) == Fraction("0.5")


def test_the_rate_that_is_said_to_be_met_at_larger_radii_holds_there() -> None:
    found, rates = found_with_a_tail()
    said = re.search(r"met \(>= ([\d.]+)\).*at every radius up to 40", screen(found))
    assert said is not None
    assert Fraction(said[1]) <= rates[40]


def test_the_threshold_of_a_rate_holds_up_to_where_the_record_says() -> None:
    found, rates = found_with_a_tail()
    for rate in found.rates:
        assert rate.threshold is not None
        assert Fraction(rate.threshold) <= rates[rate.covers_up_to or rate.radius]


def test_nothing_left_to_add_is_a_largest_radius_of_0_that_is_certified() -> None:
    found = certify_soft(
        Constant(3),
        np.ones(3, dtype=bool),
        radius="all",
        min_rate=0.9,
        largest_radius=True,
        rng=np.random.default_rng(0),
    )
    assert (found.verdict, found.largest_radius) == ("certified", 0)
    assert "no radius is certified" not in screen(found)


def test_no_radius_is_certified_when_the_first_one_fails() -> None:
    found = sequential(REFUTED, largest_radius=0, simultaneous=False)
    assert "  no radius is certified" in screen(found).splitlines()

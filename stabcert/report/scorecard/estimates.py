"""Shares and means over inputs with their intervals, from records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from stabcert.core.curve.estimates import Ends, mean_of, mean_within, share_of
from stabcert.report.numbers import rounded, rounded_down, rounded_up

DELTA = 0.05
"""Probability with which an interval over inputs may be wrong."""
MOST_RADII = 12
NOTHING = "-"


@dataclass(frozen=True)
class Shown:
    """A number over inputs and its interval, as tables show them."""

    number: str
    interval: str


def share(flags: Sequence[bool | None]) -> Shown:
    """Return the share of True with its Clopper-Pearson interval over inputs. One input has none."""
    found = share_of(flags, DELTA)
    number = f"{sum(flag is True for flag in flags)} of {len(flags)}"
    return Shown(number, _interval(len(flags), found.lower, found.upper))


def mean(values: Sequence[Ends]) -> Shown:
    """Return the mean of values that are each known to lie between two ends, with its interval over inputs."""
    found = mean_of(values, DELTA)
    highest = fmean(high for _, high in values)
    number = rounded(found.mean) if highest == found.mean else f"{rounded_down(found.mean)} .. {rounded_up(highest)}"
    return Shown(number, _interval(len(values), found.lower, found.upper))


def probability_of_class(record: dict[str, Any]) -> Ends:
    """Return the ends of the probability, on the mask alone, of the class of the full input.

    A record contains the most probable class on the mask alone. Where that is another one, the class of the full input
    has at most its probability, and at most what it leaves.
    """
    full, masked = record["prediction"], record["explanation"]["masked_prediction"]
    most = float(masked["probability"])
    return (most, most) if masked["id"] == full["id"] else (0.0, min(most, 1.0 - most))


@dataclass(frozen=True)
class AtRadius:
    """The stability rates of all inputs at one radius."""

    radius: int
    inputs: int
    mean: Shown
    least: float
    """The smallest lower bound of an input."""


def rates_by_radius(records: Sequence[dict[str, Any]]) -> list[AtRadius]:
    """Return the mean stability rate at each radius, over the inputs that have so many features to add."""
    found: dict[int, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for record in records:
        for rate in record["result"]["rates"]:
            found.setdefault(rate["radius"], []).append((record["result"], rate))
    return [_at_radius(radius, found[radius]) for radius in some(sorted(found))]


def some(radii: Sequence[int]) -> list[int]:
    """Return the radii, or `MOST_RADII` of them that are evenly spaced and contain the first and the last."""
    if len(radii) <= MOST_RADII:
        return list(radii)
    return [radii[i * (len(radii) - 1) // (MOST_RADII - 1)] for i in range(MOST_RADII)]


def _at_radius(radius: int, rates: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> AtRadius:
    least = min(rate["lower"] for _, rate in rates)
    if all(_unbiased(result, rate) for result, rate in rates):
        ends = [
            (rate["matches"] / rate["samples"], (rate["matches"] + rate["near_ties"]) / rate["samples"])
            for _, rate in rates
        ]
        return AtRadius(radius, len(rates), mean(ends), least)
    bounds = [(rate["lower"], rate["upper"]) for _, rate in rates]
    failure = max(0.0 if rate["enumerated"] else result["delta"] for result, rate in rates)
    lower, upper = mean_within(bounds, DELTA, failure=failure)
    return AtRadius(radius, len(rates), Shown(NOTHING, _interval(len(rates), lower, upper)), least)


def _unbiased(result: dict[str, Any], rate: dict[str, Any]) -> bool:
    """Return whether the expected share of matches is the stability rate.

    It is not for a test that stops early, nor for the smallest rate of several sizes.
    """
    fixed = rate["enumerated"] or rate["hoeffding_epsilon"] is not None
    return bool(fixed and rate["samples"] and result["formulation"] != "worst")


def interval_shown(lower: float, upper: float) -> str:
    """Return an interval, each end rounded to the side on which it is still valid."""
    return f"{rounded_down(lower)} .. {rounded_up(upper)}"


def _interval(inputs: int, lower: float, upper: float) -> str:
    return NOTHING if inputs < 2 else interval_shown(lower, upper)

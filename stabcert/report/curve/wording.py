"""Sentences and table cells for results of ``smooth-eval``, which the screen, figures and pages share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from stabcert.core.curve.result import Estimate, EstimateAtRadius, MethodStability, SmoothingDifference, Threshold
from stabcert.records.findings import CurveFinding
from stabcert.report.document import Tone
from stabcert.report.numbers import confidence, rounded, rounded_down, rounded_up

Share = Estimate | EstimateAtRadius
GAIN_TONES: dict[str, Tone] = {"higher": "good", "lower": "bad"}
"""Tones of the verdicts on paired differences; others are plain."""
_LONGEST_DECIMAL = 5


def lambda_text(share: Fraction) -> str:
    """Return lambda as people write it: ``0.9``, but ``15/64`` where no short decimal is exact."""
    text = f"{float(share):g}"
    return text if Fraction(text) == share and len(text) <= _LONGEST_DECIMAL else str(share)


def interval_shown(estimate: Share) -> str:
    """Return the interval, each end rounded to the side on which it remains valid."""
    return f"{rounded_down(estimate.lower)} .. {rounded_up(estimate.upper)}"


def gained(estimate: Share) -> str:
    """Return a difference with its sign."""
    return f"{round(estimate.mean, 4) + 0.0:+.4f}"  # without the sign of a rounded zero


def gained_interval(estimate: Share) -> str:
    low, high = rounded_down(estimate.lower), rounded_up(estimate.upper)
    return " .. ".join(end if end.startswith("-") else f"+{end}" for end in (low, high))


def verdict(estimate: Share) -> str:
    """Return what a paired difference shows."""
    if estimate.lower > 0:
        return "higher"
    return "lower" if estimate.upper < 0 else "none shown"


def differences_of(difference: SmoothingDifference, methods: Sequence[str]) -> list[tuple[str, Share]]:
    """Return what was compared, by name: accuracy, then the stability rates of each method."""
    several = len(methods) > 1
    rows: list[tuple[str, Share]] = [] if difference.accuracy is None else [("accuracy", difference.accuracy)]
    for method, rates in zip(methods, difference.rates, strict=True):
        prefix = f"{method} " if several else ""
        rows += [(f"{prefix}rate r={rate.radius}", rate) for rate in rates]
    return rows


def share_columns(stability: MethodStability, certified: Sequence[EstimateAtRadius]) -> list[tuple[str, str]]:
    """Return shares of inputs under one keep probability: name and number."""
    columns = [("consistent", rounded(stability.consistency.mean))]
    columns += [(f"hard r={one.radius}", rounded(one.mean)) for one in stability.hard_rates]
    return columns + [(f"certified r={one.radius}", rounded(one.mean)) for one in certified]


def heading(finding: CurveFinding) -> str:
    """Return what was evaluated, and how."""
    curve, settings = finding.curve, finding.settings
    inputs = f"{curve.inputs} input{'' if curve.inputs == 1 else 's'}"
    labelled = "" if curve.labelled in (0, curve.inputs) else f", {curve.labelled} labelled"
    tried = f"up to {settings.n_samples} addition{'' if settings.n_samples == 1 else 's'} tested for each radius"
    masks = f"{settings.draws} {settings.noise} noise mask{'' if settings.draws == 1 else 's'}"
    return f"{inputs}{labelled}, {', '.join(finding.methods)}, {masks}, {tried}"


def meanings(finding: CurveFinding) -> list[str]:
    """Return what the numbers say, with the probability with which they may be wrong, and what they leave out."""
    curve, settings = finding.curve, finding.settings
    said = [
        f"Each interval holds individually with probability at least {confidence(curve.delta)}, if the inputs are "
        "independent draws from one population. It covers the mean over that population, and accounts for the choice "
        "of inputs and additions.",
        "Rate: the share of all ways to add up to r features to the explanation that keep the prediction.",
        "Hard: it is proved that no addition of up to r features changes the prediction. Votes can prove that only for "
        "small lambda, about 1/2 and less.",
    ]
    if curve.labelled:
        said.append(
            "Certified: right, and it is proved that no removal of up to r features from the full input changes that."
        )
    if any(level.keep_probability < 1 for level in curve.levels):
        masks = f"{settings.draws} frozen noise mask{'' if settings.draws == 1 else 's'}"
        said.append(
            f"Below lambda 1 all numbers are about models smoothed with {masks}, the same for all inputs with "
            "equally many features."
        )
    said += _clamped(finding)
    if finding.failed:
        failed = "1 input" if finding.failed == 1 else f"{finding.failed} inputs"
        said.append(
            f"{failed} failed and {'is' if finding.failed == 1 else 'are'} left out. "
            "The numbers do not cover such inputs."
        )
    return said


def thresholds(finding: CurveFinding) -> list[tuple[str, bool]]:
    """Return each threshold with its verdict, and whether it was met."""
    found = []
    for name, threshold in (("accuracy", finding.min_accuracy), ("rate", finding.min_rate)):
        if threshold is not None:
            of = f" of {finding.methods[0]}" if name == "rate" and len(finding.methods) > 1 else ""
            where = "lambda and radius" if name == "rate" else "lambda"
            found.append((f"{name}{of} at every {where} {_verdict(threshold)}", threshold.met))
    return found


def _verdict(threshold: Threshold) -> str:
    if threshold.met:
        return f"met (>= {threshold.value!r})"
    return f"undecided (>= {threshold.value!r} not shown): the smallest lower bound is {threshold.lower!r}"


def _clamped(finding: CurveFinding) -> list[str]:
    found: dict[int, int] = {}
    for method in finding.curve.levels[0].methods:
        for rate in method.rates:
            if rate.clamped:
                found[rate.radius] = max(found.get(rate.radius, 0), rate.clamped)
    return [
        f"{number} input{' has' if number == 1 else 's have'} fewer than {radius} "
        f"feature{'' if radius == 1 else 's'} to add, and "
        f"{'counts' if number == 1 else 'count'} with all that {'it has' if number == 1 else 'they have'}."
        for radius, number in found.items()
    ]

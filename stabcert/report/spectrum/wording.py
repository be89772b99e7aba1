"""Sentences and numbers for a spectrum, which the screen, figures and pages share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stabcert.core.spectrum.result import Quantity, Spectrum, SpectrumFinding, StabilityBounds
from stabcert.core.types import Features
from stabcert.report.numbers import confidence, lambda_shown, rounded, rounded_down, rounded_up
from stabcert.report.visible import visible
from stabcert.report.wording import short

_NAME_WIDTH = 24
_NOISE = 1e-24
"""Exact weights below it are what rounding leaves of zero."""


def function_name(spectrum: Spectrum, class_names: Sequence[str]) -> str:
    """Return what of the prediction was analysed."""
    label = short(class_names[spectrum.target_class])
    if spectrum.target == "margin" and spectrum.other_class is not None:
        return f"the probability of {label} minus that of {short(class_names[spectrum.other_class])}"
    return f"the probability of {label}" if spectrum.target == "probability" else f"whether {label} is predicted"


def basis_name(spectrum: Spectrum) -> str:
    return spectrum.basis if spectrum.bias is None else f"{spectrum.basis}, p = {spectrum.bias:g}"


def is_zero(value: float) -> bool:
    """Return whether an exact number is zero except for rounding."""
    return abs(value) < _NOISE


def number(value: float) -> str:
    """Return an exact number in at most nine characters; four digits after the point where that shows it."""
    if is_zero(value):
        return "0.0000"
    if abs(value) < 5e-4:
        return f"{value:.1e}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.4g}"


def interval(quantity: Quantity) -> str:
    """Return ``0.0119 .. 0.0906``, rounded outwards."""
    return f"{rounded_down(quantity.lower)} .. {rounded_up(quantity.upper)}"


def shown(quantity: Quantity) -> str:
    """Return a number with ``exact``, or its interval; a question mark for a useless one."""
    if quantity.exact:
        return f"{number(quantity.value)} exact"
    return interval(quantity) + ("" if quantity.meaningful else " ?")


def feature_names(features: Features, chosen: Sequence[int], width: int) -> str:
    """Return the names of some features in at most ``width`` characters; equal names are told apart by their place."""
    if not chosen:
        return "(none of them: the constant)"
    labels = [(visible(item.label), item.side) for item in features.items]
    names = []
    for index in chosen:
        label, side = labels[index]
        label = label if len(label) <= _NAME_WIDTH else label[: _NAME_WIDTH - 1] + "…"
        label = label if side is None else f"{label} ({side})"
        names.append(label if labels.count(labels[index]) == 1 else f"{label} #{index + 1}")
    text = " & ".join(names)
    if len(text) <= width:
        return text
    ending = f"… ({features.counted(len(chosen))})"
    return text[: width - len(ending)].rstrip(" &") + ending


def meaning(spectrum: Spectrum, features: Features) -> str:
    """Return how to read weights and coefficients."""
    one, many = features.nouns
    if spectrum.basis == "monotone":
        return (
            f"Weight of degree k: the effect of k {many} together beyond that of fewer, starting from the empty input. "
            f"Degree 0 is the squared value on the empty input. The coefficient of one {one} is its effect there."
        )
    return (
        f"Weight of degree k: how far it depends on combinations of exactly k {many}. Degree 0 is the squared mean. "
        f"A negative coefficient of one {one}: keeping it raises the mean."
    )


def coefficients_title(spectrum: Spectrum) -> str:
    """Return what the list of coefficients is; of estimates, how many of them are known to be there at all."""
    found = [one.value for one in spectrum.coefficients]
    if all(value.exact for value in found):
        return "largest coefficients"
    sure = sum(not value.lower <= 0 <= value.upper for value in found)
    known = f"{sure} of {len(found)} surely not 0" if sure else "none surely not 0"
    return f"largest estimates of coefficients, {known}"


def certainty(spectrum: Spectrum) -> str:
    """Return how sure the numbers are."""
    if spectrum.exact or spectrum.delta is None:
        return f"All 2^{spectrum.n_features} = {2**spectrum.n_features} masks were evaluated: the spectrum is exact."
    sure = confidence(spectrum.delta)
    alone = f"Each interval holds individually with probability at least {sure} over the random draws"
    if weights_exact(spectrum):
        return f"Weights and coefficients are exact up to the last degree shown. {alone}."
    return f"{alone}{', those of the coefficients jointly' if spectrum.coefficients else ''}."


def weights_exact(spectrum: Spectrum) -> bool:
    return all(one.weight.exact for one in spectrum.degrees)


def unreliable(spectrum: Spectrum) -> list[str]:
    """Return which intervals are useless, and the number of samples needed."""
    wide: dict[str, int | None] = {}
    for name, quantity in _quantities(spectrum):
        if not quantity.meaningful:
            wide[name] = max(wide.get(name) or 0, quantity.needed_evaluations or 0) or None
    if not wide:
        return []
    needed = [f"{name} about {_about(samples)}" for name, samples in wide.items() if samples is not None]
    lines = ["? marks a useless interval: it is wider than half of the possible range."]
    return [*lines, *([f"Samples needed: {', '.join(needed)} (--n-samples)."] if needed else [])]


def _quantities(spectrum: Spectrum) -> Iterator[tuple[str, Quantity]]:
    """Yield every quantity that has an interval, by name; a degree has one name for all smoothing."""
    for one in spectrum.degrees:
        yield f"degree {one.degree}", one.weight
    yield "total influence", spectrum.total_influence
    for step in spectrum.smoothing:
        yield "variance", step.variance
        yield "noise stability", step.noise_stability
    for found in spectrum.coefficients:
        yield "coefficients", found.value


def _about(samples: int) -> str:
    """Return two digits, rounded up."""
    unit = 10 ** max(0, len(str(samples)) - 2)
    return str(-(-samples // unit) * unit)


def model_name(bounds: StabilityBounds) -> str:
    """Return which function the bounds are about."""
    share = lambda_shown(float(bounds.keep_probability))
    return f"{share}, free" if bounds.variant == "smoothed-free" else share


def rate_from(bound: float) -> str:
    """Return the lower bound on the rate that an upper bound on 1 - rate gives."""
    return rounded_down(max(0.0, 1.0 - float(bound)))


BOUNDS_HEADER = ("radius", "lambda", "rate >=", "by degree", "true", "class >=", "true", "hard")


def bounds_row(bounds: StabilityBounds) -> list[str]:
    return [
        str(bounds.radius),
        model_name(bounds),
        rate_from(bounds.sets),
        rate_from(bounds.degrees),
        rounded(bounds.rate),
        "-" if bounds.class_bound is None else rate_from(bounds.class_bound),
        rounded(bounds.class_rate),
        str(bounds.hard_radius),
    ]


def bounds_meaning(finding: SpectrumFinding, class_names: Sequence[str]) -> str:
    """Return what rates and bounds are about."""
    label = short(class_names[finding.spectrum.target_class])
    free = (
        " Free: only features outside the mask are smoothed."
        if any(bounds.variant == "smoothed-free" for bounds in finding.bounds)
        else ""
    )
    return (
        f"Rate: the share of additions that move the probability of {label} by at most 1/2. Class: the share that "
        "keeps the prediction. Both are bounded by the spectrum, and true by testing all additions. Hard: the largest "
        f"radius, up to the given one, at which no addition moves it by more than 1/2.{free}"
    )


def left_out(finding: SpectrumFinding) -> list[str]:
    """Return which bounds are missing, and what they would cost."""
    if not finding.left_out:
        return []
    cheapest = min(finding.left_out, key=lambda one: one.needed_evaluations)
    names = "1 bound needs" if len(finding.left_out) == 1 else f"{len(finding.left_out)} bounds need"
    where = f"lambda {lambda_shown(float(cheapest.keep_probability))} at radius {cheapest.radius}"
    return [
        f"{names} too many evaluations and {'is' if len(finding.left_out) == 1 else 'are'} left out. For {where} set "
        f"--max-evaluations to {cheapest.needed_evaluations}."
    ]

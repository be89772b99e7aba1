"""The diagrams of ``fourier``: weight by degree on a scale of decades, and the coefficients as sticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stabcert.core.spectrum.result import DegreeWeight, Spectrum
from stabcert.report.charts.area import SMALL, Area
from stabcert.report.charts.axes import MARKERS, style
from stabcert.report.colours import BLUE, BOX, INK, SERIES
from stabcert.report.document import Chart
from stabcert.report.numbers import lambda_shown
from stabcert.report.spectrum.wording import is_zero, number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_STICKS = 1024
"""Coefficients that can be told apart in one diagram."""
_MOST_DECADES = 8
_LEFT, _BELOW, _ABOVE = 0.55, 0.36, 0.06
_NAMES, _NAMES_IN_A_ROW = 0.18, 3
"""Height of a line of the legend, and how many lambdas it names."""
_HEIGHT = 2.0
_STICKS_HEIGHT = 1.35


@dataclass(frozen=True)
class Curve:
    """Weight by degree, smoothed with one keep probability."""

    keep_probability: float
    weights: tuple[DegreeWeight, ...]


@dataclass(frozen=True)
class Decades:
    """A logarithmic axis from ``10**low`` to ``10**high``."""

    low: int
    high: int

    def shows(self, value: float) -> bool:
        return value > 10.0**self.low


@dataclass(frozen=True)
class Sticks:
    """All coefficients but the constant: by degree, within a degree by the features' order."""

    values: NDArray[np.float64]
    starts: tuple[int, ...]
    """Positions at which degree 1, 2, ... begin, and the end."""


def weights_chart(spectrum: Spectrum) -> Chart:
    """Return a curve for each keep probability; exact points are joined, estimates have their interval as a bar."""
    described = "; ".join(
        f"lambda {lambda_shown(one.keep_probability)}, degree {one.degree}: {shown(one.weight)}"
        for one in spectrum.degrees
    )
    return Chart(
        title="weight by degree",
        subtitle="on a scale of powers of ten",
        description=f"Weight by degree. {described}.",
        draw=partial(_draw_weights, spectrum=spectrum),
        height=_HEIGHT,
    )


def coefficients_chart(spectrum: Spectrum) -> Chart | None:
    """Return one stick for each coefficient but the constant; None where they are not known or too many."""
    found = sticks(spectrum)
    if found is None:
        return None
    largest = float(np.abs(found.values).max(initial=0.0))
    return Chart(
        title="coefficients",
        subtitle="of sets of features by degree, without the constant",
        description=f"Coefficients by degree, the largest {number(largest)} from zero; the table lists the largest.",
        draw=partial(_draw_sticks, found=found),
        height=_STICKS_HEIGHT,
        wide=True,
    )


def curves(spectrum: Spectrum) -> list[Curve]:
    """Return a curve for each keep probability, in the order of the request."""
    probabilities = dict.fromkeys(one.keep_probability for one in spectrum.degrees)
    return [
        Curve(p, tuple(sorted((one for one in spectrum.degrees if one.keep_probability == p), key=_degree)))
        for p in probabilities
    ]


def decades(spectrum: Spectrum) -> Decades:
    """Return a scale from the smallest weight to the largest end of an interval, but never more than eight decades."""
    weights = [one.weight for one in spectrum.degrees]
    high = max((one.upper for one in weights), default=1.0)
    top = 0 if is_zero(high) else math.ceil(math.log10(high))
    known = [one.lower if one.lower > 0 else one.upper / 10 for one in weights if not is_zero(one.upper)]
    low = math.floor(math.log10(min(known))) if known else top - 1
    return Decades(max(min(low, top - 1), top - _MOST_DECADES), top)


def sticks(spectrum: Spectrum) -> Sticks | None:
    """Return None where the coefficients are not known or are too many to be told apart."""
    values = spectrum.values
    if values is None or len(values) > _MOST_STICKS:
        return None
    sizes = np.array([code.bit_count() for code in range(len(values))])
    order = np.argsort(sizes, kind="stable")[1:]
    starts = np.searchsorted(sizes[order], np.arange(1, spectrum.n_features + 2))
    return Sticks(values[order], tuple(int(start) for start in starts))


def _degree(one: DegreeWeight) -> int:
    return one.degree


def _draw_weights(area: Area, spectrum: Spectrum) -> None:
    from matplotlib.ticker import MaxNLocator

    scale, found = decades(spectrum), curves(spectrum)
    names = _NAMES * -(-len(found) // _NAMES_IN_A_ROW)
    axes = area.part(_LEFT, _BELOW, area.width - _LEFT - 0.08, area.height - _BELOW - _ABOVE - names).axes()
    for place, curve in enumerate(found):
        shift = 0.0 if spectrum.exact else 0.12 * (place - (len(found) - 1) / 2)
        colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
        _draw_curve(axes, curve, scale, shift, colour, marker)
    degrees = [one.degree for one in found[0].weights]
    axes.set_yscale("log")
    axes.set_ylim(10.0**scale.low, 10.0**scale.high)
    axes.set_xlim(degrees[0] - 0.5, degrees[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, min_n_ticks=1))
    style(axes)
    axes.set_ylabel("weight", size=SMALL, labelpad=2)
    axes.legend(
        fontsize=SMALL,
        frameon=False,
        handlelength=1.2,
        borderaxespad=0,
        borderpad=0.2,
        labelspacing=0.2,
        columnspacing=1.0,
        ncols=min(len(found), _NAMES_IN_A_ROW),
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )
    area.write((area.width + _LEFT) / 2, 0.06, "degree", SMALL, ha="center")


def _draw_sticks(area: Area, found: Sticks) -> None:
    """Draw a tick and a change of shade for each degree."""
    axes = area.part(_LEFT, _BELOW, area.width - _LEFT - 0.08, area.height - _BELOW - _ABOVE).axes()
    positions = range(len(found.values))
    axes.vlines(positions, 0, found.values, color=BLUE, linewidth=max(0.5, min(2.0, 160 / len(found.values))))
    axes.axhline(0, color=INK, linewidth=0.6)
    for place, (start, end) in enumerate(zip(found.starts[:-1], found.starts[1:], strict=True)):
        if place % 2 == 0:
            axes.axvspan(start - 0.5, end - 0.5, color=BOX, linewidth=0, zorder=0)
    spans = list(zip(found.starts[:-1], found.starts[1:], strict=True))
    named = [(degree, (start + end - 1) / 2) for degree, (start, end) in enumerate(spans, start=1)]
    room = 0.03 * len(found.values)  # names of narrow degrees would run into one another
    wide = [(d, x) for d, x in named if d == 1 or spans[d - 1][1] - spans[d - 1][0] > room]
    axes.set_xticks([x for _, x in wide], labels=[str(d) for d, _ in wide])
    axes.set_xlim(-1, len(found.values))
    style(axes)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("coefficient", size=SMALL, labelpad=2)
    area.write((area.width + _LEFT) / 2, 0.06, "degree", SMALL, ha="center")


def _draw_curve(axes: Axes, curve: Curve, scale: Decades, shift: float, colour: str, marker: str) -> None:
    name = f"λ = {lambda_shown(curve.keep_probability)}"
    places = [one.degree + shift for one in curve.weights]
    if all(one.weight.exact for one in curve.weights):
        seen = [(x, one.weight.value) for x, one in zip(places, curve.weights, strict=True)]
        seen = [(x, max(value, 10.0 ** (scale.low - 1))) for x, value in seen]
        xs, ys = [x for x, _ in seen], [y for _, y in seen]
        axes.plot(xs, ys, color=colour, marker=marker, markersize=4, linewidth=1.1, label=name, zorder=3)
        return
    axes.plot([], [], color=colour, marker=marker, markersize=4, linewidth=1.4, label=name)
    for x, one in zip(places, curve.weights, strict=True):
        lower, upper = max(one.weight.lower, 10.0**scale.low), max(one.weight.upper, 10.0**scale.low)
        line = (0, (1, 1.5)) if not one.weight.meaningful else "-"
        axes.plot([x, x], [lower, upper], color=colour, linewidth=1.4, linestyle=line, zorder=2)
        if one.weight.meaningful and scale.shows(one.weight.value):
            axes.plot(x, one.weight.value, marker=marker, markersize=4, color=colour, zorder=3)

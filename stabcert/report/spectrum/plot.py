"""The figure of ``fourier``: what is kept, weight by degree, and the coefficients as sticks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stabcert.core.spectrum.result import Spectrum, SpectrumFinding
from stabcert.report.canvas import Exhibit
from stabcert.report.colours import BLUE, SERIES
from stabcert.report.figures.axes import MARKERS, style
from stabcert.report.figures.image import GAP, TITLES, draw_kept, image_height, title
from stabcert.report.figures.sheet import SMALL, Area, Sheet
from stabcert.report.figures.text import KEPT_FRAME, Frame, add_text
from stabcert.report.spectrum.chart import Curve, Decades, Sticks, curves, decades, sticks
from stabcert.report.wording import predicted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEFT, _BELOW, _ABOVE = 0.55, 0.36, 0.06
_NAMES, _NAMES_IN_A_ROW = 0.18, 3
"""Height of a line of the legend, and what stands in it."""
_HEIGHT = 2.0
_STICKS_HEIGHT = 1.35


def add_spectrum(sheet: Sheet, exhibit: Exhibit, finding: SpectrumFinding) -> None:
    """Blocks for one report: image or text with its kept features, then the diagrams."""
    report, canvas = exhibit.report, exhibit.canvas
    explanation = report.explanation
    if canvas is not None:
        width = (sheet.inner_width - GAP) * 0.36
        height = max(_HEIGHT, image_height(canvas, width))

        def draw(area: Area) -> None:
            column = area.part(0, 0, width, area.height)
            name = f"kept: {int(explanation.mask.sum())} of {len(explanation.features)}"
            title(column, name, predicted(explanation.masked))
            bottom = area.height - TITLES - image_height(canvas, width)
            draw_kept(column.part(0, bottom, width, image_height(canvas, width)), canvas=canvas, mask=explanation.mask)
            draw_weights(area.part(width + GAP, 0, area.width - width - GAP, area.height), finding.spectrum)

        sheet.add(TITLES + height, draw)
    else:
        if report.input.text is not None:
            frame = Frame(explanation.mask, KEPT_FRAME)
            add_text(sheet, report.input.text, explanation.features, [frame])
            sheet.space(0.06)
        sheet.add(_HEIGHT, partial(draw_weights, spectrum=finding.spectrum))
    found = sticks(finding.spectrum)
    if found is not None:
        sheet.space(0.08)
        sheet.add(_STICKS_HEIGHT, partial(draw_sticks, found=found))


def draw_weights(area: Area, spectrum: Spectrum) -> None:
    """A curve for each keep probability; exact points are joined, estimates have their interval as a bar."""
    from matplotlib.ticker import MaxNLocator

    scale, found = decades(spectrum), curves(spectrum)
    names = _NAMES * -(-len(found) // _NAMES_IN_A_ROW)
    axes = area.part(_LEFT, _BELOW, area.width - _LEFT - 0.08, area.height - _BELOW - _ABOVE - names).axes()
    for number, curve in enumerate(found):
        shift = 0.0 if spectrum.exact else 0.12 * (number - (len(found) - 1) / 2)
        _curve(axes, curve, scale, shift, SERIES[number], MARKERS[number])
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


def draw_sticks(area: Area, found: Sticks) -> None:
    """One stick for each coefficient but the constant; a tick and a change of shade for each degree."""
    axes = area.part(_LEFT, _BELOW, area.width - _LEFT - 0.08, area.height - _BELOW - _ABOVE).axes()
    positions = range(len(found.values))
    axes.vlines(positions, 0, found.values, color=BLUE, linewidth=max(0.5, min(2.0, 160 / len(found.values))))
    axes.axhline(0, color="black", linewidth=0.6)
    for number, (start, end) in enumerate(zip(found.starts[:-1], found.starts[1:], strict=True)):
        if number % 2 == 0:
            axes.axvspan(start - 0.5, end - 0.5, color="0.94", linewidth=0, zorder=0)
    spans = list(zip(found.starts[:-1], found.starts[1:], strict=True))
    shown = [(degree, (start + end - 1) / 2) for degree, (start, end) in enumerate(spans, start=1)]
    room = 0.03 * len(found.values)  # names of narrow degrees would run into one another
    wide = [(d, x) for d, x in shown if d == 1 or spans[d - 1][1] - spans[d - 1][0] > room]
    axes.set_xticks([x for _, x in wide], labels=[str(d) for d, _ in wide])
    axes.set_xlim(-1, len(found.values))
    style(axes)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("coefficient", size=SMALL, labelpad=2)
    area.write((area.width + _LEFT) / 2, 0.06, "sets of features by degree, without the constant", SMALL, ha="center")


def _curve(axes: Axes, curve: Curve, scale: Decades, shift: float, colour: str, marker: str) -> None:
    name = f"λ = {curve.keep_probability:g}"
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

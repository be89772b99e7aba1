"""The figure of ``smooth-eval``: accuracy over lambda, then stability, hard radii and certified accuracy by radius."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stabcert.records.findings import CurveFinding
from stabcert.report.colours import SERIES
from stabcert.report.curve.chart import Panel, Series, legend, panels, shown_ticks, spread
from stabcert.report.curve.wording import heading, meanings, thresholds
from stabcert.report.figures.axes import MARKERS, share_scale, style
from stabcert.report.figures.fonts import text_width
from stabcert.report.figures.image import title
from stabcert.report.figures.sheet import LARGE, SMALL, Area, Sheet, own_style
from stabcert.report.numbers import seed_shown
from stabcert.report.wording import ranges

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEFT, _BELOW = 0.34, 0.36
_HEIGHT = 1.5
_GAP = 0.14
_TITLES = 0.34
"""Height of the two lines over a diagram."""
_LINE = 0.17
"""Height of a line of a legend."""
_SAMPLE = 0.24
"""Length of a piece of line in a legend."""
_MOST_TICKS = 6


def plot_curve(finding: CurveFinding, file_format: str) -> bytes:
    """One figure of all inputs together, as the bytes of a file."""
    with own_style():
        sheet = Sheet()
        sheet.write("What smoothing costs and gains", LARGE, weight="bold")
        sheet.space(0.06)
        rows = panels(finding)
        for row in rows:
            sheet.add(_TITLES + _HEIGHT, partial(_draw_row, row=row))
            for panel in row:
                if not panel.by_lambda:
                    _add_legend(sheet, [(series.name, series.style) for series in panel.series])
            sheet.space(0.08)
        _add_legend(sheet, legend(finding))
        sheet.space(0.06)
        sheet.write(_caption(finding), SMALL, color="0.25")
        return sheet.render(file_format)


def draw_panel(area: Area, panel: Panel) -> None:
    """Lines with markers; intervals are bars or, where there are many points or few lines, bands."""
    axes = area.part(_LEFT, _BELOW, area.width - _LEFT - 0.04, area.height - _BELOW - 0.05).axes()
    first, last, step = spread(panel)
    for number, series in enumerate(panel.series):
        _draw_series(axes, series, step * (number - (len(panel.series) - 1) / 2), panel.banded)
    axes.set_xlim(first, last)
    ticks = shown_ticks(panel, _MOST_TICKS)
    axes.set_xticks([x for x, _ in ticks], labels=[name for _, name in ticks])
    share_scale(axes)
    style(axes)
    axes.tick_params(which="minor", length=0)
    area.write((area.width + _LEFT) / 2, 0.06, panel.x_name, SMALL, ha="center")


def _draw_series(axes: Axes, series: Series, shift: float, banded: bool) -> None:
    colour, dashes = SERIES[series.style % len(SERIES)], "-" if series.style < len(SERIES) else "--"
    xs = [x + shift for x, _ in series.points]
    lower, upper = [one.lower for _, one in series.points], [one.upper for _, one in series.points]
    if banded:
        axes.fill_between(xs, lower, upper, color=colour, alpha=0.13, linewidth=0)
    if not banded or len(xs) == 1:
        axes.vlines(xs, lower, upper, color=colour, linewidth=0.9)
    below = banded and series.style == 0  # wider, for the lines above often lie on it
    axes.plot(
        xs,
        [one.mean for _, one in series.points],
        color=colour,
        linestyle=dashes,
        linewidth=2.6 if below else 1.1,
        marker=MARKERS[series.style % len(MARKERS)],
        markersize=6 if below else 3.5,
        clip_on=False,
        zorder=3,
    )


def _draw_row(area: Area, row: list[Panel]) -> None:
    width = (area.width - _GAP) / 2
    for number, panel in enumerate(row):
        column = area.part(number * (width + _GAP), 0, width, area.height)
        title(column, panel.title, panel.subtitle)
        draw_panel(column.part(0, 0, width, _HEIGHT), panel)


def _add_legend(sheet: Sheet, names: list[tuple[str, int]]) -> None:
    step = max(text_width(name, SMALL) for name, _ in names) + _SAMPLE + 0.2
    columns = max(1, int(sheet.inner_width / step))
    lines = -(-len(names) // columns)

    def draw(area: Area) -> None:
        for name, number in names:
            left, bottom = number % columns * step, area.height - (number // columns + 1) * _LINE + 0.04
            _sample(area, left, bottom, number)
            area.write(left + _SAMPLE + 0.06, bottom, name, SMALL)

    sheet.add(_LINE * lines, draw)


def _sample(area: Area, left: float, bottom: float, number: int) -> None:
    """A piece of the line of a series with its marker."""
    axes = area.part(left, bottom, _SAMPLE, 0.08).plain_axes()
    axes.plot(
        [0, _SAMPLE / 2, _SAMPLE],
        [0.04] * 3,
        color=SERIES[number % len(SERIES)],
        linestyle="-" if number < len(SERIES) else "--",
        linewidth=1.1,
        marker=MARKERS[number % len(MARKERS)],
        markersize=3.5,
        markevery=[1],
        clip_on=False,
    )


def _caption(finding: CurveFinding) -> str:
    radii = [rate.radius for rate in finding.curve.levels[0].methods[0].rates]
    said = [f"{heading(finding)}, r = {ranges(radii)}, δ = {finding.curve.delta:g}."]
    said += [f"{threshold[:1].upper()}{threshold[1:]}." for threshold, _ in thresholds(finding)]
    said += meanings(finding)
    seed = seed_shown(finding.run["seed"], default=finding.run.get("default_seed", True))
    said.append(f"Model {finding.model['id']}, {seed}.")
    return " ".join(said)

"""Diagrams of lines with intervals: estimates over lambda, over a keep share or over a radius."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from stabcert.report.charts.area import SMALL, Area
from stabcert.report.charts.axes import MARKERS, share_scale, style
from stabcert.report.colours import SERIES
from stabcert.report.curve.wording import Share, interval_shown
from stabcert.report.document import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS = 12
"""Intervals of more points are drawn as bands."""
_MOST_BANDS = 3
"""Bands that can be told apart where they overlap."""
_MOST_TICKS = 6
_LEFT, _BELOW = 0.34, 0.36
_HEIGHT = 1.5
_LINE = 0.17
"""Height of a line of a legend."""
_SAMPLE = 0.24
"""Length of a piece of line in a legend."""
_LETTER = 0.075
"""Width of a digit."""


@dataclass(frozen=True)
class Series:
    """One line of a diagram."""

    name: str
    style: int
    """Number of its colour, marker and dashes."""
    points: tuple[tuple[float, Share], ...]


@dataclass(frozen=True)
class Panel:
    """One diagram."""

    title: str
    subtitle: str
    x_name: str
    ticks: tuple[tuple[float, str], ...]
    series: tuple[Series, ...]
    legend: bool
    """True if the lines are those of the common legend; otherwise the panel names its lines."""

    @property
    def banded(self) -> bool:
        """Intervals as bands rather than bars."""
        few = not self.legend and len(self.series) <= _MOST_BANDS
        return few or len(self.series[0].points) > _MOST_BARS


def panel_charts(rows: Sequence[Sequence[Panel]], names: Sequence[str]) -> list[Chart]:
    """Return all diagrams; a panel that is alone in its row has a line of its own. The last chart is the legend.

    Args:
        names: those of the lines of panels with the common legend.
    """
    charts = []
    for row in rows:
        for panel in row:
            own = [] if panel.legend else [(series.name, series.style) for series in panel.series]
            charts.append(
                Chart(
                    title=panel.title,
                    subtitle=panel.subtitle,
                    description=_described(panel),
                    draw=partial(_draw_panel, panel=panel, names=own),
                    height=_HEIGHT + _LINE * len(own),
                    wide=len(row) == 1,
                )
            )
    numbered = [(name, i) for i, name in enumerate(names)]
    columns = max(1, int(4.5 / _step(numbered)))
    height = _LINE * -(-len(numbered) // columns)
    legend = f"Legend: {', '.join(names)}."
    return [*charts, Chart("", "", legend, partial(_draw_legend, names=numbered), height, wide=True)]


def spread(panel: Panel) -> tuple[float, float, float]:
    """Return the ends of the x axis with some room, and how far lines with bars are moved aside to keep them apart."""
    xs = [x for x, _ in panel.ticks]
    first, last = min(xs), max(xs)
    gap = min((b - a for a, b in zip(sorted(xs), sorted(xs)[1:], strict=False)), default=1.0)
    step = 0.0 if panel.banded else min(gap * 0.6, max(last - first, gap) * 0.12) / max(1, len(panel.series) - 1)
    room = max((last - first) * 0.05, gap * 0.3 if len(xs) < 3 else 0.0) + step * (len(panel.series) - 1) / 2
    return first - room, last + room, step


def shown_ticks(panel: Panel, most: int) -> list[tuple[float, str]]:
    """Return the ticks with room for them: no more than ``most`` evenly spaced ones would be; the last always."""
    ticks = sorted(panel.ticks)
    least = 0.999 * (ticks[-1][0] - ticks[0][0]) / max(1, most - 1)  # 1 - 0.9 is a little less than 0.1
    shown = ticks[-1:]
    for tick in ticks[-2::-1]:
        if shown[0][0] - tick[0] >= least:
            shown.insert(0, tick)
    return shown


def _described(panel: Panel) -> str:
    lines = [
        f"{series.name}: " + "; ".join(f"{at:g}: {interval_shown(one)}" for at, one in series.points)
        for series in panel.series
    ]
    return f"{panel.title} by {panel.x_name}. {'. '.join(lines)}."


def _draw_panel(area: Area, panel: Panel, names: Sequence[tuple[str, int]]) -> None:
    """Draw lines with markers; intervals are bars or, where there are many points or few lines, bands."""
    below = _BELOW + _LINE * len(names)
    axes = area.part(_LEFT, below, area.width - _LEFT - 0.04, area.height - below - 0.05).axes()
    first, last, step = spread(panel)
    for number, series in enumerate(panel.series):
        _draw_series(axes, series, step * (number - (len(panel.series) - 1) / 2), panel.banded)
    axes.set_xlim(first, last)
    ticks = shown_ticks(panel, _MOST_TICKS)
    axes.set_xticks([x for x, _ in ticks], labels=[name for _, name in ticks])
    share_scale(axes)
    style(axes)
    axes.tick_params(which="minor", length=0)
    area.write((area.width + _LEFT) / 2, below - _BELOW + 0.06, panel.x_name, SMALL, ha="center")
    for number, name in enumerate(names, start=1):
        _draw_name(area, _LEFT, below - _BELOW - number * _LINE + 0.04, *name)


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


def _draw_legend(area: Area, names: Sequence[tuple[str, int]]) -> None:
    step = _step(names)
    columns = max(1, int(area.width / step))
    for number, name in enumerate(names):
        bottom = area.height - (number // columns + 1) * _LINE + 0.04
        _draw_name(area, number % columns * step, bottom, *name)


def _step(names: Sequence[tuple[str, int]]) -> float:
    """Return the width of a column of a legend."""
    return _LETTER * max(len(name) for name, _ in names) + _SAMPLE + 0.2


def _draw_name(area: Area, left: float, bottom: float, name: str, number: int) -> None:
    """Draw a piece of the line of a series with its marker, and the name beside it."""
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
    area.write(left + _SAMPLE + 0.06, bottom, name, SMALL)

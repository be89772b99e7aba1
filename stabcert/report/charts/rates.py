"""The chart of the stability rate by radius, with estimates, intervals and the threshold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.report.charts.area import SMALL, Area
from stabcert.report.charts.axes import share_scale, style
from stabcert.report.colours import BLUE, VERMILLION
from stabcert.report.document import Chart
from stabcert.report.numbers import rounded_down, rounded_up

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 1.5
_MOST_BARS = 12
"""More radii are drawn as a band."""
_LEFT, _BELOW = 0.3, 0.36
"""Room for the numbers and the name of an axis."""
_RIGHT = 0.08
"""Room for half of the last number."""


def rates_chart(certificate: SoftCertificate) -> Chart:
    """Return the chart of a soft certificate."""
    described = [_described(rate) for rate in certificate.rates]
    threshold = certificate.rates[0].threshold
    if threshold is not None:
        described.append(f"threshold {threshold!r}")
    return Chart(
        title="stability rate",
        subtitle="by features added",
        description=f"Stability rates. {'; '.join(described)}.",
        draw=partial(_draw, certificate=certificate),
        height=_HEIGHT,
    )


def _described(rate: StabilityRate) -> str:
    known = "unknown" if rate.rate is None else f"{rate.rate:.4f}"
    if rate.enumerated and not rate.near_ties:
        return f"radius {rate.radius}: {known}, exact"
    return f"radius {rate.radius}: {known}, between {rounded_down(rate.lower)} and {rounded_up(rate.upper)}"


def _draw(area: Area, certificate: SoftCertificate) -> None:
    """Draw squares for exact rates, circles for others with their interval as bars or a band."""
    axes = area.part(_LEFT, _BELOW, area.width - _LEFT - _RIGHT, area.height - _BELOW - 0.06).axes()
    rates = certificate.rates
    radii = [rate.radius for rate in rates]
    if len(rates) <= _MOST_BARS:
        _bars(axes, rates)
    else:
        lower, upper = [rate.lower for rate in rates], [rate.upper for rate in rates]
        axes.fill_between(radii, lower, upper, color=BLUE, alpha=0.25, linewidth=0)
        known = [rate for rate in rates if rate.rate is not None]
        axes.plot([rate.radius for rate in known], [rate.rate or 0.0 for rate in known], color=BLUE, linewidth=1.2)
    threshold = rates[0].threshold
    if threshold is not None:
        axes.axhline(threshold, color=VERMILLION, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.annotate(
            f"≥ {threshold!r}",
            (1, threshold),
            xycoords=("axes fraction", "data"),
            xytext=(-2, -2 if threshold > 0.15 else 2),
            textcoords="offset points",
            ha="right",
            va="top" if threshold > 0.15 else "bottom",
            color=VERMILLION,
            size=SMALL,
        )
    for rate in rates:
        if rate.covers_up_to is not None:
            axes.plot([rate.radius, rate.covers_up_to], [rate.lower] * 2, color=BLUE, linewidth=1.0, linestyle=":")
    last = max(rate.covers_up_to or rate.radius for rate in rates)
    _scales(axes, radii, last)
    area.write((area.width + _LEFT - _RIGHT) / 2, 0.06, "features added, r", SMALL, ha="center")


def _bars(axes: Axes, rates: tuple[StabilityRate, ...]) -> None:
    for rate in rates:
        exact = rate.enumerated and not rate.near_ties
        if not exact:
            axes.plot([rate.radius] * 2, [rate.lower, rate.upper], color=BLUE, linewidth=1.2, zorder=2, clip_on=False)
            ends = ([rate.radius] * 2, [rate.lower, rate.upper])
            axes.plot(*ends, linestyle="", marker="_", markersize=6, color=BLUE, zorder=2, clip_on=False)
        if rate.rate is not None:
            marker = "s" if exact else "o"
            axes.plot(rate.radius, rate.rate, marker=marker, markersize=4.5, color=BLUE, zorder=3, clip_on=False)


def _scales(axes: Axes, radii: list[int], last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    first = radii[0]
    room = max(0.5, 0.04 * (last - first))
    axes.set_xlim(first - room, last + room)
    if len(radii) <= 5 and min(np.diff(radii), default=1) > (last - first) / 12:
        axes.set_xticks(radii)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    share_scale(axes)
    style(axes)

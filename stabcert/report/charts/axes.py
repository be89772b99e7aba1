"""The common parts of all diagrams: grid, ticks, the scale of a share, markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stabcert.report.charts.area import SMALL
from stabcert.report.colours import LINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P")
"""With the colours of `stabcert.report.colours.SERIES`, so that curves differ in print without colours, too."""
_GRID: dict[str, Any] = {"color": LINE, "linewidth": 0.6, "zorder": 0}


def style(axes: Axes) -> None:
    """Draw faint horizontal lines behind the data, no frame on top and on the right, small ticks."""
    axes.grid(axis="y", **_GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL, length=2.5, width=0.6)


def share_scale(axes: Axes) -> None:
    """Scale the axis upwards from 0 to 1."""
    axes.set_ylim(0, 1.0)
    axes.set_yticks([0, 0.5, 1.0], labels=["0", "0.5", "1"])
    axes.set_yticks([0.25, 0.75], minor=True)
    axes.grid(axis="y", which="minor", **_GRID)

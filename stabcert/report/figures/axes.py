"""What all diagrams have in common: grid, ticks, the scale of a share, markers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stabcert.report.figures.sheet import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P")
"""With the colours of `stabcert.report.colours.SERIES`, so that curves differ in print without colours, too."""
_GRID: dict[str, Any] = {"color": "0.88", "linewidth": 0.6, "zorder": 0}


def style(axes: Axes) -> None:
    """Faint horizontal lines behind the data, no frame on top and on the right, small ticks."""
    axes.grid(axis="y", **_GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL, length=2.5, width=0.6)


def share_scale(axes: Axes) -> None:
    """From 0 to 1, upwards."""
    axes.set_ylim(0, 1.0)
    axes.set_yticks([0, 0.5, 1.0], labels=["0", "0.5", "1"])
    axes.set_yticks([0.25, 0.75], minor=True)
    axes.grid(axis="y", which="minor", **_GRID)

"""The chart of an attribution of features that are neither in a text nor in a picture, such as columns of a table."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Features, Mask
from stabcert.report.charts.area import SMALL, Area, line_height, shortened
from stabcert.report.charts.fonts import text_width
from stabcert.report.colours import BLUE, FAINT, INK
from stabcert.report.document import Chart
from stabcert.report.visible import visible

_MOST = 10
_BAR = 0.1
_BELOW_LETTERS = 0.02
_ROW = line_height(SMALL) + _BELOW_LETTERS + _BAR + 0.06
"""Height of a name with its bar."""


def scores_chart(features: Features, scores: NDArray[np.float64], mask: Mask, method: str) -> Chart:
    """Return a bar for each feature of the largest scores; those of kept features are blue."""
    order = [int(index) for index in np.argsort(-scores, kind="stable")[:_MOST]]
    described = [
        f"{visible(features.items[index].label)} {scores[index]:+.4f}{' (kept)' if mask[index] else ''}"
        for index in order
    ]
    few = "" if len(order) == len(features) else f"the largest {len(order)} of {len(features)}, "
    return Chart(
        title=f"{method} scores",
        subtitle=f"{few}blue: kept",
        description=f"{method} scores: {', '.join(described)}.",
        draw=partial(_draw, features=features, scores=scores, mask=mask, order=order),
        height=len(order) * _ROW + 0.02,
    )


def _draw(area: Area, features: Features, scores: NDArray[np.float64], mask: Mask, order: list[int]) -> None:
    """Draw as many features as there is room for."""
    from matplotlib.patches import Rectangle

    shown = order[: max(1, int(area.height / _ROW))]
    least, most = min(0.0, *(scores[index] for index in shown)), max(0.0, *(scores[index] for index in shown))
    scale = area.width / ((most - least) or 1.0)
    axes = area.plain_axes()
    for number, index in enumerate(shown):
        top = area.height - number * _ROW
        value = f"{scores[index]:+.4f}"
        room = area.width - text_width(value, SMALL) - 0.08
        name = shortened(visible(features.items[index].label), room, SMALL)
        area.write(0, top - 0.8 * line_height(SMALL), name, SMALL)
        area.write(area.width, top - 0.8 * line_height(SMALL), value, SMALL, ha="right")
        bottom = top - line_height(SMALL) - _BELOW_LETTERS - _BAR
        start, length = (min(0.0, scores[index]) - least) * scale, abs(scores[index]) * scale
        axes.add_patch(Rectangle((start, bottom), length, _BAR, facecolor=BLUE if mask[index] else FAINT, linewidth=0))
        axes.plot([-least * scale] * 2, [bottom - 0.02, bottom + _BAR + 0.02], color=INK, linewidth=0.8, clip_on=False)

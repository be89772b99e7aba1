"""Images in a figure: the input, its scores, its kept features, and what was added to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Mask, Scores
from stabcert.report.canvas import Canvas, Ranking, Segment
from stabcert.report.colours import ADDED, shade
from stabcert.report.figures.fonts import text_width
from stabcert.report.figures.sheet import BOLD, NORMAL, SMALL, Area, Sheet, line_height, shortened
from stabcert.report.wording import ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAP = 0.12
"""Between panels."""
TITLES = 1.9 * line_height(NORMAL)
"""Room for the two lines of `title`."""
BAR_HEIGHT = 0.30
"""Of a colour bar with its numbers."""
_BAR = 0.07


def image_height(canvas: Canvas, width: float) -> float:
    """Of the image ``width`` inches wide; a very tall one is made narrower instead."""
    height, across = canvas.labels.shape
    return float(min(width * height / across, 2.0 * width))


def title(area: Area, text: str, subtitle: str = "") -> None:
    """One or two lines on the upper edge of an area; a number in brackets at the end is never cut off."""
    step = line_height(NORMAL)
    area.write(0, area.height - 0.8 * step, shortened(text, area.width, SMALL, BOLD), SMALL, weight=BOLD)
    label, bracket, number = subtitle.rpartition(" (") if subtitle.endswith(")") else (subtitle, "", "")
    room = area.width - text_width(bracket + number, SMALL)
    area.write(0, area.height - 1.7 * step, shortened(label, room, SMALL) + bracket + number, SMALL)


def show(area: Area, pixels: NDArray[np.uint8]) -> Axes:
    axes = area.axes()
    axes.set_axis_off()
    height, width = pixels.shape[:2]
    axes.imshow(pixels, interpolation="nearest", extent=(0, width, height, 0))
    return axes


def draw_outline(axes: Axes, segments: list[Segment], colour: str, width: float, under: str) -> None:
    """Lines with a border of another colour, so that they stand out from any picture."""
    from matplotlib.collections import LineCollection

    lines = [((x0, y0), (x1, y1)) for x0, y0, x1, y1 in segments]
    for line_colour, line_width in ((under, 2.2 * width), (colour, width)):
        axes.add_collection(
            LineCollection(lines, colors=line_colour, linewidths=line_width, capstyle="projecting"), autolim=False
        )


def draw_input(area: Area, canvas: Canvas) -> None:
    show(area, canvas.pixels)


def draw_heat(area: Area, canvas: Canvas, ranking: Ranking) -> None:
    """The scores over the image, with the outline of the kept features."""
    axes = show(area, canvas.heat(ranking.scores))
    draw_outline(axes, canvas.outline(ranking.mask), "black", 0.7, "white")


def draw_kept(area: Area, canvas: Canvas, mask: Mask) -> None:
    axes = show(area, canvas.kept(mask))
    draw_outline(axes, canvas.outline(mask), "white", 0.6, "black")


def draw_flip(area: Area, canvas: Canvas, mask: Mask, added: Mask) -> None:
    """The explanation and the added features in colour; these with a thick outline."""
    axes = show(area, canvas.kept(mask | added))
    draw_outline(axes, canvas.outline(mask), "white", 0.6, "black")
    draw_outline(axes, canvas.outline(added), ADDED, 1.3, "black")


def draw_bar(area: Area, scores: Scores) -> None:
    """The scale of a heat map: symmetric, zero in the middle."""
    largest = float(np.abs(scores).max(initial=0.0))
    axes = area.part(0, area.height - _BAR - 0.05, area.width, _BAR).axes()
    axes.imshow(shade(np.linspace(-1, 1, 256))[None], extent=(-1, 1, 0, 1), aspect="auto", interpolation="nearest")
    axes.set_yticks([])
    axes.set_xticks([-1, 0, 1], labels=[])
    axes.tick_params(length=2, width=0.5)
    step = line_height(SMALL)
    below = area.height - _BAR - 0.05 - 0.9 * step
    lower, upper = ends(largest)
    area.write(0, below, lower, SMALL)
    area.write(area.width, below, upper, SMALL, ha="right")
    if text_width(lower, SMALL) + text_width(upper, SMALL) + 2 * text_width("0", SMALL) < area.width:
        area.write(area.width / 2, below, "0", SMALL, ha="center")


Panel = tuple[str, str, Callable[[Area], None]]
"""Title, subtitle, and what draws the picture."""


def add_beside(sheet: Sheet, canvas: Canvas, panels: list[Panel], draw_beside: Callable[[Area, float], None]) -> None:
    """One or two pictures, each a third of the sheet wide, and something else in the room that is left.

    Args:
        draw_beside: given that room with the one for titles above it, and the height of the pictures.
    """
    width = (sheet.inner_width - 2 * GAP) / 3
    height = image_height(canvas, width)

    def draw(area: Area) -> None:
        for number, (name, subtitle, picture) in enumerate(panels):
            column = area.part(number * (width + GAP), 0, width, area.height)
            title(column, name, subtitle)
            picture(column.part(0, 0, width, height))
        left = len(panels) * (width + GAP)
        draw_beside(area.part(left, 0, area.width - left, area.height), height)

    sheet.add(TITLES + height, draw)

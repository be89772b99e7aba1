"""Images in a figure: the input, its scores, its kept features, and the added features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Scores
from stabcert.report.canvas import Canvas, Segment
from stabcert.report.charts.area import SMALL, TITLES, Area, line_height
from stabcert.report.charts.fonts import text_width
from stabcert.report.colours import ADDED, INK, PAPER, shade
from stabcert.report.document import Evidence
from stabcert.report.wording import ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR_HEIGHT = 0.30
"""Height of a colour bar with its numbers."""
_BAR = 0.07


def picture_height(picture: Evidence, canvas: Canvas, width: float) -> float:
    """Return the height of a picture ``width`` inches wide with its titles, and with its colour bar if it has one."""
    return TITLES + _image_height(canvas, width) + (0.0 if picture.scores is None else BAR_HEIGHT)


def draw_picture(area: Area, picture: Evidence, canvas: Canvas) -> None:
    """Draw titles, the image and a colour bar from the upper edge of an area."""
    area.title(picture.title, picture.said)
    height = _image_height(canvas, area.width)
    bottom = area.height - TITLES - height
    axes = area.part(0, bottom, area.width, height).axes()
    axes.set_axis_off()
    pixels = pixels_of(picture, canvas)
    axes.imshow(pixels, interpolation="nearest", extent=(0, pixels.shape[1], pixels.shape[0], 0))
    if picture.mask is not None and picture.scores is None:
        _draw_outline(axes, canvas.outline(picture.mask), PAPER, 0.6, INK)
    elif picture.mask is not None:
        _draw_outline(axes, canvas.outline(picture.mask), INK, 0.7, PAPER)
    if picture.added is not None:
        _draw_outline(axes, canvas.outline(picture.added), ADDED, 1.3, INK)
    if picture.scores is not None:
        draw_bar(area.part(0, bottom - BAR_HEIGHT, area.width, BAR_HEIGHT), picture.scores)


def pixels_of(picture: Evidence, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the image as it is, under its scores, or with dropped features in grey."""
    if picture.scores is not None:
        return canvas.heat(picture.scores)
    if picture.mask is None:
        return canvas.pixels
    return canvas.kept(picture.mask if picture.added is None else picture.mask | picture.added)


def draw_bar(area: Area, scores: Scores) -> None:
    """Draw the scale of a heat map: symmetric, zero in the middle."""
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


def _image_height(canvas: Canvas, width: float) -> float:
    """Return the height of the image ``width`` inches wide; a very tall one is made narrower instead."""
    height, across = canvas.labels.shape
    return float(min(width * height / across, 2.0 * width))


def _draw_outline(axes: Axes, segments: list[Segment], colour: str, width: float, under: str) -> None:
    """Draw lines with a border of another colour, so that they stand out from any picture."""
    from matplotlib.collections import LineCollection

    lines = [((x0, y0), (x1, y1)) for x0, y0, x1, y1 in segments]
    for line_colour, line_width in ((under, 2.2 * width), (colour, width)):
        axes.add_collection(
            LineCollection(lines, colors=line_colour, linewidths=line_width, capstyle="projecting"), autolim=False
        )

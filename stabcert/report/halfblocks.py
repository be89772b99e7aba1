"""Images on a terminal. Each character cell shows two pixels, one above the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from stabcert.core.types import Mask
from stabcert.report.canvas import Canvas
from stabcert.report.colours import dim
from stabcert.report.sentence import on_terminal

COLUMNS = 48
UPPER_HALF = "▀"


@dataclass(frozen=True)
class HalfBlocks:
    """The kept features in colour and the rest dimmed, for a rich console.

    Prints nothing where it could not be seen: in a pipe or file, without at least 256 colours
    (``NO_COLOR`` included), or in an encoding without block characters.
    """

    canvas: Canvas
    mask: Mask
    grid: tuple[int, ...] = ()
    """Rows and columns of features, if they form a grid: each then gets the same number of cells."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not draws_pictures(console, options):
            return
        columns = fitting_columns(min(COLUMNS, options.max_width - 4), self.grid)
        for line in half_blocks(thumbnail(self.canvas, self.mask, columns)):
            yield Text("  ").append_text(line)


def draws_pictures(console: Console, options: ConsoleOptions) -> bool:
    """Return whether a picture would be seen on this console, and look like one."""
    colours = console.color_system in ("256", "truecolor") and not console.no_color
    try:
        UPPER_HALF.encode(options.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return on_terminal(console) and colours and options.max_width >= 12


def fitting_columns(wanted: int, grid: tuple[int, ...]) -> int:
    """Return about ``wanted`` columns, a whole number for each column of features if that is possible."""
    if len(grid) != 2 or grid[1] > wanted:
        return max(1, wanted)
    return wanted // grid[1] * grid[1]


def thumbnail(canvas: Canvas, mask: Mask, columns: int) -> NDArray[np.uint8]:
    """Return the image ``columns`` pixels wide: a pixel is in colour if the feature at its centre is kept.

    Never larger than the image itself.
    """
    height, width = canvas.labels.shape
    columns = min(columns, width)
    rows = max(1, round(columns * height / width))
    small = _averages(_averages(canvas.pixels.astype(np.float64), rows, 0), columns, 1)
    pixels = np.rint(small).astype(np.uint8)
    centres = canvas.labels[np.ix_(_centres(height, rows), _centres(width, columns))]
    return np.where(mask[centres][..., None], pixels, dim(pixels))


def half_blocks(pixels: NDArray[np.uint8]) -> list[Text]:
    """Return ``(rows, columns, 3)`` pixels as lines of text: the foreground is the upper of two pixels."""
    lines = []
    for top in range(0, len(pixels), 2):
        line = Text(no_wrap=True)
        for column in range(pixels.shape[1]):
            below = _colour(pixels[top + 1, column]) if top + 1 < len(pixels) else None
            line.append(UPPER_HALF, Style(color=_colour(pixels[top, column]), bgcolor=below))
        lines.append(line)
    return lines


def _averages(pixels: NDArray[np.float64], parts: int, axis: int) -> NDArray[np.float64]:
    size = pixels.shape[axis]
    starts = np.arange(parts) * size // parts
    counts = np.diff([*starts, size]).reshape([-1 if i == axis else 1 for i in range(3)])
    sums: NDArray[np.float64] = np.add.reduceat(pixels, starts, axis=axis)
    return sums / counts


def _centres(size: int, parts: int) -> NDArray[np.int64]:
    return (2 * np.arange(parts) + 1) * size // (2 * parts)


def _colour(pixel: NDArray[np.uint8]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel.tolist())

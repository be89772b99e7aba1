"""A sheet that grows downwards: blocks of known height, drawn by matplotlib without its global state.

Lengths are inches. Every string is drawn as it stands, never as mathematics.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stabcert.report.figures.fonts import DOTS_PER_INCH, drawable, families, text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.8
"""Of every figure: set at 80 mm in a column, the smallest letters are still 5.5 points high."""
MARGIN = 0.12
SMALL, NORMAL, LARGE = 8.5, 9.5, 11.0
"""Sizes of letters in points."""
BOLD = "bold"
LINE = 1.25
"""Distance of lines in letter sizes."""


def line_height(size: float) -> float:
    return size * LINE / 72


@dataclass(frozen=True)
class Area:
    """A rectangle of a figure, in inches from its lower left corner."""

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float

    def part(self, left: float, bottom: float, width: float, height: float) -> Area:
        """A rectangle inside of this one, measured from its lower left corner."""
        return Area(self.figure, self.left + left, self.bottom + bottom, width, height)

    def axes(self) -> Axes:
        """Axes that fill the area."""
        across, up = self.figure.get_size_inches()
        axes: Axes = self.figure.add_axes((self.left / across, self.bottom / up, self.width / across, self.height / up))
        return axes

    def plain_axes(self) -> Axes:
        """Axes without a frame whose coordinates are inches of the area."""
        axes = self.axes()
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(0, self.height)
        return axes

    def write(self, left: float, bottom: float, text: str, size: float = NORMAL, **style: Any) -> None:
        """One line of text; ``bottom`` is its base line. ``style``: properties of a matplotlib text."""
        across, up = self.figure.get_size_inches()
        x, y = (self.left + left) / across, (self.bottom + bottom) / up
        self.figure.text(x, y, drawable(text), size=size, family=families(text), parse_math=False, **style)


Draw = Callable[[Area], None]


@dataclass
class Sheet:
    """Blocks under one another; `render` makes the file."""

    width: float = WIDTH
    _blocks: list[tuple[float, Draw]] = field(default_factory=list)

    @property
    def inner_width(self) -> float:
        return self.width - 2 * MARGIN

    def add(self, height: float, draw: Draw) -> None:
        self._blocks.append((height, draw))

    def space(self, height: float) -> None:
        self.add(height, lambda area: None)

    def write(self, text: str, size: float = NORMAL, **style: Any) -> None:
        """A paragraph, wrapped to the width of the sheet."""
        lines = wrap(text, self.inner_width, size, str(style.get("weight", "normal")))
        step = line_height(size)

        def draw(area: Area) -> None:
            for number, line in enumerate(lines, start=1):
                area.write(0, area.height - number * step + 0.25 * step, line, size, **style)

        self.add(len(lines) * step, draw)

    def render(self, file_format: str) -> bytes:
        """The file as bytes: ``"png"``, ``"svg"`` or ``"pdf"``. The same sheet gives the same bytes."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        height = sum(height for height, _ in self._blocks) + 2 * MARGIN
        figure = Figure(figsize=(self.width, height), facecolor="white")
        FigureCanvasAgg(figure)
        top = height - MARGIN
        for block_height, draw in self._blocks:
            top -= block_height
            draw(Area(figure, MARGIN, top, self.inner_width, block_height))
        metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[file_format]
        buffer = io.BytesIO()
        figure.savefig(buffer, format=file_format, dpi=DOTS_PER_INCH, metadata=metadata)
        return buffer.getvalue()


@contextmanager
def own_style() -> Iterator[None]:
    """matplotlib's defaults instead of the user's settings while it lasts: pictures look the same anywhere."""
    import matplotlib

    # The stubs of matplotlib 3.11 want literal names of settings, those before it any string.
    defaults: Any = {name: value for name, value in matplotlib.rcParamsDefault.items() if "backend" not in name}
    ours: Any = {
        "svg.hashsalt": "stabcert",
        # Text as outlines, for an SVG brings no font: it looks the same where DejaVu Sans is missing.
        "svg.fonttype": "path",
        # TrueType, of which a reader can copy and search the text; journals refuse the default, Type 3.
        "pdf.fonttype": 42,
        "font.size": SMALL,
        "axes.linewidth": 0.6,
    }
    with matplotlib.rc_context(defaults | ours):
        yield


def shortened(text: str, width: float, size: float, weight: str = "normal") -> str:
    """``text``, or as much of its beginning as fits, with an ellipsis."""
    if text_width(text, size, weight) <= width:
        return text
    while text and text_width(text + "…", size, weight) > width:
        text = text[:-1]
    return text.rstrip() + "…"

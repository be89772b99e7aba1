"""A rectangle of a figure for charts and evidence, and the style of its text.

Lengths are inches. Every string is drawn as it stands, never as mathematics.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stabcert.report.charts.fonts import drawable, families, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL, NORMAL, LARGE = 8.5, 9.5, 11.0
"""Sizes of letters in points."""
BOLD = "bold"
_LINE = 1.25
"""Distance of lines in letter sizes."""


def line_height(size: float) -> float:
    """Return the distance of lines."""
    return size * _LINE / 72


@dataclass(frozen=True)
class Area:
    """A rectangle of a figure, in inches from its lower left corner."""

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float

    def part(self, left: float, bottom: float, width: float, height: float) -> Area:
        """Return a rectangle inside of this one, measured from its lower left corner."""
        return Area(self.figure, self.left + left, self.bottom + bottom, width, height)

    def axes(self) -> Axes:
        """Return axes that fill the area."""
        across, up = self.figure.get_size_inches()
        axes: Axes = self.figure.add_axes((self.left / across, self.bottom / up, self.width / across, self.height / up))
        axes.patch.set_visible(False)
        return axes

    def plain_axes(self) -> Axes:
        """Return axes without a frame whose coordinates are inches of the area."""
        axes = self.axes()
        axes.set_axis_off()
        axes.set_xlim(0, self.width)
        axes.set_ylim(0, self.height)
        return axes

    def write(self, left: float, bottom: float, text: str, size: float = NORMAL, **style: Any) -> None:
        """Draw one line of text; ``bottom`` is its base line. ``style``: properties of a matplotlib text."""
        across, up = self.figure.get_size_inches()
        x, y = (self.left + left) / across, (self.bottom + bottom) / up
        shown = text if _letters_stay_letters() else drawable(text)
        self.figure.text(x, y, shown, size=size, family=families(text), parse_math=False, **style)

    def title(self, text: str, subtitle: str = "") -> None:
        """Write one or two lines at the upper edge; a number in brackets at the end is never cut off."""
        step = line_height(NORMAL)
        self.write(0, self.height - 0.8 * step, shortened(text, self.width, SMALL, BOLD), SMALL, weight=BOLD)
        label, bracket, number = subtitle.rpartition(" (") if subtitle.endswith(")") else (subtitle, "", "")
        room = self.width - text_width(bracket + number, SMALL)
        self.write(0, self.height - 1.7 * step, shortened(label, room, SMALL) + bracket + number, SMALL)


TITLES = 1.9 * line_height(NORMAL)
"""Room for the two lines of `Area.title`."""


@contextmanager
def own_style(*, letters: bool = False) -> Iterator[None]:
    """Use matplotlib's defaults instead of the user's settings while it lasts: pictures look the same anywhere.

    Args:
        letters: letters of an SVG stay letters, for readers who have fonts; else they are outlines, because an SVG
            brings no font and should look the same where DejaVu Sans is missing.
    """
    import matplotlib

    # The stubs of matplotlib 3.11 want literal names of settings, those before it any string.
    defaults: Any = {name: value for name, value in matplotlib.rcParamsDefault.items() if "backend" not in name}
    ours: Any = {
        "svg.hashsalt": "stabcert",
        "svg.fonttype": "none" if letters else "path",
        # TrueType, of which a reader can copy and search the text; journals refuse the default, Type 3.
        "pdf.fonttype": 42,
        "font.size": SMALL,
        "axes.linewidth": 0.6,
    }
    with matplotlib.rc_context(defaults | ours):
        yield


def shortened(text: str, width: float, size: float, weight: str = "normal") -> str:
    """Return ``text``, or as much of its beginning as fits, with an ellipsis."""
    if text_width(text, size, weight) <= width:
        return text
    while text and text_width(text + "…", size, weight) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _letters_stay_letters() -> bool:
    import matplotlib

    return bool(matplotlib.rcParams["svg.fonttype"] == "none")

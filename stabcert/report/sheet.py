"""A sheet for blocks of known height, from top to bottom. It is drawn by matplotlib without its global state."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stabcert.report.charts.area import NORMAL, Area, line_height
from stabcert.report.charts.fonts import DOTS_PER_INCH, wrap

WIDTH = 4.8
"""Width of every figure, in inches: set at 80 mm in a column, the smallest letters are still 5.5 points high."""
MARGIN = 0.12


@dataclass
class Sheet:
    """Blocks under one another; `render` makes the file."""

    width: float = WIDTH
    _blocks: list[tuple[float, Callable[[Area], None]]] = field(default_factory=list)

    @property
    def inner_width(self) -> float:
        return self.width - 2 * MARGIN

    def add(self, height: float, draw: Callable[[Area], None]) -> None:
        """Add a block of ``height`` inches."""
        self._blocks.append((height, draw))

    def space(self, height: float) -> None:
        """Add empty room."""
        self.add(height, lambda area: None)

    def write(self, text: str, size: float = NORMAL, **style: Any) -> None:
        """Add a paragraph, wrapped to the width of the sheet."""
        lines = wrap(text, self.inner_width, size, str(style.get("weight", "normal")))
        step = line_height(size)

        def draw(area: Area) -> None:
            for number, line in enumerate(lines, start=1):
                area.write(0, area.height - number * step + 0.25 * step, line, size, **style)

        self.add(len(lines) * step, draw)

    def render(self, file_format: str) -> bytes:
        """Return the file as bytes: ``"png"``, ``"svg"`` or ``"pdf"``. The same sheet gives the same bytes."""
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

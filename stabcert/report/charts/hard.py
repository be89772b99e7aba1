"""The charts of ``certify-hard``: votes of the noise masks, and the radii that are proved and broken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stabcert.core.hard.finding import HardFinding, ranked
from stabcert.report.charts.area import BOLD, SMALL, Area, line_height, shortened
from stabcert.report.charts.fonts import text_width
from stabcert.report.colours import BLUE, BOX, FAINT, INK, PAPER, VERMILLION
from stabcert.report.document import Chart
from stabcert.report.hard.wording import RadiusRow, axis_end, ticks
from stabcert.report.wording import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CLASSES = 6
_BAR = 0.11
_BELOW_LETTERS = 0.02
"""Between a name and its bar, so that neither the bar nor the line across it touches a g."""
_VOTES = line_height(SMALL) + _BELOW_LETTERS + _BAR + 0.06
"""Height of a name with its bar."""
_ROW = 0.24
_NAMES = 1.62
"""Room for the names of the rows of radii."""
_AXIS = 0.34
_LEGEND = 0.24
_OPEN: dict[str, Any] = {"facecolor": PAPER, "edgecolor": FAINT, "hatch": "//////", "linewidth": 0.0}
_PROVED: dict[str, Any] = {"facecolor": BLUE, "linewidth": 0.0}
_BROKEN: dict[str, Any] = {"facecolor": VERMILLION, "linewidth": 0.0}


def votes_chart(finding: HardFinding, class_names: tuple[str, ...]) -> Chart:
    """Return a bar for each class with votes on the mask; a line marks its share on the full input."""
    certificate = finding.certificate
    order = ranked(certificate.votes)[:_MOST_CLASSES]
    total, full = int(certificate.votes.sum()), certificate.full_votes
    described = [
        f"{short(class_names[index])} {certificate.votes[index]} of {total}"
        + ("" if full is None else f" ({full[index]} of {int(full.sum())} on the full input)")
        for index in order
    ]
    return Chart(
        title="votes of the noise masks",
        subtitle="on the mask" if full is None else "on the mask; line: on the full input",
        description=f"Votes on the mask: {', '.join(described)}.",
        draw=partial(_draw_votes, finding=finding, class_names=class_names),
        height=len(order) * _VOTES + 0.02,
    )


def radii_chart(rows: list[RadiusRow], n_free: int) -> Chart:
    """Return one row for each function and direction: radii that are proved, open, broken, from 0 to what is known."""
    described = "; ".join(
        f"{row.name}: {'nothing is said' if row.proved is None else f'proved {row.radius}'}, "
        + ("none known to be broken" if row.broken is None else f"broken at {row.broken}")
        for row in rows
    )
    return Chart(
        title="radii",
        subtitle="what is proved, and what is known to break",
        description=f"Radii. {described}.",
        draw=partial(_draw_radii, rows=rows, n_free=n_free),
        height=_ROW * len(rows) + _AXIS + _LEGEND,
        wide=True,
    )


def _draw_votes(area: Area, finding: HardFinding, class_names: tuple[str, ...]) -> None:
    """Draw as many classes as there is room for."""
    from matplotlib.patches import Rectangle

    certificate = finding.certificate
    total, full = int(certificate.votes.sum()), certificate.full_votes
    axes = area.plain_axes()
    for number, index in enumerate(ranked(certificate.votes)[: min(_MOST_CLASSES, int(area.height / _VOTES))]):
        votes = int(certificate.votes[index])
        top = area.height - number * _VOTES
        count = f"{votes} of {total}"
        room = area.width - text_width(count, SMALL) - 0.08
        area.write(0, top - 0.8 * line_height(SMALL), shortened(short(class_names[index]), room, SMALL), SMALL)
        area.write(area.width, top - 0.8 * line_height(SMALL), count, SMALL, ha="right")
        bottom = top - line_height(SMALL) - _BELOW_LETTERS - _BAR
        axes.add_patch(Rectangle((0, bottom), area.width, _BAR, facecolor=BOX, linewidth=0))
        colour = BLUE if index == certificate.prediction else FAINT
        axes.add_patch(Rectangle((0, bottom), area.width * votes / total, _BAR, facecolor=colour, linewidth=0))
        if full is not None:
            place = area.width * int(full[index]) / max(1, int(full.sum()))
            axes.plot([place] * 2, [bottom - 0.02, bottom + _BAR + 0.02], color=INK, linewidth=1.2, clip_on=False)


def _draw_radii(area: Area, rows: list[RadiusRow], n_free: int) -> None:
    end = axis_end(rows, n_free)
    width = area.width - _NAMES
    cell = width / (end + 1)
    axes = area.plain_axes()
    bottom = area.height
    for row in rows:
        bottom -= _ROW
        area.write(0, bottom + 0.07, row.name, SMALL)
        area.write(_NAMES - 0.1, bottom + 0.07, row.radius, SMALL, ha="right", weight=BOLD)
        _draw_row(axes, row, bottom, cell, end)
    for radius in ticks(end):
        place = _NAMES + (radius + 0.5) * cell
        axes.plot([place] * 2, [bottom - 0.01, bottom - 0.04], color=INK, linewidth=0.6)
        area.write(place, bottom - 0.17, str(radius), SMALL, ha="center")
    more = f" (of {n_free})" if end < n_free else ""
    area.write(_NAMES + width / 2, bottom - 0.32, f"features added or removed, r{more}", SMALL, ha="center")
    _draw_legend(area, axes)


def _draw_row(axes: Axes, row: RadiusRow, bottom: float, cell: float, end: int) -> None:
    from matplotlib.patches import Rectangle

    proved = end + 1 if row.everything else 0 if row.proved is None else row.proved + 1
    broken = end + 1 if row.broken is None else row.broken
    for start, stop, style in ((0, proved, _PROVED), (proved, broken, _OPEN), (broken, end + 1, _BROKEN)):
        if stop > start:
            place = (_NAMES + start * cell, bottom + 0.03)
            axes.add_patch(Rectangle(place, (stop - start) * cell, _ROW - 0.06, **style))


def _draw_legend(area: Area, axes: Axes) -> None:
    from matplotlib.patches import Rectangle

    left = _NAMES
    for name, style in (("proved", _PROVED), ("not known", _OPEN), ("broken", _BROKEN)):
        axes.add_patch(Rectangle((left, 0.02), 0.16, 0.1, **style))
        area.write(left + 0.21, 0.03, name, SMALL)
        left += 0.21 + text_width(name, SMALL) + 0.2

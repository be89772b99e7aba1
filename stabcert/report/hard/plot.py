"""The figure of a hard certificate: what is kept, how the noise masks vote, what is proved and what is broken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stabcert.core.hard.finding import HardFinding, ranked
from stabcert.report.canvas import Canvas, Exhibit, added
from stabcert.report.caption import flip_title
from stabcert.report.colours import BLUE, VERMILLION
from stabcert.report.figures.fonts import text_width
from stabcert.report.figures.image import TITLES, Panel, add_beside, draw_flip, draw_kept, title
from stabcert.report.figures.sheet import BOLD, SMALL, Area, Sheet, line_height, shortened
from stabcert.report.figures.text import ADDED_FRAME, KEPT_FRAME, Frame, add_text
from stabcert.report.hard.wording import RadiusRow, axis_end, radius_rows, ticks
from stabcert.report.wording import predicted, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR = 0.11
_BELOW_LETTERS = 0.02
"""Between a name and its bar, so that neither the bar nor the line across it touches a g."""
_VOTES = line_height(SMALL) + _BELOW_LETTERS + _BAR + 0.06
"""Height of a name with its bar."""
_ROW = 0.24
_NAMES = 1.62
"""Room for the names of the rows of radii."""
_AXIS = 0.34
_LEGEND = 0.2
_OPEN: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.6", "hatch": "//////", "linewidth": 0.0}
_PROVED: dict[str, Any] = {"facecolor": BLUE, "linewidth": 0.0}
_BROKEN: dict[str, Any] = {"facecolor": VERMILLION, "linewidth": 0.0}


def add_hard(sheet: Sheet, exhibit: Exhibit, finding: HardFinding) -> None:
    """Everything but the name and the caption."""
    text = exhibit.report.input.text
    if exhibit.canvas is not None:
        _add_image(sheet, exhibit, finding, exhibit.canvas)
    elif text is not None:
        _add_text(sheet, exhibit, finding, text)
    sheet.space(0.1)
    rows = radius_rows(finding)
    sheet.add(_ROW * len(rows) + _AXIS + _LEGEND, lambda area: draw_radii(area, rows, finding.certificate.n_free))
    sheet.space(0.05)


def draw_votes(area: Area, exhibit: Exhibit, finding: HardFinding) -> None:
    """A bar for each class with votes on the mask, as many as there is room for; a line marks the full input."""
    from matplotlib.patches import Rectangle

    certificate, names = finding.certificate, exhibit.report.model.class_names
    total, full = int(certificate.votes.sum()), certificate.full_votes
    height = _VOTES
    axes = area.plain_axes()
    for number, index in enumerate(ranked(certificate.votes)[: int(area.height / height)]):
        votes = int(certificate.votes[index])
        top = area.height - number * height
        count = f"{votes} of {total}"
        room = area.width - text_width(count, SMALL) - 0.08
        area.write(0, top - 0.8 * line_height(SMALL), shortened(short(names[index]), room, SMALL), SMALL)
        area.write(area.width, top - 0.8 * line_height(SMALL), count, SMALL, ha="right")
        bottom = top - line_height(SMALL) - _BELOW_LETTERS - _BAR
        axes.add_patch(Rectangle((0, bottom), area.width, _BAR, facecolor="0.92", linewidth=0))
        colour = BLUE if index == certificate.prediction else "0.55"
        axes.add_patch(Rectangle((0, bottom), area.width * votes / total, _BAR, facecolor=colour, linewidth=0))
        if full is not None:
            place = area.width * int(full[index]) / max(1, int(full.sum()))
            axes.plot([place] * 2, [bottom - 0.02, bottom + _BAR + 0.02], color="black", linewidth=1.2, clip_on=False)


def draw_radii(area: Area, rows: list[RadiusRow], n_free: int) -> None:
    """One row for each function and direction: radii that are proved, open, broken, from 0 to what is known."""
    end = axis_end(rows, n_free)
    width = area.width - _NAMES
    cell = width / (end + 1)
    axes = area.plain_axes()
    bottom = area.height
    for row in rows:
        bottom -= _ROW
        known = "–" if row.proved is None else "all" if row.everything else str(row.proved)
        area.write(0, bottom + 0.07, row.name, SMALL)
        area.write(_NAMES - 0.1, bottom + 0.07, known, SMALL, ha="right", weight=BOLD)
        _draw_row(axes, row, bottom, cell, end)
    for radius in ticks(end):
        place = _NAMES + (radius + 0.5) * cell
        axes.plot([place] * 2, [bottom - 0.01, bottom - 0.04], color="black", linewidth=0.6)
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


def _add_image(sheet: Sheet, exhibit: Exhibit, finding: HardFinding, canvas: Canvas) -> None:
    explanation = exhibit.report.explanation
    mask = explanation.mask
    panels: list[Panel] = [
        (
            f"kept: {int(mask.sum())} of {len(explanation.features)}",
            predicted(explanation.masked),
            partial(draw_kept, canvas=canvas, mask=mask),
        )
    ]
    if exhibit.flips:
        new = added(exhibit.flips[0], mask)
        panels.append(
            (
                f"flip: {int(new.sum())} added",
                predicted(exhibit.flips[0].prediction),
                partial(draw_flip, canvas=canvas, mask=mask, added=new),
            )
        )

    def beside(area: Area, height: float) -> None:
        title(area, "votes", _votes_legend(finding))
        draw_votes(area.part(0, 0, area.width, height), exhibit, finding)

    add_beside(sheet, canvas, panels, beside)


def _add_text(sheet: Sheet, exhibit: Exhibit, finding: HardFinding, text: str) -> None:
    explanation = exhibit.report.explanation
    mask, features = explanation.mask, explanation.features
    add_text(sheet, text, features, [Frame(mask, KEPT_FRAME)])
    if exhibit.flips:
        sheet.space(0.05)
        sheet.write(f"Smallest flip found, {flip_title(exhibit.flips[0], exhibit)} (dashed)", SMALL, weight="bold")
        frames = [Frame(mask, KEPT_FRAME), Frame(added(exhibit.flips[0], mask), ADDED_FRAME)]
        add_text(sheet, text, features, frames)
    sheet.space(0.08)
    classes = min(5, len(ranked(finding.certificate.votes)))
    height = classes * _VOTES + 0.02

    def draw(area: Area) -> None:
        title(area, "votes", _votes_legend(finding))
        draw_votes(area.part(0, 0, area.width, height), exhibit, finding)

    sheet.add(TITLES + height, draw)


def _votes_legend(finding: HardFinding) -> str:
    return "line: on the full input" if finding.certificate.full_votes is not None else "of the noise masks"

"""Figures in files: .png, .svg or .pdf, one row for each input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stabcert.core.soft.certificate import SoftCertificate
from stabcert.errors import ParameterError
from stabcert.report.canvas import Canvas, Exhibit, Ranking, added, certified, hard_finding, rankings, spectrum_finding
from stabcert.report.caption import caption, flip_title
from stabcert.report.figures.image import (
    BAR_HEIGHT,
    GAP,
    TITLES,
    Panel,
    add_beside,
    draw_bar,
    draw_flip,
    draw_heat,
    draw_input,
    draw_kept,
    image_height,
    title,
)
from stabcert.report.figures.rates import draw_rates
from stabcert.report.figures.sheet import LARGE, NORMAL, SMALL, Area, Sheet, own_style
from stabcert.report.figures.text import ADDED_FRAME, KEPT_FRAME, Frame, add_text
from stabcert.report.hard.plot import add_hard
from stabcert.report.says.soft import flip_summary
from stabcert.report.spectrum.plot import add_spectrum
from stabcert.report.visible import visible
from stabcert.report.wording import counted, name_of, predicted, short

SUFFIXES = (".png", ".svg", ".pdf")
MOST_INPUTS = 20
"""In one figure."""


def format_of(path: Path) -> str:
    """The format that the ending of a file name stands for.

    Raises:
        ParameterError: another ending.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(f"a picture cannot be written to {path}; end its name in .png, .svg or .pdf")
    return suffix.removeprefix(".")


def plot(exhibits: Sequence[Exhibit], file_format: str) -> bytes:
    """A figure of one or several reports, as the bytes of a file; the same reports give the same bytes.

    Raises:
        ParameterError: more than `MOST_INPUTS` reports, or none.
    """
    check_number(len(exhibits))
    with own_style():
        sheet = Sheet()
        for number, (exhibit, name) in enumerate(zip(exhibits, _names(exhibits), strict=True)):
            if number:
                sheet.space(0.3)
            _add(sheet, exhibit, name)
        return sheet.render(file_format)


def check_number(inputs: int) -> None:
    """Refuse what does not fit into one figure."""
    if not 1 <= inputs <= MOST_INPUTS:
        raise ParameterError(
            f"one picture shows 1 to {MOST_INPUTS} inputs, not {inputs}; use --limit {MOST_INPUTS}, or --html FILE"
        )


def _names(exhibits: Sequence[Exhibit]) -> list[str]:
    """A file is called by its name alone where that tells it from the others: folders have no place in a paper."""
    inputs = [exhibit.report.input for exhibit in exhibits]
    short_names = [Path(info.id).name if info.id == info.path else info.id for info in inputs]
    return [
        visible(name) if short_names.count(name) == 1 else name_of(info)
        for name, info in zip(short_names, inputs, strict=True)
    ]


def _add(sheet: Sheet, exhibit: Exhibit, name: str) -> None:
    report = exhibit.report
    if report.input.text is None or report.input.path is not None:  # a text by itself needs no name
        sheet.write(name, LARGE, weight="bold")
        sheet.space(0.04)
    finding, spectrum = hard_finding(report), spectrum_finding(report)
    if finding is not None:
        add_hard(sheet, exhibit, finding)
    elif spectrum is not None:
        add_spectrum(sheet, exhibit, spectrum)
    elif exhibit.canvas is not None:
        _add_image(sheet, exhibit, exhibit.canvas)
    elif report.input.text is not None:
        _add_texts(sheet, exhibit, report.input.text)
    sheet.space(0.04)
    sheet.write(caption(report), SMALL, color="0.25")


def _add_image(sheet: Sheet, exhibit: Exhibit, canvas: Canvas) -> None:
    report = exhibit.report
    explanation, certificate = report.explanation, certified(report)
    kept: Panel = (
        f"kept: {int(explanation.mask.sum())} of {len(explanation.features)}",
        predicted(explanation.masked),
        partial(draw_kept, canvas=canvas, mask=explanation.mask),
    )
    if certificate is not None:
        _add_certified_image(sheet, exhibit, canvas, kept, certificate)
        return
    found = rankings(report)
    whole: Panel = ("input", predicted(explanation.full), partial(draw_input, canvas=canvas))
    if len(found) == 1:
        (only,) = found
        target = short(report.model.class_names[explanation.target])
        heat: Panel = (f"{only.method} scores", f"for {target}", partial(draw_heat, canvas=canvas, ranking=only))
        _add_panels(sheet, canvas, [whole, heat, kept], columns=3, bars={1: only})
        return
    columns = 4
    rows = [found[: columns - 1], *(found[i : i + columns] for i in range(columns - 1, len(found), columns))]
    for number, row in enumerate(rows):
        _add_methods(sheet, canvas, [whole] if number == 0 else [], row, columns)


def _add_methods(sheet: Sheet, canvas: Canvas, first: list[Panel], row: list[Ranking], columns: int) -> None:
    """The heat maps of some methods, and under each its kept features."""
    heats: list[Panel] = [
        (ranking.method, predicted(ranking.masked), partial(draw_heat, canvas=canvas, ranking=ranking))
        for ranking in row
    ]
    bars = {len(first) + i: ranking for i, ranking in enumerate(row)}
    _add_panels(sheet, canvas, [*first, *heats], columns=columns, bars=bars)
    kept: list[Panel] = [("", "", partial(draw_kept, canvas=canvas, mask=ranking.mask)) for ranking in row]
    _add_panels(sheet, canvas, kept, columns=columns, bars={}, skip=len(first), titles=False)
    sheet.space(0.12)


def _add_panels(
    sheet: Sheet,
    canvas: Canvas,
    panels: list[Panel],
    *,
    columns: int,
    bars: dict[int, Ranking],
    skip: int = 0,
    titles: bool = True,
) -> None:
    width = (sheet.inner_width - (columns - 1) * GAP) / columns
    height, above, below = image_height(canvas, width), TITLES if titles else 0.0, BAR_HEIGHT if bars else 0.0

    def draw(area: Area) -> None:
        for number, (name, subtitle, picture) in enumerate(panels):
            column = area.part((number + skip) * (width + GAP), 0, width, area.height)
            title(column, name, subtitle)
            picture(column.part(0, below, width, height))
            if number in bars:
                draw_bar(column.part(0, 0, width, below), bars[number].scores)

    sheet.add(above + height + below, draw)


def _add_certified_image(
    sheet: Sheet, exhibit: Exhibit, canvas: Canvas, kept: Panel, certificate: SoftCertificate
) -> None:
    mask = exhibit.report.explanation.mask
    panels = [kept]
    if exhibit.flips:
        flip = exhibit.flips[0]
        size = counted(int(added(flip, mask).sum()), exhibit.report.explanation.features.kind)
        panels.append(
            (
                f"flip: {size} added",
                predicted(flip.prediction),
                partial(draw_flip, canvas=canvas, mask=mask, added=added(flip, mask)),
            )
        )
    add_beside(sheet, canvas, panels, lambda area, _: draw_rates(area, certificate))
    sheet.space(0.03)
    sheet.write(flip_summary(exhibit), SMALL)


def _add_texts(sheet: Sheet, exhibit: Exhibit, text: str) -> None:
    report = exhibit.report
    explanation, certificate = report.explanation, certified(report)
    features = explanation.features
    if certificate is None:
        found = rankings(report)
        for ranking in found:
            if len(found) > 1:
                sheet.write(ranking.method, NORMAL, weight="bold")
            add_text(sheet, text, features, [Frame(ranking.mask, KEPT_FRAME)], ranking.scores)
            _add_bar(sheet, ranking)
        sheet.write(
            f"Full text: {predicted(explanation.full)}. Scores for "
            f"{short(report.model.class_names[explanation.target])}; framed: kept.",
            SMALL,
        )
        return
    add_text(sheet, text, features, [Frame(explanation.mask, KEPT_FRAME)])
    if exhibit.flips:
        flip = exhibit.flips[0]
        sheet.space(0.05)
        sheet.write(f"Smallest flip, {flip_title(flip, exhibit)} (dashed)", SMALL, weight="bold")
        frames = [Frame(explanation.mask, KEPT_FRAME), Frame(added(flip, explanation.mask), ADDED_FRAME)]
        add_text(sheet, text, features, frames)
    sheet.write(flip_summary(exhibit), SMALL)
    sheet.space(0.06)
    sheet.add(1.5, lambda area: draw_rates(area, certificate))


def _add_bar(sheet: Sheet, ranking: Ranking) -> None:
    sheet.add(BAR_HEIGHT, lambda area: draw_bar(area.part(0, 0, 1.6, BAR_HEIGHT), ranking.scores))

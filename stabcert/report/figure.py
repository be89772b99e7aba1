"""Figures in .png, .svg or .pdf files. A figure shows the evidence and charts of each document, then a caption."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stabcert.errors import ParameterError
from stabcert.report.canvas import Canvas
from stabcert.report.charts.area import LARGE, SMALL, TITLES, Area, own_style
from stabcert.report.document import Chart, Document, Evidence, Heading, Line
from stabcert.report.evidence.image import draw_picture, picture_height
from stabcert.report.evidence.text import add_text
from stabcert.report.sheet import Sheet
from stabcert.report.visible import visible

SUFFIXES = (".png", ".svg", ".pdf")
MOST_INPUTS = 20
"""Largest number of inputs in one figure."""
_GAP = 0.12
"""Space between pictures, and between charts."""
_FEW, _MANY = 3, 4
"""Pictures beside one another: where all fit into one row, and where they do not."""

Picture = tuple[Evidence, Canvas]


def format_of(path: Path) -> str:
    """Return the format that the ending of a file name selects.

    Raises:
        ParameterError: another ending.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(f"a picture cannot be written to {path}. End its name in .png, .svg or .pdf")
    return suffix.removeprefix(".")


def check_number(inputs: int) -> None:
    """Refuse what does not fit into one figure."""
    if not 1 <= inputs <= MOST_INPUTS:
        raise ParameterError(
            f"one picture shows 1 to {MOST_INPUTS} inputs, not {inputs}. Use --limit {MOST_INPUTS}, or --html FILE"
        )


def figure(documents: Sequence[Document], file_format: str) -> bytes:
    """Return a figure of one or several documents as the bytes of a file; the same documents give the same bytes.

    Raises:
        ParameterError: more than `MOST_INPUTS` documents, or none.
    """
    check_number(len(documents))
    names = _names([document.heading for document in documents])
    with own_style():
        sheet = Sheet()
        for number, (document, name) in enumerate(zip(documents, names, strict=True)):
            if number:
                sheet.space(0.3)
            _add(sheet, document, name)
        return sheet.render(file_format)


def caption(document: Document) -> str:
    """Return everything in words that a reader of a figure has to know, as sentences."""
    lines = [block.text for block in document.blocks if isinstance(block, Line) and "figure" in block.on]
    named = [document.heading.name] if document.heading.title else []
    return " ".join([*map(_as_sentence, named), visible(document.facts), *map(_as_sentence, filter(None, lines))])


def _as_sentence(text: str) -> str:
    text = visible(text)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def _names(headings: Sequence[Heading]) -> list[str]:
    """Return the names over the documents, empty for a text that is shown as a whole.

    A file is called by its name alone where that tells it from the others: folders have no place in a paper.
    """
    alone = [Path(one.name).name if one.naming == "path" else one.name for one in headings]
    names = [name if alone.count(name) == 1 else one.name for name, one in zip(alone, headings, strict=True)]
    return [
        "" if one.naming == "beginning" else visible(one.title or name)
        for name, one in zip(names, headings, strict=True)
    ]


def _add(sheet: Sheet, document: Document, name: str) -> None:
    if name:
        sheet.write(name, LARGE, weight="bold")
        sheet.space(0.04)
    blocks = [
        block
        for block in document.blocks
        if isinstance(block, Chart) or (isinstance(block, Evidence) and "figure" in block.on)
    ]
    pictures: list[Picture] = []
    charts: list[Chart] = []
    for block in blocks:
        if isinstance(block, Evidence):
            charts = _add_charts(sheet, charts)
            if block.canvas is not None:
                pictures.append((block, block.canvas))
            elif block.text is not None:
                _add_text(sheet, block, block.text)
        elif pictures and len(pictures) < _FEW and not block.wide:
            pictures = _add_beside(sheet, pictures, block)
        else:
            pictures = _add_pictures(sheet, pictures)
            charts.append(block)
    _add_pictures(sheet, pictures)
    _add_charts(sheet, charts)
    sheet.space(0.04)
    sheet.write(caption(document), SMALL, color="0.25")


def _add_text(sheet: Sheet, shown: Evidence, text: str) -> None:
    if shown.title:
        dashed = "" if shown.added is None else " (dashed)"
        sheet.write(f"{shown.name}{dashed}", SMALL, weight="bold")
    if shown.side:
        sheet.write(f"{shown.side}:", SMALL, color="0.25")
    add_text(sheet, shown, text)
    sheet.space(0.06)


def _add_pictures(sheet: Sheet, pictures: list[Picture]) -> list[Picture]:
    """Add rows of pictures; returns those that are left, none."""
    columns = [[picture] for picture in pictures] if len(pictures) <= _FEW else _stacks(pictures)
    across = _FEW if len(pictures) <= _FEW else _MANY
    width = (sheet.inner_width - (across - 1) * _GAP) / across
    for start in range(0, len(columns), across):
        row = columns[start : start + across]
        sheet.add(max(_height(column, width) for column in row), partial(_draw_columns, columns=row, width=width))
        sheet.space(0.1)
    return []


def _stacks(pictures: list[Picture]) -> list[list[Picture]]:
    """Return columns of pictures: the kept features are below the scores that selected them."""
    columns: list[list[Picture]] = []
    for picture, canvas in pictures:
        if columns and picture.kept_by(columns[-1][-1][0]):
            columns[-1].append((picture, canvas))
        else:
            columns.append([(picture, canvas)])
    return columns


def _height(column: list[Picture], width: float) -> float:
    return sum(picture_height(picture, canvas, width) for picture, canvas in column)


def _draw_columns(area: Area, columns: list[list[Picture]], width: float) -> None:
    for number, column in enumerate(columns):
        top = area.height
        for picture, canvas in column:
            height = picture_height(picture, canvas, width)
            top -= height
            draw_picture(area.part(number * (width + _GAP), top, width, height), picture, canvas)


def _add_beside(sheet: Sheet, pictures: list[Picture], chart: Chart) -> list[Picture]:
    """Add one or two pictures, each a third of the sheet wide, and a chart in the room that is left."""
    width = (sheet.inner_width - 2 * _GAP) / 3
    height = max(TITLES + chart.height, *(_height([picture], width) for picture in pictures))

    def draw(area: Area) -> None:
        _draw_columns(area, [[picture] for picture in pictures], width)
        left = len(pictures) * (width + _GAP)
        _draw_chart(area.part(left, 0, area.width - left, area.height), chart)

    sheet.add(height, draw)
    sheet.space(0.06)
    return []


def _add_charts(sheet: Sheet, charts: list[Chart]) -> list[Chart]:
    """Add charts, two beside one another where neither needs a line of its own; returns those left, none."""
    left = list(charts)
    while left:
        row = [left.pop(0)]
        if left and not row[0].wide and not left[0].wide:
            row.append(left.pop(0))
        width = (sheet.inner_width - (len(row) - 1) * _GAP) / len(row)
        sheet.add(max(map(_chart_height, row)), partial(_draw_charts, charts=row, width=width))
        sheet.space(0.08)
    return []


def _draw_charts(area: Area, charts: list[Chart], width: float) -> None:
    for number, chart in enumerate(charts):
        height = _chart_height(chart)
        _draw_chart(area.part(number * (width + _GAP), area.height - height, width, height), chart)


def _chart_height(chart: Chart) -> float:
    return chart.height + (TITLES if chart.title else 0.0)


def _draw_chart(area: Area, chart: Chart) -> None:
    if chart.title:
        area.title(chart.title, chart.subtitle)
    chart.draw(area.part(0, 0, area.width, area.height - (TITLES if chart.title else 0.0)))

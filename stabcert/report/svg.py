"""Charts as SVG elements of a page, with the fonts and colours of the page and without external resources."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

from stabcert.report.charts.area import Area, own_style
from stabcert.report.colours import ON_PAGE
from stabcert.report.document import Chart
from stabcert.report.visible import visible

WIDTH, WIDE = 3.3, 5.4
"""Inches of charts, and of those that need a line of their own: small letters are as large as those of the page."""
_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_LETTERS = re.compile(r"font: ([^;']*?[\d.]+px)[^;]*|font-family: [^;]*")
_PAGE_LETTERS = "system-ui, sans-serif"
_PARTS = re.compile(r"url\(#([^)]+)\)")


def svg(chart: Chart, name: str) -> str:
    """Return the chart as one ``svg`` element.

    Args:
        chart: what is drawn.
        name: begins the ids in it, and so belongs to no other chart of the page.
    """
    root = ElementTree.fromstring(_drawn(chart))
    drawing = ElementTree.Element(
        "svg",
        {"class": "chart", "viewBox": root.attrib["viewBox"], "role": "img", "aria-label": visible(chart.description)},
    )
    for element in root:
        if _tag(element) != "metadata":
            copied = _copy(element, name)
            if copied is not None:
                drawing.append(copied)
    return ElementTree.tostring(drawing, encoding="unicode")


def _drawn(chart: Chart) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    width = WIDE if chart.wide else WIDTH
    buffer = io.BytesIO()
    with own_style(letters=True), warnings.catch_warnings():
        # The reader of a page may have fonts that matplotlib has not.
        warnings.filterwarnings("ignore", message="Glyph|Matplotlib currently does not support")
        figure = Figure(figsize=(width, chart.height))
        figure.patch.set_visible(False)
        FigureCanvasSVG(figure)
        chart.draw(Area(figure, 0, 0, width, chart.height))
        figure.savefig(buffer, format="svg", metadata=_METADATA)
    return buffer.getvalue()


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _copy(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    """Return an element without namespaces and style sheets, which would be those of the whole page."""
    tag = _tag(element)
    if tag == "style" or (tag == "defs" and all(_tag(child) == "style" for child in element)):
        return None
    attributes = {}
    for key, value in element.attrib.items():
        key = key.rpartition("}")[2]
        if key == "id":
            # Only what is referred to needs one; matplotlib names every group.
            if tag == "g":
                continue
            value = f"{name}-{value}"
        elif key == "href":
            value = f"#{name}-{value.removeprefix('#')}"
        else:
            value = _PARTS.sub(rf"url(#{name}-\1)", _on_page(value))
        attributes[key] = value
    if tag == "text" and "fill" not in attributes.get("style", ""):
        # matplotlib leaves out what is black, which is the colour of no letters on a dark page.
        attributes["style"] = f"{attributes.get('style', '')}; fill: var(--ink)".removeprefix("; ")
    copied = ElementTree.Element(tag, attributes)
    copied.text, copied.tail = _words(element.text), _words(element.tail)
    children = (_copy(child, name) for child in element)
    copied.extend(child for child in children if child is not None)
    return copied


def _words(text: str | None) -> str | None:
    """Return text without the line breaks between elements."""
    return text if text and text.strip() else None


def _on_page(value: str) -> str:
    """Return colours and letters of an attribute as those of the page."""
    value = _COLOUR.sub(lambda found: f"var(--{ON_PAGE[found[0]]})" if found[0] in ON_PAGE else found[0], value)
    value = _LETTERS.sub(
        lambda found: f"font: {found[1]} {_PAGE_LETTERS}" if found[1] else f"font-family: {_PAGE_LETTERS}", value
    )
    return " ".join(value.split())

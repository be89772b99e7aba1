"""One self-contained page for all inputs of a run. It shows each document with pictures, charts, tables and record.

No scripts, and nothing from elsewhere: a content security policy in the page forbids both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from stabcert.report.document import Bar, Cell, Chart, Document, Evidence, Line, Table, Word, pieces
from stabcert.report.evidence.page import PictureView, TextView, picture_view, text_view
from stabcert.report.svg import svg
from stabcert.report.visible import visible

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


@dataclass(frozen=True)
class ChartView:
    """A chart with its caption."""

    chart: Chart
    drawing: Markup


@dataclass
class Row:
    """Pictures and charts beside one another; what is kept by some scores stays beside these."""

    groups: list[list[PictureView | ChartView]] = field(default_factory=list)

    def add(self, item: PictureView | ChartView) -> None:
        last = self.groups[-1][-1] if self.groups else None
        if isinstance(item, PictureView) and isinstance(last, PictureView) and item.evidence.kept_by(last.evidence):
            self.groups[-1].append(item)
        else:
            self.groups.append([item])


@dataclass(frozen=True)
class TableView:
    """Cells in full rows."""

    table: Table
    titles: tuple[str, ...]
    """Empty where no column has one."""
    rows: tuple[tuple[tuple[Word | Bar, ...], ...], ...]


View = Row | TextView | TableView | Line


class Page:
    """``head``, then any number of ``section``, then ``tail``: together the file, of which none is kept here."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.sections = 0
        self._charts = 0
        self._overview: list[tuple[int, str, Word, Word]] = []

    def head(self) -> str:
        """Return the beginning of the file."""
        style = files("stabcert.report").joinpath("page.css").read_text("utf-8")
        return _macro("head", self.title, _markup(style))

    def section(self, document: Document, record: dict[str, Any]) -> str:
        """Return everything on one input; of one of many a line that opens.

        Args:
            document: what is said of it.
            record: is there to be opened.
        """
        self.sections += 1
        lines = json.dumps(record, ensure_ascii=False, indent=1).split("\n")
        shown = _markup("\n").join(map(visible, lines))
        views = list(self._views(document))
        if document.folded:
            return _macro("folded", document, views, shown)
        heading = document.heading
        prediction = Word("".join(word.text for word in heading.parts[0]) if heading.parts else "")
        self._overview.append((self.sections, heading.name, prediction, heading.status or Word("")))
        return _macro("section", self.sections, document, views, shown)

    def summary(self, document: Document) -> str:
        """Return what is said of all inputs together; shown at the top, and instead of an overview."""
        self.sections += 1
        self._overview = []
        return _macro("summary", document, list(self._views(document)))

    def tail(self) -> str:
        """Return the end of the file; with several inputs an overview, which is shown at the top."""
        return _macro("tail", self._overview if len(self._overview) > 1 else [])

    def _views(self, document: Document) -> Iterator[View]:
        """Yield the views of a document in its order; adjacent pictures and charts share one row."""
        row = Row()
        for block in document.blocks:
            if isinstance(block, Evidence) and block.canvas is not None and "page" in block.on:
                row.add(picture_view(block, block.canvas))
                continue
            if isinstance(block, Chart):
                self._charts += 1
                drawn = ChartView(block, _markup(svg(block, f"c{self._charts}")))
                if not block.wide:
                    row.add(drawn)
                    continue
                yield from (row,) if row.groups else ()
                yield Row([[drawn]])
                row = Row()
                continue
            view = _view(block)
            if view is not None:
                yield from (row,) if row.groups else ()
                row = Row()
                yield view
        yield from (row,) if row.groups else ()


def _view(block: Evidence | Line | Table) -> View | None:
    """Return what is shown of anything but pictures and charts; None for what a page does not show."""
    if "page" not in block.on:
        return None
    if isinstance(block, Line):
        return block
    if isinstance(block, Evidence):
        return None if block.text is None else text_view(block, block.text)
    titles = tuple(f"{column.over} {column.title}".strip() for column in block.columns)
    rows = tuple(tuple(map(_cell, [*row, *[""] * (len(titles) - len(row))])) for row in block.rows)
    return TableView(block, titles if any(titles) else (), rows)


def _cell(cell: Cell) -> tuple[Word | Bar, ...]:
    return pieces(cell)


def _markup(text: str) -> Markup:
    """Mark what was escaped before."""
    from markupsafe import Markup

    return Markup(text)


def _macro(name: str, *arguments: Any) -> str:
    macro: Any = getattr(_template().module, name)
    return str(macro(*arguments)).lstrip()


@lru_cache(maxsize=1)
def _template() -> Template:
    """Return the template: whatever it inserts is escaped, and control characters are visible."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.tests["bar"] = lambda value: isinstance(value, Bar)
    environment.tests["line"] = lambda value: isinstance(value, Line)
    environment.tests["table"] = lambda value: isinstance(value, TableView)
    environment.tests["text"] = lambda value: isinstance(value, TextView)
    environment.tests["picture"] = lambda value: isinstance(value, PictureView)
    return environment.from_string(files("stabcert.report").joinpath("page.html").read_text("utf-8"))

"""What a command says of a report: as a document, as lines of a screen, as a section of a page, as a caption."""

from __future__ import annotations

from collections.abc import Sequence

from stabcert.records.findings import CurveFinding
from stabcert.report.canvas import Exhibit
from stabcert.report.document import Chart, Document
from stabcert.report.figure import caption, figure
from stabcert.report.page import Page
from stabcert.report.record import Report
from stabcert.report.says.curve import curve_document, input_document
from stabcert.report.says.explain import explain_document
from stabcert.report.says.hard import hard_document
from stabcert.report.says.soft import soft_document
from stabcert.report.says.spectrum import spectrum_document
from stabcert.report.terminal import Shown, lines

SAY = {
    "explain": explain_document,
    "certify-soft": soft_document,
    "certify-hard": hard_document,
    "fourier": spectrum_document,
    "smooth-eval": input_document,
}


def document(report: Report) -> Document:
    """By the command that made the report."""
    return document_of(Exhibit(report))


def document_of(exhibit: Exhibit) -> Document:
    return SAY[exhibit.report.command](exhibit)


def section(exhibit: Exhibit, page: Page | None = None) -> str:
    return (page or Page("page")).section(document_of(exhibit), exhibit.report.to_dict())


def caption_of(report: Report) -> str:
    return caption(document(report))


def drawn(exhibits: Sequence[Exhibit], file_format: str) -> bytes:
    return figure([document_of(exhibit) for exhibit in exhibits], file_format)


def chart_of(exhibit: Exhibit, title: str) -> Chart:
    (found,) = (b for b in document_of(exhibit).blocks if isinstance(b, Chart) and b.title == title)
    return found


def render(report: Report) -> list[Shown]:
    return lines(document(report))


def render_explain(report: Report, show: int) -> list[Shown]:
    return lines(explain_document(Exhibit(report), show))


def render_curve(finding: CurveFinding) -> list[Shown]:
    return lines(curve_document(finding))

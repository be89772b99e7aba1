"""What a command says of a report, as lines of a screen."""

from __future__ import annotations

from stabcert.records.findings import CurveFinding
from stabcert.report.canvas import Exhibit
from stabcert.report.document import Document
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
    return SAY[report.command](Exhibit(report))


def render(report: Report) -> list[Shown]:
    return lines(document(report))


def render_explain(report: Report, show: int) -> list[Shown]:
    return lines(explain_document(Exhibit(report), show))


def render_curve(finding: CurveFinding) -> list[Shown]:
    return lines(curve_document(finding))

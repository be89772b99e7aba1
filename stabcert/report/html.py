"""One self-contained page for all inputs of a run: pictures, certificates in words, tables, records.

No scripts, and nothing from elsewhere: a content security policy in the page forbids both.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.report.canvas import Canvas, Exhibit, Ranking, added, certified, hard_finding, rankings, spectrum_finding
from stabcert.report.caption import flip_title, largest_radius, numbers, warnings
from stabcert.report.colours import shade
from stabcert.report.curve.html import input_row
from stabcert.report.document import Document, Heading
from stabcert.report.hard.html import hard_parts
from stabcert.report.html_parts import chart, colour_bar, escaped, picture, sentence, style, table
from stabcert.report.numbers import confidence, rounded
from stabcert.report.record import Report
from stabcert.report.says.explain import neighbours, until_stable
from stabcert.report.says.soft import bounds_shown, flip_summary, guarantee, verdict_shown
from stabcert.report.spectrum.html import spectrum_parts
from stabcert.report.terminal import lines as screen_lines
from stabcert.report.wording import counted, name_of, predicted

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STATUS = {
    "certified": "certified",
    "not-certified": "NOT certified",
    "undecided": "undecided",
    "inconsistent": "NOT certified: inconsistent",
    "vacuous": "NOT certified: vacuous",
    "reported": "",
    "failed": "failed",
}
_SHOWN_FEATURES = 10


class Page:
    """``head``, then any number of ``section`` and ``failure``, then ``tail``: together the file."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.sections = 0
        self._overview: list[tuple[str, str, str]] = []

    def head(self) -> str:
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            f"<title>{escaped(self.title)}</title><style>{style()}</style></head>\n"
            f"<body><h1>{escaped(self.title)}</h1>\n"
        )

    def section(self, exhibit: Exhibit) -> str:
        """Everything about one input."""
        report = exhibit.report
        if report.command == "smooth-eval":
            return self._folded(exhibit)
        explanation = report.explanation
        parts = [
            self._open(name_of(report.input), report.status, predicted(explanation.full)),
            f"<p>{_status(report)}{escaped(_headline(report))}</p>",
        ]
        parts += _found(exhibit)
        parts += [f'<p class="bad">{escaped(warning)}</p>' for warning in warnings(report)]
        parts.append(f'<p class="faint">{escaped(numbers(report))}</p>')
        return "".join(parts) + _record(report.to_dict()) + "</section>\n"

    def summary(self, content: str) -> str:
        """What is said of all inputs together, in HTML; shown at the top, and instead of an overview."""
        self.sections += 1
        self._overview = []
        return f'<section class="first">{content}</section>\n'

    def _folded(self, exhibit: Exhibit) -> str:
        """One input of many: a line that opens."""
        self.sections += 1
        line, content = input_row(exhibit)
        record = _record(exhibit.report.to_dict())
        return f'<section class="folded"><details><summary>{line}</summary>{content}{record}</details></section>\n'

    def failure(self, record: dict[str, Any]) -> str:
        """An input that could not be done."""
        opened = self._open(record["input"]["id"], "failed", "")
        return f'{opened}<p class="bad">{escaped(record["error"]["message"])}</p>{_record(record)}</section>\n'

    def tail(self) -> str:
        """The end of the page; with several inputs an overview, which is shown at the top."""
        if len(self._overview) < 2:
            return "</body></html>\n"
        rows = "".join(
            f'<tr><td class=l><a href="#input-{number}">{escaped(name)}</a></td>'
            f"<td class=l>{escaped(prediction)}</td><td class=l>{escaped(_STATUS.get(status, status))}</td></tr>"
            for number, (name, status, prediction) in enumerate(self._overview, start=1)
        )
        header = "<tr><th class=l>input</th><th class=l>prediction</th><th class=l></th></tr>"
        return f"<nav><table><thead>{header}</thead><tbody>{rows}</tbody></table></nav></body></html>\n"

    def _open(self, name: str, status: str, prediction: str) -> str:
        self.sections += 1
        self._overview.append((name, status, prediction))
        return f'<section id="input-{self.sections}"><h2>{escaped(name)}</h2>'


def _status(report: Report) -> str:
    word = _STATUS.get(report.status, report.status)
    if not word:
        return ""
    return f'<span class="{"good" if report.status == "certified" else "bad"}">{escaped(word)}</span> · '


def _headline(report: Report) -> str:
    explanation = report.explanation
    n, k = len(explanation.features), int(explanation.mask.sum())
    consistency = {True: "consistent", False: "NOT consistent", None: "too close to call"}[explanation.consistent]
    return (
        f"{predicted(explanation.full)} · {counted(n, explanation.features.kind)}, {k} kept ({100 * k / n:.0f}%), "
        f"{explanation.method} · mask alone: {predicted(explanation.masked)}, {consistency}"
    )


def _found(exhibit: Exhibit) -> list[str]:
    """What the command found, shown in the way of that command."""
    certificate, finding = certified(exhibit.report), hard_finding(exhibit.report)
    spectrum = spectrum_finding(exhibit.report)
    if finding is not None:
        return hard_parts(exhibit, finding)
    if spectrum is not None:
        return spectrum_parts(exhibit, spectrum)
    return _explained(exhibit) if certificate is None else _certified(exhibit, certificate)


def _explained(exhibit: Exhibit) -> list[str]:
    report, canvas = exhibit.report, exhibit.canvas
    text, features = report.input.text, report.explanation.features
    found = rankings(report)
    parts = []
    if canvas is not None:
        whole = picture(canvas.pixels, f"Input as the model sees it: {predicted(report.explanation.full)}")
        pairs_of_pictures = [_method(canvas, r) for r in found]
        parts.append(f'<div class="row">{whole}{"".join(pairs_of_pictures)}</div>')
    elif text is not None:
        for ranking in found:
            name = f"<p><b>{escaped(ranking.method)}</b></p>" if len(found) > 1 else ""
            parts.append(name + sentence(text, features, ranking.mask, scores=ranking.scores))
        parts.append('<p class="faint">Red: speaks for the class, blue: against it. Framed: kept.</p>')
    if found:
        order = np.argsort(-found[0].scores, kind="stable")[:_SHOWN_FEATURES]
        header = ["", counted(1, features.kind).removeprefix("1 "), *(f"{ranking.method} score" for ranking in found)]
        rows = [
            [str(i + 1), features.items[f].label, *(f"{r.scores[f]:+.4f}" for r in found)] for i, f in enumerate(order)
        ]
        parts.append(table(header, rows, left=2))
    pairs = report.result.get("comparison")
    if pairs:
        parts.append(_comparison(pairs))
    said = (*until_stable(report.result), *neighbours(report.result, int(report.explanation.mask.sum())))
    lines = screen_lines(Document(Heading(""), said))[1:]
    if lines:
        parts.append("<pre>" + "\n".join(escaped(getattr(line, "plain", "")) for line in lines) + "</pre>")
    return parts


def _method(canvas: Canvas, ranking: Ranking) -> str:
    """Heat map and kept features."""
    outline = [("kept", canvas.outline(ranking.mask))]
    bar = colour_bar(ranking.scores, shade(np.linspace(-1, 1, 11)))
    heat = picture(canvas.heat(ranking.scores), f"{ranking.method} scores", outline, bar)
    kept = picture(
        canvas.kept(ranking.mask), f"{ranking.method}, kept features alone: {predicted(ranking.masked)}", outline
    )
    return f'<div class="pair">{heat}{kept}</div>'


def _comparison(pairs: list[dict[str, Any]]) -> str:
    keys = ("l1", "cosine", "spearman", "top_k_overlap")
    rows = [
        [" and ".join(pair["methods"]), *("-" if pair[key] is None else f"{pair[key]:.3f}" for key in keys)]
        for pair in pairs
    ]
    return table(["methods", "L1", "cosine", "Spearman", "top-k overlap"], rows)


def _certified(exhibit: Exhibit, certificate: SoftCertificate) -> list[str]:
    report, canvas, flips = exhibit.report, exhibit.canvas, exhibit.flips
    explanation, text = report.explanation, report.input.text
    mask = explanation.mask
    drawing = f'<figure class="wide">{chart(certificate)}</figure>'
    parts = []
    if canvas is not None:
        kept = ("kept", canvas.outline(mask))
        figures = [picture(canvas.kept(mask), f"Kept features in colour: {predicted(explanation.masked)}", [kept])]
        if flips:
            new = added(flips[0], mask)
            title = f"Smallest flip, outlined in orange: {flip_title(flips[0], exhibit)}"
            figures.append(picture(canvas.kept(flips[0].mask), title, [kept, ("added", canvas.outline(new))]))
        parts.append(f'<div class="row">{"".join(figures)}{drawing}</div>')
    elif text is not None:
        parts.append(sentence(text, explanation.features, mask))
        if flips:
            parts.append(f"<p><b>Smallest flip, framed by dashes: {escaped(flip_title(flips[0], exhibit))}</b></p>")
            parts.append(sentence(text, explanation.features, mask, added=added(flips[0], mask)))
        parts.append(f'<div class="row">{drawing}</div>')
    parts.append(_rates(certificate))
    parts += [f"<p><b>{escaped(found)}</b></p>" for found in largest_radius(certificate)]
    parts.append(f"<p>{escaped(guarantee(certificate))} {escaped(flip_summary(exhibit))}</p>")
    return parts


def _rates(certificate: SoftCertificate) -> str:
    kind = "interval" if certificate.sides == 2 else "bounds"
    header = ["radius", "samples", "matches", "rate", f"{confidence(certificate.delta)} {kind}", ""]
    return table(header, (_rate(rate) for rate in certificate.rates), left=0)


def _rate(rate: StabilityRate) -> list[str]:
    return [
        str(rate.radius),
        str(rate.samples),
        str(rate.matches),
        "-" if rate.rate is None else rounded(rate.rate),
        bounds_shown(rate),
        verdict_shown(rate).replace(">=", "≥"),
    ]


def _record(record: dict[str, Any]) -> str:
    text = "\n".join(escaped(line) for line in json.dumps(record, ensure_ascii=False, indent=1).split("\n"))
    return f"<details><summary>Record (JSON)</summary><pre>{text}</pre></details>"

"""A hard certificate as pieces of HTML: votes, radii, everything in words."""

from __future__ import annotations

from stabcert.core.hard.finding import HardFinding, Smoothed, keeps_prediction, lambda_text, ranked
from stabcert.report.canvas import Exhibit, added
from stabcert.report.caption import flip_title
from stabcert.report.hard.wording import RadiusRow, axis_end, hard_sentences, radius_rows, ticks
from stabcert.report.html_parts import escaped, picture, sentence, table
from stabcert.report.wording import predicted, short

_MOST_CLASSES = 6
_ROW, _CLASS = 26, 34
_NAMES, _WIDTH, _VOTES_WIDTH = 150, 560, 340


def hard_parts(exhibit: Exhibit, finding: HardFinding) -> list[str]:
    """Everything between the headline and the notes."""
    report, canvas, flips = exhibit.report, exhibit.canvas, exhibit.flips
    explanation, text = report.explanation, report.input.text
    mask = explanation.mask
    votes = (
        f'<figure class="wide">{votes_chart(finding, report.model.class_names)}'
        f"<figcaption>{escaped(_votes_legend(finding))}</figcaption></figure>"
    )
    parts = []
    if canvas is not None:
        kept = ("kept", canvas.outline(mask))
        figures = [picture(canvas.kept(mask), f"Kept features in colour: {predicted(explanation.masked)}", [kept])]
        if flips:
            title = f"Smallest flip found, outlined in orange: {flip_title(flips[0], exhibit)}"
            new = ("added", canvas.outline(added(flips[0], mask)))
            figures.append(picture(canvas.kept(flips[0].mask), title, [kept, new]))
        parts.append(f'<div class="row">{"".join(figures)}{votes}</div>')
    elif text is not None:
        parts.append(sentence(text, explanation.features, mask))
        if flips:
            title = f"Smallest flip found, framed by dashes: {flip_title(flips[0], exhibit)}"
            parts.append(f"<p><b>{escaped(title)}</b></p>")
            parts.append(sentence(text, explanation.features, mask, added=added(flips[0], mask)))
        parts.append(f'<div class="row">{votes}</div>')
    rows = radius_rows(finding)
    parts.append(f'<figure class="radii">{radius_chart(rows, finding.certificate.n_free)}</figure>')
    parts.append(_radii(rows))
    if finding.sweep:
        parts.append(_sweep(finding))
    parts += [f"<p>{escaped(said)}</p>" for said in hard_sentences(report, finding)]
    return parts


def votes_chart(finding: HardFinding, class_names: tuple[str, ...]) -> str:
    """A bar for each class with votes on the mask; a line marks its share on the full input."""
    certificate = finding.certificate
    total, full = int(certificate.votes.sum()), certificate.full_votes
    order = ranked(certificate.votes)[:_MOST_CLASSES]
    parts, described = [], []
    for number, index in enumerate(order):
        votes, top = int(certificate.votes[index]), number * _CLASS
        name = short(class_names[index])
        described.append(f"{name} {votes}")
        width = round(_VOTES_WIDTH * votes / total, 1)
        colour = "dot" if index == certificate.prediction else "other"
        parts.append(
            f'<text x="0" y="{top + 12}">{escaped(name)}</text>'
            f'<text x="{_VOTES_WIDTH}" y="{top + 12}" text-anchor="end">{votes} of {total}</text>'
            f'<rect class="empty" x="0" y="{top + 17}" width="{_VOTES_WIDTH}" height="10"/>'
            f'<rect class="{colour}" x="0" y="{top + 17}" width="{width}" height="10"/>'
        )
        if full is not None:
            place = round(_VOTES_WIDTH * int(full[index]) / max(1, int(full.sum())), 1)
            parts.append(f'<line class="mark" x1="{place}" x2="{place}" y1="{top + 14}" y2="{top + 30}"/>')
    return (
        f'<svg class="chart" viewBox="-2 0 {_VOTES_WIDTH + 4} {len(order) * _CLASS}" role="img" '
        f'aria-label="votes: {escaped(", ".join(described))}">{"".join(parts)}</svg>'
    )


def radius_chart(rows: list[RadiusRow], n_free: int) -> str:
    """For each function and direction the radii that are proved, open and broken."""
    end = axis_end(rows, n_free)
    cell = (_WIDTH - _NAMES) / (end + 1)

    def x(radius: float) -> float:
        return round(_NAMES + radius * cell, 1)

    parts = []
    for number, row in enumerate(rows):
        top = number * _ROW + 3
        known = "–" if row.proved is None else "all" if row.everything else str(row.proved)
        parts.append(
            f'<text x="0" y="{top + 15}">{escaped(row.name)}</text>'
            f'<text class="strong" x="{_NAMES - 8}" y="{top + 15}" text-anchor="end">{known}</text>'
        )
        proved = end + 1 if row.everything else 0 if row.proved is None else row.proved + 1
        broken = end + 1 if row.broken is None else row.broken
        for start, stop, style in ((0, proved, "dot"), (proved, broken, "open"), (broken, end + 1, "broken")):
            if stop > start:
                parts.append(_bar(x(start), top, x(stop) - x(start), _ROW - 6, style))
    bottom = len(rows) * _ROW + 3
    parts += [f'<text x="{x(r + 0.5)}" y="{bottom + 14}" text-anchor="middle">{r}</text>' for r in ticks(end)]
    more = f" (of {n_free})" if end < n_free else ""
    parts.append(
        f'<text x="{x((end + 1) / 2)}" y="{bottom + 31}" text-anchor="middle">features added or removed, r{more}</text>'
    )
    for number, (name, style) in enumerate((("proved", "dot"), ("not known", "open"), ("broken", "broken"))):
        left = _NAMES + number * 100
        parts.append(_bar(left, bottom + 42, 18, 12, style))
        parts.append(f'<text x="{left + 24}" y="{bottom + 52}">{name}</text>')
    described = "; ".join(f"{row.name}: proved {row.proved}, broken at {row.broken}" for row in rows)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {bottom + 58}" role="img" '
        f'aria-label="{escaped(described)}">{"".join(parts)}</svg>'
    )


def _bar(left: float, top: float, width: float, height: float, style: str) -> str:
    place = f'x="{left}" y="{top}" width="{round(width, 1)}" height="{height}"'
    if style != "open":
        return f'<rect class="{style}" {place}/>'
    lines = []
    for step in range(int((width + height) // 7) + 1):
        start = left - height + 7 * step
        first, last = max(start, left), min(start + height, left + width)
        if last > first:
            low, high = top + height - (first - start), top + height - (last - start)
            lines.append(f"M{first:.1f} {low:.1f}L{last:.1f} {high:.1f}")
    return f'<rect class="empty" {place}/><path class="hatch" d="{"".join(lines)}"/>'


def _radii(rows: list[RadiusRow]) -> str:
    cells = [
        [
            row.name,
            "-" if row.proved is None else "all" if row.everything else str(row.proved),
            "-" if row.proved is None else row.by,
            "-" if row.broken is None else str(row.broken),
        ]
        for row in rows
    ]
    return table(["radius", "proved", "by", "broken at"], cells)


def _sweep(finding: HardFinding) -> str:
    header = ["λ", "adding", "removing", "says of the full input", "says of the mask", "keeps the prediction"]
    return table(header, (_swept(one, finding) for one in finding.sweep))


def _swept(one: Smoothed, finding: HardFinding) -> list[str]:
    certificate = one.certificate
    adding = None if finding.direction == "decremental" else certificate.radius_incremental
    removing = None if finding.direction == "incremental" else certificate.radius_decremental
    return [
        lambda_text(certificate, finding.quantization),
        *(
            "all" if certificate.stable_for_all_supersets else "-" if radius is None else str(radius)
            for radius in (adding, removing)
        ),
        "-" if one.full is None else predicted(one.full),
        predicted(one.masked),
        "yes" if keeps_prediction(one, finding.plain) else "NO",
    ]


def _votes_legend(finding: HardFinding) -> str:
    full = "; line: on the full input" if finding.certificate.full_votes is not None else ""
    return f"Votes of the noise masks on the explanation{full}"

"""A report of ``certify-hard`` as lines of text for people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from stabcert.report.hard.finding import HardFinding, Smoothed, agrees
from stabcert.report.hard.record import lambda_text, ranked
from stabcert.report.hard.wording import (
    RadiusRow,
    attack_text,
    check_text,
    guarantees,
    published_note,
    radius_rows,
    shown,
    smoothing_text,
    smoothing_warning,
)
from stabcert.report.record import Report
from stabcert.report.terminal import Line, counted, family_lines, footer, heading, marked_text, notes, short, verdict

_NAMED_CLASSES = 4


def render_hard(report: Report) -> list[Line]:
    """Votes, the table of radii, what is guaranteed in words, what was searched, and what it cost."""
    finding = report.certificate
    if not isinstance(finding, HardFinding):
        raise TypeError("render_hard needs a report of certify-hard")
    lines: list[Line] = [heading(report), *marked_text(report)]
    lines += _sweep(finding)
    lines += _votes(report, finding)
    lines += _radii(report, finding)
    lines += [Text(f"  {sentence}", style="dim") for sentence in guarantees(report, finding)]
    lines += family_lines(report)
    for sentence in (attack_text(report, finding), published_note(finding.certificate)):
        if sentence:
            lines.append(Text(f"  {sentence}", style="dim"))
    if finding.check is not None:
        lines.append(Text(f"  {check_text(report, finding)}", style="green" if finding.check_guaranteed else "yellow"))
    warning = smoothing_warning(finding)
    if warning:
        lines.append(Text(f"  note: {warning}", style="yellow"))
    return [*lines, *verdict(report), *notes(report.explanation, report.status), footer(report)]


def votes_text(votes: NDArray[np.int64], class_names: tuple[str, ...]) -> str:
    """``tabby 52, tiger cat 10, lynx 2``; the many with few votes as one."""
    order = ranked(votes)
    named = order if len(order) <= _NAMED_CLASSES + 1 else order[:_NAMED_CLASSES]
    parts = [f"{short(class_names[i])} {votes[i]}" for i in named]
    rest = order[len(named) :]
    if rest:
        parts.append(f"{len(rest)} other classes {sum(int(votes[i]) for i in rest)}")
    return ", ".join(parts)


def _votes(report: Report, finding: HardFinding) -> list[Text]:
    certificate, names = finding.certificate, report.model.class_names
    votes = "votes" if certificate.scores == "vote" else "votes (decided by the mean probability)"
    title = Text(f"  smoothed model: {smoothing_text(finding)}", style="bold")
    if finding.agrees is not None:
        word, style = ("agrees", "not bold green") if finding.agrees else ("DISAGREES", "bold yellow")
        title.append(", ").append(f"{word} with the model", style=style)
    lines = [title, Text(f"  {votes} on the mask: {votes_text(certificate.votes, names)}")]
    if certificate.full_votes is not None:
        lines.append(Text(f"  {votes} on the full input: {votes_text(certificate.full_votes, names)}"))
    lines.append(Text(f"  the model itself: {shown(finding.plain)}, mask alone: {shown(finding.plain_masked)}"))
    if certificate.near_ties:
        lines.append(Text(f"  {certificate.near_ties} votes too close to call count against it", style="yellow"))
    return lines


def _radii(report: Report, finding: HardFinding) -> list[Text]:
    rows = radius_rows(finding)
    free = finding.certificate.n_free
    header = f"  {'radius':<20}  {'proved':>6}  {'broken at':>9}   of {counted(free, report.explanation.features.kind)}"
    lines = [Text(header, style="dim"), *(_radius(row, free) for row in rows)]
    if finding.threshold is not None:
        lines.append(_threshold(finding))
    if finding.direction != "incremental" and finding.radius_decremental is None:
        lines.append(Text(f"  no radius for removing: {finding.certificate.why_no_decremental}", style="yellow"))
    return lines


def _radius(row: RadiusRow, free: int) -> Text:
    line = Text(f"  {row.name:<20}  ")
    proved = "-" if row.proved is None else "all" if row.everything else str(row.proved)
    line.append(f"{proved:>6}", style="bold green" if row.everything or row.proved else None)
    line.append(f"  {'-' if row.broken is None else row.broken:>9}", style=None if row.broken is None else "red")
    if row.proved is not None and free > 0:
        line.append(f"   by {row.by}")
    return line


def _threshold(finding: HardFinding) -> Text:
    if finding.met:
        return Text(f"  radius met (>= {finding.threshold})", style="green")
    return Text(f"  radius NOT met (>= {finding.threshold})", style="bold red")


def _sweep(finding: HardFinding) -> list[Text]:
    if not finding.sweep:
        return []
    header = f"  {'lambda':<7}  {'adding':>6}  {'removing':>8}  says of the full input"
    return [
        Text(header, style="dim"),
        *(_swept(one, finding, best=number == 0) for number, one in enumerate(finding.sweep)),
        Text("  those that keep the prediction first; of these the largest radius, then less noise", style="dim"),
    ]


def _swept(one: Smoothed, finding: HardFinding, *, best: bool) -> Text:
    certificate = one.certificate
    adding = None if finding.direction == "decremental" else certificate.radius_incremental
    removing = None if finding.direction == "incremental" else certificate.radius_decremental
    cells = [
        "all" if certificate.stable_for_all_supersets else "-" if radius is None else str(radius)
        for radius in (adding, removing)
    ]
    line = Text(f"  {lambda_text(certificate, finding.quantization):<7}  {cells[0]:>6}  {cells[1]:>8}  ")
    if one.full is not None:
        line.append(shown(one.full))
        if not agrees(one, finding.plain):
            line.append(f", NOT as the model itself: {short(finding.plain.label)}", style="yellow")
        elif one.masked.id != one.full.id:
            line.append(f", but of the mask {shown(one.masked)}", style="yellow")
    if best:
        line.append("  <- below", style="bold")
    return line

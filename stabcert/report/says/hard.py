"""The document of ``certify-hard``: votes, radii, what is guaranteed, what was searched, and what it cost."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stabcert.core.hard.finding import HardFinding, Smoothed, agrees, keeps_prediction, lambda_text, ranked
from stabcert.report.canvas import Exhibit
from stabcert.report.charts.hard import radii_chart, votes_chart
from stabcert.report.document import (
    EVERYWHERE,
    PAGE,
    PICTURES,
    Block,
    Cell,
    Column,
    Document,
    Line,
    Tone,
    Word,
    line,
    note,
    table,
)
from stabcert.report.hard.wording import (
    RadiusRow,
    attack_text,
    check_text,
    choice_text,
    guarantees,
    published_note,
    radius_rows,
    radius_text,
    shown,
    smoothing_numbers,
    smoothing_text,
    smoothing_warning,
    whose,
)
from stabcert.report.record import Report
from stabcert.report.says.common import doubts, evidence, facts, family_lines, footer, heading, mask_alone
from stabcert.report.says.question import question_lines
from stabcert.report.wording import short

_NAMED_CLASSES = 4


def hard_document(exhibit: Exhibit) -> Document:
    """Return what is said of one input.

    Raises:
        TypeError: the report is not one of ``certify-hard``.
    """
    report = exhibit.report
    finding = report.certificate
    if not isinstance(finding, HardFinding):
        raise TypeError("hard_document needs a report of certify-hard")
    blocks: list[Block] = [
        *evidence(exhibit, flip="flip found"),
        votes_chart(finding, report.model.class_names),
        radii_chart(radius_rows(finding), finding.certificate.n_free),
        *_sweep(finding),
        mask_alone(report),
        line(whose(finding), on=PICTURES),
        *_votes(report, finding),
        *_radii(report, finding),
        *(line(sentence, "faint", on=EVERYWHERE) for sentence in guarantees(report, finding)),
        *question_lines(report),
        *family_lines(report),
    ]
    for sentence in (attack_text(report, finding), published_note(finding.certificate)):
        blocks += [line(sentence, "faint", on=EVERYWHERE)] if sentence else []
    if finding.check is not None:
        tone: Tone = "good" if finding.check_guaranteed else "doubtful"
        blocks.append(line(check_text(report, finding), tone, on=EVERYWHERE))
    warning = smoothing_warning(finding)
    blocks += [note(warning)] if warning else []
    blocks += [*doubts(report), footer(report)]
    return Document(heading(report), tuple(blocks), facts(report, smoothing_numbers(finding)))


def votes_text(votes: NDArray[np.int64], class_names: tuple[str, ...]) -> str:
    """Return ``tabby 52, tiger cat 10, lynx 2``; the many with few votes as one."""
    order = ranked(votes)
    named = order if len(order) <= _NAMED_CLASSES + 1 else order[:_NAMED_CLASSES]
    # A name that ends in a number, such as "class 2", would run into the votes.
    end = ":" if any(re.search(r"(^\d+|\s.*\d)$", short(name)) for name in class_names) else ""
    parts = [f"{short(class_names[i])}{end} {votes[i]}" for i in named]
    rest = order[len(named) :]
    if rest:
        parts.append(f"{len(rest)} other classes {sum(int(votes[i]) for i in rest)}")
    return ", ".join(parts)


def _votes(report: Report, finding: HardFinding) -> list[Block]:
    certificate, names = finding.certificate, report.model.class_names
    votes = "votes" if certificate.scores == "vote" else "votes (decided by the mean probability)"
    title = [Word(f"smoothed model: {smoothing_text(finding)}", strong=True)]
    if finding.agrees is not None:
        word = Word("agrees with unsmoothed", "good")
        title = [Word(title[0].text + ", ", strong=True), word]
        if not finding.agrees:
            title[1] = Word("DISAGREES with unsmoothed", "doubtful", strong=True)
    blocks: list[Block] = [Line(tuple(title)), line(f"{votes} on the mask: {votes_text(certificate.votes, names)}")]
    if certificate.full_votes is not None:
        blocks.append(line(f"{votes} on the full input: {votes_text(certificate.full_votes, names)}"))
    blocks.append(line(f"unsmoothed model: {shown(finding.plain)}, mask alone: {shown(finding.plain_masked)}"))
    if certificate.near_ties:
        blocks.append(
            line(f"{certificate.near_ties} votes too close to call count against the certificate", "doubtful")
        )
    return blocks


def _radii(report: Report, finding: HardFinding) -> list[Block]:
    free = finding.certificate.n_free
    columns = [
        Column("radius", "left", width=22),
        Column("proved", width=6, gap=0),
        Column("broken at", width=9),
        Column(f"of {report.explanation.features.counted(free)}", "left", gap=3),
    ]
    blocks: list[Block] = [table(columns, [_radius(row, free) for row in radius_rows(finding)])]
    if finding.threshold is not None:
        met = finding.met
        word = Word(f"radius {'met' if met else 'NOT met'} (>= {finding.threshold})", "good" if met else "bad", not met)
        blocks.append(Line((word,)))
    if finding.direction != "incremental" and finding.radius_decremental is None:
        blocks.append(line(f"no radius for removing: {finding.certificate.why_no_decremental}", "doubtful"))
    return blocks


def _radius(row: RadiusRow, free: int) -> list[Cell]:
    proved = Word(row.radius)
    if row.everything or row.proved:
        proved = Word(proved.text, "good", strong=True)
    broken = Word("-") if row.broken is None else Word(str(row.broken), "bad")
    return [row.name, proved, broken, f"by {row.by}" if row.proved is not None and free > 0 else ""]


def _sweep(finding: HardFinding) -> list[Block]:
    if not finding.sweep:
        return []
    columns = [
        Column("lambda", "left", width=7),
        Column("adding", width=6),
        Column("removing", width=8),
        Column("on the full input", "left"),
        Column("on the mask", "left", screen=False),
        Column("keeps the prediction", "left", screen=False),
    ]
    order = "order: keeps the prediction, then the larger radius, then less noise"
    rows = [_swept(one, finding, best=number == 0) for number, one in enumerate(finding.sweep)]
    if finding.chosen:  # a sentence is enough for a screen
        return [replace(table(columns, rows), on=PAGE), line(order, "faint", on=PAGE), line(choice_text(finding))]
    return [table(columns, rows), line(order, "faint")]


def _swept(one: Smoothed, finding: HardFinding, *, best: bool) -> list[Cell]:
    certificate = one.certificate
    adding = None if finding.direction == "decremental" else certificate.radius_incremental
    removing = None if finding.direction == "incremental" else certificate.radius_decremental
    radii = [radius_text(radius, everything=certificate.stable_for_all_supersets) for radius in (adding, removing)]
    said = []
    if one.full is not None:
        said.append(Word(shown(one.full)))
        if not agrees(one, finding.plain):
            said.append(Word(f", NOT as unsmoothed: {short(finding.plain.label)}", "doubtful"))
        elif one.masked.id != one.full.id:
            said.append(Word(f", but on the mask {shown(one.masked)}", "doubtful"))
    if best:
        said.append(Word("  <- below", strong=True))
    kept = Word("yes") if keeps_prediction(one, finding.plain) else Word("NO", "doubtful")
    return [lambda_text(certificate, finding.quantization), *radii, tuple(said), shown(one.masked), kept]

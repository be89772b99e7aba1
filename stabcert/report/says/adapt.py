"""The document of ``adapt``: the data, the choice, and both models on the reporting inputs."""

from __future__ import annotations

from collections.abc import Sequence

from stabcert.core.adaptation.result import Measure, Overconfidence
from stabcert.records.adaptation import AdaptFinding, Compared, EpochInfo
from stabcert.report.adapt.wording import (
    choice_words,
    clean_words,
    data_words,
    distribution_meaning,
    distribution_words,
    gain_words,
    meanings,
    p_shown,
    radii_words,
    row_name,
    share_text,
    threshold_words,
)
from stabcert.report.charts.adapt import adapt_charts
from stabcert.report.curve.wording import gained, gained_interval, interval_shown, verdict
from stabcert.report.document import (
    CAPTION,
    EVERYWHERE,
    Block,
    Cell,
    Column,
    Document,
    Heading,
    Line,
    Table,
    Tone,
    Word,
    line,
    note,
    table,
)
from stabcert.report.numbers import confidence, rounded, seed_shown
from stabcert.report.wording import ranges

_TONES: dict[str, Tone] = {"higher": "good", "lower": "bad"}
_CLEAN: dict[str, Tone] = {"within": "good", "open": "plain", "beyond": "bad"}
_QUOTED = ("agreement", "masked agreement"), ("accuracy",)


def adapt_document(finding: AdaptFinding) -> Document:
    """Return what was trained and chosen, tables before and after with paired differences, and what that means."""
    compared = finding.compared
    data = [line(data_words(finding), on=EVERYWHERE), line(choice_words(finding), on=EVERYWHERE)]
    if finding.chosen.interrupted:
        data.append(note("the training was interrupted before its last epoch"))
    if compared is None:
        missing = note("the comparison was not completed: nothing is shown about other inputs")
        return Document(_heading(finding), (*data, missing, _history(finding), _footer(finding)), _facts(finding))
    gained_words = line(f"masked agreement {gain_words(compared.gain)}", on=CAPTION)
    blocks: list[Block] = [*adapt_charts(compared), gained_words, *data, _history(finding)]
    blocks += [line(clean_words(compared), _CLEAN[compared.clean_verdict], on=EVERYWHERE)]
    blocks += [*_tables(finding, compared), *_distribution(compared)]
    threshold, said = compared.threshold, threshold_words(compared)
    if threshold is not None and said is not None:
        blocks.append(line(said, "good" if threshold.met else "doubtful", on=EVERYWHERE))
    blocks += [line(words, "faint", on=EVERYWHERE) for words in meanings(finding, compared)]
    return Document(_heading(finding), (*blocks, _footer(finding)), _facts(finding))


def _heading(finding: AdaptFinding) -> Heading:
    compared = finding.compared
    parts: list[tuple[Word, ...]] = [(Word(f"{finding.model['id']} adapted in {finding.directory}"),)]
    if compared is not None:
        gain = compared.gain
        tone = _TONES.get(verdict(gain.difference), "plain")
        parts.append((Word("masked agreement "), Word(gain_words(gain), tone, strong=True)))
    return Heading("adapt", tuple(parts), title="What adaptation to masked inputs gains")


def _history(finding: AdaptFinding) -> Table:
    """Return the epochs on the held-out inputs, which chose the model."""
    labelled = finding.chosen.history[0].quality.clean_accuracy is not None
    columns: list[Column | str] = ["epoch", "loss", "point", *(["accuracy"] if labelled else []), "agreement"]
    rows = [_epoch(one, labelled=labelled) for one in finding.chosen.history]
    found = table([*columns, "masked", Column("", "left")], rows)
    chosen = finding.chosen.epoch
    marked = tuple((*row, "chosen" if number == chosen else "") for number, row in enumerate(found.rows))
    return Table(found.columns, marked)


def _epoch(one: EpochInfo, *, labelled: bool) -> list[Cell]:
    quality = one.quality
    masked = quality.masked_agreement
    return [
        str(one.epoch),
        "" if one.loss is None else f"{one.loss:.4f}",
        f"{one.interpolation:g}",
        *([rounded(quality.clean_accuracy or 0.0)] if labelled else []),
        rounded(quality.clean_agreement),
        "" if masked is None else rounded(sum(masked) / len(masked)),
    ]


def _tables(finding: AdaptFinding, compared: Compared) -> list[Block]:
    """Return the tables of random masks, of explanations and of smoothed full inputs, each with a title."""
    measures = compared.comparison.measures
    kept = compared.explained
    unsmoothed = [one for one in measures if one.at == 1 and one.quantity in ("consistency", "kept class", "rate")]
    smoothed = [
        one
        for one in measures
        if one.at != 1 and one.quantity in ("consistency", "kept class", "proved radius", "proved share")
    ]
    full = [one for one in measures if one.quantity.startswith(("smoothed", "certified"))]
    labelled = [one for one in full if one.quantity.endswith("accuracy")]
    named = f"explanations: top {kept.top_k} by {kept.method} of {finding.model['id']}"
    groups = [
        ("random masks: agreement", [one for one in measures if one.quantity in _QUOTED[0]]),
        ("random masks: accuracy", [one for one in measures if one.quantity in _QUOTED[1]]),
        (named, [*unsmoothed, *smoothed]),
        ("full inputs, smoothed", labelled or full),
    ]
    interval = f"{confidence(compared.comparison.delta)} interval"
    blocks: list[Block] = []
    for title, rows in groups:
        if rows:
            blocks += [line(title, strong=True), _compared_table(rows, interval)]
        if rows and title == named and compared.comparison.mean_radii:
            blocks.append(line(radii_words(compared.comparison.mean_radii), on=EVERYWHERE))
    return blocks


def _compared_table(measures: Sequence[Measure], interval: str) -> Table:
    columns = [
        Column("", "left", width=22),
        Column("before"),
        Column(interval, screen=False),
        Column("after"),
        Column(interval, screen=False),
        Column("gain"),
        Column(interval),
        Column("", "left"),
    ]
    rows: list[list[Cell]] = []
    for one in measures:
        shown = verdict(one.difference)
        rows.append(
            [
                row_name(one),
                rounded(one.before.mean),
                interval_shown(one.before),
                rounded(one.after.mean),
                interval_shown(one.after),
                gained(one.difference),
                gained_interval(one.difference),
                Word(shown if shown in _TONES else "", _TONES.get(shown, "plain")),
            ]
        )
    return table(columns, rows)


def _distribution(compared: Compared) -> list[Block]:
    comparison = compared.comparison
    pairs = zip(comparison.overconfidence_before, comparison.overconfidence_after, strict=True)
    rows = [(f"{share_text(before.keep_share)} kept", *_tested(before), *_tested(after)) for before, after in pairs]
    columns = [
        Column("", "left", width=22),
        *(Column(title, over=over) for over in ("before", "after") for title in ("agrees", "states", "p")),
    ]
    return [
        line("masked inputs: agreement, and what the model's probabilities state", strong=True),
        table(columns, rows),
        line(" ".join(distribution_words(compared)), on=EVERYWHERE),
        line(distribution_meaning(comparison.delta), "faint"),
    ]


def _tested(one: Overconfidence) -> tuple[str, str, str]:
    return rounded(one.agreement), rounded(one.confidence), p_shown(one.p_value)


def _facts(finding: AdaptFinding) -> str:
    seed = seed_shown(finding.run["seed"], default=finding.run.get("default_seed", True))
    compared = finding.compared
    if compared is None:
        return f"Model {finding.model['id']}, {seed}."
    radii = f"r = {ranges(compared.settings.radii)}, " if compared.settings.radii else ""
    return f"{radii}δ = {compared.comparison.delta:g}. Model {finding.model['id']}, {seed}."


def _footer(finding: AdaptFinding) -> Line:
    run = finding.run
    cost = f"{run['evaluations']} evaluations to compare, {run['seconds']:.1f} s in all"
    seed = seed_shown(run["seed"], default=run.get("default_seed", True))
    return line(f"{cost}, {finding.model['id']}, {run['device']} {run['dtype']}, {seed}", "faint")

"""The document of ``adapt``: the data, the choice, and both models on the reporting inputs."""

from __future__ import annotations

from collections.abc import Sequence

from stabcert.core.adaptation.result import Measure, Overconfidence
from stabcert.records.adaptation import AdaptFinding, Compared, EpochInfo
from stabcert.report.adapt.wording import (
    advice_words,
    caption_words,
    choice_words,
    clean_words,
    cut_words,
    data_words,
    distribution_meaning,
    distribution_words,
    gain_words,
    headline,
    meanings,
    p_shown,
    point_words,
    radii_words,
    row_name,
    share_text,
    threshold_words,
)
from stabcert.report.charts.adapt import adapt_charts
from stabcert.report.curve.wording import GAIN_TONES, verdict
from stabcert.report.document import (
    CAPTION,
    EVERYWHERE,
    PAGE,
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
from stabcert.report.numbers import confidence, rounded, seed_shown, threshold_shown
from stabcert.report.paired import paired_table
from stabcert.report.wording import ranges

_CLEAN: dict[str, Tone] = {"within": "good", "open": "plain", "beyond": "bad"}
_QUOTED = ("agreement", "masked agreement"), ("accuracy",)


def adapt_document(finding: AdaptFinding) -> Document:
    """Return what was trained and chosen, tables before and after with paired differences, and what that means."""
    compared = finding.compared
    data = [line(data_words(finding), on=EVERYWHERE), line(choice_words(finding))]
    if finding.chosen.interrupted:
        data.append(note("the training was interrupted before its last epoch"))
    data += [note(words) for words in (cut_words(finding), advice_words(finding)) if words is not None]
    top = line(headline(finding), strong=True, on=PAGE)  # a page does not show its heading
    if compared is None:
        missing = note("the comparison was not completed: nothing is shown about other inputs")
        return Document(_heading(finding), (top, *data, missing, *_history(finding), _footer(finding)), _facts(finding))
    gain = f"masked agreement {gain_words(compared.gain)}"
    top = line(f"{headline(finding)}: {gain}", strong=True, on=PAGE)
    blocks: list[Block] = [top, *adapt_charts(compared), line(gain, on=CAPTION), *data, *_history(finding)]
    blocks += [line(clean_words(compared), _CLEAN[compared.clean_verdict], on=EVERYWHERE)]
    blocks += [*_tables(finding, compared), *_distribution(compared)]
    threshold, said = compared.threshold, threshold_words(compared)
    if threshold is not None and said is not None:
        blocks.append(line(said, "good" if threshold.met else "doubtful", on=EVERYWHERE))
    blocks += [line(words, "faint") for words in meanings(finding, compared)]
    blocks += [line(words, on=CAPTION) for words in caption_words(finding, compared)]
    return Document(_heading(finding), (*blocks, _footer(finding)), _facts(finding))


def _heading(finding: AdaptFinding) -> Heading:
    compared = finding.compared
    parts: list[tuple[Word, ...]] = [(Word(headline(finding)),)]
    if compared is not None:
        gain = compared.gain
        tone = GAIN_TONES.get(verdict(gain.difference), "plain")
        parts.append((Word("masked agreement "), Word(gain_words(gain), tone, strong=True)))
    return Heading("adapt", tuple(parts), title="What adaptation to masked inputs gains")


def _history(finding: AdaptFinding) -> list[Block]:
    """Return the epochs on the held-out inputs, which chose the model, and how to read them."""
    labelled = finding.chosen.history[0].quality.clean_accuracy is not None
    columns: list[Column | str] = ["epoch", "loss", "point", *(["accuracy"] if labelled else []), "agreement"]
    rows = [_epoch(one, labelled=labelled) for one in finding.chosen.history]
    found = table([*columns, "masked", Column("", "left")], rows)
    chosen = finding.chosen.epoch
    marked = tuple((*row, "chosen" if number == chosen else "") for number, row in enumerate(found.rows))
    return [Table(found.columns, marked), line(point_words(labelled), "faint")]


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
            blocks.append(line(radii_words(compared.comparison.mean_radii)))
    return blocks


def _compared_table(measures: Sequence[Measure], interval: str) -> Table:
    rows = ((row_name(one), one.before, one.after, one.difference) for one in measures)
    return paired_table(rows, ("before", "after", "gain"), interval, width=22)


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
        line(" ".join(distribution_words(compared))),
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
    return f"{radii}δ = {threshold_shown(compared.comparison.delta)}. Model {finding.model['id']}, {seed}."


def _footer(finding: AdaptFinding) -> Line:
    run = finding.run
    of_time = "since the run was resumed" if finding.resumed else "in all"
    cost = f"{run['evaluations']} evaluations to compare, {run['seconds']:.1f} s {of_time}"
    seed = seed_shown(run["seed"], default=run.get("default_seed", True))
    return line(f"{cost}, {finding.model['id']}, {run['device']} {run['dtype']}, {seed}", "faint")

"""The document of ``explain``: scores, how attributions agree and move, and the search for a stable mask."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

import numpy as np

from stabcert.core.types import Features
from stabcert.report.canvas import Exhibit, Ranking, rankings
from stabcert.report.document import (
    CAPTION,
    EVERYWHERE,
    PAGE,
    PICTURES,
    SCREEN,
    Block,
    Cell,
    Column,
    Document,
    Evidence,
    Line,
    Table,
    Word,
    line,
    note,
    table,
)
from stabcert.report.numbers import confidence, rounded, rounded_down, threshold_shown
from stabcert.report.says.common import by_side, doubts, evidence, facts, family_lines, footer, heading, mask_alone
from stabcert.report.says.question import question_lines
from stabcert.report.visible import visible
from stabcert.report.wording import predicted, ranges, recorded_prediction, short

SHOWN_FEATURES = 10
_PASSAGE_WIDTH = 48
"""Most characters of the name of a passage in a list of scores."""
_METHOD = Column("method", "left", width=11)


def explain_document(exhibit: Exhibit, show: int = SHOWN_FEATURES) -> Document:
    """Return what is said of one input.

    Args:
        show: features to list, those of largest score.
    """
    report = exhibit.report
    result, k = report.result, int(report.explanation.mask.sum())
    found = rankings(report)
    blocks: list[Block] = [
        *(part for shown in _pictures(exhibit, found) for part in by_side(shown, report)),
        *_of_pictures(exhibit),
        *_features(exhibit, found, show),
        mask_alone(report),
        *until_stable(result),
        *question_lines(report),
        *family_lines(report),
        *_comparison(result, k),
        *neighbours(result, k),
        *(_beside_scores(exhibit) if exhibit.canvas is None else []),
        *doubts(report),
        footer(report),
    ]
    search, numbers = result["until_stable"], []
    if search is not None:
        numbers = [f"r = {search['radius']}", f"δ = {search['delta']:g}"]
    else:
        blocks.insert(-1, line("An attribution alone guarantees nothing.", on=PICTURES))
    return Document(heading(report), tuple(blocks), facts(report, numbers))


def _beside_scores(exhibit: Exhibit) -> list[Block]:
    """Return the input with its kept features; a text on the screen alone, because pictures show it with its scores."""
    return [replace(part, on=SCREEN) if isinstance(part, Evidence) else part for part in evidence(exhibit)]


def _pictures(exhibit: Exhibit, found: list[Ranking]) -> list[Evidence]:
    """Return the input as the model sees it, then for each method its scores and what it keeps.

    Of a text only the scores, which show what is kept as well.
    """
    explanation, text = exhibit.report.explanation, exhibit.report.input.text
    features, canvas = explanation.features, exhibit.canvas
    full, target = predicted(explanation.full), short(exhibit.report.model.class_names[explanation.target])
    shown = []
    if canvas is not None:
        seen = f"Input as the model sees it: {full}"
        shown.append(Evidence(features, text, canvas, None, title="input", said=full, description=seen, on=PICTURES))
    several = len(found) > 1
    for ranking in found:
        kept = Evidence(
            features,
            text,
            canvas,
            ranking.mask,
            title="kept" if several else f"kept: {int(ranking.mask.sum())} of {len(features)}",
            said=predicted(ranking.masked),
            description=f"Features kept by {ranking.method}, in colour: {predicted(ranking.masked)}",
            on=EVERYWHERE if ranking is found[0] else PICTURES,
        )
        title = ranking.method if several and canvas is not None else f"{ranking.method} scores"
        described = f"Scores of {ranking.method} for {target}; kept features are outlined"
        scored = replace(kept, scores=ranking.scores, title=title, said=f"for {target}", description=described)
        shown += [replace(scored, on=PICTURES), *([kept] if canvas is not None else [])]
    return shown


def _of_pictures(exhibit: Exhibit) -> list[Line]:
    """Return how to read them."""
    if exhibit.canvas is None and exhibit.report.input.text is None:
        return []
    framed = "framed" if exhibit.canvas is None else "outlined"
    full = [line(f"Full text: {predicted(exhibit.report.explanation.full)}.", on=CAPTION)]
    said = f"Red speaks for the class, blue against it; kept features are {framed}."
    return [*(full if exhibit.canvas is None else []), line(said, "faint", on=PICTURES)]


def _features(exhibit: Exhibit, found: list[Ranking], show: int) -> list[Table]:
    """Return as many features as are requested; a page has room for some in any case."""
    screen, page = _best(exhibit, found, show), _best(exhibit, found, max(show, SHOWN_FEATURES))
    if screen == page:
        return screen
    return [replace(one, on=on) for tables, on in ((screen, SCREEN), (page, PAGE)) for one in tables]


def _best(exhibit: Exhibit, found: list[Ranking], show: int) -> list[Table]:
    explanation = exhibit.report.explanation
    if explanation.scores is None or show <= 0:
        return []
    features = explanation.features
    pair = exhibit.report.input.text_pair is not None
    columns = [
        Column(width=3),
        Column(features.nouns[0], "left"),
        *([Column("text", "left")] if pair else []),
        Column(f"{explanation.method} score", "left"),
        *(Column(f"{ranking.method} score", screen=False) for ranking in found[1:]),
    ]
    rows: list[list[Cell]] = [
        [
            str(rank),
            _told_apart(features, int(index)),
            *([str(features.items[index].side)] if pair else []),
            (
                Word(f"{explanation.scores[index]:+.4f}"),
                *([Word("  kept", "good")] if explanation.mask[index] else []),
            ),
            *(f"{ranking.scores[index]:+.4f}" for ranking in found[1:]),
        ]
        for rank, index in enumerate(np.argsort(-explanation.scores, kind="stable")[:show], start=1)
    ]
    return [replace(table(columns, rows), bare=True)]


def _told_apart(features: Features, index: int) -> str:
    """Return the name of a feature. Passages and matches of a pattern are cut, and equal ones have their number."""
    if features.kind != "passage" and not features.kind.startswith("regex:"):
        return features.items[index].label
    labels = [textwrap.shorten(visible(item.label), _PASSAGE_WIDTH, placeholder="…") for item in features.items]
    return labels[index] if labels.count(labels[index]) == 1 else f"{labels[index]} #{index + 1}"


def _comparison(result: dict[str, Any], k: int) -> list[Block]:
    """Return each method's mask alone, then each pair of methods; nothing for a single method."""
    if len(result["attributions"]) < 2:
        return []
    alone = []
    for one in result["attributions"]:
        said = one["masked_prediction"]
        words = [Word(recorded_prediction(said))]
        if not one["consistent"]:
            words.append(Word(", NOT consistent", "doubtful"))
        alone.append([one["method"], tuple(words)])
    columns = [
        Column("two methods", "left", width=11),
        Column("", "left", width=11),
        Column("L1", width=9),
        Column("cosine", width=7),
        Column("Spearman", width=8),
        Column(f"same top {k}", "left"),
    ]
    pairs = [
        [
            *pair["methods"],
            _distance(pair["l1"]),
            _correlation(pair["cosine"]),
            _correlation(pair["spearman"]),
            _overlap(pair["top_k_overlap"], k),
        ]
        for pair in result["comparison"]
    ]
    return [table([_METHOD, Column("mask alone", "left")], alone), table(columns, pairs)]


def neighbours(result: dict[str, Any], k: int) -> list[Block]:
    """Return how far each attribution moves to the neighbours, and how many of these keep the prediction."""
    rows = result["neighbours"]
    if not rows:
        return []
    count = rows[0]["neighbours"]
    said = (
        f"{count} neighbour{'s' if count > 1 else ''} with noise of deviation {rows[0]['sigma']:g}: "
        f"{rows[0]['same_prediction']} of {count} keep the prediction"
    )
    distances = (Column("L1 mean", width=9), Column("L1 max", width=9))
    columns = [_METHOD, *distances, Column(f"same top {k}: mean"), Column("least", width=5)]
    cells = [
        [
            row["method"],
            _distance(row["l1_mean"]),
            _distance(row["l1_max"]),
            f"{row['top_k_overlap_mean']:.0%}",
            f"{row['top_k_overlap_min']:.0%}",
        ]
        for row in rows
    ]
    return [line(said), table(columns, cells)]


def until_stable(result: dict[str, Any]) -> list[Line]:
    """Return what was found of each size, and the smallest one that is certified."""
    search = result["until_stable"]
    if search is None:
        return []
    if not search["tested"] and not result["interrupted"]:
        said = "no k was tested: every mask with the prediction of the full input is vacuous"
        return [line(said, "bad", strong=True, on=EVERYWHERE)]
    tested, rate = search["tested"], search["rate"]
    kinds = (
        ("not consistent", [size["k"] for size in tested if not size["consistent"]]),
        (
            f"refuted, rate below {threshold_shown(search['min_rate'])}",
            [s["k"] for s in tested if s["verdict"] == "not-certified"],
        ),
        ("undecided", [size["k"] for size in tested if size["verdict"] == "undecided"]),
        (
            "consistent, but not tested because too little of the failure probability was left",
            [size["k"] for size in tested if size["consistent"] and size["verdict"] is None],
        ),
    )
    found = [line(f"k = {ranges(sizes)}: {what}", "faint", on=EVERYWHERE) for what, sizes in kinds if sizes]
    asked = f"rate >= {threshold_shown(search['min_rate'])} at radius {search['radius']}"
    if result["interrupted"]:
        place = f"after k = {tested[-1]['k']}" if tested else "before the first size"
        last = tested[-1]["rate"] if tested else None
        known = f", whose rate is at least {rounded_down(last['lower'])} so far" if last is not None else ""
        said = f"interrupted {place}{known}: no size is certified yet ({asked})"
        return [*found, line(said, "doubtful", on=EVERYWHERE)]
    if rate is None:
        said = f"no k up to {search['largest_k']} is consistent and certified: {asked}"
        return [*found, line(said, "bad", strong=True, on=EVERYWHERE)]
    said = f"k = {search['k']} is the first that is consistent and certified: {asked}"
    found.append(line(said, strong=True, on=EVERYWHERE))
    if rate["enumerated"] and not rate["near_ties"]:
        exact = rounded(rate["rate"])
        said = f"{rate['matches']} of all {rate['samples']} additions keep the prediction: {exact}, exact"
    else:
        said = (
            f"{rate['matches']} of {rate['samples']} draws keep the prediction: "
            f"at least {rounded_down(rate['lower'])} with probability at least {confidence(search['delta'])}"
        )
    found.append(line(said, "faint", on=EVERYWHERE))
    if search["k"] == len(result["attributions"][0]["scores"]):
        found.append(note("the mask keeps all features, and the whole input explains nothing"))
    return found


def _distance(value: float) -> str:
    return f"{value:.4g}"


def _correlation(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _overlap(share: float, k: int) -> str:
    return f"{round(share * k)} of {k} ({share:.0%})"

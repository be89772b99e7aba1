"""Hard certificates in numbers, rows, figures and on pages."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from stabcert.core.hard.certificate import Refinement
from stabcert.core.hard.finding import HardFinding, lambda_text, ranked
from stabcert.core.prediction import Prediction
from stabcert.records.hard_parts import ClassVotes
from stabcert.report.canvas import Exhibit, Flip
from stabcert.report.charts.hard import radii_chart, votes_chart
from stabcert.report.hard.wording import (
    RadiusRow,
    axis_end,
    proof,
    published_note,
    radius_rows,
    shown,
    ticks,
)
from stabcert.report.says.hard import hard_document, votes_text
from stabcert.report.says.soft import soft_document
from stabcert.report.svg import svg
from tests.report.examples import (
    ANGER,
    BERNOULLI,
    FIRST,
    HARD_WITH_EVERYTHING,
    IMAGE,
    LAST,
    PATCHES,
    SAMPLED,
    certificate,
    hard_certificate,
    hard_finding,
    hard_report,
    soft_report,
)
from tests.report.exhibits import canvas
from tests.report.screens import caption_of, chart_of, drawn, render, section


def screen(finding: HardFinding | None = None, **options: Any) -> str:
    return "\n".join(line.plain for line in render(hard_report(finding, **options)))


def test_without_a_threshold_nothing_is_met_or_missed() -> None:
    assert hard_finding().met is None


def test_the_published_radius_is_named_only_where_it_claims_too_much_and_never_as_a_guarantee() -> None:
    assert "not sound" in published_note(hard_certificate(published_radius=1.0, radius_votes=0))
    assert published_note(hard_certificate(published_radius=1.99, radius_votes=1)) == ""
    everything = hard_certificate()
    claims = {"published_radius": everything.n_free + 1.0, "radius_votes": everything.n_free}
    assert published_note(hard_certificate(**claims)) == ""
    assert published_note(BERNOULLI) == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"radius_arcs": 0, "radius_incremental": 0}, "the lead of the votes"),
        ({}, "the votes touched (lead alone: 0)"),
        (
            {"radius_incremental": 2, "refinement": Refinement(2, 2, False, False, False, 9)},
            "refinement (votes alone: 1)",
        ),
        ({"refinement": Refinement(1, 1, False, False, False, 9)}, "the votes touched (lead alone: 0)"),
    ],
)
def test_what_proved_the_radius_is_named(options: dict[str, Any], words: str) -> None:
    assert proof(hard_certificate(**options)) == words


def test_a_share_below_one_is_not_shown_as_one() -> None:
    assert shown(Prediction(0, "joy, delight", 0.99999)) == "joy (0.99)"
    assert shown(Prediction(0, "joy", 1.0)) == "joy (1.00)"


def test_votes_are_ranked_most_first_and_among_equals_by_index() -> None:
    votes = np.array([3, 0, 5, 3])
    assert ranked(votes) == [2, 0, 3]
    assert ClassVotes.ranked(votes, ("a", "b", "c", "d"))[0].to_dict() == {"id": 2, "label": "c", "votes": 5}


def test_many_classes_with_few_votes_are_one() -> None:
    names = tuple(f"c{i}" for i in range(9))
    assert votes_text(np.array([9, 8, 7, 6, 1, 2, 0, 0, 0]), names) == "c0 9, c1 8, c2 7, c3 6, 2 other classes 3"
    assert votes_text(np.array([4, 60]), ("value at least 0.2 from 3", "value within 0.2 of 3")) == (
        "value within 0.2 of 3: 60, value at least 0.2 from 3: 4"
    )
    assert votes_text(np.array([4, 60]), ("0", "1")) == "1: 60, 0: 4"


def test_lambda_is_the_fraction_on_the_grid() -> None:
    assert lambda_text(hard_certificate(keep_probability=Fraction(1, 4)), 64) == "16/64"
    assert lambda_text(BERNOULLI, None) == "1/8"


def test_the_smallest_flip_of_the_model_itself_is_the_tried_one() -> None:
    assert HARD_WITH_EVERYTHING.smallest_plain_flip is FIRST
    searched = replace(HARD_WITH_EVERYTHING, enumerated=None)
    assert searched.smallest_plain_flip is FIRST
    assert hard_finding().smallest_plain_flip is None


def test_rows_bracket_each_radius_by_what_is_proved_and_what_is_broken() -> None:
    rows = radius_rows(HARD_WITH_EVERYTHING)
    assert [(row.name, row.proved, row.broken) for row in rows] == [
        ("smoothed, adding", 1, 2),
        ("smoothed, removing", 1, None),
        ("unsmoothed, adding", 0, 1),
    ]


def test_a_sweep_says_for_each_lambda_whether_the_prediction_is_kept() -> None:
    lines = [line for line in screen(HARD_WITH_EVERYTHING).split("\n") if line.startswith(("  15/64", "  31/64"))]
    assert lines[0].endswith("joy (0.91)  <- below")
    assert lines[1].endswith("anger (0.55), NOT as unsmoothed: joy")


def test_a_hard_certificate_is_not_taken_for_a_soft_one() -> None:
    with pytest.raises(TypeError, match="needs a report with a certificate"):
        soft_document(Exhibit(hard_report()))
    with pytest.raises(TypeError, match="certify-hard"):
        hard_document(Exhibit(soft_report(certificate(SAMPLED))))


def test_an_inconsistent_mask_is_warned_of_in_the_words_of_a_certificate() -> None:
    assert "Stability refers to the mask alone" in caption_of(hard_report(explanation=PATCHES, info=IMAGE))


def test_the_axis_shows_what_is_known_and_never_more_than_there_is() -> None:
    row = RadiusRow("a", 2, "x", 12, False)
    assert axis_end([row], 100) == 16
    assert axis_end([row], 14) == 14
    assert axis_end([], 3) == 3
    assert ticks(6) == [0, 1, 2, 3, 4, 5, 6]
    assert len(ticks(147)) <= 14


def widths(drawing: str, colour: str) -> float:
    """Of all bars of a colour."""
    found = 0.0
    for path in re.findall(rf'd="([^"]*)"[^>]*style="fill: var\(--{colour}\)', drawing):
        places = [float(x) for x in re.findall(r"[ML] (\S+) ", path)]
        found += max(places) - min(places)
    return found


def test_the_chart_of_radii_gives_each_radius_one_cell() -> None:
    chart = radii_chart([RadiusRow("a", 1, "x", 4, False)], 9)
    drawing = svg(chart, "c")
    cell = 72 * (5.4 - 1.62) / 7  # radii 0 to 6
    legend = 72 * 0.16
    assert widths(drawing, "blue") - legend == pytest.approx(2 * cell, abs=0.3)
    assert widths(drawing, "red") - legend == pytest.approx(3 * cell, abs=0.3)
    assert chart.description == "Radii. a: proved 1, broken at 4."


def test_the_chart_of_votes_gives_shares() -> None:
    chart = chart_of(Exhibit(hard_report()), "votes of the noise masks")
    drawing = svg(chart, "c")
    assert widths(drawing, "blue") == pytest.approx(237.6 * 44 / 64, abs=0.1)
    assert widths(drawing, "faint") == pytest.approx(237.6 * 20 / 64, abs=0.1)
    assert chart.description == (
        "Votes on the mask: joy 44 of 64 (60 of 64 on the full input), anger 20 of 64 (2 of 64 on the full input)."
    )


def test_labels_of_a_model_are_escaped_in_charts() -> None:
    chart = votes_chart(hard_finding(), ("<b>", 'a&b"', "c", "d"))
    drawing = svg(chart, "c")
    assert "<b>" not in drawing
    assert {node.text for node in ElementTree.fromstring(drawing).iter("text")} >= {"<b>", 'a&b"'}


def test_labels_in_any_script_stay_letters_in_charts_of_a_page() -> None:
    labels = ("日本語", "שלום", "😀👍🏽", "d")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing = svg(votes_chart(hard_finding(), labels), "c")
    shown = {node.text for node in ElementTree.fromstring(drawing).iter("text")}
    assert {labels[0], labels[1]} <= shown, "in the order in which they are written, with no boxes"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text", "image", "bernoulli"])
def test_a_figure_and_a_page_are_made_of_every_kind(name: str) -> None:
    report = {
        "text": hard_report(HARD_WITH_EVERYTHING),
        "image": hard_report(HARD_WITH_EVERYTHING, PATCHES, IMAGE),
        "bernoulli": hard_report(hard_finding(BERNOULLI, direction="incremental")),
    }[name]
    flips = (Flip(report.explanation.mask | LAST, ANGER),)
    exhibit = Exhibit(report, canvas(32, 2) if name == "image" else None, flips if name != "bernoulli" else ())
    assert drawn([exhibit], "png").startswith(b"\x89PNG")
    page = section(exhibit)
    assert "votes of the noise masks" in page
    assert ("flip found: +" in page) == bool(flips and name != "bernoulli")


def test_a_figure_says_n_k_lambda_q_model_seed_and_the_guarantee() -> None:
    words = caption_of(hard_report())
    for part in ("n = 4 words", "k = 2 kept by lime", "λ = 15/64", "q = 64", "demo:text", "seed 0", "Proved"):
        assert part in words


def test_radii_of_smoothed_models_without_the_full_input_are_shown_without_it() -> None:
    finding = hard_finding(BERNOULLI, direction="incremental")
    assert finding.agrees is None
    assert finding.smoothed.flags.consistent is None
    assert "full input:" not in screen(finding)

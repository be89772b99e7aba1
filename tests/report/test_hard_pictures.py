"""Hard certificates in numbers, rows, figures and on pages."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from stabcert.core.hard.certificate import Refinement
from stabcert.report.canvas import Exhibit, Flip, certified
from stabcert.report.canvas import hard_finding as finding_of
from stabcert.report.caption import caption, warnings
from stabcert.report.figures.plot import plot
from stabcert.report.hard.finding import HardFinding
from stabcert.report.hard.html import hard_parts, radius_chart, votes_chart
from stabcert.report.hard.record import lambda_text, ranked, vote_records
from stabcert.report.hard.wording import (
    RadiusRow,
    axis_end,
    proof,
    published_note,
    radius_rows,
    shown,
    ticks,
)
from stabcert.report.record import Prediction
from stabcert.report.says.hard import hard_document, votes_text
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
from tests.report.screens import render


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
        ("model itself, adding", 0, 1),
    ]


def test_a_sweep_says_for_each_lambda_whether_the_prediction_is_kept() -> None:
    lines = [line for line in screen(HARD_WITH_EVERYTHING).split("\n") if line.startswith(("  15/64", "  31/64"))]
    assert lines[0].endswith("joy (0.91)  <- below")
    assert lines[1].endswith("anger (0.55), NOT as the model itself: joy")


def test_a_hard_certificate_is_not_taken_for_a_soft_one() -> None:
    assert certified(hard_report()) is None
    assert finding_of(soft_report(certificate(SAMPLED))) is None
    with pytest.raises(TypeError, match="certify-hard"):
        hard_document(Exhibit(soft_report(certificate(SAMPLED))))


def test_an_inconsistent_mask_is_warned_of_in_the_words_of_a_certificate() -> None:
    assert "stability is about the former" in warnings(hard_report(explanation=PATCHES, info=IMAGE))[0]


def test_the_axis_shows_what_is_known_and_never_more_than_there_is() -> None:
    row = RadiusRow("a", 2, "x", 12, False)
    assert axis_end([row], 100) == 16
    assert axis_end([row], 14) == 14
    assert axis_end([], 3) == 3
    assert ticks(6) == [0, 1, 2, 3, 4, 5, 6]
    assert len(ticks(147)) <= 14


def widths(svg: str, style: str) -> float:
    return sum(
        float(part.split('width="')[1].split('"')[0]) for part in svg.split("<rect ")[1:] if f'"{style}"' in part
    )


def test_the_chart_of_radii_gives_each_radius_one_cell() -> None:
    svg = radius_chart([RadiusRow("a", 1, "x", 4, False)], 9)
    cell = 410 / 7  # radii 0 to 6
    assert widths(svg, "dot") - 18 == pytest.approx(2 * cell, abs=0.3)  # without the legend
    assert widths(svg, "empty") - 18 == pytest.approx(2 * cell, abs=0.3)
    assert widths(svg, "broken") - 18 == pytest.approx(3 * cell, abs=0.3)


def test_the_chart_of_votes_gives_shares() -> None:
    svg = votes_chart(hard_finding(), ("anger", "joy", "optimism", "sadness"))
    assert widths(svg, "dot") == pytest.approx(340 * 44 / 64, abs=0.1)
    assert widths(svg, "other") == pytest.approx(340 * 20 / 64, abs=0.1)


def test_labels_of_a_model_are_escaped_in_charts() -> None:
    svg = votes_chart(hard_finding(), ("<b>", "a&b", "c", "d"))
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg


@pytest.mark.parametrize("name", ["text", "image", "bernoulli"])
def test_a_figure_and_a_page_are_made_of_every_kind(name: str) -> None:
    report = {
        "text": hard_report(HARD_WITH_EVERYTHING),
        "image": hard_report(HARD_WITH_EVERYTHING, PATCHES, IMAGE),
        "bernoulli": hard_report(hard_finding(BERNOULLI, direction="incremental")),
    }[name]
    flips = (Flip(report.explanation.mask | LAST, ANGER),)
    exhibit = Exhibit(report, canvas(32, 2) if name == "image" else None, flips if name != "bernoulli" else ())
    assert plot([exhibit], "png").startswith(b"\x89PNG")
    finding = finding_of(report)
    assert finding is not None
    page = "".join(hard_parts(exhibit, finding))
    assert "Votes of the noise masks" in page
    assert ("Smallest flip" in page) == bool(flips and name != "bernoulli")


def test_a_figure_says_n_k_lambda_q_model_seed_and_the_guarantee() -> None:
    words = caption(hard_report())
    for part in ("n = 4 words", "k = 2 kept by lime", "λ = 15/64", "q = 64", "demo:text", "seed 0", "Proved"):
        assert part in words


def test_radii_of_smoothed_models_without_the_full_input_are_shown_without_it() -> None:
    finding = hard_finding(BERNOULLI, direction="incremental")
    assert finding.agrees is None
    assert finding.smoothed.flags.consistent is None
    assert "full input:" not in screen(finding)

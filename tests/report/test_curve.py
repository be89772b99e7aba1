"""What ``smooth-eval`` says in every form: there and back, on the screen, in figures, on pages."""

from __future__ import annotations

import io
import json
import re
import warnings
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from stabcert.core.curve.result import Estimate, SmoothedInput
from stabcert.core.curve.summary import summarise
from stabcert.records.curve import CurveInputResult, settings_of, smoothed_input
from stabcert.records.curve_summary import CurveResult
from stabcert.records.findings import CurveFinding, InputInfo
from stabcert.records.writing import to_json
from stabcert.report import sheet
from stabcert.report.canvas import Canvas, Exhibit
from stabcert.report.charts import fonts
from stabcert.report.charts.curve import curve_charts, panels
from stabcert.report.charts.lines import Panel, Series, shown_ticks, spread
from stabcert.report.curve.wording import gained_interval, interval_shown, lambda_text, meanings, verdict
from stabcert.report.figure import caption, figure
from stabcert.report.page import Page
from stabcert.report.says.common import failure
from stabcert.report.says.curve import changes, curve_document
from tests.report import curves
from tests.report.screens import render, render_curve, section

MANY = tuple(Fraction(i, 20) for i in range(20, 8, -1))
FINDINGS = {
    "one method": curves.finding(),
    "several methods": curves.finding(methods=("lime", "smoothgrad", "random")),
    "no labels": curves.finding(labels=(None,) * 3),
    "one lambda": curves.finding(lambdas=(Fraction(1, 2),)),
    "one input": curves.finding(labels=(1,)),
    "twelve lambdas": curves.finding(lambdas=MANY),
    "thresholds and failures": replace(curves.finding(**curves.THRESHOLDS), failed=3),
}


def screen(finding: CurveFinding) -> list[str]:
    return [str(line.plain) for line in render_curve(finding)]  # type: ignore[union-attr]


def plot_curve(finding: CurveFinding, file_format: str) -> bytes:
    return figure([curve_document(finding)], file_format)


def with_near_ties() -> tuple[SmoothedInput, ...]:
    """Everything that may be unknown is."""
    return tuple(
        replace(
            one,
            near_tie=True,
            agrees=None,
            decremental_radius=None,
            masks=tuple(replace(mask, near_tie=True, consistent=None, hard_radius=None) for mask in one.masks),
        )
        for one in curves.evaluated(0)
    )


def test_what_was_evaluated_is_read_again_from_the_record() -> None:
    for report, found in (
        (curves.smooth_report(), curves.evaluated(0)),
        (curves.smooth_report(methods=("lime", "shap"), label=None), curves.evaluated(0, methods=2, label=None)),
    ):
        record = json.loads(to_json(report.to_dict()))
        record["explanation"]["n"] = curves.N_FEATURES
        assert smoothed_input(record) == found
        assert settings_of(record) == curves.SETTINGS


def test_near_ties_are_read_again_too() -> None:
    found = with_near_ties()
    masks = [np.ones(6, dtype=np.bool_)]
    result = CurveInputResult.of(found, ["lime"], masks, 1, curves.SETTINGS, ("a", "b"), copies_before=0).to_dict()
    assert smoothed_input({"explanation": {"n": 6}, "result": json.loads(json.dumps(result))}) == found


def test_the_first_method_stands_for_itself_in_the_contract() -> None:
    result = CurveResult.of(FINDINGS["several methods"]).to_dict()
    for level in result["lambdas"]:
        first = level["methods"][0]
        assert {name: level[name] for name in first if name != "method"} == {
            name: value for name, value in first.items() if name != "method"
        }
    assert [level["differences"] is None for level in result["lambdas"]] == [True, False, False]
    assert [level["fraction"] for level in result["lambdas"]] == ["1", "9/10", "1/3"]


@pytest.mark.parametrize("name", FINDINGS)
def test_tables_fit_into_eighty_columns(name: str) -> None:
    lines = screen(FINDINGS[name])
    prose = {f"  {line}" for line in meanings(FINDINGS[name])} | {lines[0], lines[-1]}
    tables = [line for line in lines if line not in prose and "every lambda" not in line]
    assert len(tables) > len(FINDINGS[name].curve.levels)
    assert [line for line in tables if len(line) > 80] == []


def test_many_radii_are_spread_over_several_tables() -> None:
    finding = FINDINGS["one method"]
    headers = [line for line in screen(finding) if line.lstrip().startswith("lambda")]
    assert any("rate r=1" in line and "rate r=2" in line for line in headers)


@pytest.mark.parametrize("name", FINDINGS)
def test_every_difference_has_its_interval_and_verdict(name: str) -> None:
    finding = FINDINGS[name]
    lines = [line for line in screen(finding) if re.search(r"(higher|lower|none shown)$", line)]
    radii, labelled = 2, finding.curve.labelled > 0
    assert len(lines) == (len(finding.curve.levels) - 1) * (radii * len(finding.methods) + labelled)


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (Estimate(0.2, 0.1, 0.3), "higher"),
        (Estimate(-0.2, -0.3, -1e-9), "lower"),
        (Estimate(0.2, 0.0, 0.4), "none shown"),
        (Estimate(-0.2, -0.4, 0.0), "none shown"),
    ],
)
def test_a_difference_is_only_claimed_where_the_interval_excludes_zero(estimate: Estimate, said: str) -> None:
    assert verdict(estimate) == said


def test_intervals_are_rounded_outwards() -> None:
    assert interval_shown(Estimate(0.5, 0.12349, 0.98761)) == "0.1234 .. 0.9877"
    assert gained_interval(Estimate(0.0, -0.12341, 0.00001)) == "-0.1235 .. +0.0001"


def test_lambdas_are_shown_as_they_are() -> None:
    assert [lambda_text(Fraction(text)) for text in ("1", "0.9", "15/64", "1/3")] == ["1", "0.9", "15/64", "1/3"]


def test_what_the_numbers_leave_out_is_said() -> None:
    said = " ".join(meanings(FINDINGS["thresholds and failures"]))
    assert "at least 90%" in said
    assert "independent draws from one population" in said
    assert "3 inputs failed and are left out" in said
    assert "8 frozen noise masks" in said
    assert "frozen" not in " ".join(meanings(curves.finding(lambdas=(Fraction(1),))))
    assert "Certified" not in " ".join(meanings(FINDINGS["no labels"]))


def test_inputs_that_are_too_short_are_counted_and_named() -> None:
    short = [
        tuple(replace(one, masks=tuple(replace(mask, n_free=1) for mask in one.masks)) for one in curves.evaluated(i))
        for i in range(2)
    ]
    finding = replace(FINDINGS["one method"], curve=summarise([*short, curves.evaluated(2)], delta=0.1))
    assert any(line.startswith("2 inputs have fewer than 2 features") for line in meanings(finding))


def test_thresholds_say_why_they_are_not_met() -> None:
    lines = screen(FINDINGS["thresholds and failures"])
    assert "  accuracy at every lambda met (>= 0.7)" in lines
    assert any("undecided (>= 0.9 " in line and line.endswith(" 0.2") for line in lines)


def test_one_line_says_what_smoothing_changes() -> None:
    (line,) = render(curves.smooth_report())
    assert "right" in line.plain  # type: ignore[union-attr]
    (line,) = render(curves.smooth_report(label=0))
    assert "WRONG: anger" in line.plain  # type: ignore[union-attr]

    def level(share: float, index: int, near_tie: bool = False) -> dict[str, object]:
        return {
            "lambda": share,
            "fraction": str(share),
            "prediction": {"id": index, "label": f"class {index}, or so"},
            "near_tie": near_tie,
        }

    levels = [level(1.0, 0), level(0.8, 2), level(0.7, 1), level(0.6, 2), level(0.5, 0, True)]
    assert changes({"lambdas": levels}, 0) == (
        "class 2 at lambda 0.8, 0.6; class 1 at lambda 0.7; too close to call at lambda 0.5"
    )
    assert changes({"lambdas": levels[:1]}, 0) == "the same at every lambda"


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
def test_figures_have_no_warnings(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = plot_curve(FINDINGS[name], "png")
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.width) == ("PNG", round(sheet.WIDTH * fonts.DOTS_PER_INCH))


@pytest.mark.slow
@pytest.mark.parametrize(("file_format", "magic"), [("svg", b"<?xml"), ("pdf", b"%PDF-")])
def test_figures_repeat_to_the_byte(file_format: str, magic: bytes) -> None:
    data = plot_curve(FINDINGS["several methods"], file_format)
    assert data.startswith(magic)
    assert data == plot_curve(FINDINGS["several methods"], file_format)


@pytest.mark.parametrize("name", FINDINGS)
def test_diagrams_have_every_line_and_bars_that_do_not_overlap(name: str) -> None:
    finding = FINDINGS[name]
    rows = panels(finding)
    assert len(rows) == 1 + len(finding.methods)
    assert len(rows[0]) == (2 if finding.curve.labelled else 1)
    for panel in (panel for row in rows for panel in row):
        first, last, step = spread(panel)
        xs = sorted(x for x, _ in panel.ticks)
        moved = step * (len(panel.series) - 1) / 2
        assert first <= xs[0] - moved
        assert last >= xs[-1] + moved
        assert all(b - a > 2 * moved for a, b in pairwise(xs))
        if panel.legend:
            assert len(panel.series) == len(finding.curve.levels)
        assert shown_ticks(panel, 3)[-1] == max(panel.ticks)
        assert len(shown_ticks(panel, 3)) <= 3


def test_there_is_room_for_lines_that_are_moved_aside() -> None:
    point = Estimate(0.5, 0.4, 0.6)
    series = tuple(Series("", i, ((1.0, point), (2.0, point), (4.0, point))) for i in range(6))
    panel = Panel("", "", "", ((1.0, "1"), (2.0, "2"), (4.0, "4")), series, True)
    first, last, step = spread(panel)
    assert step > 0
    assert first <= 1 - 2.5 * step
    assert last >= 4 + 2.5 * step


def test_what_is_said_of_all_stands_for_the_overview_also_beside_failures() -> None:
    failed = {"input": {"id": "x"}, "error": {"message": "no"}}
    page = Page("x")
    rows = "".join(page.section(failure("x", "no"), failed) for _ in range(2))
    assert "<nav" in page.tail()
    assert "<nav" not in rows + page.summary(curve_document(FINDINGS["one method"])) + page.tail()


class Balance(HTMLParser):
    """Every tag that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
def test_pages_are_balanced_without_scripts_and_drawings_are_xml(name: str) -> None:
    page = Page("stabcert smooth-eval")
    exhibit = Exhibit(curves.smooth_report(), None)
    content = page.head() + section(exhibit, page) + page.summary(curve_document(FINDINGS[name])) + page.tail()
    checker = Balance()
    checker.feed(content)
    assert checker.open == []
    assert "<script" not in content
    assert "<nav" not in content
    drawings = re.findall(r"<svg.*?</svg>", content)
    assert len(drawings) >= len([panel for row in panels(FINDINGS[name]) for panel in row])
    for drawing in drawings:
        ElementTree.fromstring(drawing)
    assert re.search(r"\b(nan|inf)\b", " ".join(drawings)) is None


def test_the_charts_describe_every_interval_and_the_last_one_names_the_lines() -> None:
    finding = FINDINGS["twelve lambdas"]
    charts = curve_charts(finding)
    assert len(charts) == sum(map(len, panels(finding))) + 1
    assert all(f"λ = {lambda_text(share)}" in charts[-1].description for share in MANY)
    for chart, panel in zip(charts, (panel for row in panels(finding) for panel in row), strict=False):
        assert (chart.title, chart.subtitle) == (panel.title, panel.subtitle)
        for series in panel.series:
            assert series.name in chart.description
            assert all(interval_shown(point) in chart.description for _, point in series.points)


def test_the_figure_says_what_was_evaluated_and_what_it_means() -> None:
    said = caption(curve_document(FINDINGS["thresholds and failures"]))
    assert said.startswith("4 inputs")
    assert "Accuracy at every lambda met (>= 0.7)." in said
    for sentence in meanings(FINDINGS["thresholds and failures"]):
        assert sentence in said


def test_one_input_opens_to_its_picture_and_its_lambdas() -> None:
    report = curves.smooth_report(image=True)
    canvas = Canvas(np.zeros((32, 32, 3), dtype=np.uint8), np.repeat(np.repeat([[0, 1], [2, 3]], 16, 0), 16, 1))
    folded = section(Exhibit(report, canvas))
    assert folded.startswith('<section class="folded"><details><summary>')
    line, content = folded.split("</summary>", 1)
    assert "photos/cat.jpg" in line
    assert content.count("<img") == 1
    assert content.count("<tr>") == 1 + len(curves.LAMBDAS)
    assert "Record (JSON)" in folded


def test_text_of_others_is_never_markup() -> None:
    evil = "<b>[red]&"
    report = replace(curves.smooth_report(), input=InputInfo("x", "text", "0" * 64, text=evil))
    line, content = section(Exhibit(report)).split("</summary>", 1)
    assert evil not in line + content
    assert "&lt;b&gt;[red]&amp;" in line
    (shown,) = render(report)
    assert evil in shown.plain  # type: ignore[union-attr]


def test_ticks_that_would_overlap_are_left_out() -> None:
    ticks = tuple((x, str(x)) for x in (1.0, 0.95, 0.9, 0.8, 0.7, 0.5))
    panel = Panel("", "", "", ticks, (), False)
    assert [x for x, _ in shown_ticks(panel, 6)] == [0.5, 0.7, 0.8, 0.9, 1.0]

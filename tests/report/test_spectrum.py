"""Spectra in words, on the screen, in figures and on pages: never more than is known."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console

from stabcert.core.spectrum.result import Coefficient, DegreeWeight, SpectrumFinding
from stabcert.core.types import Feature, Features
from stabcert.records.spectrum import SpectrumResult
from stabcert.report.bars import Bars
from stabcert.report.canvas import Exhibit
from stabcert.report.charts.area import Area
from stabcert.report.charts.spectrum import curves, decades, sticks, weights_chart
from stabcert.report.document import Bar, Chart
from stabcert.report.says.spectrum import spectrum_document
from stabcert.report.spectrum.wording import (
    bounds_row,
    certainty,
    coefficients_title,
    feature_names,
    left_out,
    number,
    rate_from,
    shown,
    unreliable,
)
from tests.report import exhibits, spectra
from tests.report.examples import WORDS, explain_report, fourier_report
from tests.report.screens import caption_of, drawn, render, section


def screen(finding: SpectrumFinding) -> list[str]:
    return [line.plain for line in render(fourier_report(finding))]


def exhibit(finding: SpectrumFinding, *, image: bool) -> Exhibit:
    base = exhibits.image() if image else exhibits.sentence()
    result = SpectrumResult.of(finding, base.report.model.class_names).to_dict()
    report = replace(base.report, command="fourier", certificate=finding, result=result)
    return Exhibit(report, base.canvas)


@pytest.mark.parametrize(
    ("known", "possible", "plain", "blocks"),
    [
        (0.5, 0.5, "##  ", "██  "),
        (1.0, 1.0, "####", "████"),
        (0.0, 0.0, "    ", "    "),
        (1e-9, 1e-9, "    ", "▏   "),
        (0.49, 0.51, "#.. ", "█▉░ "),
        (0.0, 1.0, "....", "░░░░"),
        (0.99, 1.0, "###.", "███▉"),
    ],
)
def test_a_bar_rounds_what_is_known_down_and_what_is_possible_up(
    known: float, possible: float, plain: str, blocks: str
) -> None:
    bar = Bar(known, possible, 4)
    assert (bar.plain(), bar.blocks()) == (plain, blocks)


def test_bars_are_plain_characters_where_nobody_looks_at_them() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    console.print(Bars(("1 ", Bar(0.5, 0.5, 4))))
    assert console.file.getvalue() == "1 ##\n"  # type: ignore[attr-defined]


def test_bars_are_blocks_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    console = Console(file=Terminal(), force_terminal=True, no_color=True)
    console.print(Bars(("1 ", Bar(0.5, 0.5, 4))))
    assert "██" in console.file.getvalue()  # type: ignore[attr-defined]


def degree_rows(lines: list[str]) -> list[str]:
    start = next(i for i, line in enumerate(lines) if line.strip().startswith("weight"))
    return lines[start + 1 : next(i for i, line in enumerate(lines) if "total influence" in line)]


def test_an_exact_spectrum_shows_weight_and_mass_of_every_degree() -> None:
    lines = screen(SpectrumFinding(spectra.exact(keep_probabilities=(1.0,))))
    assert [line.split()[:3] for line in degree_rows(lines)] == [
        ["0", "0.1502", "0.3875"],
        ["1", "0.0317", "0.2625"],
        ["2", "0.0342", "0.2625"],
        ["3", "1.6e-04", "0.0125"],
    ]
    assert any("total influence 0.1006 exact" in line for line in lines)


def test_the_longest_bar_belongs_to_the_largest_weight_above_degree_0() -> None:
    lines = screen(SpectrumFinding(spectra.exact(keep_probabilities=(1.0,))))
    mean, first, second, third = (line.count("#") for line in degree_rows(lines))
    assert mean == 0
    assert second > first > third


def test_tables_fit_into_eighty_columns() -> None:
    finding = SpectrumFinding(spectra.exact(), (spectra.BOUNDS,))
    prose = ("  Rate:", "  Weight of", "  Each interval", "  1 bound needs", '"')
    lines = [line for line in screen(finding) + screen(spectra.SAMPLED) if not line.startswith(prose)]
    assert [line for line in lines if len(line) > 80] == []


def test_more_lambdas_than_fit_side_by_side_get_another_table() -> None:
    lines = screen(SpectrumFinding(spectra.exact(keep_probabilities=(1.0, 0.9, 0.8, 0.7))))
    assert sum(line.strip().startswith("degree") for line in lines) == 2
    assert all(len(line) <= 80 for line in lines if line.strip().startswith("degree"))


def test_estimates_are_intervals_and_what_says_nothing_is_marked_with_the_samples_needed() -> None:
    lines = screen(spectra.SAMPLED)
    (row,) = (line for line in lines if line.split()[:1] == ["2"] and "?" in line)
    assert "0.0000 .. 0.2500 ?" in row
    assert not set(row) & set("#")
    assert any("degree 2 about 32000" in line for line in lines)
    assert not any("exact" in line.replace("exactly", "") for line in lines)


def test_a_weight_that_was_not_smoothed_has_no_bound_beside_itself() -> None:
    lines = screen(SpectrumFinding(spectra.exact(keep_probabilities=(1.0, 0.9))))
    rows = [line.split() for line in lines if "p = 0." in line]
    assert [row.count("-") for row in rows] == [2, 0]


def test_bounds_are_never_shown_better_than_they_are() -> None:
    assert bounds_row(spectra.BOUNDS) == ["2", "0.9, free", "0.8765", "0.0000", "0.9999", "-", "0.5000", "1"]
    assert rate_from(0.0) == "1.0000"
    assert rate_from(1e-9) == "0.9999"
    assert rate_from(0.30001) == "0.6999"


def test_bounds_that_are_missing_are_named_with_their_cost() -> None:
    assert left_out(SpectrumFinding(spectra.sampled())) == []
    (line,) = left_out(spectra.SAMPLED)
    assert "lambda 0.9 at radius 3" in line
    assert "--max-evaluations to 155648" in line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (1e-30, "0.0000"),
        (-0.25, "-0.2500"),
        (1.5625e-4, "1.6e-04"),
        (99.99, "99.9900"),
        (123456.0, "1.235e+05"),
    ],
)
def test_exact_numbers_are_short_and_never_zero_by_rounding(value: float, text: str) -> None:
    assert number(value) == text
    assert len(number(-value)) <= 10


def test_intervals_are_rounded_outwards() -> None:
    assert shown(spectra.estimate(0.5, 0.12345, 0.67891)) == "0.1234 .. 0.6790"


def test_equal_names_are_told_apart_and_long_ones_cut() -> None:
    labels = ("good", "a", "good", "w" * 60, *(f"word{i}" for i in range(20)))
    features = Features("word", tuple(Feature(label) for label in labels), (len(labels),), ("word", "words"))
    assert feature_names(features, (0, 1), 60) == "good #1 & a"
    assert feature_names(features, (2,), 60) == "good #3"
    assert feature_names(features, (), 60) == "(none of them: the constant)"
    assert len(feature_names(features, (3,), 60)) == 24
    many = feature_names(features, tuple(range(4, 24)), 60)
    assert len(many) <= 60
    assert many.endswith("… (20 words)")


def test_the_coefficients_that_may_be_zero_are_counted() -> None:
    spectrum = spectra.sampled()
    assert "1 of 2 surely not 0" in coefficients_title(spectrum)
    zero = replace(spectrum, coefficients=(Coefficient((0,), spectra.estimate(0.1, 0.0, 0.2)),))
    assert "none surely not 0" in coefficients_title(zero)
    assert "surely" not in coefficients_title(spectra.exact())


def test_certainty_is_claimed_only_where_there_is_one() -> None:
    assert "2^3 = 8 masks" in certainty(spectra.exact())
    assert certainty(spectra.exact()).endswith("exact.")
    assert "90%" in certainty(spectra.sampled())
    assert "holds individually" in certainty(spectra.sampled())
    assert unreliable(spectra.exact()) == []
    weights = tuple(DegreeWeight(1.0, one.degree, one.weight, 0.1) for one in spectra.exact().degrees)
    assert certainty(replace(spectra.sampled(), degrees=weights)).startswith("Weights and coefficients are exact")


def test_the_margin_names_both_classes() -> None:
    (line,) = (line for line in screen(spectra.MARGIN) if "spectrum of" in line)
    assert "joy minus that of anger" in line
    assert "biased, p = 0.3" in line


def test_a_finding_is_found_in_its_own_reports_only() -> None:
    with pytest.raises(TypeError, match="needs a report with a spectrum"):
        spectrum_document(Exhibit(explain_report()))


def test_the_scale_holds_every_weight_or_eight_decades() -> None:
    scale = decades(spectra.exact(keep_probabilities=(1.0,)))
    assert (scale.low, scale.high) == (-4, 0)
    assert [scale.shows(weight) for weight in (1e-5, 1e-4, 1e-2, 1.0)] == [False, False, True, True]
    tiny = decades(spectra.exact(np.full(8, 0.5) + np.eye(8)[0] * 1e-9))
    assert tiny.high - tiny.low == 8
    zero = decades(spectra.exact(np.zeros(8)))
    assert zero.high > zero.low


def test_sticks_stand_by_degree_without_the_constant() -> None:
    found = sticks(spectra.exact())
    assert found is not None
    golden = [-0.0375, 0.0625, -0.1625, -0.0125, 0.1625, -0.0875, -0.0125]
    assert found.values == pytest.approx(golden, abs=1e-12)
    assert found.starts == (0, 3, 6, 7)
    assert sticks(spectra.sampled()) is None
    assert sticks(replace(spectra.exact(), values=np.zeros(2048))) is None


def test_a_curve_for_each_lambda_has_its_degrees_in_order() -> None:
    found = curves(spectra.exact())
    assert [curve.keep_probability for curve in found] == [1.0, 0.9, 0.5]
    assert [[one.degree for one in curve.weights] for curve in found] == [[0, 1, 2, 3]] * 3


FINDINGS = {
    "exact": spectra.EXACT,
    "estimates": spectra.SAMPLED,
    "nothing known": SpectrumFinding(
        spectra.sampled(degrees=(DegreeWeight(1.0, 0, spectra.estimate(0.5, 0.0, 1.0, 10**6), None),))
    ),
    "nothing but zeros": SpectrumFinding(spectra.exact(np.zeros(8))),
    "one feature": SpectrumFinding(spectra.exact((0.2, 0.9))),
    "six lambdas": SpectrumFinding(spectra.exact(keep_probabilities=(1.0, 0.9, 0.8, 0.7, 0.6, 0.5))),
    "degree 0 alone": SpectrumFinding(spectra.exact(degree=0)),
    "monotone": SpectrumFinding(spectra.exact(basis="monotone", top=0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
@pytest.mark.parametrize("image", [True, False])
def test_every_kind_of_finding_has_a_figure_a_page_and_a_screen(name: str, image: bool) -> None:
    shown_here = exhibit(FINDINGS[name], image=image)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawn([shown_here], "png").startswith(b"\x89PNG")
    on_page = section(shown_here)
    assert 'class="chart"' in on_page
    assert "nan" not in on_page.split("<details>")[0].replace("nant", "")
    assert render(shown_here.report)


@pytest.mark.slow
def test_a_figure_repeats_to_the_byte() -> None:
    shown_here = exhibit(spectra.EXACT, image=False)
    assert drawn([shown_here], "svg") == drawn([shown_here], "svg")


def axes_of(chart: Chart) -> Axes:
    """The diagram as matplotlib has it."""
    figure = Figure(figsize=(4, 3))
    chart.draw(Area(figure, 0, 0, 4, 3))
    return figure.axes[0]


def test_curves_end_where_the_scale_does() -> None:
    axes = axes_of(weights_chart(spectra.exact(np.full(8, 0.5) + np.eye(8)[0] * 1e-9)))
    low, _ = axes.get_ylim()
    for line in axes.lines:
        weights = np.asarray(line.get_ydata())
        assert weights[0] > low
        assert (weights[1:] < low).all(), "what is below the axis lies outside, not on it"


def test_what_says_nothing_is_dotted_and_has_no_estimate() -> None:
    lines = axes_of(weights_chart(spectra.sampled())).lines
    bars = [line for line in lines if len(line.get_xdata()) == 2]
    assert sum(line.get_linestyle() != "-" for line in bars) == 2
    assert sum(len(line.get_xdata()) == 1 for line in lines) == 4


def test_labels_are_escaped_on_the_page() -> None:
    features = replace(WORDS.features, items=(Feature("<b>x", span=(0, 1)), *WORDS.features.items[1:]))
    finding = SpectrumFinding(spectra.exact((0.1, 0.9, 0.1, 0.9)))
    page = section(Exhibit(fourier_report(finding, replace(WORDS, features=features))))
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


def test_a_caption_says_what_is_shown_and_how_sure_it_is() -> None:
    text = caption_of(fourier_report(spectra.SAMPLED))
    assert "Spectrum of the probability of joy" in text
    assert "90%" in text
    assert "A dotted bar is a useless interval" in text
    assert "? marks a useless interval" in text
    assert "δ = 0.1. Model" in text
    exact = caption_of(fourier_report(spectra.EXACT))
    assert "reaches down to 0" not in exact
    assert "δ" not in exact, "nothing of it is a matter of chance"

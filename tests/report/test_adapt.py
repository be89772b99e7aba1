"""The report of ``adapt`` in every form: there and back, on the screen, in figures, on pages."""

from __future__ import annotations

import io
import json
import re
import warnings
from dataclasses import replace
from fractions import Fraction

import pytest
from PIL import Image

from stabcert.core.adaptation.confidence import overconfidence
from stabcert.core.adaptation.summary import summarise_comparison
from stabcert.core.curve.result import Estimate
from stabcert.records.adapt import AdaptRecord
from stabcert.records.adapt_comparison import settings_of
from stabcert.records.adapt_inputs import compared_input
from stabcert.records.adaptation import AdaptFinding, Compared
from stabcert.records.writing import to_json
from stabcert.report.adapt.wording import (
    advice_words,
    clean_words,
    data_words,
    distribution_meaning,
    distribution_words,
    gain_words,
    meanings,
    p_shown,
    threshold_words,
)
from stabcert.report.charts.adapt import NAMES, adapt_charts, panels
from stabcert.report.curve.wording import interval_shown
from stabcert.report.document import Table
from stabcert.report.figure import caption, figure
from stabcert.report.finding import found_of
from stabcert.report.numbers import rounded_down
from stabcert.report.page import Page
from stabcert.report.says.adapt import adapt_document
from stabcert.report.terminal import lines
from tests.report.adaptations import FINDINGS, N_FEATURES, RECORDS

COMPARED = {name: one for name, one in FINDINGS.items() if one.compared is not None}


def compared(name: str) -> Compared:
    found = FINDINGS[name].compared
    assert found is not None
    return found


def screen(finding: AdaptFinding) -> list[str]:
    return [str(line.plain) for line in lines(adapt_document(finding))]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", COMPARED)
def test_the_comparison_is_read_again_from_the_record(name: str) -> None:
    found, record = compared(name), json.loads(to_json(RECORDS[f"adapt, {name}"]))["result"]["comparison"]
    inputs = [compared_input(one) for one in record["inputs"]]
    assert inputs == [one.compared for one in found.inputs]
    assert settings_of(record["request"]) == found.settings
    assert summarise_comparison(inputs, delta=record["request"]["delta"]) == found.comparison


@pytest.mark.parametrize("name", FINDINGS)
def test_tables_fit_into_eighty_columns(name: str) -> None:
    finding = FINDINGS[name]
    tables = [block for block in adapt_document(finding).blocks if isinstance(block, Table)]
    assert len(tables) >= (3 if name in COMPARED else 1)
    shown = screen(finding)
    rows = [line for line in shown if re.search(r"  [+-]\d\.\d{4}  [+-]\d\.\d{4} \.\. [+-]\d\.\d{4}", line)]
    assert all(len(line) <= 80 for line in rows)
    assert len(rows) >= (4 if name in COMPARED else 0)


def test_every_measure_that_is_shown_has_its_numbers_and_the_others_are_in_the_record() -> None:
    found = compared("labels")
    shown = "\n".join(screen(FINDINGS["labels"]))
    for measure in found.comparison.measures:
        if not measure.quantity.endswith("agreement") or measure.quantity in ("agreement", "masked agreement"):
            assert f"{measure.before.mean:.4f}" in shown
    assert "certified, r=2" in shown
    assert "certified, r=2" in "\n".join(screen(FINDINGS["no labels"]))
    quantities = {one["quantity"] for one in RECORDS["adapt, labels"]["result"]["comparison"]["measures"]}
    assert {"certified agreement", "smoothed agreement", "certified accuracy"} <= quantities


@pytest.mark.parametrize(
    ("change", "bound", "verdict", "said"),
    [
        (Estimate(0.0, -0.01, 0.01), 0.02, "within", "within the accepted loss of 0.02"),
        (Estimate(-0.01, -0.05, 0.01), 0.02, "open", "the interval reaches beyond it"),
        (Estimate(-0.03, -0.05, -0.01), 0.02, "beyond", "BEYOND the accepted loss of 0.02"),
        (Estimate(-0.02, -0.02, -0.02), 0.02, "within", "within"),
        (Estimate(0.0, 0.0, 0.0), 0.0, "within", "within the accepted loss of 0"),
    ],
)
def test_the_loss_on_full_inputs_is_held_against_its_bound(
    change: Estimate, bound: float, verdict: str, said: str
) -> None:
    found = compared("labels")
    measures = tuple(
        replace(one, difference=change) if one == found.clean else one for one in found.comparison.measures
    )
    found = replace(found, comparison=replace(found.comparison, measures=measures), clean_bound=bound)
    assert found.clean_verdict == verdict
    assert clean_words(found).startswith("accuracy on full inputs")
    assert said in clean_words(found)


def test_the_gain_that_was_requested_is_compared_unrounded() -> None:
    met, missed = FINDINGS["a gain that is met"], FINDINGS["a gain that is not met"]
    assert (met.status, missed.status, FINDINGS["labels"].status) == ("certified", "undecided", "reported")
    lower = compared("a gain that is not met").gain.difference.lower
    exact = replace(compared("labels"), min_gain=lower)
    assert exact.threshold is not None
    assert exact.threshold.met
    assert "met (>= 0.01)" in str(threshold_words(compared("a gain that is met")))
    assert f"the lower bound is {rounded_down(lower)}" in str(threshold_words(compared("a gain that is not met")))
    assert "the threshold is 0.9" in found_of(RECORDS["adapt, a gain that is not met"])


def test_the_purposes_of_the_inputs_are_counted() -> None:
    assert data_words(FINDINGS["labels"]) == (
        "20 inputs trained the model, 2 others chose the epoch, and 8 others are reported on"
    )
    assert data_words(FINDINGS["interrupted"]) == "20 inputs trained the model, 2 others chose the epoch"


def test_a_model_is_called_overconfident_where_a_test_finds_it() -> None:
    tests = compared("labels").comparison.overconfidence_before
    few, many = replace(tests[0], p_value=0.1), replace(tests[1], p_value=0.1001)
    found = replace(compared("labels").comparison, overconfidence_before=(few, many), overconfidence_after=(many, many))
    before, after = distribution_words(replace(compared("labels"), comparison=found))
    assert before == (
        "The original model is overconfident about masked inputs with 3/4 kept. With 1/2 kept this is not shown."
    )
    assert after == "That the adapted model is overconfident about masked inputs is not shown."
    # A majority keeps its class with probability 1 with 3/4 kept, and never with less, and states 1 each time.
    assert [(one.agreement, one.confidence, one.p_value < 1e-6) for one in tests] == [
        (1.0, 1.0, False),
        (0.0, 1.0, True),
        (0.0, 1.0, True),
    ]


def test_p_values_are_never_shown_as_zero() -> None:
    assert [p_shown(p) for p in (1e-9, 0.5, 1.0)] == ["<0.0001", "0.5000", "1.0000"]


def test_a_difference_is_not_said_to_be_a_fault() -> None:
    """A model that states the exact posterior of the label is rejected where the original is unsure of full inputs.

    Full inputs have the class with probability 0.49 or 0.91, each half the time, and the mask hides which.
    """
    honest, agrees = [(0.49 + 0.91) / 2] * 100, [i % 2 == 0 for i in range(100)]
    assert overconfidence(honest, agrees, Fraction(1, 4)).p_value < 0.001
    said = distribution_meaning(0.1)
    assert "need not be a fault" in said
    assert "is not found" not in said


def test_p_values_are_rounded_up() -> None:
    assert [p_shown(p) for p in (0.0001, 0.00012, 0.0003, 0.10004)] == ["0.0001", "0.0002", "0.0003", "0.1001"]


def test_repeated_inputs_leave_no_guarantee_and_the_report_says_so() -> None:
    finding = FINDINGS["labels"]
    assert "equal to another" not in " ".join(meanings(finding, compared("labels")))
    for more, number in ((1, "1 input is"), (2, "2 inputs are")):
        repeated = replace(finding, inputs=finding.inputs + finding.inputs[:more])
        said = " ".join(meanings(repeated, compared("labels")))
        left_out = " ".join(meanings(replace(finding, repeats_left_out=more), compared("labels")))
        for one in (said, left_out):
            assert f"Here {number} equal to another one" in one
            assert "no interval and no test is guaranteed" in one


def test_what_the_numbers_mean_is_said() -> None:
    said = " ".join(meanings(FINDINGS["labels"], compared("labels")))
    for part in (
        "at least 90%",
        "draws from one population that repeats no input",
        "neither trained nor chose",
        "near duplicates",
    ):
        assert part in said
    assert "8 frozen quantized noise masks" in said
    alone = " ".join(meanings(FINDINGS["labels"], compared("nothing smoothed, one input")))
    assert "frozen" not in alone
    assert "Proved" not in alone


def test_the_original_model_is_not_called_adapted() -> None:
    finding = FINDINGS["labels"]
    unchanged = replace(finding, chosen=replace(finding.chosen, epoch=0, interpolation=0.0))
    assert screen(finding)[0].startswith("adapt   demo:text adapted in out/adapted")
    assert screen(unchanged)[0].startswith("adapt   demo:text unchanged in out/adapted")
    assert "note: the model is unchanged: within the accepted loss of 0.02" in "\n".join(screen(unchanged))
    assert advice_words(finding) is None


def test_the_page_begins_with_the_gain_and_the_figure_has_few_words() -> None:
    document = adapt_document(FINDINGS["labels"])
    content = Page("stabcert adapt").summary(document)
    gain = gain_words(compared("labels").gain)
    assert f"demo:text adapted in out/adapted: masked agreement {gain}" in content
    assert content.index(gain) < content.index("<svg")
    said = caption(document)
    assert gain in said
    assert "at least 90%" in said
    assert "Certified: the label" in said
    assert len(said) < 1200
    repeated = replace(FINDINGS["labels"], repeats_left_out=1)
    assert "no interval and no test is guaranteed" in caption(adapt_document(repeated))


def test_cut_texts_and_resumed_runs_are_told() -> None:
    finding = replace(FINDINGS["labels"], cut=3, resumed=True)
    shown = "\n".join(screen(finding))
    assert "note: 3 texts were too long for the model and cut" in shown
    assert "s since the run was resumed" in shown
    result = AdaptRecord.of(finding, key="a" * 64).to_dict()["result"]
    assert result["cut"] == 3
    assert "cut" not in RECORDS["adapt, labels"]["result"]


def test_the_table_of_epochs_says_what_a_point_is() -> None:
    shown = "\n".join(screen(FINDINGS["labels"]))
    assert "point: from the original weights (0) to those of the epoch (1)" in shown
    assert "accuracy, agreement and masked" in shown
    assert "accuracy, agreement" not in "\n".join(screen(FINDINGS["no labels"]))


def test_an_interrupted_run_claims_nothing_about_other_inputs() -> None:
    finding = FINDINGS["interrupted"]
    assert finding.status == "incomplete"
    assert "interrupted" in found_of(RECORDS["adapt, interrupted"])
    shown = "\n".join(screen(finding))
    assert "note: the training was interrupted" in shown
    assert "nothing is shown about other inputs" in shown
    assert "interval" not in shown


@pytest.mark.parametrize("name", COMPARED)
def test_the_charts_describe_every_interval_before_and_after(name: str) -> None:
    found = compared(name)
    charts, shown = adapt_charts(found), [panel for row in panels(found) for panel in row]
    assert len(charts) == len(shown) + 1
    assert charts[-1].description == f"Legend: {', '.join(NAMES)}."
    for chart, panel in zip(charts, shown, strict=False):
        assert [series.name for series in panel.series] == list(NAMES)
        for series in panel.series:
            assert all(interval_shown(point) in chart.description for _, point in series.points)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_figures_and_pages_are_drawn_without_warnings(name: str) -> None:
    document = adapt_document(FINDINGS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = figure([document], "png")
        page = Page("stabcert adapt")
        content = page.head() + page.summary(document) + page.tail()
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "PNG"
    assert content.count("<svg") == len(adapt_charts(compared(name)))
    assert "masked agreement" in content


def test_the_figure_says_what_was_gained() -> None:
    said = caption(adapt_document(FINDINGS["labels"]))
    assert "Masked agreement +" in said
    assert "r = 1, 2, δ = 0.1. Model demo:text, seed 0." in said
    assert compared("labels").comparison.inputs == N_FEATURES  # eight inputs of eight features

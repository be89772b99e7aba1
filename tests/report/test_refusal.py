"""Why a threshold that is met certifies nothing: the same words on the screen, in figures, on pages and in records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stabcert.cli.exit_codes import MISSED
from stabcert.core.hard.finding import Smoothed
from stabcert.core.mask_flags import MaskFlags
from stabcert.records.refusal import REFUSED, allowed_of, doubts_of, reason_of
from stabcert.report.canvas import Exhibit
from stabcert.report.finding import found_of
from stabcert.report.record import Report, load_schema
from tests.report.examples import (
    ANGER,
    BERNOULLI,
    JOY,
    REPORTS,
    TESTED,
    WORDS,
    hard_finding,
    hard_report,
    sequential,
    soft_report,
)
from tests.report.screens import caption_of, render, render_explain, section

RENDER: dict[str, Any] = {
    "explain": lambda report: render_explain(report, 3),
    "certify-soft": render,
    "certify-hard": render,
}
REASONS = {
    "explain, vacuous": "the model already predicts joy on the empty input",
    "soft, inconsistent": "the model predicts anger on the mask alone and joy on the full input",
    "soft, vacuous": "the model already predicts joy on the empty input",
    "hard, inconsistent": "the smoothed model predicts anger on the mask alone and joy on the full input",
    "hard, vacuous": "the smoothed model already predicts joy on the empty input",
}


def screen(report: Report) -> str:
    return "\n".join(getattr(line, "plain", "") for line in RENDER[report.command](report))


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_is_in_the_same_words_everywhere(name: str) -> None:
    report, reason = REPORTS[name], REASONS[name]
    record = report.to_dict()
    assert list(record)[:4] == ["schema", "command", "status", "reason"]
    assert record["reason"] == reason
    shown = screen(report)
    assert f"NOT certified: {report.status}: {reason}; --allow-{report.status} accepts it" in shown
    assert "note: vacuous" not in shown
    assert "Stability refers to the mask alone" not in shown
    page = section(Exhibit(report))
    assert f'<span class="bad strong">NOT certified: {report.status}</span>' in page
    for text in (page, caption_of(report)):
        assert text.count(f"NOT certified, {report.status}: {reason}.") == 1
    assert found_of(record).startswith(reason)
    assert ("; the threshold itself is met: " in found_of(record)) == (report.command != "explain")


@pytest.mark.parametrize("name", [name for name in REPORTS if REPORTS[name].status not in REFUSED])
def test_other_records_have_no_reason(name: str) -> None:
    record = REPORTS[name].to_dict()
    assert "reason" not in record
    assert reason_of(record) is None
    assert "NOT certified:" not in caption_of(REPORTS[name])


def test_every_status_is_in_the_schema_and_the_missed_ones_end_with_exit_code_1() -> None:
    schema = load_schema()
    for branch in schema["oneOf"]:
        if branch["title"] in ("explain", "certify-soft", "certify-hard"):
            assert set(REFUSED) <= set(branch["properties"]["status"]["enum"])
            assert "reason" not in branch["required"]
    assert set(REFUSED) <= set(schema["$defs"]["RecordPlace"]["properties"]["status"]["enum"])
    assert set(MISSED) == {"not-certified", "undecided", "incomplete", *REFUSED}


@pytest.mark.parametrize(
    ("close", "status", "word"), [("full", "inconsistent", "consistent"), ("empty", "vacuous", "vacuous")]
)
def test_what_is_too_close_to_call_is_said(close: Any, status: Any, word: str) -> None:
    explanation = replace(WORDS, near_ties=frozenset({close}))
    report = soft_report(sequential(TESTED), explanation)
    note = f"it is too close to call whether the mask is {word}"
    assert f"note: {note}" in screen(report)
    assert doubts_of(report.to_dict()) == [note]
    assert note in caption_of(report).lower()
    refused = replace(report, status=status)
    assert str(refused.to_dict()["reason"]).endswith("too close to call")
    assert f"note: {note}" not in screen(refused)
    if close == "full":
        assert "mask alone: joy (0.70), too close to call" in screen(report)


@pytest.mark.parametrize(
    ("flags", "status", "reason"),
    [
        (
            MaskFlags(consistent=False, vacuous=False),
            "inconsistent",
            "the smoothed model predicts joy on the mask alone and anger on the full input",
        ),
        (
            MaskFlags(consistent=None, vacuous=False),
            "inconsistent",
            "whether the smoothed model predicts the same class on the mask alone and on the full input is too close "
            "to call",
        ),
        (
            MaskFlags(consistent=True, vacuous=None),
            "vacuous",
            "whether the smoothed model already predicts joy on the empty input is too close to call",
        ),
    ],
)
def test_with_bernoulli_noise_the_smoothed_model_is_another_than_the_one_that_is_shown(
    flags: MaskFlags, status: Any, reason: str
) -> None:
    smoothed = Smoothed(BERNOULLI, JOY, ANGER if flags.consistent is False else JOY, flags)
    report = replace(hard_report(hard_finding(BERNOULLI, smoothed=smoothed, threshold=2)), status=status)
    assert report.to_dict()["reason"] == reason
    assert f"NOT certified: {status}: {reason}" in screen(report)


def test_a_request_from_before_the_rule_allows_everything() -> None:
    assert allowed_of({}) == allowed_of({"allow_inconsistent": True, "allow_vacuous": True})
    strict = allowed_of({"allow_inconsistent": False, "allow_vacuous": False})
    assert (strict.inconsistent, strict.vacuous) == (False, False)

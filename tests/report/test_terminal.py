"""What people read: exact lines, nothing in them that acts, and digits enough to see why."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from stabcert.core.explanation import Explanation
from stabcert.core.prediction import Prediction
from stabcert.core.soft.certificate import StabilityRate
from stabcert.core.types import Feature, Features
from stabcert.records.common import Prediction as PredictionRecord
from stabcert.records.findings import InputInfo
from stabcert.report.canvas import Exhibit
from stabcert.report.record import Report
from stabcert.report.says.soft import soft_document
from stabcert.report.visible import visible
from stabcert.report.wording import name_of, short
from tests.report.examples import (
    ANGER,
    ENUMERATED,
    IMAGE,
    JOY,
    MODEL,
    PATCHES,
    REFUTED,
    REPORTS,
    SAMPLED,
    SHA,
    SMOOTHING,
    TESTED,
    UNDECIDED,
    UNTOUCHED,
    WORDS,
    certificate,
    explain_report,
    sequential,
    soft_report,
    text_input,
)
from tests.report.screens import render, render_explain

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # Bidi_Control of Unicode


def screen(report: Report, *, width: int = 80, colour: bool = False, show: int = 10) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        highlight=False,
        soft_wrap=True,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    )
    for line in render_explain(report, show) if report.command == "explain" else render(report):
        console.print(line)
    return file.getvalue()


def lines(report: Report, show: int = 10) -> list[str]:
    return [line.rstrip() for line in screen(report, show=show).splitlines()]


def rate_line(rate: StabilityRate) -> str:
    return lines(soft_report(sequential(rate)))[3]


def test_an_explanation_of_a_text() -> None:
    first, *features, text, last = lines(explain_report())
    assert first.split("   ")[1:] == ["joy (0.91)", "4 words, 2 kept (50%), lime", "mask alone: joy (0.70), consistent"]
    assert [line.split() for line in features] == [
        ["1", "lovely,", "+0.5000", "kept"],
        ["2", "film", "+0.2500", "kept"],
        ["3", "lovely", "+0.0312"],
        ["4", "A", "-0.1250"],
    ]
    assert text == "  A [lovely,] lovely [film]"
    assert last.startswith("  152 evaluations, 1.8 s, demo:text")


def test_an_explanation_of_an_image_that_is_inconsistent_and_vacuous() -> None:
    report = explain_report(replace(PATCHES, method="random", scores=np.array([2.0, 1.0, -1.0, 1.0])), IMAGE)
    first, *features, inconsistent, vacuous, _ = lines(report, show=3)
    assert first.startswith("photos/cat.jpg   joy (0.91)   4 patches, 1 kept (25%), ")
    assert first.endswith("anger (0.55), NOT consistent")
    assert features == [
        "    1  row 1, column 1  +2.0000  kept",
        "    2  row 1, column 2  +1.0000",
        "    3  row 2, column 2  +1.0000",
    ]
    assert re.match("  note: .*anger.* joy", inconsistent)
    assert re.match("  note: vacuous: .*anger", vacuous)


def test_a_fixed_certificate() -> None:
    _, text, head, *rates, guarantee, meaning, _ = lines(soft_report(certificate(ENUMERATED, SAMPLED)))
    assert text == "  A [lovely,] lovely [film]"
    assert head.split() == ["radius", "samples", "matches", "rate", "90%", "interval"]
    assert [rate.split() for rate in rates] == [
        ["1", "4", "3", "0.7500", "exact"],
        ["4", "150", "147", "0.9800", "0.9491", "..", "0.9946"],
    ]
    assert "90%" in guarantee
    assert meaning.endswith("demo:text (unsmoothed) still predicts joy.")


def test_a_smoothed_certificate_says_what_the_model_itself_predicts() -> None:
    meaning = lines(soft_report(certificate(SAMPLED), smoothing=SMOOTHING))[-2]
    assert "the smoothed model still predicts joy" in meaning
    assert "demo:text under 64 frozen masks" in meaning
    assert re.search(r"probability 0\.5\..* predicts anger \(0\.33\)", meaning)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (TESTED, "       4      150      147  0.9800   0.9300 .. 0.9990  met (>= 0.9)"),
        (
            replace(TESTED, met=None, threshold=None, near_ties=2),
            "       4      150      147  0.9800   0.9300 .. 0.9990  2 too close to call",
        ),
        (
            replace(ENUMERATED, near_ties=1, upper=1.0),
            "       1        4        3  0.7500   0.7500 .. 1.0000  1 too close to call",
        ),
    ],
)
def test_a_line_of_the_table(rate: StabilityRate, expected: str) -> None:
    assert rate_line(rate) == expected


@pytest.mark.parametrize(("rate", "word"), [(TESTED, "met"), (REFUTED, "refuted"), (UNDECIDED, "undecided")])
def test_the_verdict_is_a_word(rate: StabilityRate, word: str) -> None:
    found = {other for other in ("met", "refuted", "undecided") if other in rate_line(rate)}
    assert found == {word}


def test_a_radius_without_a_draw_has_no_rate() -> None:
    assert rate_line(UNTOUCHED).startswith("       7        0        0       -   0.0000 .. 1.0000  undecided")


@pytest.mark.parametrize(
    ("lower", "upper", "shown"), [(0.94996, 0.94996, "0.9499 .. 0.9500"), (0.95, 0.95, "0.9500 .. 0.9500")]
)
def test_bounds_are_rounded_to_the_side_on_which_they_hold(lower: float, upper: float, shown: str) -> None:
    assert shown in rate_line(replace(TESTED, lower=lower, upper=upper))


def test_an_interrupted_certificate_says_so() -> None:
    report = REPORTS["interrupted"]
    assert "interrupted" in screen(report)


@pytest.mark.parametrize("formulation", ["exactly", "worst"])
def test_a_formulation_that_is_not_the_usual_one_is_named(formulation: str) -> None:
    assert formulation in screen(soft_report(certificate(SAMPLED, formulation=formulation)))


def test_rendering_without_a_certificate_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a report with a certificate"):
        soft_document(Exhibit(explain_report()))


@pytest.mark.parametrize("threshold", [0.9, 0.90004999, 1 / 3, 0.99996])
@pytest.mark.parametrize("gap", [0.1, 6e-4, 4e-4, 6e-5, 1e-6, 1e-9, 1e-12, 0.0])
def test_a_lower_bound_below_the_threshold_is_seen_to_be_below_it(threshold: float, gap: float) -> None:
    lower = threshold - gap if gap else float(np.nextafter(threshold, 0))
    line = rate_line(replace(TESTED, threshold=threshold, lower=lower, upper=1.0, met=False))
    numbers = re.search(r"(\S+) \.\. 1\.0000 .*\(>= ([\d.]+)(?:, lower bound ([\d.]+))? not shown\)", line)
    assert numbers is not None
    assert float(numbers[3] or numbers[1]) < float(numbers[2])


@pytest.mark.parametrize("threshold", [0.9, 0.90006, 0.99996, 1 / 3, 2 / 3, 1.0])
def test_no_more_is_said_to_be_met_than_is_met(threshold: float) -> None:
    line = rate_line(replace(TESTED, threshold=threshold, lower=threshold, upper=1.0, met=True))
    met = re.search(r"met \(>= ([\d.]+)\)", line)
    assert met is not None
    assert float(met[1]) <= threshold


@pytest.mark.parametrize("name", REPORTS)
def test_plain_output_is_the_same_at_every_width_without_colours_or_boxes(name: str) -> None:
    narrow, wide = (screen(REPORTS[name], width=width) for width in (12, 500))
    assert narrow == wide
    assert "\x1b" not in narrow
    assert not [c for c in narrow if "\u2500" <= c <= "\u259f"]


@pytest.mark.parametrize("name", REPORTS)
def test_colours_change_nothing_but_colours(name: str) -> None:
    assert re.sub(r"\x1b\[[\d;]*m", "", screen(REPORTS[name], colour=True)) == screen(REPORTS[name])


HOSTILE = "[red]x[/red][link=http://a]y[/link]:smile:\x1b[2J\x1b]8;;http://b\x07\x9b31m\x00\x7f\r\x08\u202eabc\u2066z"
LITERAL = "[red]x[/red][link=http://a]y[/link]:smile:"


def with_prediction(**changes: Prediction) -> Report:
    return explain_report(replace(WORDS, **changes))  # type: ignore[arg-type]


def with_feature(label: str) -> Report:
    items = (Feature(label, span=(0, 1)), *WORDS.features.items[1:])
    return explain_report(replace(WORDS, features=Features("word", items, (4,), ("word", "words"))))


PLACES: dict[str, Callable[[str], Report]] = {
    "text": lambda s: explain_report(info=text_input("A lovely, lovely film " + s)),
    "beginning of a text": lambda s: explain_report(info=text_input(s + " and more than enough words to be cut off")),
    "file name": lambda s: explain_report(PATCHES, replace(IMAGE, id=s)),
    "label": lambda s: with_prediction(full=replace(JOY, label=s)),
    "label of the mask": lambda s: with_prediction(masked=replace(ANGER, label=s)),
    "label of nothing": lambda s: with_prediction(masked=ANGER, empty=replace(ANGER, label=s)),
    "label of the plain model": lambda s: soft_report(
        certificate(SAMPLED),
        smoothing=SMOOTHING.model_copy(
            update={"unsmoothed_prediction": PredictionRecord(id=0, label=s, probability=1.0)}
        ),
    ),
    "feature": with_feature,
    "method of a record": lambda s: explain_report(replace(WORDS, method=s)),
    "model of a record": lambda s: replace(explain_report(), model=replace(MODEL, id=s)),
}


@pytest.mark.parametrize("place", PLACES)
def test_markup_and_control_characters_are_shown_and_do_nothing(place: str) -> None:
    plain, coloured = (screen(PLACES[place](HOSTILE), colour=colour) for colour in (False, True))
    assert LITERAL in plain
    for printed in (plain, re.sub(r"\x1b\[[\d;]*m", "", coloured)):
        assert not [c for c in printed if (unicodedata.category(c) == "Cc" and c != "\n") or c in BIDI_CONTROLS]
    # One line stays one line: nothing hides behind a line of its own.
    assert len(plain.splitlines()) == len(screen(PLACES[place]("x")).splitlines())


@pytest.mark.parametrize(
    "character", [*BIDI_CONTROLS, "\x00", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\udc80"]
)
def test_characters_that_act_are_made_visible(character: str) -> None:
    assert visible(f"a{character}b") == "a\ufffdb"


def test_line_breaks_become_spaces_and_other_writing_stays() -> None:
    assert visible("a\nb\r\tc") == "a b  c"
    assert visible("Žluťoučký שלום 漢字 🙂 مرحبا") == "Žluťoučký שלום 漢字 🙂 مرحبا"


def with_spans(text: str, spans: list[tuple[int, int] | None], kept: list[int]) -> str:
    items = tuple(Feature("x", span=span) for span in spans)
    explanation: Explanation = replace(
        WORDS,
        features=Features("token", items, (len(items),), ("token", "tokens")),
        mask=np.isin(np.arange(len(items)), kept),
        scores=None,
    )
    return lines(explain_report(explanation, text_input(text)))[1]


def test_the_sentence_shows_the_text_with_the_kept_features_in_brackets() -> None:
    assert with_spans("  to be!", [(2, 4), (5, 7), None, (7, 8)], [1, 2]) == "    to [be]!"
    assert with_spans("one", [(0, 3)], [0]) == "  [one]"
    assert with_spans("one two", [(0, 3), (4, 7)], []) == "  one two"


def test_a_character_of_several_tokens_is_shown_once() -> None:
    # The bytes of one emoji are several tokens, each of them with the span of the whole character.
    shown = with_spans("so 🙂 ok", [(0, 2), (3, 4), (3, 4), (3, 4), (5, 7)], [1, 2, 3])
    assert shown.replace("[", "").replace("]", "") == "  so 🙂 ok"


def test_features_are_listed_by_score_and_only_as_many_as_asked_for() -> None:
    assert len(lines(explain_report(), show=0)) == 3
    assert [line.split()[1] for line in lines(explain_report(), show=2)[1:3]] == ["lovely,", "film"]
    assert len(lines(explain_report(replace(WORDS, scores=None)))) == 3


def test_one_feature_is_one_word() -> None:
    one = replace(
        WORDS,
        features=Features("word", (Feature("A", span=(0, 1)),), (1,), ("word", "words")),
        mask=np.array([True]),
        scores=None,
    )
    assert "   1 word, 1 kept (100%), lime   " in lines(explain_report(one))[0]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (IMAGE, "photos/cat.jpg"),
        (text_input("x" * 48), '"' + "x" * 48 + '"'),
        (text_input("x" * 49), '"' + "x" * 47 + '…"'),
        (InputInfo("notes.txt", "text", SHA, path="notes.txt", text="hello"), "notes.txt"),
    ],
)
def test_an_input_is_called_by_its_file_or_by_its_beginning(info: InputInfo, expected: str) -> None:
    assert name_of(info) == expected


def test_of_synonyms_the_first_is_shown() -> None:
    assert short("tabby, tabby cat") == "tabby"

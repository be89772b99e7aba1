"""Hard certificates in words and on the screen: never more than was proved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stabcert.core.hard.certificate import CheckedAddition, EnumeratedRadius, NoRadius, Refinement
from stabcert.core.hard.finding import Attack, Broken, Check, HardFinding
from stabcert.core.prediction import Prediction
from stabcert.report.canvas import Exhibit
from stabcert.report.hard.wording import (
    attack_text,
    check_text,
    guarantees,
    smoothing_warning,
)
from tests.report.examples import (
    ANGER,
    BERNOULLI,
    FIRST,
    HARD_WITH_EVERYTHING,
    JOY,
    LAST,
    SHA,
    hard_certificate,
    hard_finding,
    hard_report,
)
from tests.report.screens import caption_of, render, section

EVERYTHING = hard_certificate(stable_for_all_supersets=True, radius_incremental=2)
NOTHING = hard_certificate(radius_incremental=0, radius_arcs=0, removal=0)


def screen(finding: HardFinding | None = None, **options: Any) -> str:
    return "\n".join(line.plain for line in render(hard_report(finding, **options)))


def said(finding: HardFinding) -> str:
    return " ".join(guarantees(hard_report(finding), finding))


def test_the_screen_says_votes_radii_guarantee_and_the_model_itself() -> None:
    assert screen().split("\n") == [
        '"A lovely, lovely film"   joy (0.91)   4 words, 2 kept (50%), lime   mask alone: joy (0.70), consistent',
        "  A [lovely,] lovely [film]",
        "  smoothed model: lambda 15/64, 64 frozen noise masks, agrees with unsmoothed",
        "  votes on the mask: joy 44, anger 20",
        "  votes on the full input: joy 60, anger 2, sadness 2",
        "  unsmoothed model: joy (0.91), mask alone: joy (0.75)",
        "  radius                proved  broken at   of 4 words",
        "  smoothed, adding           1          -   by the votes touched (lead alone: 0)",
        "  smoothed, removing         1          -   by the votes on the full input",
        "  No addition of up to 1 word to the explanation changes the prediction of the smoothed model (joy), and no "
        "removal of up to 1 word outside the explanation from the full input changes it. Proved, not sampled.",
        "  152 evaluations, 1.8 s, demo:text, cpu float32, seed 0",
    ]


def test_the_table_of_radii_fits_into_eighty_columns() -> None:
    lines = screen(HARD_WITH_EVERYTHING).split("\n")
    table = [
        line
        for line in lines
        if line.startswith(("  radius", "  smoothed", "  unsmoothed, adding", "  lambda", "  15/"))
    ]
    assert len(table) >= 6
    assert max(map(len, table)) <= 80


def test_only_a_bernoulli_certificate_speaks_of_probability() -> None:
    assert "With probability at least 90% over the random draws, no addition of up to 3 words" in said(
        hard_finding(BERNOULLI, direction="incremental")
    )
    assert "robability" not in said(hard_finding())


def test_a_bernoulli_certificate_is_not_called_proved_and_not_sampled() -> None:
    assert "not sampled" not in said(hard_finding(BERNOULLI, direction="incremental"))


def test_a_bernoulli_certificate_of_nothing_claims_nothing() -> None:
    seen, proof = replace(BERNOULLI.seen, gap=-0.1), replace(BERNOULLI.proof, radius_incremental=0)
    nothing = replace(BERNOULLI, seen=seen, proof=proof)
    assert said(hard_finding(nothing, direction="incremental")).startswith("Nothing is guaranteed")


def test_radius_zero_claims_nothing() -> None:
    assert said(hard_finding(NOTHING)).startswith("Nothing is guaranteed for the smoothed model")


def test_what_was_not_asked_for_is_not_claimed() -> None:
    assert "removing" not in said(hard_finding(direction="incremental"))
    assert "adding" not in said(hard_finding(direction="decremental"))


def test_a_reason_stands_where_there_is_no_decremental_radius() -> None:
    found = hard_certificate(removal=NoRadius("the reason"))
    assert "no radius for removing: the reason" in screen(hard_finding(found))
    assert "removing up to" not in said(hard_finding(found))


def test_a_removal_that_was_not_certified_is_not_blamed_on_the_lead() -> None:
    found = hard_certificate(removal=NoRadius("the reason"))
    assert said(hard_finding(found, direction="decremental")) == (
        "Nothing is guaranteed for the smoothed model: the reason."
    )


def test_stable_whatever_is_added_is_shown_as_all() -> None:
    finding = hard_finding(EVERYTHING)
    assert "Whatever is added to the explanation, the smoothed model predicts joy." in said(finding)
    assert "smoothed, adding         all" in screen(finding)
    assert "smoothed, removing       all          -   by the votes touched (lead alone: 0)" in screen(finding)


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        (
            EnumeratedRadius(1, 2, None, False, 0, 11),
            "Every addition of up to 2 words was tested on the unsmoothed model, and all keep",
        ),
        (EnumeratedRadius(1, 1, LAST, False, 0, 11), "all keep its prediction (joy). One of 2 changes it."),
        (EnumeratedRadius(1, 0, FIRST, False, 0, 3), "(joy): one changes its prediction"),
        (EnumeratedRadius(1, 0, None, False, 1, 5), "(joy): one is too close to call"),
        (
            EnumeratedRadius(1, 4, None, True, 0, 16),
            "Every addition was tested on the unsmoothed model: it predicts joy for all of them",
        ),
    ],
)
def test_what_trying_every_addition_showed_of_the_model_itself(tried: EnumeratedRadius, words: str) -> None:
    assert words in said(hard_finding(enumerated=tried))


def test_an_enumeration_says_nothing_of_the_smoothed_model() -> None:
    finding = hard_finding(NOTHING, enumerated=EnumeratedRadius(1, 4, None, True, 0, 16))
    assert "Nothing is guaranteed for the smoothed model" in said(finding)


def test_a_lost_prediction_is_said_on_the_screen_in_the_figure_and_on_the_page() -> None:
    finding = hard_finding(plain=ANGER)
    report = hard_report(finding)
    assert "note: smoothing changes the prediction: the unsmoothed model predicts anger (0.55)" in screen(finding)
    assert "DISAGREES with unsmoothed" in screen(finding)
    assert "Smoothing changes them: the unsmoothed model predicts anger (0.55)" in caption_of(report)
    assert "Smoothing changes them" in section(Exhibit(report))


def test_a_kept_prediction_needs_no_warning() -> None:
    assert smoothing_warning(hard_finding()) == ""


def test_an_attack_says_what_it_found_and_that_it_found_nothing() -> None:
    finding = hard_finding(attack=Attack(2000, Broken(LAST, ANGER), None))
    assert attack_text(hard_report(finding), finding) == (
        "A search within 2000 evaluations found 2 words that turn the smoothed model to anger and "
        "nothing that changes the unsmoothed model."
    )


def test_a_flip_that_is_not_the_smallest_possible_does_not_end_the_guarantee() -> None:
    found = said(hard_finding(hard_certificate(radius_incremental=0), attack=Attack(2000, Broken(LAST, ANGER), None)))
    assert "ddition" not in found
    found = said(hard_finding(attack=Attack(2000, Broken(np.ones(4, dtype=bool), ANGER), None)))
    assert "No addition of up to 1 word" in found
    assert "one of 2 does" not in found
    assert "one of 2 does" in said(hard_finding(attack=Attack(2000, Broken(LAST, ANGER), None)))


def test_nothing_is_broken_where_every_superset_is_stable() -> None:
    complete = Refinement(2, 2, True, True, True, 300)
    assert hard_finding(replace(EVERYTHING, proof=replace(EVERYTHING.proof, refinement=complete))).broken_at is None
    assert hard_finding(hard_certificate(refinement=replace(complete, radius=1))).broken_at == 2


def test_an_attack_on_bernoulli_noise_is_about_the_model_itself() -> None:
    finding = hard_finding(BERNOULLI, direction="incremental", attack=Attack(50, None, Broken(FIRST, ANGER)))
    assert attack_text(hard_report(finding), finding) == (
        "A search within 50 evaluations found 1 word that turns the unsmoothed model to anger."
    )


def checked(added: np.ndarray, guaranteed: bool, prediction: Prediction = JOY) -> HardFinding:
    found = CheckedAddition(int(added.sum()), 9, guaranteed, prediction.id, False)
    return hard_finding(NOTHING, check=Check("m.json", SHA, added, found, prediction))


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (checked(LAST, True), "The checked addition of 2 words is guaranteed, and so is every part of it"),
        (
            checked(LAST, False),
            "NOT guaranteed. The smoothed model predicts joy (0.91) with it: it keeps the prediction",
        ),
        (checked(LAST, False, ANGER), "NOT guaranteed. The smoothed model predicts anger (0.55) with it: it changes"),
        (checked(np.zeros(4, dtype=bool), True), "adds nothing"),
        (hard_finding(), ""),
    ],
)
def test_the_words_on_a_checked_addition(finding: HardFinding, words: str) -> None:
    assert words in check_text(hard_report(finding), finding)


def test_an_addition_within_the_radius_is_guaranteed_even_where_the_votes_alone_do_not_prove_it() -> None:
    outside = checked(LAST, False)
    assert not outside.check_guaranteed
    within = replace(outside, smoothed=replace(outside.smoothed, certificate=hard_certificate(radius_incremental=2)))
    assert within.check_guaranteed
    stable = hard_certificate(stable_for_all_supersets=True, radius_incremental=0)
    everything = replace(outside, smoothed=replace(outside.smoothed, certificate=stable))
    assert everything.check_guaranteed


@pytest.mark.parametrize(
    ("options", "threshold", "direction", "met"),
    [
        ({"radius_incremental": 2}, 2, "both", True),
        ({"radius_incremental": 2}, 3, "both", False),
        ({"radius_incremental": 0, "removal": 9}, 1, "both", False),
        ({"radius_incremental": 9, "removal": 1}, 2, "decremental", False),
        ({"radius_incremental": 0, "removal": 2}, 2, "decremental", True),
        ({"removal": NoRadius("the reason")}, 1, "decremental", False),
        ({"radius_incremental": 0, "stable_for_all_supersets": True}, 4, "both", True),
    ],
)
def test_the_threshold_is_about_the_radius_in_question(
    options: dict[str, Any], threshold: int, direction: Any, met: bool
) -> None:
    finding = hard_finding(hard_certificate(**options), threshold=threshold, direction=direction)
    assert finding.met is met
    assert hard_report(finding).status == ("certified" if met else "not-certified")

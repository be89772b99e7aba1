"""Hard certificates in words and on the screen: never more than was proved."""

from __future__ import annotations

import re
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
    _, text, smoothed, votes, full, unsmoothed, head, adding, removing, guarantee, _ = screen().split("\n")
    assert text == "  A [lovely,] lovely [film]"
    assert re.search("lambda 15/64, 64 .*, agrees", smoothed)
    assert votes.endswith("mask: joy 44, anger 20")
    assert full.endswith("input: joy 60, anger 2, sadness 2")
    assert re.findall(r"joy \(\S+\)", unsmoothed) == ["joy (0.91)", "joy (0.75)"]
    assert head.split() == ["radius", "proved", "broken", "at", "of", "4", "words"]
    assert adding.split()[:4] == ["smoothed,", "adding", "1", "-"]
    assert adding.endswith("(lead alone: 0)")
    assert removing.split()[:4] == ["smoothed,", "removing", "1", "-"]
    assert re.findall(r"No addition of up to 1 word |no removal of up to 1 word |\(joy\)", guarantee) == [
        "No addition of up to 1 word ",
        "(joy)",
        "no removal of up to 1 word ",
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
    assert re.search(
        "at least 90% .*no addition of up to 3 words", said(hard_finding(BERNOULLI, direction="incremental"))
    )
    assert "robability" not in said(hard_finding())


def test_a_bernoulli_certificate_is_not_called_proved_and_not_sampled() -> None:
    assert "not sampled" not in said(hard_finding(BERNOULLI, direction="incremental"))


def test_a_bernoulli_certificate_of_nothing_claims_nothing() -> None:
    seen, proof = replace(BERNOULLI.seen, gap=-0.1), replace(BERNOULLI.proof, radius_incremental=0)
    nothing = replace(BERNOULLI, seen=seen, proof=proof)
    assert said(hard_finding(nothing, direction="incremental")).startswith("Nothing is guaranteed")


def test_radius_zero_claims_nothing() -> None:
    assert said(hard_finding(NOTHING)).startswith("Nothing is guaranteed")


def test_what_was_not_asked_for_is_not_claimed() -> None:
    assert "removing" not in said(hard_finding(direction="incremental"))
    assert "adding" not in said(hard_finding(direction="decremental"))


def test_a_reason_stands_where_there_is_no_decremental_radius() -> None:
    found = hard_certificate(removal=NoRadius("the reason"))
    assert "no radius for removing: the reason" in screen(hard_finding(found))
    assert "removing up to" not in said(hard_finding(found))


def test_a_removal_that_was_not_certified_is_not_blamed_on_the_lead() -> None:
    found = hard_certificate(removal=NoRadius("the reason"))
    assert re.fullmatch("Nothing is guaranteed .*: the reason.", said(hard_finding(found, direction="decremental")))


def test_stable_whatever_is_added_is_shown_as_all() -> None:
    finding = hard_finding(EVERYTHING)
    assert re.search("Whatever is added .* predicts joy", said(finding))
    rows = [line.split()[1:4] for line in screen(finding).splitlines() if line.startswith("  smoothed, ")]
    assert rows == [["adding", "all", "-"], ["removing", "all", "-"]]


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        (
            EnumeratedRadius(1, 2, None, False, 0, 11),
            "Every addition of up to 2 words",
        ),
        (EnumeratedRadius(1, 1, LAST, False, 0, 11), "(joy). One of 2 changes it."),
        (EnumeratedRadius(1, 0, FIRST, False, 0, 3), "(joy): one changes its prediction"),
        (EnumeratedRadius(1, 0, None, False, 1, 5), "(joy): one is too close to call"),
        (
            EnumeratedRadius(1, 4, None, True, 0, 16),
            "it predicts joy for all of them",
        ),
    ],
)
def test_what_trying_every_addition_showed_of_the_model_itself(tried: EnumeratedRadius, words: str) -> None:
    assert words in said(hard_finding(enumerated=tried))


def test_an_enumeration_says_nothing_of_the_smoothed_model() -> None:
    finding = hard_finding(NOTHING, enumerated=EnumeratedRadius(1, 4, None, True, 0, 16))
    assert "Nothing is guaranteed" in said(finding)


def test_a_lost_prediction_is_said_on_the_screen_in_the_figure_and_on_the_page() -> None:
    finding = hard_finding(plain=ANGER)
    report = hard_report(finding)
    assert re.search(r"note: smoothing changes .* predicts anger \(0\.55\)", screen(finding))
    assert "DISAGREES" in screen(finding)
    assert re.search(r"Smoothing changes them: .* predicts anger \(0\.55\)", caption_of(report))
    assert "Smoothing changes them" in section(Exhibit(report))


def test_a_kept_prediction_needs_no_warning() -> None:
    assert smoothing_warning(hard_finding()) == ""


def test_an_attack_says_what_it_found_and_that_it_found_nothing() -> None:
    finding = hard_finding(attack=Attack(2000, Broken(LAST, ANGER), None))
    found = attack_text(hard_report(finding), finding)
    assert "within 2000 evaluations" in found
    assert "2 words that turn the smoothed model to anger" in found
    assert "nothing that changes the unsmoothed model" in found


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
    found = attack_text(hard_report(finding), finding)
    assert re.search("within 50 .* 1 word that turns the unsmoothed model to anger", found)
    assert "the smoothed model" not in found


def checked(added: np.ndarray, guaranteed: bool, prediction: Prediction = JOY) -> HardFinding:
    found = CheckedAddition(int(added.sum()), 9, guaranteed, prediction.id, False)
    return hard_finding(NOTHING, check=Check("m.json", SHA, added, found, prediction))


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (checked(LAST, True), "addition of 2 words is guaranteed"),
        (
            checked(LAST, False),
            "predicts joy (0.91) with it: it keeps",
        ),
        (checked(LAST, False, ANGER), "predicts anger (0.55) with it: it changes"),
        (checked(np.zeros(4, dtype=bool), True), "adds nothing"),
        (hard_finding(), ""),
    ],
)
def test_the_words_on_a_checked_addition(finding: HardFinding, words: str) -> None:
    text = check_text(hard_report(finding), finding)
    assert words in text
    assert ("NOT guaranteed" in text) == ("predicts" in words)


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

"""Scores that do not say which features are the best: recorded, and said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stabcert.core.ties import Tie
from stabcert.report.wording import tie_note
from tests.report.examples import WORDS, explain_report


@pytest.mark.parametrize(
    ("scores", "tie", "note"),
    [
        ([0.1, 0.5, 0.0, 0.3], None, None),
        ([0.3, 0.5, 0.0, 0.3], Tie(1, 1), "2 features share the lowest score that is kept: 1 kept, 1 left out"),
        ([0.0, 0.0, 0.0, 0.0], Tie(2, 2), "all scores are equal: the top 2 are the first 2 of 4"),
        ([0.0, 1e-17, 0.0, 2e-17], Tie(2, 2), "all scores are equal: the top 2 are any 2 of 4"),
        ([0.9, 0.1, 0.0, 0.3], None, None),  # a mask that is not the top 2
    ],
)
def test_scores_that_do_not_decide_are_said_to(scores: list[float], tie: Tie | None, note: str | None) -> None:
    explanation = replace(WORDS, scores=np.array(scores))
    assert (explanation.tie, tie_note(explanation)) == (tie, note)
    record = explain_report(explanation).to_dict()["explanation"]["tie"]
    assert record == (None if tie is None else {"kept": tie.kept, "left_out": tie.left_out})


def test_without_scores_and_with_every_feature_there_is_no_tie() -> None:
    assert replace(WORDS, scores=None).tie is None
    assert replace(WORDS, scores=np.zeros(4), mask=np.ones(4, dtype=np.bool_)).tie is None

"""Questions: what can be asked about which outputs, from options and from records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.core.streams import digest
from stabcert.errors import ModelError, ParameterError
from stabcert.models.asking import ask, from_record, meaning_of
from stabcert.models.heads import Meaning, Outputs, Question

REFUSED: list[tuple[Meaning, int, dict[str, Any], str]] = [
    ("classes", 3, {"threshold": 0.5}, "threshold must be left out, got 0.5, because m predicts one of 3 classes"),
    ("classes", 3, {"tolerance": 0.5}, "tolerance must be left out, got 0.5"),
    ("classes", 3, {"target": "a"}, "target must be left out, got 'a'.*Give it to explain"),
    ("labels", 3, {}, "m predicts 3 labels, each of which is on or off.*Use target='a', or another of a, b, c"),
    ("labels", 3, {"target": "d"}, "target must be an output of m, got 'd'. It has a, b, c"),
    ("labels", 3, {"target": 3}, "target must be an output from 0 to 2, got 3"),
    ("labels", 3, {"target": True}, "target must be an index or a name, got True"),
    ("labels", 3, {"target": 1.0}, "target must be an index or a name, got 1.0"),
    ("labels", 3, {"target": 0, "threshold": 1.0}, "threshold must be a probability above 0 and below 1, got 1"),
    ("labels", 3, {"target": 0, "threshold": math.nan}, "threshold must be a probability"),
    ("labels", 3, {"target": 0, "tolerance": 0.1}, "tolerance must be left out.*Use threshold=0.5"),
    ("unknown", 1, {"threshold": 3.0}, 'above 0 and below 1, got 3.*write "problem_type": "regression"'),
    ("numbers", 1, {}, "m predicts a number .a.*Use tolerance=0.1 .*threshold=0.5"),
    ("numbers", 2, {"tolerance": 1.0}, "m predicts 2 numbers.*Use target='a', or another of a, b"),
    ("numbers", 1, {"tolerance": 0.0}, "tolerance must be above 0 and finite, got 0"),
    ("numbers", 1, {"tolerance": math.inf}, "tolerance must be above 0 and finite, got inf"),
    ("numbers", 1, {"threshold": -math.inf}, "threshold must be finite, got -inf"),
    ("numbers", 1, {"threshold": 1.0, "tolerance": 1.0}, "Give one of the two"),
]


@pytest.mark.parametrize(("meaning", "count", "options", "message"), REFUSED)
def test_impossible_questions_are_refused_with_what_is_possible(
    meaning: Meaning, count: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        ask("m", Outputs(meaning, ("a", "b", "c")[:count]), **options)


def test_a_question_is_the_same_from_its_record() -> None:
    outputs = Outputs("numbers", ("a", "b"))
    asked = ask("m", outputs, target="b", tolerance=0.1 + 0.2)
    assert asked is not None
    recorded = asked.around(1 / 3, "mask").record()
    assert recorded["reference"] == 1 / 3
    assert from_record(recorded, outputs) == asked
    with pytest.raises(ParameterError, match=r"an output of the model, 0 to 0, got 1"):
        from_record(recorded, Outputs("numbers", ("b",)))
    with pytest.raises(ParameterError, match=r"model\.question must be possible.*'value'"):
        from_record({**recorded, "kind": "value"}, outputs)
    with pytest.raises(ModelError, match="has no reference"):
        asked.logits(torch.zeros(1, 2))
    assert "reference" not in asked.of_draws()
    assert asked.of_draws() != ask("m", outputs, target="a", tolerance=0.1 + 0.2).of_draws()  # type: ignore[union-attr]


@pytest.mark.parametrize(("one", "same"), [(-0.0, 0.0), (np.float32(0.5), 0.5), (1, 1.0)])
def test_a_limit_has_the_same_draws_however_it_is_written(one: Any, same: float) -> None:
    outputs = Outputs("numbers", ("a", "b"))
    first = ask("m", outputs, target=np.int64(1), threshold=one)  # type: ignore[arg-type]
    second = ask("m", outputs, target="b", threshold=same)
    assert first is not None
    assert second is not None
    assert digest(first.of_draws()) == digest(second.of_draws())


@pytest.mark.parametrize(
    ("reference", "tolerance", "shown"),
    [(3.41213, 0.2, "3.41"), (-0.3, 20.0, "0"), (123456.789, 500.0, "123457"), (1 / 3, 1e-4, "0.33333")],
)
def test_a_reference_is_shown_with_the_digits_that_its_tolerance_needs(
    reference: float, tolerance: float, shown: str
) -> None:
    question = Question("within", 0, "value", 1, tolerance=tolerance, reference=reference)
    assert question.answers[1].endswith(f"of {shown}")


def test_the_meaning_of_outputs_follows_from_the_configuration() -> None:
    found = [meaning_of(problem, n) for problem in (None, "regression", "multi_label_classification") for n in (1, 3)]
    assert found == ["unknown", "classes", "numbers", "numbers", "labels", "labels"]

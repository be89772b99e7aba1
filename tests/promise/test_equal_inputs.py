"""Equal inputs: where a sum over inputs is bounded, each has draws of its own; a certificate is the same for all.

In a sum, equal draws would be one number that is counted many times. A certificate with draws of its own for each copy
would be one more chance for whoever lists an input twice, and nothing in the record would tell, or reproduce, it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doubles import Threshold
from tests.known_model import call, loaded, write_inputs, write_mask
from tests.promise.cases import DELTAS, ROUNDING, SLOW, SumModulo, judge

pytestmark = pytest.mark.slow

FUNCTION, MASK, RADIUS = Threshold(8, 2, [4, 5, 6, 7]), np.arange(8) < 2, 2
"""16 of 22 additions keep the class."""
COMMANDS, COPIES = (400 if SLOW else 16), 24
TEXTS = ["one", "two", "three"] * 4
Record = dict[str, Any]


def write(directory: Path, texts: Sequence[str], ids: Sequence[str] | None = None) -> Path:
    path = directory / "inputs.jsonl"
    names = ids or [f"input {i}" for i in range(len(texts))]
    rows = [json.dumps({"id": name, "text": text}) for name, text in zip(names, texts, strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return path


def evaluate(directory: Path, *arguments: object, n_samples: int = 6) -> list[Record]:
    """The records of ``smooth-eval``, that of all inputs last."""
    settings = ["--lambdas", "1,0.5", "--radii", RADIUS, "--draws", 5, "--n-samples", n_samples, "--json", "--quiet"]
    with loaded(lambda text: FUNCTION):
        code, found, errors = call("smooth-eval", *settings, "--mask", write_mask(directory, MASK), *arguments)
    assert code == 0, errors
    return found


def matches(record: Record) -> list[int]:
    """Additions that keep the class at each lambda."""
    return [level["masks"][0]["rates"][0]["matches"] for level in record["result"]["lambdas"]]


def by_text(records: Sequence[Record]) -> dict[str, list[list[int]]]:
    texts = sorted({record["input"]["text"] for record in records})
    return {text: sorted(matches(one) for one in records if one["input"]["text"] == text) for text in texts}


@pytest.mark.parametrize("delta", DELTAS)
def test_means_over_copies_of_one_text_are_outside_of_their_intervals_with_frequency_delta_at_most(
    tmp_path: Path, delta: float
) -> None:
    """A population of one text: whoever draws for it once knows one addition, not as many as there are copies."""
    levels = evaluate(tmp_path, "-t", "text", n_samples=100)[-1]["result"]["lambdas"]
    truths = [level["rates"][0]["mean"] for level in levels]
    assert truths[0] == pytest.approx(float(FUNCTION.rate(MASK, RADIUS)), abs=ROUNDING)
    assert abs(truths[1] - truths[0]) > 0.03
    failures = {"rate, lambda 1": 0, "rate, lambda 1/2": 0, "gain": 0}
    for command in range(COMMANDS):
        inputs = write(tmp_path, [f"text {command}"] * COPIES)
        found = evaluate(tmp_path, "--inputs", inputs, "--delta", delta, n_samples=1)[-1]["result"]["lambdas"]
        intervals = [level["rates"][0] for level in found] + [found[1]["differences"]["rates"][0]]
        for statement, one, truth in zip(failures, intervals, [*truths, truths[1] - truths[0]], strict=True):
            failures[statement] += not one["lower"] - ROUNDING <= truth <= one["upper"] + ROUNDING
    judge(f"smooth-eval of {COPIES} equal inputs", delta, COMMANDS, failures)


def test_copies_have_draws_of_their_own_in_every_order_and_part_of_the_list(tmp_path: Path) -> None:
    inputs = write(tmp_path, TEXTS)
    whole = evaluate(tmp_path, "--inputs", inputs)[:-1]
    for copies in by_text(whole).values():
        assert len({tuple(one) for one in copies}) > 1
    parts = [evaluate(tmp_path, "--inputs", inputs, "--shard", f"{i}/3")[:-1] for i in (1, 2, 3)]
    assert [record["result"] for part in parts for record in part] == [record["result"] for record in whole]
    backwards = evaluate(tmp_path, "--inputs", write(tmp_path, TEXTS[::-1]))[:-1]
    assert by_text(backwards) == by_text(whole)
    among_others = [text for pair in zip(TEXTS, map(str, range(len(TEXTS))), strict=True) for text in pair]
    found = by_text(evaluate(tmp_path, "--inputs", write(tmp_path, among_others))[:-1])
    assert {text: found[text] for text in set(TEXTS)} == by_text(whole)


def test_a_resumed_list_has_the_draws_of_the_whole(tmp_path: Path) -> None:
    inputs, records = write(tmp_path, TEXTS), tmp_path / "records.jsonl"
    whole = evaluate(tmp_path, "--inputs", inputs)
    evaluate(tmp_path, "--inputs", inputs, "--limit", 5, "-o", records)
    evaluate(tmp_path, "--inputs", inputs, "-o", records, "--resume")
    resumed = [json.loads(line) for line in records.read_text().splitlines()]
    assert [record["result"] for record in resumed] == [record["result"] for record in whole]


def test_a_record_does_not_stand_for_an_equal_input_that_comes_before_it(tmp_path: Path) -> None:
    """It has the draws of the first of its bytes; resumed behind another one, both would have the same."""
    records, texts = tmp_path / "records.jsonl", [f"text {i}" for i in range(8)]
    names = [f"old {i}" for i in range(8)]
    evaluate(tmp_path, "--inputs", write(tmp_path, texts, names), "-o", records)
    inputs = write(tmp_path, [*texts, *texts], [*(f"new {i}" for i in range(8)), *names])
    resumed = evaluate(tmp_path, "--inputs", inputs, "-o", records, "--resume")[:-1]
    last = {record["input"]["id"]: matches(record) for record in resumed}
    last |= {
        one["input"]["id"]: matches(one) for one in map(json.loads, records.read_text().splitlines()) if one["input"]
    }
    assert [last[f"new {i}"] for i in range(8)] != [last[f"old {i}"] for i in range(8)]


CERTIFICATES: dict[str, list[object]] = {
    "certify-soft": ["-r", 9],
    "certify-soft to a rate": ["-r", 9, "--min-rate", 0.6],
    "certify-hard": ["--noise", "bernoulli", "-l", "1/2", "--n-samples", 100],
    "fourier": ["--n-samples", 50, "--degree", 1],
}


@pytest.mark.parametrize("command", CERTIFICATES)
def test_equal_inputs_have_equal_certificates(tmp_path: Path, command: str) -> None:
    function, mask = SumModulo(31, 3), write_mask(tmp_path, np.arange(31) == 30)
    arguments = [command.split()[0], "--mask", mask, *CERTIFICATES[command], "--json", "--quiet"]
    with loaded(lambda text: function):
        _, alone, _ = call(*arguments, "-t", "a text")
        _, found, errors = call(*arguments, "-t", "a text", "-t", "another", "-t", "a text", "-t", "a text")
    assert len(found) == 4, errors
    assert [found[i]["result"] for i in (0, 2, 3)] == [alone[0]["result"]] * 3


def test_equal_inputs_have_equal_searches(tmp_path: Path) -> None:
    arguments = ["explain", "--method", "random", "--until-stable", "-r", 9, "--min-rate", 0.5, "--json", "--quiet"]
    inputs = write_inputs(tmp_path, 1)
    inputs.write_text("a text\nanother\na text\n")
    with loaded(lambda text: SumModulo(31, 3)):
        _, found, errors = call(*arguments, "--inputs", inputs)
    assert len(found) == 3, errors
    assert found[0]["result"] == found[2]["result"]

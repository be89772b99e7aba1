"""The division of inputs, and the labels that are refused."""

from __future__ import annotations

import dataclasses
import re

import pytest

from stabcert.adapt.examples import Example, check_labels, data_sha256, split
from stabcert.errors import InputError


def _examples(count: int, labels: tuple[int | None, ...] = (None,)) -> list[Example]:
    return [Example(f"text {i}", f"text {i}", labels[i % len(labels)], f"{i:064x}") for i in range(count)]


def test_a_fifth_is_held_out_and_every_input_is_on_one_side() -> None:
    examples = _examples(50)
    parts = split(examples, held_out=0.2, seed=0)
    assert len(parts.held_out) == 10
    assert {example.id for example in (*parts.training, *parts.held_out)} == {example.id for example in examples}
    assert not {e.id for e in parts.training} & {e.id for e in parts.held_out}


def test_the_order_of_the_inputs_does_not_matter_and_the_seed_does() -> None:
    examples = _examples(50)
    assert split(examples, held_out=0.2, seed=0) == split(examples[::-1], held_out=0.2, seed=0)
    assert split(examples, held_out=0.2, seed=0) != split(examples, held_out=0.2, seed=1)


def test_equal_inputs_are_on_the_same_side() -> None:
    examples = _examples(30)
    twins = [dataclasses.replace(example, id=f"copy of {example.id}") for example in examples]
    parts = split([*examples, *twins], held_out=0.3, seed=0)
    assert not {e.sha256 for e in parts.training} & {e.sha256 for e in parts.held_out}
    assert len(parts.held_out) == 18


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.01])
def test_too_few_inputs_are_refused_with_the_number_that_is_needed(share: float) -> None:
    with pytest.raises(InputError, match="got 3") as raised:
        split(_examples(3), held_out=share, seed=0)
    found = re.search(r"needs (\d+)", str(raised.value))
    assert found is not None
    needed = int(found[1])
    assert len(split(_examples(needed), held_out=share, seed=0).held_out) >= 2
    with pytest.raises(InputError):
        split(_examples(needed - 1), held_out=share, seed=0)


def test_copies_of_one_input_do_not_count() -> None:
    with pytest.raises(InputError, match="got 1"):
        split(_examples(1) * 100, held_out=0.2, seed=0)


def test_no_inputs_are_refused() -> None:
    with pytest.raises(InputError, match="no inputs"):
        split([], held_out=0.2, seed=0)


def test_the_hash_of_the_data_depends_on_labels_and_not_on_order() -> None:
    examples = _examples(5, (0, 1))
    assert data_sha256(examples) == data_sha256(examples[::-1])
    assert data_sha256(examples) != data_sha256(_examples(5, (1, 0)))


@pytest.mark.parametrize(
    ("labels", "label_weight", "message"),
    [
        ((0, 2), 0.0, "from 0 to 1, got 2"),
        ((0, -1), 0.0, "got -1"),
        ((0, 1, None), 0.0, "all inputs or none"),
        ((None,), 0.5, "needs labels"),
        ((1,), 0.5, "got yes alone"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: tuple[int | None, ...], label_weight: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(_examples(6, labels), ("no", "yes"), label_weight=label_weight)


def test_one_class_is_enough_where_labels_only_measure() -> None:
    check_labels(_examples(6, (1,)), ("no", "yes"), label_weight=0.0)


def test_equal_inputs_with_different_labels_are_refused() -> None:
    first = _examples(1, (0,))[0]
    with pytest.raises(InputError, match="text 0 and other are equal"):
        check_labels([first, dataclasses.replace(first, id="other", label=1)], ("no", "yes"), label_weight=0.0)

"""The inputs of an adaptation, and their division into those that train and those that choose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image

from stabcert.core.types import Features
from stabcert.errors import InputError

FEWEST = 2
"""Fewest distinct inputs that train, and fewest that are held out."""


@dataclass(frozen=True)
class Example:
    """One input of an adaptation."""

    id: str
    """Name for messages and records."""
    data: Image.Image | str = field(repr=False)
    """An image in mode RGB, upright (see `stabcert.models.decode.decode_image`), or a text."""
    label: int | None
    """Index of its class, where known."""
    sha256: str
    """Hash of the input, hexadecimal; equal inputs have equal hashes."""


@dataclass(frozen=True)
class CheckedInputs:
    """Features and masking of the first input, which are those of all."""

    features: Features
    masking: dict[str, object]
    """Settings of the masked input."""
    cut: int = 0
    """Texts that were cut."""


@contextmanager
def about(example: Example) -> Iterator[None]:
    """Name an input in the refusals of the block."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{example.id}: {error}") from error


@dataclass(frozen=True)
class Split:
    """Inputs that train, and inputs that choose the result."""

    training: tuple[Example, ...]
    held_out: tuple[Example, ...]

    @property
    def labelled(self) -> bool:
        """True if every input has a label."""
        return all(example.label is not None for example in (*self.training, *self.held_out))


def check_labels(examples: Sequence[Example], class_names: Sequence[str], *, label_weight: float) -> None:
    """Refuse labels that cannot be used.

    Raises:
        InputError: a label is not the index of a class, equal inputs have different labels, only some inputs have a
            label, or, with ``label_weight`` above 0, no input has a
            label or all labels are of one class.
    """
    labelled = [example for example in examples if example.label is not None]
    for example in labelled:
        if example.label is None or not 0 <= example.label < len(class_names):
            raise InputError(
                f"the label of {example.id} must be a class from 0 to {len(class_names) - 1}, got {example.label}. "
                "Correct the label, or use a model with this class"
            )
    if label_weight > 0 and not labelled:
        raise InputError(f"label_weight={label_weight:g} needs labels, got none. Give labels, or use label_weight=0")
    if labelled and len(labelled) < len(examples):
        first = next(example for example in examples if example.label is None)
        raise InputError(
            f"all inputs or none must have a label, got {len(labelled)} of {len(examples)} ({first.id} has none). "
            "Label the rest, or leave all labels out"
        )
    seen: dict[str, Example] = {}
    for example in labelled:
        other = seen.setdefault(example.sha256, example)
        if other.label != example.label:
            raise InputError(
                f"{other.id} and {example.id} are equal inputs with the different labels {other.label} and "
                f"{example.label}. Correct one of them"
            )
    if label_weight > 0 and len({example.label for example in labelled}) == 1:
        only = labelled[0].label or 0
        raise InputError(
            f"labels must be of 2 classes or more, got {class_names[only]} alone, which the model would then always "
            "predict. Give inputs of other classes too, or use label_weight=0"
        )


def split(examples: Sequence[Example], *, held_out: float, seed: int) -> Split:
    """Divide inputs at random, by ``seed`` and their hashes alone; equal inputs are on one side.

    Both parts are in an order that does not depend on that of ``examples``.

    Args:
        examples: inputs in any order.
        held_out: share of the distinct inputs that are held out.
        seed: seed of the division.

    Raises:
        InputError: too few distinct inputs; the message contains the number that is needed.
    """
    hashes = sorted({example.sha256 for example in examples}, key=lambda each: _rank(each, seed))
    if not hashes:
        raise InputError("no inputs to adapt to. Give a folder or a list with inputs")
    count = _held_out_count(len(hashes), held_out)
    if min(count, len(hashes) - count) < FEWEST:
        needed = 2 * FEWEST
        while min(_held_out_count(needed, held_out), needed - _held_out_count(needed, held_out)) < FEWEST:
            needed += 1
        raise InputError(
            f"adapting needs {needed} distinct inputs or more with held_out={held_out:g}, got {len(hashes)}. "
            "Give more inputs; some hundred are useful"
        )
    chosen = set(hashes[:count])
    ordered = sorted(examples, key=lambda example: (_rank(example.sha256, seed), example.id))
    return Split(
        tuple(example for example in ordered if example.sha256 not in chosen),
        tuple(example for example in ordered if example.sha256 in chosen),
    )


def data_sha256(examples: Sequence[Example]) -> str:
    """Return the SHA-256 of all inputs with their labels, whatever their order and names."""
    lines = sorted(f"{example.sha256}:{'' if example.label is None else example.label}\n" for example in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _held_out_count(inputs: int, share: float) -> int:
    return round(inputs * share)


def _rank(sha256: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()

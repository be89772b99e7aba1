"""Classes by number, name or synonym."""

from __future__ import annotations

import pytest

from stabcert.cli.classes import find_class
from stabcert.errors import ParameterError

NAMES = ("tabby, tabby cat", "tiger cat", "crane (134)", "crane (517)", "goldfish, Carassius auratus")


@pytest.mark.parametrize(
    ("text", "index"),
    [("1", 1), ("TIGER CAT", 1), ("tabby", 0), ("carassius auratus", 4), ("crane (517)", 3), ("tabby, tabby cat", 0)],
)
def test_classes_are_found_by_number_name_or_synonym(text: str, index: int) -> None:
    assert find_class(text, NAMES) == index


@pytest.mark.parametrize(
    ("text", "message"),
    [("5", "0 to 4"), ("tiger", "no class"), ("goldfsh", "no class"), ("x", "it has tabby, tabby cat, tiger cat, ")],
)
def test_unknown_classes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        find_class(text, NAMES)


def test_an_ambiguous_class_is_refused() -> None:
    with pytest.raises(ParameterError, match="names several classes"):
        find_class("rose", ("rose, flower", "rose, colour"))

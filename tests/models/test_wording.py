"""Classes and prompts that a user words."""

from __future__ import annotations

from typing import Any

import pytest

from stabcert.core.streams import model_digest
from stabcert.errors import InputError, ParameterError
from stabcert.models.wording import Wording, parse_classes


def test_classes_are_parsed_without_the_spaces_around_them() -> None:
    assert parse_classes("a photo of a cat, a photo of a dog ") == ("a photo of a cat", "a photo of a dog")
    assert parse_classes(None) is None
    assert parse_classes('"a cat, asleep",  "a ""big"" dog", it\'s 5" long') == (
        "a cat, asleep",
        'a "big" dog',
        "it's 5\" long",
    )


@pytest.mark.parametrize("text", ['"a cat, a dog', '"a cat" b,c', '"a cat" ,b', "", " ", "a\nb,c\nd"])
def test_classes_that_cannot_be_parsed_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="classes must"):
        parse_classes(text)


@pytest.mark.parametrize(
    ("classes", "prompt", "parameter"),
    [
        (["yes"], None, "classes"),
        (["yes", " "], None, "classes"),
        (["yes", 3], None, "classes"),
        (["yes", "yes"], None, "classes"),
        (["a cat, asleep", "a cat, awake"], None, "classes"),
        ("yes,no", None, "classes"),
        (["yes", "no"], "no place", "prompt"),
        (["yes", "no"], "{input} and {input}", "prompt"),
        (None, "{input}?", "prompt"),
    ],
)
def test_what_is_refused(classes: Any, prompt: str | None, parameter: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Wording.of(classes, prompt)
    assert caught.value.parameter == parameter


def test_a_wording_comes_back_from_the_settings_of_a_record() -> None:
    settings = {"classes": ["yes", "no"], "prompt": "{input}?", "chat": True, "more": 1}
    assert Wording.of_settings(settings) == Wording(("yes", "no"), "{input}?", True)
    assert not Wording.of_settings(None).given
    for wrong in ({"classes": 3}, {"classes": ["a", "b"], "prompt": 1}, {"classes": ["a", "b"], "chat": "x"}):
        with pytest.raises(InputError, match="settings"):
            Wording.of_settings(wrong)


def test_the_place_of_the_input_alone_is_no_prompt() -> None:
    assert Wording.of(("yes", "no"), "{input}") == Wording.of(("yes", "no"))


def test_settings_change_the_draws_and_no_settings_leave_them() -> None:
    plain = model_digest("1", "2", "name")
    assert model_digest("1", "2", "name", {}) == plain
    assert model_digest("1", "2", "name", {"classes": ["yes", "no"]}) != plain

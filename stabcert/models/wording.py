"""The classes and the prompt that a user gives to a model without classes of its own. Imports nothing heavy."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stabcert.errors import InputError, ParameterError

PLACE = "{input}"
"""The part of a prompt that the input replaces."""


@dataclass(frozen=True)
class Wording:
    """The classes and the prompt of a language model, or the classes of a model that compares images with texts.

    Both define the certified function.
    """

    classes: tuple[str, ...] = ()
    """Empty for a model with classes of its own."""
    prompt: str | None = None
    """A text with `PLACE` once; None: the input alone."""
    chat: bool = False
    """True if the prompt is the message of a user in the tokenizer's chat template."""

    @classmethod
    def of(cls, classes: Sequence[str] | None, prompt: str | None = None, chat: bool = False) -> Wording:
        """Return a checked wording.

        Raises:
            ParameterError: fewer than two classes, a blank or repeated one, a prompt without exactly one place for the
                input, or a prompt without classes.
        """
        if classes is None:
            if prompt is not None or chat:
                given = "chat" if prompt is None else "prompt"
                raise ParameterError(
                    f"{given} needs the words that the language model answers with. Add classes='yes,no'", given
                )
            return cls()
        if isinstance(classes, str):
            raise ParameterError(f"classes must be a list of words, got {classes!r}. Use ['yes', 'no']", "classes")
        _check_classes(classes)
        if prompt is not None and prompt.count(PLACE) != 1:
            raise ParameterError(
                f"prompt must contain {PLACE} once, the place of the input, got {prompt.count(PLACE)} times in "
                f"{prompt[:40]!r}. Write for example 'Text: {PLACE} Is it kind? Answer:'",
                "prompt",
            )
        # The place alone is the same function as no prompt, and must have the same draws.
        return cls(tuple(classes), None if prompt == PLACE else prompt, chat)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any] | None) -> Wording:
        """Return the wording that the ``settings`` of a recorded model contain; an empty one without settings.

        Raises:
            InputError: the settings have other types.
            ParameterError: see `of`.
        """
        if not settings:
            return cls()
        classes, prompt, chat = (settings.get(name) for name in ("classes", "prompt", "chat"))
        if not isinstance(classes, list) or not isinstance(prompt, str | None) or not isinstance(chat, bool | None):
            raise InputError("the model's settings in the record name neither classes nor a prompt that can be used")
        return cls.of(classes, prompt, bool(chat))

    @property
    def given(self) -> bool:
        return bool(self.classes)


NO_WORDING = Wording()
"""The wording of a model with classes of its own."""


def parse_classes(text: str | None) -> tuple[str, ...] | None:
    """Parse ``"yes,no"``; spaces around a class do not count. None stays None.

    Write a class with a comma in double quotes, as in a file of comma-separated values: ``'"a cat, asleep",a dog'``.

    Raises:
        ParameterError: fewer than two classes, a blank or repeated one, or a quote that does not end.
    """
    if text is None:
        return None
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise ParameterError(
            f"classes must be separated by commas, got {text[:40]!r} ({error}). Use for example classes='yes,no', and "
            "double quotes around a class with a comma",
            "classes",
        ) from error
    classes = tuple(part.strip() for part in parts)
    _check_classes(classes)
    return classes


def own_classes(name: str, class_names: Sequence[str]) -> ParameterError:
    """Return the refusal of classes that are given for a model with classes of its own."""
    some = ", ".join(class_names[:4]) + (", ..." if len(class_names) > 4 else "")
    return ParameterError(
        f"classes are not possible, because {name} has classes of its own{f' ({some})' if some else ''}. Leave them "
        "out, or give a language model (or CLIP or SigLIP for images)",
        "classes",
    )


def _check_classes(classes: Sequence[str]) -> None:
    for one in classes:
        if not isinstance(one, str) or not one.strip():
            raise ParameterError(f"classes must be words, got {one!r}. Use for example classes='yes,no'", "classes")
    repeated = sorted({one for one in classes if list(classes).count(one) > 1})
    if repeated:
        raise ParameterError(f"classes must differ, got {repeated[0]!r} twice. Leave one out", "classes")
    shown = [one.split(",")[0].strip() for one in classes]  # as screens shorten the synonyms of ImageNet
    for one, start in zip(classes, shown, strict=True):
        if shown.count(start) > 1:
            raise ParameterError(
                f"classes must differ before their first comma, the part that is shown, got {one!r} and another that "
                f"begins with {start!r}. Write for example a semicolon",
                "classes",
            )
    if len(classes) < 2:
        raise ParameterError(
            f"classes must be two or more, got {', '.join(map(repr, classes)) or 'none'}. Use for example "
            "classes='yes,no'",
            "classes",
        )

"""Classes by number, by name, or by a part of a name."""

from __future__ import annotations

import difflib
import re
import sys
from typing import TYPE_CHECKING

from stabcert.cli.items import typed
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor

_FEW = 12
"""The largest number of classes that a message lists."""
_MOST_DIGITS = 18  # Python does not parse numbers of some thousand digits
_BY_NUMBER, _BY_NAME = "id:", "name:"


def find_class(text: str, class_names: tuple[str, ...]) -> int:
    """Return a class by its number or its name.

    Case is ignored, and the part before a comma is enough if only one class has it. A number that is also in the name
    of another class is refused. For instance, class 1 of "1 star" to "5 stars" is "2 stars". ``id:1`` is the class
    with that number, ``name:1`` the class with that name.

    Raises:
        ParameterError: no class, or more than one class, matches.
    """
    if text.startswith(_BY_NUMBER) and class_number(text.removeprefix(_BY_NUMBER).strip()) is not None:
        return _by_number(text.removeprefix(_BY_NUMBER).strip(), class_names)
    number = class_number(text)
    if number is None:
        return _by_name(text, class_names)
    exact = [i for i, name in enumerate(class_names) if class_number(name.strip()) == number]
    claims = exact or [i for i, name in enumerate(class_names) if re.findall(r"\d+", name) == [text]]
    if number >= len(class_names):
        return exact[0] if len(exact) == 1 else _by_number(text, class_names)
    if claims and number not in claims:
        of_one = f"is the name of class {claims[0]}" if exact else f"is in the name of class {claims[0]}"
        named = "" if exact else f", {class_names[claims[0]]!r}"
        raise ParameterError(
            f"{text!r} {of_one}{named}, but class {number} is called {class_names[number]!r}. Write "
            f"{_BY_NUMBER}{text} for class {number}, or {_BY_NAME}{class_names[claims[0]]} for the other"
        )
    return number


def explained_class(predictor: ModelPredictor, target: str | None) -> int | None:
    """Return the class that ``--target`` names; None for the class predicted on the full input.

    If ``--target`` names the label of a question, that is the answer that the label is on.

    Raises:
        ParameterError: no class, or more than one class, matches.
    """
    question = predictor.question
    if target is None:
        return None
    if question is None:
        return find_class(typed(target), predictor.class_names)
    if question.n_outputs > 1:
        return 1 if question.kind == "probability" else None
    return (
        1
        if typed(target).strip().casefold() == question.name.casefold()
        else find_class(typed(target), predictor.class_names)
    )


def class_number(text: str) -> int | None:
    """Return the class number in ``text``, or None. Too many digits give a number that no model has."""
    if not text.isdecimal():
        return None
    return int(text) if len(text) < _MOST_DIGITS else sys.maxsize


def _by_number(text: str, class_names: tuple[str, ...]) -> int:
    number = class_number(text)
    if number is None or number >= len(class_names):
        raise ParameterError(f"class {text} does not exist; the model has classes 0 to {len(class_names) - 1}")
    return number


def _by_name(text: str, class_names: tuple[str, ...]) -> int:
    names = [name.casefold() for name in class_names]
    wanted = text.casefold().strip()
    if wanted not in names and wanted.startswith(_BY_NAME):
        wanted = wanted.removeprefix(_BY_NAME).strip()
    found = [i for i, name in enumerate(names) if name == wanted]
    found = found or [i for i, name in enumerate(names) if wanted in (part.strip() for part in name.split(","))]
    if len(found) == 1:
        return found[0]
    if found:
        raise ParameterError(
            f"{text!r} names several classes: {'; '.join(class_names[i] for i in found)}. Use a number"
        )
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f". Close to it: {'; '.join(class_names[names.index(name)] for name in near)}" if near else ""
    if not near and len(class_names) <= _FEW:
        hint = f". It has {', '.join(class_names)}"
    raise ParameterError(f"the model has no class {text!r}{hint}")

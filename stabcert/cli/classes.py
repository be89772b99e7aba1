"""Classes by what people call them: a number, a name, or a part of a name."""

from __future__ import annotations

import difflib
import sys

from stabcert.errors import ParameterError

_FEW = 12
"""No more classes are listed in a message."""
_MOST_DIGITS = 18  # of a number; Python itself refuses to read some thousand


def find_class(text: str, class_names: tuple[str, ...]) -> int:
    """A class by its number or name (any case; the part before a comma is enough if only one class has it).

    Raises:
        ParameterError: no such class, or several.
    """
    number = class_number(text)
    if number is not None:
        if number >= len(class_names):
            raise ParameterError(f"class {text} does not exist; the model has classes 0 to {len(class_names) - 1}")
        return number
    wanted = text.casefold().strip()
    names = [name.casefold() for name in class_names]
    found = [i for i, name in enumerate(names) if name == wanted]
    found = found or [i for i, name in enumerate(names) if wanted in (part.strip() for part in name.split(","))]
    if len(found) == 1:
        return found[0]
    if found:
        raise ParameterError(
            f"{text!r} names several classes: {'; '.join(class_names[i] for i in found)}; use a number"
        )
    near = difflib.get_close_matches(wanted, names, n=3)
    hint = f"; close to it: {'; '.join(class_names[names.index(name)] for name in near)}" if near else ""
    if not near and len(class_names) <= _FEW:
        hint = f"; it has {', '.join(class_names)}"
    raise ParameterError(f"the model has no class {text!r}{hint}")


def class_number(text: str) -> int | None:
    """The number of a class that ``text`` is, if it is one; so many digits that no model has the class are one, too."""
    if not text.isdecimal():
        return None
    return int(text) if len(text) < _MOST_DIGITS else sys.maxsize

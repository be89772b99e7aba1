"""Class numbers of a data set, which names its classes, as classes of a model."""

from __future__ import annotations

from functools import lru_cache

from stabcert.cli.classes import find_class
from stabcert.cli.items import Label
from stabcert.errors import InputError, ParameterError

_SHOWN = 4


def class_of_data_set(label: Label, class_names: tuple[str, ...]) -> int:
    """Return the class of the model for a class of a data set.

    It is the class of that name. If the model has none of the names of the data set, it is the class of that number.

    Raises:
        InputError: the model has other classes.
    """
    classes = label.classes or ()
    found = _by_name(classes, class_names)
    number = classes.index(str(label.value))
    if any(index is not None for index in found):
        index = found[number]
        if index is not None:
            return index
        raise InputError(
            f"{label.origin}: the model has no class {label.value!r}, but it has other classes of the data set. Leave "
            "such rows out, or give the labels with --labels FILE"
        )
    if len(classes) == len(class_names):
        return number
    raise InputError(
        f"{label.origin}: the data set has {len(classes)} classes ({_short(classes)}), and the model has "
        f"{len(class_names)} of other names ({_short(class_names)}). Give the labels with --labels FILE"
    )


def number_note(label: Label | None, class_names: tuple[str, ...]) -> str | None:
    """Return a note if labels are compared by number, because the names of the classes differ.

    No note is needed if the data set calls its classes 0, 1, ... in this order.
    """
    if label is None or label.classes is None or any(i is not None for i in _by_name(label.classes, class_names)):
        return None
    if label.classes == tuple(str(number) for number in range(len(label.classes))):
        return None
    return (
        f"the data set and the model have other names for their classes ({_short(label.classes)} and "
        f"{_short(class_names)}), so labels are compared by number. Check that both number them alike"
    )


@lru_cache(maxsize=16)
def _by_name(classes: tuple[str, ...], class_names: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return the class of the model with each name of the data set, or None.

    A name that is a number, such as "1" of 1 to 5 stars, is a name here and not the number of a class.
    """
    found: list[int | None] = []
    for name in classes:
        try:
            found.append(find_class(f"name:{name}", class_names))
        except ParameterError:
            found.append(None)
    return tuple(found)


def _short(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")

"""Readers of typed numbers and names whose refusals teach, in the place of those of typer."""

from __future__ import annotations

from collections.abc import Callable

from stabcert.cli.choices import METHODS, AdaptMethod
from stabcert.errors import ParameterError, one_of


def whole_number(flag: str, *, least: int, example: int) -> Callable[[object], int]:
    """Return a reader of whole numbers.

    Args:
        flag: the option.
        least: smallest possible number.
        example: a number to type instead.
    """

    def read(typed: object) -> int:
        try:
            found = int(str(typed))
        except ValueError:  # also for numbers of some thousand digits
            found = least - 1
        if found < least:
            raise ParameterError(
                f"{flag} must be a whole number from {least}, got {str(typed)!r:.40}. Write {flag} {example}"
            )
        return found

    return read


def number(flag: str, *, example: float) -> Callable[[object], float | None]:
    """Return a reader of numbers; ranges are checked where the number is used. None is the default.

    Args:
        flag: the option.
        example: a number to type instead.
    """

    def read(typed: object) -> float | None:
        try:
            return None if typed is None else float(str(typed))
        except ValueError as error:
            raise ParameterError(
                f"{flag} must be a number, got {str(typed)!r:.40}. Write {flag} {example:g}"
            ) from error

    return read


def adapt_method(typed: object) -> AdaptMethod:
    """Return the method of an adaptation by its name.

    Raises:
        ParameterError: the name is of another method, perhaps of an attribution.
    """
    name = str(typed)
    if name in list(AdaptMethod):
        return AdaptMethod(name)
    advice = "Write --method full"
    if name.split(",")[0] in METHODS:
        advice = f"To choose the attribution that makes the explanations, write --attribution {name.split(',')[0]}"
    raise ParameterError(f"--method must be {one_of([*AdaptMethod])}, got {name!r:.40}. {advice}")

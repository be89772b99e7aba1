"""Everything a user is shown when something cannot be done.

A message says what was given, what is possible, and what to type next. Any other exception that
reaches the user is a bug in stabcert.
"""

from __future__ import annotations

from collections.abc import Sequence


def one_of(names: Sequence[str]) -> str:
    """Return names as a message lists them: ``a, b or c``."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


class StabcertError(Exception):
    """Base of the errors that are a user's business."""


class InputError(StabcertError):
    """An image, text, mask or record that cannot be used."""


class ModelError(StabcertError):
    """A model that cannot be loaded or run."""


class FailedInputError(ModelError):
    """An input on which a model fails, where others may be possible."""


class ParameterError(StabcertError):
    """A request that is wrong or that cannot be met, whatever the input.

    Args:
        message: names a parameter as a call does, and shows advice as an argument: ``n_samples=200``.
        parameter: the parameter that is wrong, where there is one; the message begins with it.
    """

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter

"""Exceptions of networks, tokenizers and preprocessings, reported as a fact about one input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stabcert.errors import FailedInputError, ModelError, StabcertError
from stabcert.models.memory import is_out_of_memory


@contextmanager
def failing(what: str) -> Iterator[None]:
    """Turn an exception of foreign code into a `FailedInputError`: ``what`` cannot be run on this input.

    Errors of stabcert and a lack of memory, which smaller batches can mend, are passed on as they are.
    """
    try:
        yield
    except StabcertError:
        raise
    except Exception as error:  # networks and the code beside them raise whatever they like
        if is_out_of_memory(error):
            raise
        raise FailedInputError(f"{what} cannot be run on this input ({reason(error)}). Give another input") from error


def reason(error: BaseException) -> str:
    """Return the first line of an exception, with its class: for messages of one line."""
    if isinstance(error, ModelError) and error.__cause__ is not None:  # see `failing`
        return reason(error.__cause__)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

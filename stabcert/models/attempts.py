"""Attempts to load parts of a model, whose failures are errors of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stabcert.errors import ModelError
from stabcert.models.failures import reason
from stabcert.models.networks import ANOTHER_MODEL


def attempt(name: str, failure: str, load: Callable[[], Any]) -> Any:
    """Return what ``load`` returns; raise a ModelError with the model's name and ``failure`` for any exception."""
    try:
        return load()
    except ImportError as error:
        raise ModelError(f"{name} needs a package that is not installed ({reason(error)}). Install it") from error
    except Exception as error:  # loaders, and the code of a model, raise whatever they like
        raise ModelError(f"{name} {failure} ({reason(error)}). {ANOTHER_MODEL}") from error

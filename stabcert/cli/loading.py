"""A model by its name and the options on models."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stabcert.cli.options import ModelOptions

if TYPE_CHECKING:
    from stabcert.models.hub import LoadedModel


def load(name: str, revision: str | None, options: ModelOptions, say: Callable[[str], None]) -> LoadedModel:
    """Return a model with the options of a call, and say what the user should read before trusting it.

    Raises:
        ModelError: it cannot be found, or must not or cannot be loaded.
    """
    from stabcert.models.hub import load_model
    from stabcert.models.memory import keep_freed_memory

    keep_freed_memory()
    loaded = load_model(
        name,
        revision=revision,
        trust_remote_code=options.trust_remote_code,
        allow_pickle=options.allow_pickle,
        allow_random_head=options.allow_random_head,
        offline=options.offline,
        device=options.device,
        dtype=options.dtype.value,
        compile=options.compile,
    )
    for note in loaded.notes:
        say(note)
    return loaded

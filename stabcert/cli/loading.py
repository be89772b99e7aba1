"""A model by its name and the options on models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stabcert.cli.model_options import ModelOptions
from stabcert.cli.text_files import is_there, read_text
from stabcert.errors import InputError
from stabcert.models.wording import Wording

if TYPE_CHECKING:
    from stabcert.models.hub import LoadedModel


def wording_of(options: ModelOptions) -> Wording:
    """Return the classes and the prompt of a call. One line end at the end of the file of the prompt is left out.

    Raises:
        InputError: the file cannot be read.
        ParameterError: the classes and the prompt are not possible.
    """
    prompt = None if options.prompt is None else _text_of(options.prompt).removesuffix("\n")
    return Wording.of(options.classes, prompt, options.chat)


def _text_of(file: Path) -> str:
    if is_there(file.exists) and not is_there(file.is_dir):
        return read_text(file)
    given = f"the directory {file}" if is_there(file.is_dir) else f"{str(file)!r}, which does not exist"
    raise InputError(
        f"--prompt must be a file with the text around the input, got {given}. Write the text into a file, with "
        "{input} in the place of the input, and give the file's name"
    )


def load(
    name: str, revision: str | None, options: ModelOptions, wording: Wording, say: Callable[[str], None]
) -> LoadedModel:
    """Return a model with the options of a call, and say what the user should read before trusting it.

    Args:
        wording: classes and prompt, of the call or of a record.

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
        classes=wording.classes or None,
        prompt=wording.prompt,
        chat=wording.chat,
    )
    for note in loaded.notes:
        say(note)
    return loaded

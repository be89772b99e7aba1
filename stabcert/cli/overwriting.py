"""Results never take the place of what they are made from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from stabcert.cli.options import OutputOptions
from stabcert.cli.tasks import Task
from stabcert.errors import ParameterError

_WRITTEN = ("output", "plot", "html", "junit")
_FOLDERS = ("save_flips",)


def check_overwriting(output: OutputOptions, tasks: Sequence[Task]) -> None:
    """Refuse files of results that are read by the same call: inputs, lists, masks, records, a file of a model.

    Raises:
        ParameterError: one of them is.
    """
    existing = [
        (option, path, os.stat(path))
        for option, path in ((f"--{name}", getattr(output, name)) for name in _WRITTEN)
        if path is not None and os.path.isfile(path)
    ]
    if not existing:
        return
    for what, read in _read(output.asked, tasks):
        try:
            status = os.stat(read)
        except (OSError, ValueError):  # whatever it is, it is reported where it is used
            continue
        for option, path, own in existing:
            if os.path.samestat(status, own):
                raise ParameterError(f"{option} {path} would overwrite {what}; name another file")
    for model in {task.model for task in tasks}:
        folder = Path(os.path.expanduser(model))
        for option, path, _ in existing:
            if os.path.isdir(folder) and path.resolve().parent == folder.resolve():
                raise ParameterError(f"{option} {path} would overwrite a file of the model {model}; name another file")


def _read(asked: dict[str, Any], tasks: Iterable[Task]) -> Iterable[tuple[str, Path]]:
    for name, value in asked.items():
        if isinstance(value, Path) and name not in _WRITTEN + _FOLDERS:
            yield f"the file of --{name.removesuffix('_file').replace('_', '-')}", value
    for name in ("from_file", "verify", "features"):
        value = asked.get(name)
        if isinstance(value, str):
            yield f"the file of --{name.removesuffix('_file')}", Path(value)
    for task in tasks:
        if task.item.path is not None:
            yield f"the input {task.item.id}", task.item.path

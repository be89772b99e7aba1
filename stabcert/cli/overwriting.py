"""A check that results do not overwrite the files that they are computed from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from stabcert.cli.declared import Asked
from stabcert.cli.tasks import Task
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def check_overwriting(output: DataclassInstance, asked: Asked, tasks: Sequence[Task]) -> None:
    """Check that no output file is also read by the call, as an input, a list, a mask, records or part of a model.

    Args:
        output: a group of options; those whose value is a path name files to write.
        asked: all options of the call.
        tasks: the inputs and models of the call.

    Raises:
        ParameterError: an output file is also read.
    """
    existing = [
        (option, path, os.stat(path))
        for option, path in ((f"--{one.name}", getattr(output, one.name)) for one in fields(output))
        if isinstance(path, Path) and os.path.isfile(path)
    ]
    if not existing:
        return
    for what, read in _read(asked, tasks):
        try:
            status = os.stat(read)
        except (OSError, ValueError):  # the error is reported where the file is used
            continue
        for option, path, own in existing:
            if os.path.samestat(status, own):
                raise ParameterError(f"{option} {path} would overwrite {what}. Name another file")
    for model in {task.model for task in tasks}:
        folder = Path(os.path.expanduser(model))
        for option, path, _ in existing:
            if os.path.isdir(folder) and path.resolve().parent == folder.resolve():
                raise ParameterError(f"{option} {path} would overwrite a file of the model {model}. Name another file")


def _read(asked: Asked, tasks: Iterable[Task]) -> Iterable[tuple[str, Path]]:
    for flag, path in asked.files_read():
        yield f"the file of {flag}", path
    for task in tasks:
        if task.item.path is not None:
            yield f"the input {task.item.id}", task.item.path

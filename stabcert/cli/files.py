"""Files that are written completely or not at all, and names for the files of one input."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from stabcert.cli.suffixes import INPUT_SUFFIXES, suffix_of
from stabcert.sweep.journal import cannot_write

_LONGEST_NAME = 80


class Replacement:
    """A temporary file that replaces its target when it is complete.

    A target that is not a regular file, such as ``/dev/stdout``, is written directly.

    Raises:
        InputError: the target cannot be written. The constructor checks this before any work is done.
    """

    def __init__(self, path: Path) -> None:
        self._target = Path(os.path.realpath(path))
        special = os.path.exists(self._target) and not os.path.isfile(self._target)
        self._part = self._target if special else self._target.with_name(f".{self._target.name}.{os.getpid()}.part")
        try:
            if self._target.is_file() and not os.access(self._target, os.W_OK):
                raise PermissionError(13, "Permission denied")
            self._file: BinaryIO = self._part.open("wb")
        except OSError as error:
            raise cannot_write(path, error) from error

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise cannot_write(self._target, error) from error

    def commit(self) -> None:
        """Replace the target by the complete file."""
        try:
            self._file.close()
            if self._part != self._target:
                self._part.replace(self._target)
        except OSError as error:
            raise cannot_write(self._target, error) from error

    def discard(self) -> None:
        """Remove the temporary file, and leave the target unchanged."""
        self._file.close()
        if self._part != self._target:
            self._part.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Create a folder and its parents if they do not exist.

    Raises:
        InputError: the folder cannot be created or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise cannot_write(path, error) from error


def file_names(identities: Sequence[str]) -> list[str]:
    """Return for each input the beginning of the names of its files, such as ``cat`` for ``photos/cat.jpg``.

    Inputs that would share a name get a part of the SHA-256 of their id. Inputs with the same id get a number.
    """
    stems = [_stem(identity) for identity in identities]
    # Case is ignored, because some file systems ignore it.
    identities_of = {stem.casefold(): set[str]() for stem in stems}
    for identity, stem in zip(identities, stems, strict=True):
        identities_of[stem.casefold()].add(identity)
    seen: Counter[str] = Counter()
    names = []
    for identity, stem in zip(identities, stems, strict=True):
        name = stem
        if len(identities_of[stem.casefold()]) > 1:
            name += "-" + hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        seen[identity] += 1
        names.append(name if seen[identity] == 1 else f"{name}-again{seen[identity]}")
    return names


def _stem(identity: str) -> str:
    name = Path(identity).name or "input"
    if suffix_of(name) in INPUT_SUFFIXES:
        name = Path(name).stem
    return re.sub(r"[^\w.-]+", "_", name).strip("._-")[:_LONGEST_NAME] or "input"

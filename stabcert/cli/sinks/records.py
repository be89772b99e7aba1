"""The sink that writes the file of records."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from stabcert.cli.sinks.sink import Done, Sink, Whole
from stabcert.records.writing import to_json
from stabcert.sweep.journal import Existing, Journal


class Records(Sink):
    """Records in a file, each written as soon as it is complete.

    Args:
        path: the file, or None to discard the records.
        existing: the treatment of records that the file already contains.
        resumable: whether the error for existing records also suggests --resume.
    """

    def __init__(self, path: Path | None, existing: Existing, *, resumable: bool = True) -> None:
        self._path = path
        self._existing: Existing = existing
        self._resumable = resumable
        self._journal: Journal | None = None

    def __enter__(self) -> Records:
        if self._path is not None:
            self._journal = Journal(self._path, existing=self._existing, resumable=self._resumable)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._journal is not None:
            try:
                if kind is None:
                    self._journal.finish()
            finally:
                self._journal.close()

    @property
    def finished(self) -> dict[str, str]:
        """The status of each finished record, by key."""
        return {} if self._journal is None else self._journal.finished

    @property
    def notes(self) -> list[str]:
        """Notes for the user about the file."""
        return [] if self._journal is None else self._journal.notes

    def holds_others(self, keys: Collection[str]) -> bool:
        """Return whether the file contained finished records of other inputs. It is known only with --resume."""
        return self._journal is not None and not self._journal.inputs.issubset(keys)

    def read(self, key: str) -> dict[str, Any]:
        """Return a finished record.

        Raises:
            KeyError: the file does not contain a record with that key.
        """
        if self._journal is None:
            raise KeyError(key)
        record: dict[str, Any] = json.loads(self._journal.read(key))
        return record

    def save(self, done: Done) -> None:
        if self._journal is not None:
            self._journal.write(done.line, done.record["key"])

    def save_whole(self, whole: Whole) -> None:
        """Save the summary of all items."""
        if self._journal is not None and whole.record is not None:
            self._journal.write(to_json(whole.record), whole.record["key"])

    def arrange(self, keys: Sequence[str], outdated: Collection[str]) -> None:
        """Sort the records of a complete run by the order of the items, see `Journal.arrange`."""
        if self._journal is not None:
            self._journal.arrange(keys, outdated)

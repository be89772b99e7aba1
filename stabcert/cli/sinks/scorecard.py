"""The scorecard of all inputs of a run, in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from stabcert.cli.files import Replacement
from stabcert.cli.items import Item
from stabcert.cli.sinks.sink import Done, Sink, Whole
from stabcert.cli.suffixes import suffix_of
from stabcert.errors import ParameterError

FORMATS = (".md", ".html")


class Scorecard(Sink):
    """One page on all inputs, also on those with a record of an earlier run. It is written completely on exit.

    After an error or an interruption it names the inputs that the run did not reach. An older file is kept if the run
    did not reach any input.

    Args:
        items: all inputs of the run.

    Raises:
        ParameterError: the name of the file does not end in one of `FORMATS`.
    """

    def __init__(self, path: Path, command: str, items: Sequence[Item]) -> None:
        if suffix_of(path) not in FORMATS:
            raise ParameterError(f"--scorecard must be a .md or .html file, got {path}. Write --scorecard card.md")
        self._path = path
        self._command = command
        self._items = items
        self._records: list[dict[str, Any]] = []
        self._done: set[int] = set()
        self._summary: dict[str, Any] | None = None

    def __enter__(self) -> Scorecard:
        self._file = Replacement(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._records:
                self._file.write(self._text().encode())
                self._file.commit()
        finally:
            self._file.discard()

    def add(self, done: Done) -> None:
        self._records.append(done.record)
        self._done.add(id(done.item))

    def fail(self, done: Done) -> None:
        self.add(done)

    def skip(self, done: Done) -> None:
        self.add(done)

    def abort(self, done: Done) -> None:
        self.add(done)

    def summarise(self, whole: Whole) -> None:
        self._summary = whole.record

    def _text(self) -> str:
        from stabcert.report.says.scorecard import scorecard

        unreached = [item.id for item in self._items if id(item) not in self._done]
        document = scorecard(self._command, self._records, summary=self._summary, unreached=unreached)
        if suffix_of(self._path) == ".md":
            from stabcert.report.markdown import markdown

            return markdown(document)
        from stabcert.report.page import Page

        page = Page(f"stabcert {self._command}")
        return page.head() + page.summary(document) + page.tail()

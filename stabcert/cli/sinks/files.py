"""Files in addition to the records: the figure, the page, and additions that change the prediction."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from stabcert.cli.files import Replacement, make_folder
from stabcert.cli.sinks.sink import Done, Sink, Whole
from stabcert.sweep.journal import cannot_write

if TYPE_CHECKING:
    from stabcert.report.document import Document


class Figure(Sink):
    """One figure of all new results, or of the summary. An older file is kept if no item finished.

    Args:
        items: the number of items.
        summarised: whether the figure shows the summary instead of single items.
    """

    def __init__(self, path: Path, items: int, *, summarised: bool) -> None:
        self._path = path
        self._items = items
        self._summarised = summarised
        self._drawn: list[Document] = []

    def __enter__(self) -> Figure:
        from stabcert.report.figure import check_number, format_of

        self._format = format_of(self._path)
        if not self._summarised:
            check_number(self._items)
        self._file = Replacement(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from stabcert.report.figure import figure

        try:
            if self._drawn:
                self._file.write(figure(self._drawn, self._format))
                self._file.commit()
        finally:
            self._file.discard()

    def add(self, done: Done) -> None:
        if not self._summarised:
            self._drawn.append(done.document)

    def summarise(self, whole: Whole) -> None:
        if whole.document is not None:
            self._drawn = [whole.document]


class PageFile(Sink):
    """One page with a section for each item. An older file is kept if no item finished."""

    def __init__(self, path: Path, command: str) -> None:
        self._path = path
        self._command = command

    def __enter__(self) -> PageFile:
        from stabcert.report.page import Page

        self._page = Page(f"stabcert {self._command}")
        self._file = Replacement(self._path)
        try:
            self._file.write(self._page.head().encode())
        except BaseException:
            self._file.discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._page.sections:
                self._file.write(self._page.tail().encode())
                self._file.commit()
        finally:
            self._file.discard()

    def add(self, done: Done) -> None:
        self._file.write(self._page.section(done.document, done.record).encode())

    def fail(self, done: Done) -> None:
        self._file.write(self._page.section(done.document, done.record).encode())

    def summarise(self, whole: Whole) -> None:
        if whole.document is not None:
            self._file.write(self._page.summary(whole.document).encode())


class Flips(Sink):
    """Additions that change the prediction, in a folder. They are saved before the record, which marks completion."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Flips:
        make_folder(self._folder)
        return self

    def save(self, done: Done) -> None:
        if done.exhibit is None:
            return
        from stabcert.report.flips import save_flips
        from stabcert.report.visible import visible

        try:
            number = save_flips(self._folder, done.name, done.exhibit)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        if not number:
            from stabcert.report.says.soft import flip_summary

            done.notes.append(f"{flip_summary(done.exhibit).rstrip('.')}: none saved")
            return
        plural = "addition that changes" if number == 1 else "additions that change"
        path = self._folder / done.name
        done.notes.append(visible(f"{number} {plural} the prediction saved, smallest first: {path}-001.npy ..."))

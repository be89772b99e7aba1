"""Where results go: the screen, records, pictures, pages."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stabcert.cli.choices import OutputFormat
from stabcert.cli.files import Replacement, make_folder
from stabcert.cli.options import Call
from stabcert.cli.streams import console_on, print_json, tell
from stabcert.errors import ParameterError
from stabcert.records.writing import to_json
from stabcert.report.canvas import Exhibit
from stabcert.sweep.journal import Journal, cannot_write

if TYPE_CHECKING:
    from stabcert.report.document import Document
    from stabcert.report.page import Page

Say = Callable[[Exhibit], "Document"]
"""What a command says of one input."""


@dataclass(frozen=True)
class Kept:
    """What was saved of one input."""

    line: str
    """The record."""
    note: str | None
    """On the additions that were saved."""


@dataclass(frozen=True)
class Summarised:
    """What is said of all inputs together."""

    record: dict[str, Any]
    document: Document


class Writer:
    """Results on stdout and in the files the user named; each as soon as it is there.

    Two steps for each input: `keep` and `keep_failure` save what must not be lost, in whatever order
    inputs are finished; `show` and `show_failure` come in the order of the inputs.

    Files are opened on entry, so that one that cannot be written is refused before any work. The
    figure and the page are written on exit, also after an interruption or an error, with what was
    finished by then; if nothing was, an older file stays as it is.

    Args:
        inputs: how many there are.
        save_flips: folder for additions that change the prediction.
        summarised: the figure is of all inputs together; single ones are not drawn.
    """

    def __init__(
        self,
        call: Call,
        inputs: int,
        save_flips: Path | None = None,
        *,
        summarised: bool = False,
    ) -> None:
        self._options = call.output
        self._command = call.command
        self._running = call.running
        self._save_flips = save_flips
        self._inputs = inputs
        self._stdout = sys.stdout  # Ray prints to sys.stdout, which is another one while it runs
        self._drawn: list[Document] = []
        self._summarised = summarised
        self._journal: Journal | None = None
        self._plot: Replacement | None = None
        self._page: Page | None = None
        self._html: Replacement | None = None

    @property
    def wants_pictures(self) -> bool:
        """Whether anything is drawn beyond the screen."""
        return self._plot is not None or self._html is not None or self._save_flips is not None

    @property
    def finished(self) -> dict[str, str]:
        """Status of each record that need not be made again, by key."""
        return {} if self._journal is None else self._journal.finished

    def holds_others(self, keys: Collection[str]) -> bool:
        """Whether the file had finished records of inputs other than those of ``keys``; only known with --resume."""
        return self._journal is not None and not self._journal.inputs.issubset(keys)

    @property
    def notes(self) -> list[str]:
        """What the user should know of the file of records."""
        return [] if self._journal is None else self._journal.notes

    def __enter__(self) -> Writer:
        options = self._options
        named = (options.output, options.plot, options.html, options.junit)
        files = [path.resolve() for path in named if path is not None]
        if len(set(files)) < len(files):
            raise ParameterError(
                "--output, --plot, --html and --junit would overwrite one another; give each a file of its own"
            )
        try:
            if options.plot is not None:
                from stabcert.report.figure import check_number, format_of

                format_of(options.plot)
                if not self._summarised:
                    check_number(self._inputs)
                self._plot = Replacement(options.plot)
            if options.html is not None:
                from stabcert.report.page import Page

                self._page = Page(f"stabcert {self._command}")
                self._html = Replacement(options.html)
                self._html.write(self._page.head().encode())
            if self._save_flips is not None:
                make_folder(self._save_flips)
            if options.output is not None:
                self._journal = Journal(options.output, existing=options.existing(resume=self._running.resume))
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._journal is not None and kind is None:
                self._journal.finish()
        finally:
            if self._journal is not None:
                self._journal.close()
        try:
            if self._html is not None and self._page is not None and self._page.sections:
                self._html.write(self._page.tail().encode())
                self._html.commit()
                self._html = None
            if self._plot is not None and self._drawn and self._options.plot is not None:
                from stabcert.report.figure import figure, format_of

                self._plot.write(figure(self._drawn, format_of(self._options.plot)))
                self._plot.commit()
                self._plot = None
        finally:
            self._discard()

    def keep(self, exhibit: Exhibit, name: str) -> Kept:
        """Save the record, and before it the additions that change the prediction: a record means that all is there.

        Args:
            exhibit: what was found.
            name: what the names of its files begin with.
        """
        note = self._flips(exhibit, name) if self._save_flips is not None else None
        return Kept(self._line(exhibit.report.to_dict()), note)

    def show(self, exhibit: Exhibit, say: Say, kept: Kept) -> None:
        document = say(exhibit)
        if self._html is not None and self._page is not None:
            self._html.write(self._page.section(document, json.loads(kept.line)).encode())
        if self._plot is not None and not self._summarised:
            self._drawn.append(document)
        if self._options.json:
            print_json(kept.line, self._stdout)
        elif self._options.format is not OutputFormat.github:
            self._show(document, kept.note)
            return
        if kept.note is not None and not self._running.quiet:
            tell(kept.note)

    def keep_failure(self, record: dict[str, Any]) -> Kept:
        return Kept(self._line(record), None)

    def show_failure(self, record: dict[str, Any], kept: Kept) -> None:
        from stabcert.report.says.common import failure

        document = failure(record["input"]["id"], record["error"]["message"])
        if self._html is not None and self._page is not None:
            self._html.write(self._page.section(document, record).encode())
        if self._options.json:
            print_json(kept.line, self._stdout)
        elif self._options.format is OutputFormat.markdown:
            self._show(document, None)

    def record(self, key: str) -> str:
        """The line of a finished record that need not be made again."""
        if self._journal is None:
            raise KeyError(key)
        return self._journal.read(key)

    def summarise(self, found: Summarised) -> None:
        """What is said of all inputs together, after the last of them."""
        line = self._line(found.record)
        self._drawn = [found.document]
        if self._html is not None and self._page is not None:
            self._html.write(self._page.summary(found.document).encode())
        if self._options.json:
            print_json(line, self._stdout)
        elif self._options.format is not OutputFormat.github:
            self._show(found.document, None)

    def arrange(self, keys: Sequence[str], outdated: Collection[str]) -> None:
        """Bring the records of a complete run into the order of the inputs; see `Journal.arrange`."""
        if self._journal is not None:
            self._journal.arrange(keys, outdated)

    def _show(self, document: Document, note: str | None) -> None:
        """The document, with a note on what was saved before its last line."""
        from stabcert.report.document import line
        from stabcert.report.screen import fitted
        from stabcert.report.sentence import on_terminal
        from stabcert.report.terminal import lines

        if note is not None:
            document = replace(document, blocks=(*document.blocks[:-1], line(note), *document.blocks[-1:]))
        if self._options.format is OutputFormat.markdown:
            from stabcert.report.markdown import markdown

            self._stdout.write(markdown(document) + ("" if document.folded else "\n"))
            self._stdout.flush()
            return
        console = console_on(self._stdout)
        terminal = on_terminal(console)
        for shown in lines(document):
            # Words stay whole on a terminal; in a pipe a line stays a line.
            for part in fitted(shown, console) if terminal else (shown,):
                console.print(part)
        self._stdout.flush()

    def _flips(self, exhibit: Exhibit, name: str) -> str:
        from stabcert.report.flips import save_flips
        from stabcert.report.visible import visible

        folder = self._save_flips or Path()
        try:
            number = save_flips(folder, name, exhibit)
        except OSError as error:
            raise cannot_write(folder, error) from error
        if not number:
            from stabcert.report.says.soft import flip_summary

            return f"{flip_summary(exhibit).rstrip('.')}: none saved"
        plural = "addition that changes" if number == 1 else "additions that change"
        return visible(f"{number} {plural} the prediction saved, smallest first: {folder / name}-001.npy ...")

    def _line(self, record: dict[str, Any]) -> str:
        line = to_json(record)
        if self._journal is not None:
            self._journal.write(line, record["key"])
        return line

    def _discard(self) -> None:
        for replacement in (self._html, self._plot):
            if replacement is not None:
                replacement.discard()
        self._html = self._plot = None

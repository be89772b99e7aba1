"""Where results go: the screen, records, pictures, pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from stabcert.cli.files import Replacement, cannot_write, file_names, make_folder
from stabcert.cli.options import OutputOptions
from stabcert.errors import ParameterError
from stabcert.report.canvas import Exhibit
from stabcert.report.record import Report, to_json

if TYPE_CHECKING:
    from stabcert.report.html import Page
    from stabcert.report.terminal import Line

Render = Callable[[Report], "list[Line]"]


class Writer:
    """Results on stdout and in the files the user named; each as soon as it is there.

    Files are opened on entry, so that one that cannot be written is refused before any work. The
    figure and the page are written on exit, also after an interruption or an error, with what was
    finished by then; if nothing was, an older file stays as it is.

    Args:
        identities: of all inputs.
        save_flips: folder for additions that change the prediction.
    """

    def __init__(
        self, options: OutputOptions, command: str, identities: Sequence[str], save_flips: Path | None = None
    ) -> None:
        self._options = options
        self._command = command
        self._save_flips = save_flips
        self._names = iter(file_names(identities))  # one is taken for each input, done or failed
        self._inputs = len(identities)
        self._exhibits: list[Exhibit] = []
        self._records: TextIO | None = None
        self._plot: Replacement | None = None
        self._page: Page | None = None
        self._html: Replacement | None = None

    @property
    def wants_pictures(self) -> bool:
        """Whether anything is drawn beyond the screen."""
        return self._plot is not None or self._html is not None or self._save_flips is not None

    def __enter__(self) -> Writer:
        options = self._options
        files = [path.resolve() for path in (options.output, options.plot, options.html) if path is not None]
        if len(set(files)) < len(files):
            raise ParameterError("--output, --plot and --html would overwrite one another; give each a file of its own")
        try:
            if options.plot is not None:
                from stabcert.report.plot import check_number, format_of

                format_of(options.plot)
                check_number(self._inputs)
                self._plot = Replacement(options.plot)
            if options.html is not None:
                from stabcert.report.html import Page

                self._page = Page(f"stabcert {self._command}")
                self._html = Replacement(options.html)
                self._html.write(self._page.head().encode())
            if self._save_flips is not None:
                make_folder(self._save_flips)
            if options.output is not None:
                try:
                    self._records = options.output.open("a", encoding="utf-8")
                except OSError as error:
                    raise cannot_write(options.output, error) from error
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._records is not None:
            self._records.close()
        try:
            if self._html is not None and self._page is not None and self._page.sections:
                self._html.write(self._page.tail().encode())
                self._html.commit()
                self._html = None
            if self._plot is not None and self._exhibits and self._options.plot is not None:
                from stabcert.report.plot import format_of, plot

                self._plot.write(plot(self._exhibits, format_of(self._options.plot)))
                self._plot.commit()
                self._plot = None
        finally:
            self._discard()

    def write(self, exhibit: Exhibit, render: Render) -> None:
        report = exhibit.report
        self._line(report.to_dict())
        name = next(self._names)
        note = self._flips(exhibit, name) if self._save_flips is not None else None
        if self._html is not None and self._page is not None:
            self._html.write(self._page.section(exhibit).encode())
        if self._plot is not None:
            self._exhibits.append(exhibit)
        if not self._options.json:
            self._show(exhibit, render(report), note)
        elif note is not None and not self._options.quiet:
            print(note, file=sys.stderr)  # noqa: T201

    def failed(self, record: dict[str, Any]) -> None:
        next(self._names)
        self._line(record)
        if self._html is not None and self._page is not None:
            self._html.write(self._page.failure(record).encode())

    def _show(self, exhibit: Exhibit, lines: Sequence[Line], note: str | None) -> None:
        from rich.console import Console
        from rich.text import Text

        from stabcert.report.sentence import on_terminal

        console = Console(highlight=False)
        # Words stay whole on a terminal; in a pipe a line stays a line.
        console.soft_wrap = not on_terminal(console)
        for number, line in enumerate(lines):
            if note is not None and number == len(lines) - 1:
                console.print(Text(f"  {note}"))
            console.print(line)
            if number == 0 and exhibit.canvas is not None:
                from stabcert.report.halfblocks import HalfBlocks

                explanation = exhibit.report.explanation
                console.print(HalfBlocks(exhibit.canvas, explanation.mask, explanation.features.shape))
        sys.stdout.flush()

    def _flips(self, exhibit: Exhibit, name: str) -> str:
        from stabcert.report.flips import save_flips
        from stabcert.report.visible import visible

        folder = self._save_flips or Path()
        try:
            number = save_flips(folder, name, exhibit)
        except OSError as error:
            raise cannot_write(folder, error) from error
        if not number:
            from stabcert.report.wording import flip_summary

            return f"{flip_summary(exhibit).rstrip('.')}: none saved"
        plural = "addition that changes" if number == 1 else "additions that change"
        return visible(f"{number} {plural} the prediction saved, smallest first: {folder / name}-001.npy ...")

    def _line(self, record: dict[str, Any]) -> None:
        line = to_json(record) + "\n"
        if self._records is not None:
            self._records.write(line)
            self._records.flush()
        if self._options.json:
            sys.stdout.write(line)
            sys.stdout.flush()

    def _discard(self) -> None:
        for replacement in (self._html, self._plot):
            if replacement is not None:
                replacement.discard()
        self._html = self._plot = None

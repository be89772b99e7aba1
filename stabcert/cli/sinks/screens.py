"""Standard output: text for people, Markdown, or records."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from stabcert.cli.sinks.sink import Done, Sink, Whole
from stabcert.cli.streams import console_on, print_json, tell
from stabcert.records.writing import to_json

if TYPE_CHECKING:
    from stabcert.report.document import Document


class Screen(Sink):
    """Documents as lines of text. Failures are shown only on standard error."""

    def __init__(self) -> None:
        self._stdout = sys.stdout  # sys.stdout is another stream while Ray runs

    def add(self, done: Done) -> None:
        self._show(_with_notes(done))

    def summarise(self, whole: Whole) -> None:
        from rich.text import Text

        from stabcert.report.visible import visible

        if whole.document is not None:
            self._show(whole.document)
        console = console_on(self._stdout)
        for what in whole.not_checked:
            console.print(Text(f"not checked: {visible(what)}", style="dim"), soft_wrap=True)
        self._stdout.flush()

    def _show(self, document: Document) -> None:
        from stabcert.report.screen import fitted
        from stabcert.report.sentence import on_terminal
        from stabcert.report.terminal import lines

        console = console_on(self._stdout)
        terminal = on_terminal(console)
        for shown in lines(document):
            # Lines are broken between words on a terminal, and not broken in a pipe.
            for part in fitted(shown, console) if terminal else (shown,):
                console.print(part)
        self._stdout.flush()


class Markdown(Sink):
    """Documents for comments on pull requests and summaries of jobs, including failures."""

    def __init__(self) -> None:
        self._stdout = sys.stdout

    def add(self, done: Done) -> None:
        self._show(_with_notes(done))

    def fail(self, done: Done) -> None:
        self._show(done.document)

    def summarise(self, whole: Whole) -> None:
        from stabcert.report.markdown import escaped

        if whole.document is not None:
            self._show(whole.document)
        self._stdout.write("".join(f"- not checked: {escaped(what)}\n" for what in whole.not_checked))
        self._stdout.flush()

    def _show(self, document: Document) -> None:
        from stabcert.report.markdown import markdown

        self._stdout.write(markdown(document) + ("" if document.folded else "\n"))
        self._stdout.flush()


class JsonLines(Sink):
    """Records, one on each line.

    Args:
        quiet: whether notes on saved files are omitted.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._stdout = sys.stdout

    def add(self, done: Done) -> None:
        print_json(done.line, self._stdout)
        if not self._quiet:
            for note in done.notes:
                tell(note)

    def fail(self, done: Done) -> None:
        print_json(done.line, self._stdout)

    def summarise(self, whole: Whole) -> None:
        if whole.record is not None:
            print_json(to_json(whole.record), self._stdout)


def _with_notes(done: Done) -> Document:
    """Return the document with notes on saved files before its last line."""
    from stabcert.report.document import line

    document = done.document
    if not done.notes:
        return document
    *blocks, last = document.blocks
    return replace(document, blocks=(*blocks, *map(line, done.notes), last))

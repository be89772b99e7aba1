"""One result as a record, as text, as a page and as a figure."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from stabcert.errors import InputError, ParameterError
from stabcert.records.writing import to_json
from stabcert.report.canvas import Exhibit
from stabcert.report.document import Document

_WIDTH = 10**4
"""Characters of a line, which is not broken."""


class Shown:
    """One result as the commands show it; the result of `present`.

    ``print(shown)``, or ``shown`` at the end of a cell of a notebook, prints the screen. ``shown.record`` is the record
    as plain values. `save` writes a page, a figure or the record.

    Args:
        exhibit: the report, and what its pictures need.
        document: what is said of it.
    """

    def __init__(self, exhibit: Exhibit, document: Document) -> None:
        self.exhibit = exhibit
        self.document = document
        self.record: dict[str, Any] = exhibit.report.to_dict()

    def __str__(self) -> str:
        from rich.console import Console

        from stabcert.report.terminal import lines

        stream = io.StringIO()
        console = Console(file=stream, width=_WIDTH, color_system=None, force_terminal=False)
        for line in lines(self.document):
            console.print(line, soft_wrap=True)
        return stream.getvalue().rstrip("\n")

    def __repr__(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> Path:
        """Write a page (``.html``), the record (``.json`` or ``.jsonl``) or a figure (another suffix of a picture).

        Raises:
            InputError: the path has no suffix.
            ParameterError: a figure cannot have this format.
        """
        place = Path(path)
        suffix = place.suffix.lower()
        if not suffix:
            raise InputError(f"path must end with the format, got {path}. Use for example result.html or result.png")
        if suffix == ".html":
            from stabcert.report.page import Page

            page = Page(f"stabcert {self.exhibit.report.command}")
            place.write_text(page.head() + page.section(self.document, self.record) + page.tail(), encoding="utf-8")
        elif suffix in (".json", ".jsonl"):
            place.write_text(to_json(self.record) + "\n", encoding="utf-8")
        else:
            from stabcert.report.figure import SUFFIXES, figure, format_of

            if suffix not in SUFFIXES:
                possible = ", ".join((".html", ".json", ".jsonl", *SUFFIXES))
                raise ParameterError(
                    f"path must end in one of {possible}, got {path}. Use for example result.html. To print "
                    "the text, write print(shown)"
                )
            place.write_bytes(figure([self.document], format_of(place)))
        return place

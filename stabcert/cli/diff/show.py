"""The destinations of the result of a comparison."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from stabcert.cli.choices import OutputFormat
from stabcert.cli.sinks.files import PageFile
from stabcert.cli.sinks.screens import JsonLines, Markdown, Screen
from stabcert.cli.sinks.sink import Sink, Whole
from stabcert.report.says.diff import diff_document


class Shown(Protocol):
    """Options of output."""

    everything: bool
    json: bool
    format: OutputFormat | None
    html: Path | None


def show(record: dict[str, Any], shown: Shown) -> None:
    """Write the record of a comparison to standard output, and to a page if one is named.

    Raises:
        InputError: the page cannot be written.
    """
    sinks: list[Sink] = [] if shown.html is None else [PageFile(shown.html, "diff")]
    if shown.json or shown.format is OutputFormat.json:
        sinks.append(JsonLines(quiet=True))
    else:
        sinks.append(Markdown() if shown.format is OutputFormat.markdown else Screen())
    whole = Whole(record, diff_document(record, everything=shown.everything))
    with ExitStack() as stack:
        for sink in sinks:
            stack.enter_context(sink)
        for sink in sinks:
            sink.summarise(whole)

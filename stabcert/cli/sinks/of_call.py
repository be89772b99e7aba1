"""The sinks that the options of a call select."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stabcert.cli.call import Call
from stabcert.cli.choices import OutputFormat
from stabcert.cli.items import Item
from stabcert.cli.scorecard_options import ScoredOutputOptions
from stabcert.cli.sinks.ci import Annotations, Junit
from stabcert.cli.sinks.files import Figure, Flips, PageFile
from stabcert.cli.sinks.parquet import ParquetRecords
from stabcert.cli.sinks.records import Records
from stabcert.cli.sinks.scorecard import Scorecard
from stabcert.cli.sinks.screens import JsonLines, Markdown, Screen
from stabcert.cli.sinks.sink import Sink
from stabcert.cli.suffixes import suffix_of
from stabcert.errors import ParameterError


class Sinks:
    """All sinks of a call. They are entered in an order in which a refusal leaves no files behind.

    Args:
        items: all inputs of the run, or None for each line of records.
        save_flips: the folder for additions that change the prediction.
        summarised: whether the figure shows the summary of all items.
        resumable: whether --resume can continue the file of records.
    """

    def __init__(
        self,
        call: Call,
        items: Sequence[Item | None],
        *,
        save_flips: Path | None = None,
        summarised: bool = False,
        resumable: bool = True,
    ) -> None:
        output, running = call.output, call.running
        file, existing = output.output, output.existing(resume=running.resume)
        self.records = Records(file, existing, resumable=resumable)
        if file is not None and suffix_of(file) == ".parquet":
            self.records = ParquetRecords(file, existing, resumable=resumable)
        beside: list[Sink] = []
        if output.plot is not None:
            beside.append(Figure(output.plot, len(items), summarised=summarised))
        if output.html is not None:
            beside.append(PageFile(output.html, call.command))
        self.draws = bool(beside) or save_flips is not None
        """True if a sink needs pictures."""
        if isinstance(output, ScoredOutputOptions) and output.scorecard is not None:
            beside.append(Scorecard(output.scorecard, call.command, [item for item in items if item is not None]))
        if save_flips is not None:
            beside.append(Flips(save_flips))
        shown: list[Sink] = []
        if output.junit is not None:
            shown.append(Junit(output.junit, call.command, [item for item in items if item is not None]))
        if output.json:
            shown.append(JsonLines(quiet=running.quiet))
        elif output.format is OutputFormat.github:
            shown.insert(0, Annotations(call.command, len(items), quiet=running.quiet))
        else:
            shown.append(Markdown() if output.format is OutputFormat.markdown else Screen())
        self._all = [*beside, self.records, *shown]
        _check_apart(call)

    def __iter__(self) -> Iterator[Sink]:
        return iter(self._all)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Enter all sinks. Each sink writes its last output when the block ends, also after an error."""
        with ExitStack() as stack:
            for sink in self._all:
                stack.enter_context(sink)
            yield


def _check_apart(call: Call) -> None:
    """Check that each result has a file of its own."""
    output = call.output
    named = (output.output, output.plot, output.html, output.junit)
    scorecard = output.scorecard if isinstance(output, ScoredOutputOptions) else None
    files = [path.resolve() for path in (*named, scorecard) if path is not None]
    if len(set(files)) < len(files):
        options = "--output, --plot, --html and --junit" if scorecard is None else "--scorecard and other output files"
        raise ParameterError(f"{options} would overwrite one another. Give each a file of its own")

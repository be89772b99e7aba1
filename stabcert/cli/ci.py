"""What a service for continuous integration is told: an annotation for each input with a problem, a JUnit file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stabcert.cli.choices import OutputFormat
from stabcert.cli.exit_codes import MISSED
from stabcert.cli.files import Replacement
from stabcert.cli.items import Item
from stabcert.cli.options import OutputOptions
from stabcert.report.finding import found_of, marked_text_of
from stabcert.report.github import annotation, plain
from stabcert.report.refusal import doubts_of

if TYPE_CHECKING:
    from stabcert.report.junit import TestCase

_ALL = "all inputs together"


class CiReports:
    """Told of every record in the order of the inputs, those of skipped inputs too: they count for the exit code.

    The JUnit file is opened on entry, so that one that cannot be written is refused before any work, and written
    whole on exit, also after an error or an interruption; what was not reached by then is in it as skipped.

    Args:
        items: all inputs of the run.
    """

    def __init__(self, options: OutputOptions, command: str, items: Sequence[Item]) -> None:
        self._command = command
        self._items = items
        self._annotated = options.format is OutputFormat.github
        self._target = options.junit
        self._junit: Replacement | None = None
        self._stdout = sys.stdout  # Ray prints to sys.stdout, which is another one while it runs
        self._cases: list[TestCase] = []
        self._counts: dict[str, int] = {}
        self._done: set[int] = set()

    @property
    def wanted(self) -> bool:
        return self._annotated or self._target is not None

    def __enter__(self) -> CiReports:
        if self._target is not None:
            self._junit = Replacement(self._target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._junit is not None:
            from stabcert.report.junit import TestCase, junit

            missing = [item for item in self._items if id(item) not in self._done]
            skipped = [TestCase(item.id, "skipped", "the run ended before it") for item in missing]
            try:
                self._junit.write(junit(self._command, [*self._cases, *skipped]))
                self._junit.commit()
            finally:
                self._junit.discard()
        if self._annotated and kind is not BrokenPipeError:
            counted = ", ".join(f"{number} {status}" for status, number in self._counts.items())
            total = f"{sum(self._counts.values())} of {len(self._items)} inputs"
            title = f"stabcert {self._command}"
            self._print(annotation("notice", f"{total}: {counted or 'none done'}", {"title": title}))

    def add(self, record: dict[str, Any], item: Item | None) -> None:
        """One record; of no item if it is about all inputs together."""
        name = _ALL if item is None else item.id
        file, line = (None, None) if item is None else _place(item)
        if item is not None:
            self._done.add(id(item))
            self._counts[record["status"]] = self._counts.get(record["status"], 0) + 1
        if self._annotated:
            self._annotate(record, name, file, line)
        if self._target is not None:
            from stabcert.report.junit import TestCase

            status = record["status"]
            outcome = "error" if status == "failed" else "failure" if status in MISSED else "passed"
            seconds = record["run"]["seconds"] if "run" in record else 0.0
            details = "" if outcome == "passed" else "\n".join(_details(record))
            self._cases.append(TestCase(name, outcome, found_of(record), details, seconds, file, line))  # type: ignore[arg-type]

    def _annotate(self, record: dict[str, Any], name: str, file: str | None, line: int | None) -> None:
        status, where = record["status"], {"file": file, "line": line}
        title = f"stabcert {self._command}: {name}"
        if status == "failed" or status in MISSED:
            message = "\n".join([f"{status}: {found_of(record)}", *_details(record)])
            self._print(annotation("error", message, {**where, "title": title}))
            return
        # GitHub shows ten annotations of a kind for each step: what is as it should be is a line in the log.
        self._print(plain(f"{status}: {name}: {found_of(record)}"))
        for doubt in doubts_of(record):
            self._print(annotation("warning", doubt, {**where, "title": title}))

    def _print(self, line: str) -> None:
        self._stdout.write(line + "\n")
        self._stdout.flush()


def _details(record: dict[str, Any]) -> list[str]:
    """What helps to see what is wrong with an input."""
    if record.get("explanation") is None:
        return []
    said, explanation = record["prediction"], record["explanation"]
    masked = explanation["masked_prediction"]
    lines = [
        f"{record['model']['id']} says {said['label']} ({said['probability']:.2f}), of the mask alone "
        f"{masked['label']} ({masked['probability']:.2f}); {explanation['k']} of {explanation['n']} features kept by "
        f"{explanation['method']}"
    ]
    text = marked_text_of(record)
    return lines if text is None else [*lines, text]


def _place(item: Item) -> tuple[str | None, int | None]:
    """File and line that an input stands in: its own file, or that of the list; from the top of the repository."""
    if item.path is not None and item.problem is None:
        return _from_the_top(item.path), 1
    if item.listed is not None:
        return _from_the_top(item.listed[0]), item.listed[1]
    return None, None


def _from_the_top(path: Path) -> str:
    # GitHub looks for files from there, wherever the step was run.
    top = os.environ.get("GITHUB_WORKSPACE")
    absolute = Path(os.path.abspath(path))  # links stay as they are written
    if top and absolute.is_relative_to(top):
        return absolute.relative_to(top).as_posix()
    return path.as_posix()

"""Reports for continuous integration: an annotation for each input with a problem, and a JUnit file.

Both receive every record in the order of the inputs. Records of skipped inputs are included, because they count for
the exit code.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stabcert.cli.exit_codes import MISSED
from stabcert.cli.files import Replacement
from stabcert.cli.items import Item
from stabcert.cli.sinks.sink import Done, Sink, Whole
from stabcert.cli.streams import tell

if TYPE_CHECKING:
    from stabcert.report.junit import TestCase

_ALL = "all inputs together"


class Annotations(Sink):
    """Annotations of GitHub Actions on standard output, and one line for each input without a problem.

    Args:
        items: the number of inputs of the run; 0 where it reports on all of them together alone.
        quiet: whether notes on saved files are omitted.
    """

    def __init__(self, command: str, items: int, *, quiet: bool) -> None:
        self._command = command
        self._items = items
        self._quiet = quiet
        self._stdout = sys.stdout  # sys.stdout is another stream while Ray runs
        self._counts: Counter[str] = Counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from stabcert.report.github import annotation

        if kind is not BrokenPipeError and self._items:
            counted = ", ".join(f"{number} {status}" for status, number in self._counts.items())
            total = f"{self._counts.total()} of {self._items} inputs"
            title = f"stabcert {self._command}"
            self._print(annotation("notice", f"{total}: {counted or 'none done'}", {"title": title}))

    def add(self, done: Done) -> None:
        self.skip(done)
        if not self._quiet:
            for note in done.notes:
                tell(note)

    def skip(self, done: Done) -> None:
        self._counts[done.record["status"]] += 1
        self._annotate(done.record, done.item)

    def fail(self, done: Done) -> None:
        self.skip(done)

    def abort(self, done: Done) -> None:
        self.skip(done)

    def summarise(self, whole: Whole) -> None:
        if whole.record is not None:
            self._annotate(whole.record, None)

    def _annotate(self, record: dict[str, Any], item: Item | None) -> None:
        from stabcert.records.refusal import doubts_of
        from stabcert.report.finding import found_of
        from stabcert.report.github import annotation, plain

        name, (file, line) = _name(item), _place(item)
        status, where = record["status"], {"file": file, "line": line}
        title = f"stabcert {self._command}: {name}"
        if status == "failed" or status in MISSED:
            message = "\n".join([f"{status}: {found_of(record)}", *_details(record)])
            self._print(annotation("error", message, {**where, "title": title}))
            return
        # GitHub shows ten annotations of a kind for each step, so that a success is only a line in the log.
        self._print(plain(f"{status}: {name}: {found_of(record)}"))
        for doubt in doubts_of(record):
            self._print(annotation("warning", doubt, {**where, "title": title}))

    def _print(self, line: str) -> None:
        self._stdout.write(line + "\n")
        self._stdout.flush()


class Junit(Sink):
    """A JUnit file, written completely on exit. After an error or an interruption, the remaining inputs are skipped.

    Args:
        items: all inputs of the run.
    """

    def __init__(self, path: Path, command: str, items: Sequence[Item]) -> None:
        self._path = path
        self._command = command
        self._items = items
        self._cases: list[TestCase] = []
        self._done: set[int] = set()

    def __enter__(self) -> Junit:
        self._file = Replacement(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from stabcert.report.junit import TestCase, junit

        missing = [item for item in self._items if id(item) not in self._done]
        skipped = [TestCase(item.id, "skipped", "the run ended before it") for item in missing]
        try:
            self._file.write(junit(self._command, [*self._cases, *skipped]))
            self._file.commit()
        finally:
            self._file.discard()

    def add(self, done: Done) -> None:
        self._done.add(id(done.item))
        self._test(done.record, done.item)

    def skip(self, done: Done) -> None:
        self.add(done)

    def fail(self, done: Done) -> None:
        self.add(done)

    def abort(self, done: Done) -> None:
        self.add(done)

    def summarise(self, whole: Whole) -> None:
        if whole.record is not None:
            self._test(whole.record, None)

    def _test(self, record: dict[str, Any], item: Item | None) -> None:
        from stabcert.report.finding import found_of
        from stabcert.report.junit import TestCase

        status = record["status"]
        outcome = "error" if status == "failed" else "failure" if status in MISSED else "passed"
        seconds = record["run"]["seconds"] if "run" in record else 0.0
        details = "" if outcome == "passed" else "\n".join(_details(record))
        self._cases.append(TestCase(_name(item), outcome, found_of(record), details, seconds, *_place(item)))  # type: ignore[arg-type]


def _name(item: Item | None) -> str:
    return _ALL if item is None else item.id


def _details(record: dict[str, Any]) -> list[str]:
    """Return the predictions, the mask and the radii of an input, for the report of its problem."""
    if record.get("explanation") is None:
        return []
    said, explanation = record["prediction"], record["explanation"]
    masked = explanation["masked_prediction"]
    lines = [
        f"{record['model']['id']} predicts {_predicted(said)}, and {_predicted(masked)} on the mask alone; "
        f"{explanation['k']} of {explanation['n']} features kept by {explanation['method']}"
    ]
    from stabcert.report.finding import marked_text_of

    text = marked_text_of(record)
    return lines if text is None else [*lines, text]


def _predicted(found: dict[str, Any]) -> str:
    from stabcert.report.wording import recorded_prediction

    return f"{found['label']} ({found['probability']:.2f})" if "output" not in found else recorded_prediction(found)


def _place(item: Item | None) -> tuple[str | None, int | None]:
    """Return the file and line of an input or of its list, relative to the top of the repository."""
    if item is None:
        return None, None
    if item.path is not None and item.problem is None:
        return _from_the_top(item.path), 1
    if item.listed is not None:
        return _from_the_top(item.listed[0]), item.listed[1]
    return None, None


def _from_the_top(path: Path) -> str:
    # GitHub resolves paths from the top of the repository in every step.
    top = os.environ.get("GITHUB_WORKSPACE")
    absolute = Path(os.path.abspath(path))  # links are not resolved
    if top and absolute.is_relative_to(top):
        return absolute.relative_to(top).as_posix()
    return path.as_posix()

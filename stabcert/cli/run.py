"""The loop over the items of a run, in this process or on workers. All sinks receive each result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from stabcert.cli.call import Call
from stabcert.cli.exit_codes import DONE, INTERRUPTED, SOME_FAILED, WRONG_REQUEST, code_of_status
from stabcert.cli.progress import Progress
from stabcert.cli.sinks.of_call import Sinks
from stabcert.cli.sinks.sink import Done, Whole
from stabcert.cli.streams import Notes
from stabcert.core.streams import digest
from stabcert.errors import ParameterError, StabcertError
from stabcert.report.canvas import Exhibit

if TYPE_CHECKING:
    from stabcert.cli.items import Item
    from stabcert.report.document import Document


class Task(Protocol):
    """One item of a run, which is an input or a record to verify."""

    @property
    def item(self) -> Item | None:
        """The input, or None for a record to verify."""

    @property
    def name(self) -> str:
        """The beginning of the names of the item's files."""

    @property
    def title(self) -> str:
        """The name of the item on the progress bar."""

    @property
    def request(self) -> str:
        """The key of the request, which is also the key of the record of a failure."""

    def about(self, message: str) -> str:
        """Return a message that names the item exactly once."""


T = TypeVar("T", bound=Task)
T_contra = TypeVar("T_contra", bound=Task, contravariant=True)


@dataclass(frozen=True)
class Result:
    """The outcome of one item: a record, an error, or neither if the file already contains its record."""

    key: str
    record: dict[str, Any] | None = None
    shown: Any = None
    """The source of the document of the record."""
    error: StabcertError | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()


class Doing(Protocol[T_contra]):
    """The work on each item."""

    def do(self, task: T_contra, say: Callable[[str], None], on_progress: Callable[[int], None] | None) -> Result:
        """Return the result of one item. A failure is a result with an error."""

    def collect(self, task: T_contra) -> Result:
        """Return the result of one item on a worker, together with its notes."""

    def failed(self, task: T_contra, error: StabcertError) -> dict[str, Any]:
        """Return the record of a failure."""

    def document(self, shown: Any) -> Document:
        """Return the document that shows a result."""

    def failure(self, record: dict[str, Any]) -> Document:
        """Return the document that shows a failure."""


class Summary(Protocol):
    """The summary of all items, which is computed from their records."""

    def add(self, record: dict[str, Any]) -> None:
        """Add one record, new or old. Records come in the order of the items."""

    def finish(self, apart: str | None) -> Whole | None:
        """Return the summary, or None if there is nothing to summarise.

        Args:
            apart: a digest of the items if the file also contains records of other items. The summary then does not
                replace a summary of other items.
        """


@dataclass(frozen=True)
class Run(Generic[T]):
    """One call with all its items, after its sinks are opened.

    ``doing`` is pickled if there are workers.
    """

    call: Call
    tasks: Sequence[T]
    doing: Doing[T]
    sinks: Sinks
    say: Notes
    summary: Summary | None = None

    def walk(self) -> int:
        """Process all items, and return the exit code.

        Each result is saved as soon as it is complete. Results are shown in the order of the items.
        """
        code, skipped, wrong = DONE, 0, 0
        keys = [task.request for task in self.tasks]
        waiting: dict[int, Callable[[], None]] = {}
        shown = 0
        with Progress(len(self.tasks), enabled=not self.call.running.quiet) as progress:
            for position, result in self._results(progress):
                task, keys[position] = self.tasks[position], result.key
                with progress.hidden():
                    for note in result.notes:
                        self.say(note)
                    waiting[position] = self._save(task, result)
                    skipped += result.record is None and result.error is None
                    wrong += isinstance(result.error, ParameterError)
                    code = max(code, self._verdict(result))
                    while shown in waiting:
                        waiting.pop(shown)()
                        shown += 1
                progress.finished()
                if result.interrupted:
                    return INTERRUPTED
            with progress.hidden():
                code = max(code, self._summarise(keys))
        self.sinks.records.arrange(keys, {task.request for task in self.tasks})
        if skipped:
            self.say(f"{skipped} of {len(self.tasks)} inputs skipped: their records are in {self.call.output.output}")
        # A request that is impossible for every input is not the failure of one input.
        return WRONG_REQUEST if self.tasks and wrong == len(self.tasks) else code

    def _results(self, progress: Progress) -> Iterator[tuple[int, Result]]:
        """Yield the position and the result of each item, in the order in which they finish."""
        running = self.call.running
        if running.workers is None:
            for position, task in enumerate(self.tasks):
                progress.begin(task.title)
                yield position, self.doing.do(task, self.say, progress.evaluated)
            return
        from stabcert.sweep.pool import Pool

        progress.begin(f"{running.workers} {'worker' if running.workers == 1 else 'workers'}")
        with Pool(
            self.doing.collect,
            _gave_up,
            workers=running.workers,
            address=running.ray_address,
            verbose=running.verbose,
            gpus=self.call.model.device != "cpu",
            notify=self.say,
        ) as pool:
            for position, result in pool.run(self.tasks):
                if result.record is not None:
                    progress.evaluated(result.record["run"]["evaluations"])
                yield position, result

    def _save(self, task: T, result: Result) -> Callable[[], None]:
        """Save a result, and return the function that shows it.

        Raises:
            StabcertError: the item failed, and --keep-going is not given.
        """
        if result.error is not None:
            record = self.doing.failed(task, result.error)
            done = Done("failed", record, task.item, task.name, partial(self.doing.failure, record))
            if not self.call.running.keep_going:
                for sink in self.sinks:
                    sink.abort(done)
                raise result.error
            self.say(f"Error: {task.about(str(result.error))}", always=True)
        elif result.record is not None:
            exhibit = result.shown if isinstance(result.shown, Exhibit) else None
            show = partial(self.doing.document, result.shown)
            done = Done("new", result.record, task.item, task.name, show, exhibit)
        else:
            record = self.sinks.records.read(result.key)
            return partial(self._show, Done("known", record, task.item, task.name, partial(self.doing.failure, record)))
        for sink in self.sinks:
            sink.save(done)
        return partial(self._show, done)

    def _show(self, done: Done) -> None:
        for sink in self.sinks:
            if done.state == "new":
                sink.add(done)
            elif done.state == "failed":
                sink.fail(done)
            else:
                sink.skip(done)
        if self.summary is not None:
            self.summary.add(done.record)

    def _summarise(self, keys: list[str]) -> int:
        """Show and save the summary of all items, and return its exit code."""
        records = self.sinks.records
        apart = digest(sorted(keys)) if records.holds_others(keys) else None
        whole = None if self.summary is None else self.summary.finish(apart)
        if whole is None:
            return DONE
        records.save_whole(whole)
        for sink in self.sinks:
            sink.summarise(whole)
        if whole.record is None:
            return DONE
        keys.append(whole.record["key"])
        return code_of_status(whole.record["status"])

    def _verdict(self, result: Result) -> int:
        """Return the exit code for one result. The record of a skipped input counts like a new one."""
        if result.error is not None:
            return SOME_FAILED
        known = self.sinks.records.finished
        return code_of_status(known[result.key] if result.record is None else result.record["status"])


def _gave_up(task: Task, error: StabcertError) -> Result:
    return Result(task.request, error=error)

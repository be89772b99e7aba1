"""The one loop over the items of a run: here or on workers, what is done with each goes to every sink."""

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
    """One item of a run: an input, or a record to verify."""

    @property
    def item(self) -> Item | None:
        """The input, as far as it is known."""

    @property
    def name(self) -> str:
        """The beginning of the names of its files."""

    @property
    def title(self) -> str:
        """Its name on the progress bar."""

    @property
    def request(self) -> str:
        """Key of what is asked; that of a failure."""

    def about(self, message: str) -> str:
        """Return a message that names the item, once."""


T = TypeVar("T", bound=Task)
T_contra = TypeVar("T_contra", bound=Task, contravariant=True)


@dataclass(frozen=True)
class Result:
    """The outcome of one item: a record, an error, or neither if its record is there already."""

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
        """Return the result of one item, or the reason why it has not been done."""

    def collect(self, task: T_contra) -> Result:
        """Return the same where nobody listens, on a worker: notes come with the result."""

    def failed(self, task: T_contra, error: StabcertError) -> dict[str, Any]:
        """Return the record of a failure."""

    def document(self, shown: Any) -> Document:
        """Return what is shown of a result."""

    def failure(self, record: dict[str, Any]) -> Document:
        """Return what is shown of a failure."""


class Summary(Protocol):
    """The statement on all items together, from their records alone."""

    def add(self, record: dict[str, Any]) -> None:
        """Take one record, new or old, in the order of the items."""

    def finish(self, apart: str | None) -> Whole | None:
        """Return what is found; None if there is nothing.

        Args:
            apart: a digest of the items, where the file contains records of others too: what is found of these then
                replaces nothing that was found of more or of others.
        """


@dataclass(frozen=True)
class Run(Generic[T]):
    """One call over all its items; sinks are open.

    On workers, ``doing`` is pickled.
    """

    call: Call
    tasks: Sequence[T]
    doing: Doing[T]
    sinks: Sinks
    say: Notes
    summary: Summary | None = None

    def walk(self) -> int:
        """Do what is to be done with every item, save each result as soon as it is there, return the exit code.

        Results are saved as they come, and shown in the order of the items.
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
        # What no input can be asked is not the failure of some.
        return WRONG_REQUEST if self.tasks and wrong == len(self.tasks) else code

    def _results(self, progress: Progress) -> Iterator[tuple[int, Result]]:
        """Yield position and result of each item, as they are finished."""
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
        """Save a result; return what shows it.

        Raises:
            StabcertError: the item failed, and the others are not gone on with.
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
        """Tell what is found of all items together; return what that does to the exit code."""
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
        """Return what one result does to the exit code; the record of a skipped input counts like a new one."""
        if result.error is not None:
            return SOME_FAILED
        known = self.sinks.records.finished
        return code_of_status(known[result.key] if result.record is None else result.record["status"])


def _gave_up(task: Task, error: StabcertError) -> Result:
    return Result(task.request, error=error)

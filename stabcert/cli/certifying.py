"""A run over inputs. Options are checked, each input becomes a task, and each task gives a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stabcert.cli.beforehand import check_options, check_tasks
from stabcert.cli.call import Call
from stabcert.cli.command import Command
from stabcert.cli.declared import Asked
from stabcert.cli.exit_codes import code_of_error
from stabcert.cli.inputs import Item
from stabcert.cli.library_noise import library_noise
from stabcert.cli.opening import Opening, Say, Source, out_of_memory_explained
from stabcert.cli.overwriting import check_overwriting
from stabcert.cli.pairs import pair_notes
from stabcert.cli.parsing import parse_batch_size
from stabcert.cli.reporting import beside
from stabcert.cli.run import Result, Run, Summary
from stabcert.cli.sinks.of_call import Sinks
from stabcert.cli.spelling import Flags, spell, typed
from stabcert.cli.streams import Notes
from stabcert.cli.tasks import Task, make_tasks
from stabcert.errors import ParameterError, StabcertError
from stabcert.report.canvas import Exhibit
from stabcert.report.says.common import failure
from stabcert.report.wording import tie_note
from stabcert.sweep.shard import Shard, parse_shard

if TYPE_CHECKING:
    from stabcert.report.document import Document


class Together(Summary, Protocol):
    """The summary of all inputs, for a command that has one."""

    def label(self, items: Sequence[Item]) -> list[Item]:
        """Return the inputs with their labels attached."""

    def begin(self, tasks: Sequence[Task]) -> Sequence[str]:
        """Prepare for the given tasks, and return notes for the user.

        Raises:
            ParameterError: the tasks cannot be summarised together.
        """


def certify(
    command: Command[Any],
    call: Call,
    asked: Asked,
    *,
    save_flips: Path | None = None,
    together: Together | None = None,
) -> int:
    """Certify every input of a call, and return the exit code.

    Args:
        asked: all options of the call.
        save_flips: folder for additions that change the prediction.

    Raises:
        StabcertError: an option is impossible, or an input failed without --keep-going.
    """
    running, say = call.running, Notes(quiet=call.running.quiet)
    check_options(call.inputs, call.model, call.explanation, several_methods=command.several_methods)
    opening = Opening(call, parse_batch_size(call.model.batch_size), command.choose)
    shard = _check_running(call, drawn_together=together is not None)
    every = make_tasks(call, asked, None if together is None else together.label)
    tasks = list(shard.of(every))
    problem = next((task.item.problem for task in tasks if task.item.problem is not None), None)
    if problem is not None and not running.keep_going:
        raise problem  # without --keep-going, an input that is certain to fail ends the run before it begins
    check_tasks(tasks, call.inputs, call.masks, command.check_mask, keep_going=running.keep_going)
    for note in () if together is None else together.begin(tasks):
        say(note)
    for note in pair_notes([(task.item, task.model) for task in tasks]):
        say(note)
    if not tasks:
        say(f"nothing to do: part {shard.index} of {shard.count} contains none of {len(every)} inputs")
    check_overwriting(call.output, asked, tasks)
    sinks = Sinks(call, [task.item for task in tasks], save_flips=save_flips, summarised=together is not None)
    with library_noise(running.verbose), sinks.opened():
        for note in sinks.records.notes:
            say(note)
        doing = Certifier(command, opening, sinks.draws, sinks.records.finished, asked.flags)
        return Run(call, tasks, doing, sinks, say, together).walk()


@dataclass(frozen=True)
class Certifier:
    """The work on each input. It can be pickled as long as no model is loaded.

    Args:
        pictures: whether a figure or a page is drawn.
        finished: keys of the records that the file already contains.
        flags: the option of each parameter, for notes and errors about one input.
    """

    command: Command[Any]
    opening: Opening
    pictures: bool = False
    finished: Collection[str] = ()
    flags: Flags = field(default_factory=dict)

    def collect(self, task: Task) -> Result:
        """See `stabcert.cli.run.Doing`."""
        notes: list[str] = []
        with library_noise(self.opening.call.running.verbose):
            result = self.do(task, notes.append)
        return replace(result, notes=tuple(notes))

    def do(self, task: Task, say: Say, on_progress: Callable[[int], None] | None = None) -> Result:
        """See `stabcert.cli.run.Doing`. Notes and errors name options."""

        def tell(note: str) -> None:
            say(typed(note, self.flags))

        try:
            with out_of_memory_explained(task.item.title):
                source = self.opening.find(task, tell)
                if source.key in self.finished:
                    return Result(source.key)
                return self._do(task, source, tell, on_progress)
        except StabcertError as error:
            spell(error, self.flags)
            return Result(task.request, error=error)

    def _do(self, task: Task, source: Source, say: Say, on_progress: Callable[[int], None] | None) -> Result:
        case = self.opening.open(source, say, on_progress)
        found = self.command.certify(case)
        shown = beside(case, found, pictures=self.pictures)
        tied = tie_note(shown.explanation)
        if tied is not None and self.opening.call.output.json:  # other notes are part of the result
            say(f"{task.item.title}: {tied}")
        report = self.command.record(case, found, shown)
        exhibit = Exhibit(report, shown.canvas, shown.flips)
        return Result(source.key, report.to_dict(), exhibit, interrupted=found.interrupted)

    def failed(self, task: Task, error: StabcertError) -> dict[str, Any]:
        """See `stabcert.cli.run.Doing`."""
        from stabcert.records.record import FailedRecord

        name, info = self.command.name, task.item.describe()
        return FailedRecord.of(name, info, code_of_error(error), str(error), key=task.request).to_dict()

    def document(self, shown: Exhibit) -> Document:
        """See `stabcert.cli.run.Doing`."""
        return self.command.document(shown)

    def failure(self, record: dict[str, Any]) -> Document:
        """See `stabcert.cli.run.Doing`."""
        return failure(record["input"]["id"], record["error"]["message"])


def _check_running(call: Call, *, drawn_together: bool) -> Shard:
    """Return the requested part of the inputs.

    Raises:
        ParameterError: options of running contradict one another, or Ray is not installed for workers.
    """
    output, running = call.output, call.running
    output.check(resume=running.resume)
    drawn = output.html is not None or (output.plot is not None and not drawn_together)
    if running.resume and drawn:
        raise ParameterError(
            "--resume skips finished inputs, and --plot and --html would lack them. Leave out --resume to draw all"
        )
    if running.ray_address is not None and running.workers is None:
        raise ParameterError("--ray-address needs workers. Give their number with --workers N")
    if running.workers is not None:
        from stabcert.sweep.pool import import_ray

        if call.model.device.startswith("cuda:"):
            raise ParameterError("each worker has a GPU of its own. Write --device cuda with --workers")
        import_ray()
    return Shard(1, 1) if running.shard is None else parse_shard(running.shard)

"""From options to reports: walks over the inputs, here or on workers, writes results, decides the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stabcert.cli.beforehand import CheckMask, check_options, check_tasks
from stabcert.cli.ci import CiReports
from stabcert.cli.declared import Asked
from stabcert.cli.exit_codes import DONE, INTERRUPTED, SOME_FAILED, WRONG_REQUEST, code_of_error, code_of_status
from stabcert.cli.inputs import Item
from stabcert.cli.library_noise import library_noise
from stabcert.cli.options import Call
from stabcert.cli.overwriting import check_overwriting
from stabcert.cli.parsing import parse_batch_size
from stabcert.cli.progress import Progress
from stabcert.cli.runner import Case, Outcome, Result, Runner
from stabcert.cli.streams import Notes
from stabcert.cli.tasks import Task, make_tasks
from stabcert.cli.writer import Kept, Say, Summarised, Writer
from stabcert.core.streams import digest
from stabcert.errors import ParameterError, StabcertError
from stabcert.report.record import failed_record
from stabcert.sweep.shard import Shard, parse_shard

if TYPE_CHECKING:
    from stabcert.cli.explanation import Choice
    from stabcert.core.streams import Draws
    from stabcert.models.base import ModelPredictor

__all__ = ["Case", "Outcome", "Session"]


class Summary(Protocol):
    """What a command says of all inputs together, from their records alone."""

    def begin(self, tasks: Sequence[Task]) -> Sequence[str]:
        """Before anything is done, with all that is to be done; returns what the user should know.

        Raises:
            ParameterError: nothing can be said of them together.
        """

    def add(self, record: dict[str, Any]) -> None:
        """One record, new or old, in the order of the inputs."""

    def finish(self, apart: str | None) -> Summarised | None:
        """None if there is nothing to say.

        Args:
            apart: stands for the inputs, where the file holds records of others too: what is said of these
                then replaces nothing that was said of more or of others.
        """


class Session:
    """One call of a command over all its inputs.

    Args:
        asked: every option of the call.
        save_flips: folder for the additions that change the prediction.
        choose: makes the mask of an input; by default `by_method`.
        label: gives the inputs their labels; None where nobody asks for labels.
        summary: says something of all inputs together.
        check_mask: refuses a mask with which the request cannot be met, before a model is opened.
    """

    def __init__(
        self,
        call: Call,
        asked: Asked,
        *,
        save_flips: Path | None = None,
        choose: Callable[[ModelPredictor, Draws], Choice] | None = None,
        label: Callable[[Sequence[Item]], list[Item]] | None = None,
        summary: Summary | None = None,
        check_mask: CheckMask | None = None,
    ) -> None:
        self.call = call
        self.asked = asked
        self.save_flips = save_flips
        self.choose = choose
        self.label = label
        self.summary = summary
        self.check_mask = check_mask
        self._say = Notes(quiet=call.running.quiet)

    def run(self, work: Callable[[Case], Outcome], say: Say) -> int:
        """Do ``work`` on every input, write each report as soon as it is there, return the exit code.

        On workers, ``work`` and ``choose`` are pickled.
        """
        call, running = self.call, self.call.running
        check_options(call.inputs, call.model, call.explanation, several_methods=self.choose is not None)
        size, shard = parse_batch_size(call.model.batch_size), self._check_running()
        every = make_tasks(call, self.asked, self.label)
        tasks = list(shard.of(every))
        self._check_items(tasks)
        check_tasks(tasks, call.inputs, call.masks, self.check_mask, keep_going=running.keep_going)
        if self.summary is not None:
            for note in self.summary.begin(tasks):
                self._say(note)
        if not tasks:
            self._say(f"nothing to do: part {shard.index} of {shard.count} holds none of {len(every)} inputs")
        check_overwriting(call.output, self.asked, tasks)
        summarised = self.summary is not None
        writer = Writer(call, len(tasks), self.save_flips, summarised=summarised)
        self._ci = CiReports(call.output, call.command, [task.item for task in tasks])
        with library_noise(running.verbose), writer, self._ci:
            for note in writer.notes:
                self._say(note)
            runner = Runner(
                call,
                size,
                work,
                self.choose,
                writer.wants_pictures,
                writer.finished,
                {},
                self.asked.flags,
            )
            with Progress(len(tasks), enabled=not running.quiet) as progress:
                return self._write(tasks, runner, writer, say, progress)

    def _write(self, tasks: list[Task], runner: Runner, writer: Writer, say: Say, progress: Progress) -> int:
        """Save results as they come, show them in the order of the inputs."""
        code, skipped, shown, wrong = DONE, 0, 0, 0
        keys = [task.request for task in tasks]
        waiting: dict[int, tuple[Result, Kept | None]] = {}
        for position, result in self._results(tasks, runner, progress):
            task, keys[position] = tasks[position], result.key
            with progress.hidden():
                for note in result.notes:
                    self._say(note)
                if result.error is not None and not self.call.running.keep_going:
                    self._ci.add(self._failure(task, result.error), task.item)
                    raise result.error
                waiting[position] = result, self._keep(task, result, writer)
                if result.exhibit is None and result.error is None:
                    skipped += 1
                wrong += isinstance(result.error, ParameterError)
                code = max(code, _verdict(result, writer.finished))
                while shown in waiting:
                    done, kept = waiting.pop(shown)
                    self._show(tasks[shown], done, kept, writer, say)
                    if self.summary is not None:
                        self.summary.add(json.loads(writer.record(done.key) if kept is None else kept.line))
                    shown += 1
            progress.finished()
            if result.interrupted:
                return INTERRUPTED
        apart = digest(sorted(keys)) if writer.holds_others(keys) else None
        found = None if self.summary is None else self.summary.finish(apart)
        if found is not None:
            with progress.hidden():
                writer.summarise(found)
                self._ci.add(found.record, None)
            keys.append(found.record["key"])
            code = max(code, code_of_status(found.record["status"]))
        writer.arrange(keys, {task.request for task in tasks})
        if skipped:
            self._say(f"{skipped} of {len(tasks)} inputs skipped: their records are in {self.call.output.output}")
        # What no input can be asked is not the failure of some.
        return WRONG_REQUEST if tasks and wrong == len(tasks) else code

    def _results(self, tasks: list[Task], runner: Runner, progress: Progress) -> Iterator[tuple[int, Result]]:
        running = self.call.running
        workers = running.workers
        if workers is None:
            for position, task in enumerate(tasks):
                progress.begin(task.item.title)
                yield position, runner.run(task, self._say, progress.evaluated)
            return
        from stabcert.sweep.pool import Pool

        progress.begin(f"{workers} {'worker' if workers == 1 else 'workers'}")
        with Pool(
            runner.collect,
            _gave_up,
            workers=workers,
            address=running.ray_address,
            verbose=running.verbose,
            gpus=self.call.model.device != "cpu",
            notify=self._say,
        ) as pool:
            for position, result in pool.run(tasks):
                if result.exhibit is not None:
                    progress.evaluated(result.exhibit.report.run.evaluations)
                yield position, result

    def _keep(self, task: Task, result: Result, writer: Writer) -> Kept | None:
        if result.error is not None:
            self._say(f"Error: {task.item.about(str(result.error))}", always=True)
            return writer.keep_failure(self._failure(task, result.error))
        return None if result.exhibit is None else writer.keep(result.exhibit, task.name)

    def _show(self, task: Task, result: Result, kept: Kept | None, writer: Writer, say: Say) -> None:
        if self._ci.wanted:
            self._ci.add(json.loads(writer.record(result.key) if kept is None else kept.line), task.item)
        if kept is None:
            return
        if result.error is not None:
            writer.show_failure(self._failure(task, result.error), kept)
        elif result.exhibit is not None:
            writer.show(result.exhibit, say, kept)

    def _failure(self, task: Task, error: StabcertError) -> dict[str, object]:
        return failed_record(
            self.call.command, task.item.describe(), code_of_error(error), str(error), key=task.request
        )

    def _check_items(self, tasks: Sequence[Task]) -> None:
        """What is known to be impossible ends the run before it begins, unless it is to go on."""
        problem = next((task.item.problem for task in tasks if task.item.problem is not None), None)
        if problem is not None and not self.call.running.keep_going:
            raise problem

    def _check_running(self) -> Shard:
        """The part of the inputs that is asked for.

        Raises:
            ParameterError: options on running that contradict one another, or workers without Ray.
        """
        output, running = self.call.output, self.call.running
        output.check(resume=running.resume)
        drawn = output.html is not None or (output.plot is not None and self.summary is None)
        if running.resume and drawn:
            raise ParameterError(
                "--resume skips finished inputs, and --plot and --html would lack them; leave out --resume to draw all"
            )
        if running.ray_address is not None and running.workers is None:
            raise ParameterError("--ray-address says where workers run; say how many with --workers N")
        if running.workers is not None:
            from stabcert.sweep.pool import import_ray

            if self.call.model.device.startswith("cuda:"):
                raise ParameterError("each worker has a GPU of its own; write --device cuda with --workers")
            import_ray()
        return Shard(1, 1) if running.shard is None else parse_shard(running.shard)


def _verdict(result: Result, finished: dict[str, str]) -> int:
    """What one result does to the exit code; the record of a skipped input counts like a new one."""
    if result.error is not None:
        return SOME_FAILED
    return code_of_status(finished[result.key] if result.exhibit is None else result.exhibit.report.status)


def _gave_up(task: Task, error: StabcertError) -> Result:
    return Result(task.request, error=error)

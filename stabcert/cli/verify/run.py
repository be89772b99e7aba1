"""The run of ``--verify FILE``, which checks records of any origin."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from stabcert.cli.call import Call
from stabcert.cli.choices import OutputFormat
from stabcert.cli.command import Checked, Command
from stabcert.cli.declared import Asked
from stabcert.cli.exit_codes import COULD_NOT_RUN
from stabcert.cli.items import Item
from stabcert.cli.library_noise import library_noise
from stabcert.cli.opening import Case, Opening, Say, out_of_memory_explained
from stabcert.cli.options import VerifyOptions
from stabcert.cli.overwriting import check_overwriting
from stabcert.cli.parsing import parse_batch_size
from stabcert.cli.reporting import versions
from stabcert.cli.run import Result, Run
from stabcert.cli.sinks.of_call import Sinks
from stabcert.cli.sinks.sink import Whole
from stabcert.cli.spelling import Flags, spell, typed
from stabcert.cli.streams import Notes
from stabcert.cli.tasks import Task
from stabcert.cli.verify.again import Certified, Differs, input_checks
from stabcert.cli.verify.arithmetic import checked_by_arithmetic, contradictory, refused
from stabcert.cli.verify.options import check_alone
from stabcert.cli.verify.records import Line, lines_of
from stabcert.core.streams import digest
from stabcert.errors import InputError, ParameterError, StabcertError
from stabcert.records.findings import RunInfo
from stabcert.records.verification import FailedVerificationRecord
from stabcert.report.document import Document
from stabcert.report.says.common import failure
from stabcert.report.says.verification import verification_document
from stabcert.verify.checks import Check
from stabcert.verify.common import common_checks, never_checked
from stabcert.verify.mask_flags import notes_of
from stabcert.verify.verification import Verification


def verify(command: type[Command[Any]], call: Call, options: VerifyOptions, asked: Asked) -> int:
    """Check every record of a file, show the results, and return the exit code.

    Args:
        asked: all options of the call.

    Raises:
        StabcertError: an option is impossible, or a record cannot be checked and --keep-going is not given.
    """
    check_alone(options, asked)
    output, running = call.output, call.running
    if output.format is OutputFormat.github:
        raise ParameterError("--format github is not possible with --verify. Leave it out, or use --format markdown")
    output.check(resume=running.resume)
    check_overwriting(output, asked, ())
    say = Notes(quiet=running.quiet)
    verifier = Verifier(
        command, Opening(call, parse_batch_size(call.model.batch_size)), fast=options.fast, flags=asked.flags
    )
    lines = lines_of(options.verify or "-", command.name)[: call.inputs.limit]
    tasks = [RecordTask(line, verifier.key(line)) for line in lines]
    sinks = Sinks(call, [None] * len(lines), resumable=False)
    with library_noise(running.verbose), sinks.opened():
        return Run(call, tasks, verifier, sinks, say, NotChecked()).walk()


@dataclass(frozen=True)
class RecordTask:
    """One line of a file of records to verify."""

    line: Line
    request: str
    item: Item | None = None
    name: str = "record"

    @property
    def title(self) -> str:
        """The name of the line on the progress bar."""
        return self.line.origin

    def about(self, message: str) -> str:
        """Return a message that names the line."""
        return message


@dataclass
class NotChecked:
    """The parts of records that the verifications of a run do not check."""

    found: list[str] = field(default_factory=list)

    def add(self, record: dict[str, Any]) -> None:
        """See `stabcert.cli.run.Summary`."""
        self.found += [what for what in record.get("not_checked", ()) if what not in self.found]

    def finish(self, apart: str | None) -> Whole:
        """See `stabcert.cli.run.Summary`."""
        return Whole(not_checked=tuple(self.found))


@dataclass(frozen=True)
class Verifier:
    """The work on each record. It is reproduced and compared, or only its arithmetic is checked."""

    command: type[Command[Any]]
    opening: Opening
    fast: bool = False
    flags: Flags = field(default_factory=dict)
    """The option of each parameter, for notes and errors."""

    def do(self, task: RecordTask, say: Say, on_progress: Callable[[int], None] | None = None) -> Result:
        """See `stabcert.cli.run.Doing`."""
        try:
            found = self.check(task.line, say)
        except StabcertError as error:
            return Result(task.request, error=error)
        record = found.to_dict()
        return Result(task.request, record, record)

    def collect(self, task: RecordTask) -> Result:
        """See `stabcert.cli.run.Doing`. Notes are discarded."""
        return self.do(task, lambda _: None)

    def failed(self, task: RecordTask, error: StabcertError) -> dict[str, Any]:
        """See `stabcert.cli.run.Doing`."""
        line = task.line
        return FailedVerificationRecord.of(
            line.source, line.number, line.record, COULD_NOT_RUN, str(error), key=task.request
        ).to_dict()

    def document(self, shown: dict[str, Any]) -> Document:
        """See `stabcert.cli.run.Doing`."""
        return verification_document(shown)

    def failure(self, record: dict[str, Any]) -> Document:
        """See `stabcert.cli.run.Doing`."""
        place = record["record"]
        return failure(f"{place['source']}, line {place['line']}", record["error"]["message"])

    def key(self, line: Line) -> str:
        """Return the key of the record of a verification."""
        mode = "fast" if self.fast or not self.command.reproducible else "full"
        return digest({"command": "verify", "mode": mode, "line": line.number, "record": line.record})

    def check(self, line: Line, say: Say) -> Verification:
        """Return the verification of one record.

        Raises:
            StabcertError: the record cannot be checked.
        """
        start = time.perf_counter()
        if line.record is None:
            raise line.problem or InputError(f"{line.origin} does not contain a record")
        try:
            found = self._checked(line, line.record, say)
        except StabcertError as error:
            spell(error, self.flags)
            if line.origin in str(error):
                raise
            raise type(error)(f"{line.origin}: {error}") from error
        except RecursionError as error:
            raise InputError(f"{line.origin} is nested too deeply") from error
        stands = all(check.ok for check in found.checks)
        return Verification(
            source=line.source,
            line=line.number,
            record=line.record,
            mode="fast" if self.fast or not self.command.reproducible else "full",
            checks=found.checks,
            not_checked=found.not_checked,
            run=_run_record(found.run, time.perf_counter() - start),
            notes=[*_allowed(line.record), *_notes(line.record, found.run, stands=stands)],
            key=self.key(line),
        )

    def _checked(self, line: Line, record: dict[str, Any], say: Say) -> Checked:
        if not self.command.reproducible:
            return self.command.verify(record, None)
        if self.fast:
            return checked_by_arithmetic(self.command, record)
        checks = common_checks(record)
        if not all(check.ok for check in checks):
            return contradictory(checks)
        found = self._by_another(line, record, say)
        return replace(found, checks=[*checks, *found.checks])

    def _by_another(self, line: Line, record: dict[str, Any], say: Say) -> Checked:
        """Check a record by comparing it with a new record of the same request."""
        checks, task = self._task(line, record)
        if not all(check.ok for check in checks):
            return Checked(checks, never_checked(record))
        begun = False

        def opened() -> Case:
            nonlocal begun
            begun = True
            return self._open(task, record["result"]["request"], say)

        try:
            with out_of_memory_explained(task.item.title):
                found = self.command.verify(record, opened)
        except ParameterError as error:
            if begun:  # an earlier error is about the record, whose parameters are not options
                spell(error, self.flags)
            found = Checked([refused(record, error)], never_checked(record))
        except Differs as error:
            found = Checked(error.checks, never_checked(record))
        return replace(found, checks=[*checks, *found.checks])

    def _task(self, line: Line, record: dict[str, Any]) -> tuple[list[Check], Task]:
        """Return the checks of the input of a record, and the task that opens it."""
        if record["result"].get("interrupted"):
            raise InputError(
                f"{line.origin} records an interrupted run, which cannot be reproduced. "
                "Use --fast to check its arithmetic"
            )
        recorded = Certified(record, line.origin)
        try:
            item = recorded.item()
            checks = input_checks(record, item)
        except ValueError as error:  # for instance a null character in a path
            raise InputError(f"{line.origin}: the input cannot be read: {error}") from error
        return checks, Task(item, "record", recorded.model, recorded.revision, "", recorded)

    def _open(self, task: Task, request: dict[str, Any], say: Say) -> Case:
        def tell(note: str) -> None:
            say(typed(note, self.flags))

        opening = self.opening.of_request(request)
        return opening.open(opening.find(task, tell), tell, None)


def _run_record(run: RunInfo | None, seconds: float) -> dict[str, Any]:
    return {
        "device": None if run is None else run.device,
        "dtype": None if run is None else run.dtype,
        "batch_size": None if run is None else run.batch_size,
        "evaluations": 0 if run is None else run.evaluations,
        "seconds": round(seconds, 3),
        "versions": versions(),
    }


def _allowed(record: dict[str, Any]) -> list[str]:
    return [] if record["explanation"] is None else notes_of(record)


def _notes(record: dict[str, Any], run: RunInfo | None, *, stands: bool) -> list[str]:
    """Return reasons why an honest record may fail its verification: another device, or other libraries."""
    if stands or run is None:
        return []
    notes, was = [], record["run"]
    if was["device"] != run.device:
        notes.append(
            f"the record was made on {was['device']}, this is {run.device}: a near tie may be decided "
            "differently. With other counts the record cannot be verified"
        )
    changed = [
        f"{name} {version} (here {run.versions[name]})"
        for name, version in was["versions"].items()
        if run.versions.get(name, version) != version
    ]
    if changed:
        notes.append(f"the record was made with {', '.join(changed)}")
    return notes

"""``--verify FILE``: checks records that somebody else made."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rich.text import Text

from stabcert.cli.choices import OutputFormat
from stabcert.cli.declared import Asked
from stabcert.cli.exit_codes import COULD_NOT_RUN, DONE, NOT_MET, SOME_FAILED
from stabcert.cli.library_noise import library_noise
from stabcert.cli.options import Call, VerifyOptions
from stabcert.cli.overwriting import check_overwriting
from stabcert.cli.parsing import parse_batch_size
from stabcert.cli.progress import Progress
from stabcert.cli.runner import versions
from stabcert.cli.spelling import Flags, spell
from stabcert.cli.streams import Notes, console_on, print_json
from stabcert.cli.verify.arithmetic import arithmetic_checks
from stabcert.cli.verify.options import check_alone
from stabcert.cli.verify.records import Line, lines_of
from stabcert.core.streams import digest
from stabcert.errors import InputError, ParameterError, StabcertError
from stabcert.records.writing import to_json
from stabcert.report.document import Document
from stabcert.report.markdown import escaped, markdown
from stabcert.report.record import RunInfo
from stabcert.report.says.common import failure
from stabcert.report.says.verification import verification_document
from stabcert.report.terminal import Shown, lines
from stabcert.report.verify.checks import Check
from stabcert.report.verify.common import common_checks
from stabcert.report.verify.mask_flags import notes_of
from stabcert.report.verify.verification import Verification, failed_verification
from stabcert.report.visible import visible
from stabcert.sweep.journal import Journal

if TYPE_CHECKING:
    from stabcert.cli.verify.again import Again


def verify(
    call: Call,
    options: VerifyOptions,
    asked: Asked,
) -> int:
    """Check every record of a file, say whether it stands, return the exit code.

    Args:
        asked: every option of the call.

    Raises:
        StabcertError: a record that cannot be checked, without --keep-going; or options that are not possible.
    """
    check_alone(options, asked)
    output = call.output
    if output.format is OutputFormat.github:
        raise ParameterError("--format github is not possible with --verify; leave it out, or use --format markdown")
    output.check(resume=call.running.resume)
    check_overwriting(output, asked, ())
    return _Verify(call, options, asked.flags).run(call.inputs.limit)


class _Verify:
    def __init__(self, call: Call, options: VerifyOptions, flags: Flags) -> None:
        self.flags = flags
        self.command = call.command
        self.source = options.verify or "-"
        self.fast = options.fast
        self.output, self.running = call.output, call.running
        self._say = Notes(quiet=call.running.quiet)
        self._versions = versions()
        size = parse_batch_size(call.model.batch_size)
        self.again: Again | None = None
        if not self.fast:
            from stabcert.cli.verify.again import Again

            self.again = Again(call, size, self._say, flags)

    def run(self, limit: int | None) -> int:
        lines = lines_of(self.source, self.command)[:limit]
        code, not_checked = DONE, list[str]()
        with ExitStack() as stack:
            stack.enter_context(library_noise(self.running.verbose))
            journal = None
            if self.output.output is not None:
                journal = stack.enter_context(
                    Journal(self.output.output, existing=self.output.existing(resume=False), resumable=False)
                )
            progress = stack.enter_context(Progress(len(lines), enabled=not self.running.quiet))
            for line in lines:
                progress.begin(line.origin)
                try:
                    found = self._check(line)
                except StabcertError as error:
                    if not self.running.keep_going:
                        raise
                    with progress.hidden():
                        self._say(f"Error: {error}", always=True)
                        record = failed_verification(
                            line.source, line.number, line.record, COULD_NOT_RUN, str(error), key=self._key(line)
                        )
                        self._write(record, journal)
                    code = max(code, SOME_FAILED)
                else:
                    with progress.hidden():
                        self._write(found.to_dict(), journal, found)
                    not_checked += [what for what in found.not_checked if what not in not_checked]
                    code = max(code, DONE if found.stands else NOT_MET)
                progress.finished()
        if self.output.format is OutputFormat.markdown and not_checked:
            sys.stdout.write("".join(f"- not checked: {escaped(what)}\n" for what in not_checked))
        elif not self.output.json:
            self._print([Text(f"not checked: {visible(what)}", style="dim") for what in not_checked])
        sys.stdout.flush()
        return code

    def _check(self, line: Line) -> Verification:
        """One record.

        Raises:
            StabcertError: it cannot be checked.
        """
        start = time.perf_counter()
        if line.record is None:
            raise line.problem or InputError(f"{line.origin} holds no record")
        try:
            checks, not_checked, run = self._checks(line, line.record)
        except StabcertError as error:
            spell(error, self.flags)
            if line.origin in str(error):
                raise
            raise type(error)(f"{line.origin}: {error}") from error
        except RecursionError as error:
            raise InputError(f"{line.origin} is nested too deeply") from error
        return Verification(
            source=line.source,
            line=line.number,
            record=line.record,
            mode="fast" if self.fast else "full",
            checks=checks,
            not_checked=not_checked,
            run=_run_record(run, time.perf_counter() - start, self._versions),
            notes=[*notes_of(line.record), *_notes(line.record, run, stands=all(check.ok for check in checks))],
            key=self._key(line),
        )

    def _checks(self, line: Line, record: dict[str, Any]) -> tuple[list[Check], list[str], RunInfo | None]:
        checks = common_checks(record)
        if not all(check.ok for check in checks):
            return checks, ["everything else: the record contradicts itself"], None
        if self.again is None:
            found, not_checked = arithmetic_checks(record)
            return checks + found, not_checked, None
        found, not_checked, run = self.again.check(line, record)
        return checks + found, not_checked, run

    def _write(self, record: dict[str, Any], journal: Journal | None, found: Verification | None = None) -> None:
        text = to_json(record)
        if journal is not None:
            journal.write(text, record["key"])
        if self.output.json:
            print_json(text, sys.stdout)
        elif found is not None:
            self._show(verification_document(found))
        elif self.output.format is OutputFormat.markdown:
            place = record["record"]
            self._show(failure(f"{place['source']}, line {place['line']}", record["error"]["message"]))

    def _show(self, document: Document) -> None:
        if self.output.format is OutputFormat.markdown:
            sys.stdout.write(markdown(document) + "\n")
        else:
            self._print(lines(document))
        sys.stdout.flush()

    def _print(self, shown: Sequence[Shown]) -> None:
        console = console_on(sys.stdout)
        for line in shown:
            console.print(line, soft_wrap=True)

    def _key(self, line: Line) -> str:
        return digest(
            {"command": "verify", "mode": "fast" if self.fast else "full", "line": line.number, "record": line.record}
        )


def _run_record(run: RunInfo | None, seconds: float, versions: dict[str, str]) -> dict[str, Any]:
    return {
        "device": None if run is None else run.device,
        "dtype": None if run is None else run.dtype,
        "batch_size": None if run is None else run.batch_size,
        "evaluations": 0 if run is None else run.evaluations,
        "seconds": round(seconds, 3),
        "versions": versions,
    }


def _notes(record: dict[str, Any], run: RunInfo | None, *, stands: bool) -> list[str]:
    """Why an honest record may not stand: other arithmetic, other libraries."""
    if stands or run is None:
        return []
    notes, was = [], record["run"]
    if was["device"] != run.device:
        notes.append(
            f"the record was made on {was['device']}, this is {run.device}: a decision that is nearly a tie may fall "
            "to the other side; with other counts the record does not stand as it is written"
        )
    changed = [
        f"{name} {version} (here {run.versions[name]})"
        for name, version in was["versions"].items()
        if run.versions.get(name, version) != version
    ]
    if changed:
        notes.append(f"the record was made with {', '.join(changed)}")
    return notes

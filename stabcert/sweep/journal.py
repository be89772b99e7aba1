"""The file of records: appended to line by line, locked, and sound whenever the process dies."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from stabcert.errors import InputError, ParameterError
from stabcert.sweep.lines import BLOCK, SCHEMA_PREFIX, copy_block, record_of, write_all
from stabcert.sweep.lock import lock, open_locked

Existing = Literal["refuse", "append", "resume", "overwrite"]


@dataclass(frozen=True)
class Line:
    """One line of the file."""

    key: str
    start: int
    length: int
    finished: bool


class Journal:
    """Records on disk.

    Guaranteed: after the process was killed or the disk was full every line but the last is a whole
    record, and records whose `write` returned are there (also after the machine crashed, as far as the
    file system keeps what it promises: each record is synchronised). Of two processes that open one
    file the second is refused. Nothing that is not a record of stabcert is ever changed.

    Anything other than a regular file (``/dev/stdout``, a pipe) is written to and nothing more.

    Args:
        path: is created if it is missing.
        existing: what to do with records that the file holds. ``append`` adds to them; ``resume`` also takes note of
            those that are finished, and cuts off a last line that was not; ``overwrite`` replaces all of them at once
            when the first new record is written, or on `finish`; ``refuse`` opens no file that holds any.
        resumable: the refusal names --resume, too.

    Attributes:
        finished: status of each finished record, by key; empty unless ``existing`` is ``resume``. Failed and
            interrupted records are not finished.
        inputs: the keys of those that are about one input, not about all of a run.
        notes: what the user should know.

    Raises:
        InputError: the file cannot be written, belongs to another process, or holds something else.
        ParameterError: ``resume`` of something that cannot be read again, or records where there must be none.
    """

    def __init__(self, path: Path, *, existing: Existing = "append", resumable: bool = True) -> None:
        self._path = path
        self._real = Path(os.path.realpath(path))
        self.finished: dict[str, str] = {}
        self.inputs: set[str] = set()
        self._places: dict[str, Line] = {}
        self._lines: list[Line] = []
        self._outdated = False
        resume, missing = existing == "resume", not os.path.exists(path)
        try:
            self._file, self.notes = open_locked(path)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            self._regular = stat.S_ISREG(os.fstat(self._file).st_mode)
            if resume and not self._regular:
                raise ParameterError(f"--resume needs a regular file to read finished records from; {path} is none")
            self._start = self._end = os.fstat(self._file).st_size if self._regular else 0
            if resume:
                self._start = 0
                self._read()
                if missing:
                    self.notes.append(f"{path} does not exist yet, so there is nothing to resume: every input is new")
            elif self._end:
                self._check_ends(mended=existing != "append")
                if existing == "refuse":
                    skip = "--resume to skip the inputs that are in it, " if resumable else ""
                    raise ParameterError(
                        f"{path} already holds records. Write {skip}--append to add to it, --overwrite to replace it, "
                        "or name another file"
                    )
                if existing == "overwrite":
                    self._check_all()
                    self._outdated = True
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._file)

    def write(self, line: str, key: str) -> None:
        """Append one record; it is on the disk on return, and never in the file in part.

        Raises:
            InputError: it cannot be written.
        """
        data = (line + "\n").encode()
        if self._outdated:
            try:
                self._replace([], data)
            except OSError as error:
                raise cannot_write(self._path, error) from error
            self._outdated = False
            self._start = 0
            self._lines.append(Line(key, 0, len(data), finished=True))
            return
        rest = memoryview(data)
        try:
            while rest:  # one call, unless the disk is nearly full
                rest = rest[os.write(self._file, rest) :]
            if self._regular:
                os.fsync(self._file)
        except BaseException as error:
            # A whole line stays when the user interrupts after it.
            if self._regular and (rest or isinstance(error, OSError)):
                os.ftruncate(self._file, self._end)
            if isinstance(error, OSError):
                raise cannot_write(self._path, error) from error
            raise
        self._lines.append(Line(key, self._end, len(data), finished=True))
        self._end += len(data)

    def finish(self) -> None:
        """Take note that the run is complete: records that were to be overwritten are gone, be there new ones or not.

        Raises:
            InputError: the file cannot be written.
        """
        if self._outdated:
            try:
                self._replace([])
            except OSError as error:
                raise cannot_write(self._path, error) from error
            self._outdated = False

    def read(self, key: str) -> str:
        """The finished record of ``key``, as it stands in the file."""
        line = self._places[key]
        return os.pread(self._file, line.length, line.start).decode()

    def arrange(self, keys: Sequence[str], outdated: Collection[str] = ()) -> None:
        """Bring the records of ``keys`` into that order, one for each key; all others stay.

        Without ``resume`` only records that this object wrote are looked at. The file is replaced as a
        whole, and only if something changes.

        Args:
            keys: in the order of the inputs.
            outdated: keys whose records are dropped.

        Raises:
            InputError: the new file cannot be written; the old one is as it was.
        """
        best: dict[str, Line] = {}
        for line in self._lines:
            if line.finished or line.key not in best or not best[line.key].finished:
                best[line.key] = line
        wanted = [best[key] for key in keys if key in best]
        own = set(keys) | set(outdated)
        if [line for line in self._lines if line.key in own] == wanted:
            return
        others = [line for line in self._lines if line.key not in own]
        try:
            self._replace([(0, self._start)] + [(line.start, line.length) for line in others + wanted])
        except OSError as error:
            raise InputError(
                f"all records are in {self._path}, but not in the order of the inputs, because a sorted copy cannot be "
                f"written beside it ({error.strerror or error}); make room and run the command again with --resume"
            ) from error

    def _read(self) -> None:
        """Take note of every line; mend the last."""
        start = 0
        for number, raw in enumerate(self._raw_lines(), start=1):
            last = start + len(raw) == self._end
            record = record_of(raw)
            if record is None and raw.strip():
                # Of a record that was cut off the line end is missing in any case: it is written last.
                cut_off = last and not raw.endswith(b"\n")
                if not cut_off or not (raw.startswith(SCHEMA_PREFIX) or SCHEMA_PREFIX.startswith(raw)):
                    raise self._foreign(f"line {number} of it")
                os.ftruncate(self._file, start)
                self._end = start
                self.notes.append(f"{self._path}: the last record was cut off in the middle and is dropped")
                return
            if record is not None:
                self._note(record, start, len(raw))
            start += len(raw)
            if last and not raw.endswith(b"\n"):
                os.write(self._file, b"\n")
                self._end += 1
                if record is not None:
                    self._lines[-1] = Line(
                        self._lines[-1].key, start - len(raw), len(raw) + 1, self._lines[-1].finished
                    )

    def _note(self, record: dict[str, Any], start: int, length: int) -> None:
        key, result = str(record.get("key", "")), record.get("result")
        interrupted = isinstance(result, dict) and bool(result.get("interrupted"))
        finished = record["status"] != "failed" and not interrupted
        line = Line(key, start, length, finished)
        if finished:
            self.finished[key] = str(record["status"])
            if record.get("input") is not None:
                self.inputs.add(key)
            self._places[key] = line
        self._lines.append(line)

    def _raw_lines(self) -> Iterator[bytes]:
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            yield from file

    def _check_all(self) -> None:
        """Every line is a record, as far as its beginning tells: nothing else is replaced."""
        for number, raw in enumerate(self._raw_lines(), start=1):
            if raw.strip() and not raw.startswith(SCHEMA_PREFIX) and not SCHEMA_PREFIX.startswith(raw):
                raise self._foreign(f"line {number} of it")

    def _check_ends(self, *, mended: bool) -> None:
        """First and last line are whole records: what is appended then is a line of its own.

        Args:
            mended: the last may be cut off, because nothing is appended to it.
        """
        first = next(self._raw_lines())
        length = min(self._end, BLOCK)
        tail = os.pread(self._file, length, self._end - length)
        while tail.rstrip(b"\n").count(b"\n") == 0 and length < self._end:
            length = min(self._end, 2 * length)
            tail = os.pread(self._file, length, self._end - length)
        last = tail.rstrip(b"\n").rpartition(b"\n")[2]
        if record_of(first) is None and first.endswith(b"\n"):
            raise self._foreign("its first line")
        if not tail.endswith(b"\n") or record_of(last) is None:
            if last.startswith(SCHEMA_PREFIX) or SCHEMA_PREFIX.startswith(last):
                if mended:
                    return
                raise InputError(
                    f"{self._path} ends in the middle of a record, because a run was killed; go on with --resume, "
                    "which drops that record, or name another file"
                )
            raise self._foreign("its last line")

    def _foreign(self, place: str) -> InputError:
        return InputError(
            f"{self._path} holds something else than records of stabcert ({place} is none); nothing was changed, "
            "name another file"
        )

    def _replace(self, blocks: list[tuple[int, int]], data: bytes = b"") -> None:
        """Put a file with some blocks of this one, and data after them, into its place; all at once."""
        part = self._real.with_name(f".{self._real.name}.part")
        # The lock on the real file keeps others away from this one, too.
        file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            for start, length in blocks:
                copy_block(self._file, file, start, length)
            write_all(file, data)
            os.fchmod(file, stat.S_IMODE(os.fstat(self._file).st_mode))
            os.fsync(file)
            self.notes += lock(file, self._path)
            os.replace(part, self._real)
        except BaseException:
            os.close(file)
            part.unlink(missing_ok=True)
            raise
        os.close(self._file)
        self._file = file
        self._start = self._end = os.fstat(file).st_size
        self._lines, self._places = [], {}


def cannot_write(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot write to {path}: {error.strerror or error}")

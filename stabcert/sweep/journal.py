"""The file of records: appended line by line, locked, and intact whenever the process dies."""

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

    Guarantees: after a killed process or a full disk, every line but the last is a complete record, and every
    record whose `write` returned is in the file. Each record is synchronised, so this also holds after a crash of
    the machine, as far as the file system keeps its promises. If two processes open one file, the second is
    refused. Lines that are not stabcert records are never changed.

    Anything other than a regular file (``/dev/stdout``, a pipe) is only written to.

    Args:
        path: created if it is missing.
        existing: the treatment of records in the file. ``append`` adds to them. ``resume`` also reads the finished
            ones, and removes an incomplete last line. ``overwrite`` replaces all of them at once when the first new
            record is written, or on `finish`. ``refuse`` does not open a file that contains records.
        resumable: name --resume in the refusal, too.

    Attributes:
        finished: status of each finished record, by key; empty unless ``existing`` is ``resume``. Failed and
            interrupted records are not finished.
        inputs: keys of the records of single inputs, without summaries of a run.
        notes: messages for the user.

    Raises:
        InputError: the file cannot be written, is locked by another process, or contains other lines.
        ParameterError: ``resume`` of a file that cannot be read back, or records where they are refused.
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
                raise ParameterError(f"--resume must read finished records from a regular file, and {path} is not one")
            self._start = self._end = os.fstat(self._file).st_size if self._regular else 0
            if resume:
                self._start = 0
                self._read()
                if missing:
                    self.notes.append(f"{path} does not exist yet: nothing to resume, every input is new")
            elif self._end:
                self._check_ends(mended=existing != "append")
                if existing == "refuse":
                    skip = "--resume to skip its inputs, " if resumable else ""
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
        """Append one record: on return it is on the disk, and the file never contains a part of it.

        Raises:
            InputError: the record cannot be written.
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
        """Complete the run: remove records that were to be overwritten, even without new ones.

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
        """Return the finished record of ``key``, as it is in the file."""
        line = self._places[key]
        return os.pread(self._file, line.length, line.start).decode()

    def arrange(self, keys: Sequence[str], outdated: Collection[str] = ()) -> None:
        """Sort the records of ``keys`` into that order, one for each key; all others stay.

        Without ``resume`` this affects only records that this object wrote. The file is replaced as a
        whole, and only if its order changes.

        Args:
            keys: in the order of the inputs.
            outdated: keys whose records are removed.

        Raises:
            InputError: the new file cannot be written. The old one is unchanged.
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
                f"{self._path} contains all records, but not in the order of the inputs, because a sorted copy cannot "
                f"be written beside it ({error.strerror or error}). Free some space and run the command again with "
                "--resume"
            ) from error

    def _read(self) -> None:
        """Index every line, and repair the last one."""
        start = 0
        for number, raw in enumerate(self._raw_lines(), start=1):
            last = start + len(raw) == self._end
            record = record_of(raw)
            if record is None and raw.strip():
                # A record that was cut off always lacks its line end, because that is written last.
                cut_off = last and not raw.endswith(b"\n")
                if not cut_off or not (raw.startswith(SCHEMA_PREFIX) or SCHEMA_PREFIX.startswith(raw)):
                    raise self._foreign(f"line {number}")
                os.ftruncate(self._file, start)
                self._end = start
                self.notes.append(f"{self._path}: the last record was incomplete and has been removed")
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
        """Check the beginning of every line: only records are replaced."""
        for number, raw in enumerate(self._raw_lines(), start=1):
            if raw.strip() and not raw.startswith(SCHEMA_PREFIX) and not SCHEMA_PREFIX.startswith(raw):
                raise self._foreign(f"line {number}")

    def _check_ends(self, *, mended: bool) -> None:
        """Check that the first and the last line are complete records, so that appended text starts a new line.

        Args:
            mended: accept an incomplete last line, because nothing is appended to it.
        """
        first = next(self._raw_lines())
        length = min(self._end, BLOCK)
        tail = os.pread(self._file, length, self._end - length)
        while tail.rstrip(b"\n").count(b"\n") == 0 and length < self._end:
            length = min(self._end, 2 * length)
            tail = os.pread(self._file, length, self._end - length)
        last = tail.rstrip(b"\n").rpartition(b"\n")[2]
        if record_of(first) is None and first.endswith(b"\n"):
            raise self._foreign("the first line")
        if not tail.endswith(b"\n") or record_of(last) is None:
            if last.startswith(SCHEMA_PREFIX) or SCHEMA_PREFIX.startswith(last):
                if mended:
                    return
                raise InputError(
                    f"{self._path} ends in the middle of a record, because a run was killed. Continue with --resume, "
                    "which removes that record, or name another file"
                )
            raise self._foreign("the last line")

    def _foreign(self, place: str) -> InputError:
        return InputError(
            f"{self._path} contains lines that are not stabcert records ({place}). The file was left unchanged. "
            "Name another file"
        )

    def _replace(self, blocks: list[tuple[int, int]], data: bytes = b"") -> None:
        """Replace the file atomically by some of its blocks, followed by data."""
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

"""The sink that writes records into a Parquet file, by way of a file of lines that survives a killed process."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from stabcert.cli.files import Replacement
from stabcert.cli.sinks.records import Records
from stabcert.cli.text_files import read_text, split_lines
from stabcert.errors import ParameterError
from stabcert.records.table import import_pyarrow, lines_in, to_parquet
from stabcert.sweep.journal import Existing, cannot_write
from stabcert.sweep.lines import write_all
from stabcert.sweep.lock import open_locked


class ParquetRecords(Records):
    """Records in a Parquet file, which is complete or unchanged at any time.

    During a run each record is a line of ``FILE.unfinished.jsonl``. The Parquet file replaces it at the end of the
    run, also after an error or an interruption. After a killed process, ``--resume`` continues with the lines.

    Args:
        path: the Parquet file.
        existing: the treatment of records that it already contains.
        resumable: whether the error for existing records also suggests --resume.
    """

    def __init__(self, path: Path, existing: Existing, *, resumable: bool = True) -> None:
        self._table = path
        self._lines = path.with_name(f"{path.name}.unfinished.jsonl")
        super().__init__(self._lines, existing, resumable=resumable)

    def __enter__(self) -> ParquetRecords:
        import_pyarrow(f"--output {self._table}")
        old = lines_in(self._table) if self._table.is_file() and self._table.stat().st_size else []
        left = self._lines.is_file() and self._lines.stat().st_size > 0
        if old and not left and self._existing == "refuse":
            skip = "--resume to skip its inputs, " if self._resumable else ""
            raise ParameterError(
                f"{self._table} already holds records. Write {skip}--append to add to it, --overwrite to replace it, "
                "or name another file"
            )
        if old and not left and self._existing in ("append", "resume"):
            self._unpack(old)
        super().__enter__()
        try:
            self._file = Replacement(self._table)
        except BaseException as error:
            super().__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
            lines = [line for line in split_lines(read_text(self._lines)) if line.strip()]
            if lines or kind is None:
                self._file.write(to_parquet(lines))
                self._file.commit()
            self._lines.unlink()
        finally:
            self._file.discard()

    def _unpack(self, records: list[str]) -> None:
        """Write the records of the table as lines, unless another process is writing."""
        try:
            file, _ = open_locked(self._lines)
        except OSError as error:
            raise cannot_write(self._lines, error) from error
        try:
            if os.fstat(file).st_size == 0:
                write_all(file, "".join(f"{line}\n" for line in records).encode())
        except OSError as error:
            os.ftruncate(file, 0)
            raise cannot_write(self._lines, error) from error
        finally:
            os.close(file)

    @property
    def notes(self) -> list[str]:
        """Notes for the user about the file."""
        return [note.replace(str(self._lines), str(self._table)) for note in super().notes]

"""The directory of an adapted model, and the checkpoint beside it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcert.cli.files import make_folder
from stabcert.errors import InputError, ParameterError
from stabcert.records.reading import parse_json
from stabcert.records.writing import to_json
from stabcert.sweep.journal import cannot_write

if TYPE_CHECKING:
    from stabcert.adapt.history import Adapted
    from stabcert.models.hub import LoadedModel

RECORD = "adaptation.json"


@dataclass(frozen=True)
class Place:
    """The directory that is written, and its neighbours.

    Args:
        out: the directory.
        resume: continue an interrupted run.
    """

    out: Path
    resume: bool

    @property
    def checkpoint(self) -> Path:
        """The state of the training, from which it can be continued."""
        return self.out.with_name(f"{self.out.name}.checkpoint")

    def check(self, model: str) -> None:
        """Refuse a directory that must not or cannot be written, before anything is loaded.

        Args:
            model: name of the original model.

        Raises:
            ParameterError: the directory is not empty, or is that of the model; or there is nothing to resume.
            InputError: it cannot be created.
        """
        folder = Path(os.path.expanduser(model))
        if folder.is_dir() and folder.resolve() == self.out.resolve():
            raise ParameterError(
                f"--out must be another directory than that of the model, got {self.out} for both. Name a new directory"
            )
        if self.out.exists() and not self.out.is_dir():
            raise ParameterError(f"--out must be a new or empty directory, got the file {self.out}. Use another name")
        used = self.out.is_dir() and any(self.out.iterdir())
        if used and not (self.resume and self._interrupted()):
            if not self.resume and self.checkpoint.is_file():
                raise ParameterError(
                    f"--out {self.out} is of an interrupted run. Add --resume to continue it, or remove {self.out} and "
                    f"{self.checkpoint}"
                )
            advice = " It is not of an interrupted run." if self.resume else ""
            raise ParameterError(
                f"--out must be a new or empty directory, got {self.out}, which contains files.{advice} Use another "
                "name, or remove it"
            )
        if self.resume and not self.checkpoint.is_file():
            raise ParameterError(
                f"--resume needs {self.checkpoint}, which an interrupted run writes after its first epoch. Leave out "
                "--resume to start from the beginning"
            )
        if self.checkpoint.exists() and not self.resume:
            raise ParameterError(
                f"{self.checkpoint} is of an interrupted run. Use --resume to continue it, or remove the file"
            )
        make_folder(self.out.parent)

    def save(self, model: LoadedModel, adapted: Adapted) -> None:
        """Write the adapted model; what an interrupted run wrote is replaced when the new one is complete."""
        from stabcert.adapt.saving import save_adapted

        if not (self.out.is_dir() and any(self.out.iterdir())):
            save_adapted(model, adapted, self.out)
            return
        new = self.out.with_name(f".{self.out.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        save_adapted(model, adapted, new)
        shutil.rmtree(self.out)
        new.replace(self.out)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write the record into the directory, so that it states how the model came about.

        Raises:
            InputError: the file cannot be written.
        """
        path = self.out / RECORD
        part = path.with_name(f".{RECORD}.part")
        try:
            part.write_text(to_json(record) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise cannot_write(path, error) from error

    def finish(self) -> None:
        """Remove the checkpoint of a complete run."""
        self.checkpoint.unlink(missing_ok=True)

    def _interrupted(self) -> bool:
        """Return whether the directory is of a run that was interrupted, by its record."""
        path = self.out / RECORD
        if not path.exists() and self.checkpoint.is_file():
            return True  # killed between the weights and the record
        try:
            record = parse_json(path.read_bytes())
            result = record["result"]
            return record["command"] == "adapt" and (result["interrupted"] or result["comparison"] is None)
        except (OSError, ValueError, TypeError, KeyError, InputError):
            return False

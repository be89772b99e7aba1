"""``adapt --verify``: the arithmetic of records, and the weights beside them. Nothing is trained again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from stabcert.cli.call import Call
from stabcert.cli.command import Checked, Command
from stabcert.cli.commands.adapt_options import AdaptVerifyOptions
from stabcert.cli.commands.adapt_place import RECORD
from stabcert.cli.declared import Asked
from stabcert.cli.opening import Case
from stabcert.cli.text_files import is_there
from stabcert.cli.verify.run import verify
from stabcert.errors import InputError, ModelError
from stabcert.verify.adapt import adapt_checks
from stabcert.verify.checks import Check, equal


class Adapt(Command[Any]):
    """``adapt``, as far as its records are checked."""

    name: ClassVar[str] = "adapt"
    reproducible: ClassVar[bool] = False
    directory: ClassVar[Path | None] = None
    """Directory of the adapted model; None for the one that the record names."""

    @classmethod
    def verify(cls, record: dict[str, Any], opened: Callable[[], Case] | None) -> Checked:
        """Check a record by its own counts, and the weights in its directory."""
        checks, not_checked = adapt_checks(record)
        result = record["result"]
        of_weights, not_here = weights_checks(result["adapted"], cls.directory or Path(result["directory"]))
        return Checked([*checks, *of_weights], [*not_here, *not_checked])


def verify_adaptations(call: Call, options: AdaptVerifyOptions, asked: Asked) -> int:
    """Check records of adaptations, and return the exit code.

    Raises:
        InputError: a directory was named, or a file that does not contain records; the message names the record of the
            directory if it has one.
        StabcertError: as `stabcert.cli.verify.run.verify`.
    """
    path = Path(options.verify or "-")
    if is_there(path.is_dir):
        record = path / RECORD
        advice = f"Write --verify {record}" if record.is_file() else f"It does not contain an {RECORD}"
        raise InputError(f"--verify must be a file of records, got the directory {path}. {advice}")

    class Beside(Adapt):
        directory = path.parent if path.name == RECORD else None  # which may have been moved

    try:
        return verify(Beside, call, options, asked)
    except InputError as error:
        record = path.with_name(RECORD)
        if path == record or not is_there(record.is_file):
            raise
        raise InputError(f"{error}. The record of this directory is {RECORD}: write --verify {record}") from error


def weights_checks(adapted: dict[str, Any], directory: Path) -> tuple[list[Check], list[str]]:
    """Return checks that a directory contains the recorded model, and what is unchecked if it is not a model.

    Args:
        adapted: the recorded model.
        directory: place of the model.
    """
    from stabcert.models.checkpoint import config_sha256, read_checkpoint, weights_sha256

    if not is_there((directory / "config.json").is_file):
        return [], [f"the weights: there is not a model in {directory}"]
    try:
        found = weights_sha256(read_checkpoint(str(directory), directory).weights), config_sha256(directory)
    except (ModelError, OSError) as error:
        return [Check("result.adapted.sha256", adapted["sha256"], f"of the weights, but: {error}", ok=False)], []
    names = ("sha256", "config_sha256")
    return [equal(f"result.adapted.{name}", adapted[name], one) for name, one in zip(names, found, strict=True)], []

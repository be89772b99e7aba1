"""The start of a run, which certifies inputs or, with ``--verify``, checks records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stabcert.cli.call import Call
from stabcert.cli.command import Command
from stabcert.cli.declared import Asked
from stabcert.cli.options import VerifyOptions


def start(
    command: type[Command[Any]],
    ask: Callable[[], Command[Any]],
    call: Call,
    asked: Asked,
    *,
    verification: VerifyOptions,
    save_flips: Path | None = None,
) -> int:
    """Run a command whose records can be verified, and return the exit code.

    Args:
        ask: a function that makes the command from the options. ``--verify`` takes the request from the records.
        asked: all options of the call.
        save_flips: the folder for additions that change the prediction.

    Raises:
        StabcertError: an option is impossible, or an item failed without --keep-going.
    """
    if verification.verify is None and not verification.fast:
        from stabcert.cli.certifying import certify

        return certify(ask(), call, asked, save_flips=save_flips)
    from stabcert.cli.verify.run import verify

    return verify(command, call, verification, asked)

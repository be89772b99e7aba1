"""The exit codes of the command, and what leads to which."""

from __future__ import annotations

from stabcert.errors import ParameterError, StabcertError

MISSED = ("not-certified", "undecided", "inconsistent", "vacuous")
"""Statuses of a threshold that was given and not met, or met by a mask that explains nothing."""
DONE, NOT_MET, WRONG_REQUEST, COULD_NOT_RUN, SOME_FAILED = 0, 1, 2, 3, 4
# As a shell reports a program that was ended by SIGINT, SIGPIPE or SIGTERM.
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143


def code_of_error(error: StabcertError) -> int:
    """Of a run, or of one input, that ended with ``error``."""
    return WRONG_REQUEST if isinstance(error, ParameterError) else COULD_NOT_RUN


def code_of_status(status: str) -> int:
    """Return what a record with this status, new or of an earlier run, makes of the run."""
    return NOT_MET if status in (*MISSED, "does-not-stand") else DONE

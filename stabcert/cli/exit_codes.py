"""The exit codes of the command, and the errors and statuses that lead to them."""

from __future__ import annotations

from stabcert.errors import ParameterError, StabcertError

MISSED = ("not-certified", "undecided", "inconsistent", "vacuous", "incomplete")
"""Statuses of a threshold that is not met, that is met only by a mask that does not explain the prediction,
or that was not compared with anything."""
DONE, NOT_MET, WRONG_REQUEST, COULD_NOT_RUN, SOME_FAILED = 0, 1, 2, 3, 4
# The codes with which a shell reports programs ended by SIGINT, SIGPIPE or SIGTERM.
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143


def code_of_error(error: StabcertError) -> int:
    """Return the exit code of a run, or of one input, that ended with ``error``."""
    return WRONG_REQUEST if isinstance(error, ParameterError) else COULD_NOT_RUN


def code_of_status(status: str) -> int:
    """Return the exit code for a record with this status, new or from an earlier run."""
    return NOT_MET if status in (*MISSED, "does-not-stand", "not-met") else DONE

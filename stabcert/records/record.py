"""Complete records: those of commands that test a threshold, of commands that only report, and of failed inputs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from stabcert.records.common import Explanation, Input, Model, Prediction, Run
from stabcert.records.values import (
    INTEGER,
    Key,
    MayBeAbsent,
    Part,
    Text,
)
from stabcert.records.writing import SCHEMA


class Error(Part):
    """Reason for a missing result, with the exit code."""

    code: Annotated[Literal[2, 3], INTEGER]
    message: Text


class InputPlace(Part):
    """The input, as far as it could be named."""

    id: Text
    kind: Literal["image", "text"]
    path: Text | None


class ThresholdRecord(Part):
    """The record of a command that tests a threshold; each such command says what its result is."""

    version: Literal["stabcert/1"]
    command: Text
    status: Text
    reason: MayBeAbsent[Text] = None
    """Reason why a threshold that is met certifies nothing; there if status is inconsistent or vacuous."""
    key: Key
    input: Input
    model: Model
    prediction: Prediction
    explanation: Explanation
    result: Part
    run: Run


class ReportedRecord(Part):
    """The record of a command that only reports; each such command says what its result is."""

    version: Literal["stabcert/1"]
    command: Text
    status: Literal["reported"]
    key: Key
    input: Input
    model: Model
    prediction: Prediction
    explanation: Explanation
    result: Part
    run: Run


class FailedRecord(Part):
    """An input that could not be done."""

    version: Literal["stabcert/1"]
    command: Literal["explain", "certify-soft", "certify-hard", "fourier", "smooth-eval"]
    status: Literal["failed"]
    key: Key
    input: InputPlace
    error: Error

    @classmethod
    def of(cls, command: str, place: dict[str, Any], code: int, message: str, *, key: str = "") -> Self:
        """Return the record of an input without a result.

        Args:
            place: fields of `InputPlace`.
        """
        return cls.model_validate(
            {
                "schema": SCHEMA,
                "command": command,
                "status": "failed",
                "key": key,
                "input": place,
                "error": {"code": code, "message": message},
            }
        )

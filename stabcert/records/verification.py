"""Records of ``--verify``."""

from __future__ import annotations

from typing import Any, Literal, Self

from stabcert.records.record import Error, InputPlace
from stabcert.records.values import (
    Count,
    Key,
    NotEmpty,
    NotNegative,
    Part,
    Positive,
    Text,
)
from stabcert.records.writing import SCHEMA


class RecordPlace(Part):
    """The record that was checked, as far as it could be read."""

    source: Text
    line: Positive
    command: Literal["certify-soft", "certify-hard", "adapt"] | None
    status: (
        Literal["certified", "not-certified", "undecided", "inconsistent", "vacuous", "reported", "incomplete"] | None
    )
    key: Key | None

    @classmethod
    def of(cls, source: str, line: int, record: dict[str, Any] | None) -> Self:
        known = record or {}
        return cls(
            source=source,
            line=line,
            command=known.get("command"),
            status=known.get("status"),
            key=known.get("key"),
        )


class CheckedValue(Part):
    """One value of the record."""

    name: Text
    """Its place: result.rates[0].lower."""
    recorded: Any
    """The recorded value; null if it is missing."""
    recomputed: Any
    """The value that should be there; a limit in words, such as at most 3."""
    ok: bool


class VerificationRun(Part):
    """Circumstances of the check; device to batch_size are null where no certificate was reproduced."""

    device: Text | None
    dtype: Text | None
    batch_size: Positive | None
    evaluations: Count
    seconds: NotNegative
    versions: dict[Text, Text]


class VerificationRecord(Part):
    """The check of one record of a certificate: --verify."""

    version: Literal["stabcert/1"]
    command: Literal["verify"]
    status: Literal["stands", "does-not-stand"]
    key: Key
    record: RecordPlace
    input: InputPlace | None
    """null for a record of many inputs."""
    model: Text
    mode: Literal["full", "fast"]
    """full: against a certificate reproduced; fast: by arithmetic alone."""
    checks: NotEmpty[CheckedValue]
    not_checked: list[Text]
    notes: list[Text]
    """Reasons why an honest record may differ here."""
    run: VerificationRun


class FailedVerificationRecord(Part):
    """A line that could not be checked."""

    version: Literal["stabcert/1"]
    command: Literal["verify"]
    status: Literal["failed"]
    key: Key
    record: RecordPlace
    error: Error

    @classmethod
    def of(
        cls, source: str, line: int, record: dict[str, Any] | None, code: int, message: str, *, key: str = ""
    ) -> Self:
        return cls(
            version=SCHEMA,
            command="verify",
            status="failed",
            key=key,
            record=RecordPlace.of(source, line, record),
            error=Error.model_validate({"code": code, "message": message}),
        )

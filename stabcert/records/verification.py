"""Records of ``--verify``."""

from __future__ import annotations

from typing import Any, Literal

from stabcert.records.common import Error, InputPlace
from stabcert.records.values import (
    Count,
    Key,
    NotEmpty,
    NotNegative,
    Part,
    Positive,
    Text,
)


class RecordPlace(Part):
    """The record that was checked, as far as it could be read."""

    source: Text
    line: Positive
    command: Literal["certify-soft", "certify-hard"] | None
    status: Literal["certified", "not-certified", "undecided", "inconsistent", "vacuous", "reported"] | None
    key: Key | None


class CheckedValue(Part):
    """One value of the record."""

    name: Text
    """Where it stands: result.rates[0].lower."""
    recorded: Any
    """As it stands there; null if there is none."""
    recomputed: Any
    """What should be there; of a limit in words, such as at most 3."""
    ok: bool


class VerificationRun(Part):
    """Circumstances of the check; device to batch_size are null where no certificate was made again."""

    device: Text | None
    dtype: Text | None
    batch_size: Positive | None
    evaluations: Count
    seconds: NotNegative
    versions: dict[Text, Text]


class VerificationRecord(Part):
    """Whether one record of a certificate stands: --verify."""

    version: Literal["stabcert/1"]
    command: Literal["verify"]
    status: Literal["stands", "does-not-stand"]
    key: Key
    record: RecordPlace
    input: InputPlace
    model: Text
    mode: Literal["full", "fast"]
    """full: against a certificate made again; fast: by arithmetic alone."""
    checks: NotEmpty[CheckedValue]
    not_checked: list[Text]
    notes: list[Text]
    """Why an honest record may not stand here."""
    run: VerificationRun


class FailedVerificationRecord(Part):
    """A line that could not be checked."""

    version: Literal["stabcert/1"]
    command: Literal["verify"]
    status: Literal["failed"]
    key: Key
    record: RecordPlace
    error: Error

"""Result of checking one record, and its own record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from stabcert.records.record import InputPlace
from stabcert.records.verification import CheckedValue, RecordPlace, VerificationRecord, VerificationRun
from stabcert.records.writing import SCHEMA
from stabcert.verify.checks import Check

Mode = Literal["full", "fast"]


@dataclass(frozen=True)
class Verification:
    """Result of checking one record."""

    source: str
    line: int
    record: dict[str, Any]
    """The record that was checked."""
    mode: Mode
    checks: list[Check]
    not_checked: list[str]
    run: dict[str, Any]
    """Circumstances of the check."""
    notes: list[str] = field(default_factory=list)
    key: str = ""

    @property
    def stands(self) -> bool:
        """Everything that was checked agrees with the record."""
        return all(check.ok for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return the record of the check as plain values."""
        info = self.record["input"]
        return VerificationRecord(
            version=SCHEMA,
            command="verify",
            status="stands" if self.stands else "does-not-stand",
            key=self.key,
            record=RecordPlace.of(self.source, self.line, self.record),
            input=None if info is None else InputPlace(id=info["id"], kind=info["kind"], path=info["path"]),
            model=self.record["model"]["id"],
            mode=self.mode,
            checks=[
                CheckedValue(name=one.name, recorded=one.recorded, recomputed=one.recomputed, ok=one.ok)
                for one in self.checks
            ],
            not_checked=self.not_checked,
            notes=self.notes,
            run=VerificationRun.model_validate(self.run),
        ).to_dict()

"""Whether one record stands: as JSON, and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from stabcert.records.writing import SCHEMA
from stabcert.report.verify.checks import Check

Mode = Literal["full", "fast"]


@dataclass(frozen=True)
class Verification:
    """What came of checking one record."""

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
        """Everything that was checked is as the record says."""
        return all(check.ok for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        info = self.record["input"]
        return {
            "schema": SCHEMA,
            "command": "verify",
            "status": "stands" if self.stands else "does-not-stand",
            "key": self.key,
            "record": record_place(self.source, self.line, self.record),
            "input": {name: info[name] for name in ("id", "kind", "path")},
            "model": self.record["model"]["id"],
            "mode": self.mode,
            "checks": [check.to_dict() for check in self.checks],
            "not_checked": self.not_checked,
            "notes": self.notes,
            "run": self.run,
        }


def failed_verification(
    source: str, line: int, record: dict[str, Any] | None, code: int, message: str, *, key: str = ""
) -> dict[str, Any]:
    """What stands in the stream for a line that could not be checked."""
    return {
        "schema": SCHEMA,
        "command": "verify",
        "status": "failed",
        "key": key,
        "record": record_place(source, line, record),
        "error": {"code": code, "message": message},
    }


def record_place(source: str, line: int, record: dict[str, Any] | None) -> dict[str, Any]:
    """Which record it is."""
    known = record or {}
    return {
        "source": source,
        "line": line,
        "command": known.get("command"),
        "status": known.get("status"),
        "key": known.get("key"),
    }

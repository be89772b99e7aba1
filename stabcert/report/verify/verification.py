"""Whether one record stands: as JSON, and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rich.text import Text

from stabcert.report.record import SCHEMA
from stabcert.report.verify.checks import Check
from stabcert.report.visible import visible

Mode = Literal["full", "fast"]

_MOST_DIFFERENCES = 12
_WIDTH = 48


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


def render(found: Verification) -> list[Text]:
    """A line when it stands; else every difference, what was recorded and what should be there."""
    record = found.record
    name = visible(str(record["input"]["id"]))
    name = name if len(name) <= _WIDTH else name[: _WIDTH - 1] + "…"
    line = Text(name, style="bold")
    line.append(f"   {record['command']}, {record['status']}   ", style="not bold")
    if found.stands:
        line.append("STANDS", style="bold green")
    else:
        line.append("DOES NOT STAND", style="bold red")
    lines = [line]
    different = [check for check in found.checks if not check.ok]
    if different:
        width = min(48, max(len(check.name) for check in different[:_MOST_DIFFERENCES]))
        lines += [_difference(check, width) for check in different[:_MOST_DIFFERENCES]]
        if len(different) > _MOST_DIFFERENCES:
            lines.append(Text(f"  and {len(different) - _MOST_DIFFERENCES} more differences; --json has all of them"))
    lines.append(Text(f"  {_how(found)}", style="dim"))
    lines += [Text(f"  note: {visible(note)}", style="yellow") for note in found.notes]
    return lines


def _difference(check: Check, width: int) -> Text:
    line = Text(f"  {visible(check.name):<{width}}  recorded {_shown(check.recorded)}, should be ")
    return line.append(_shown(check.recomputed), style="bold")


def _how(found: Verification) -> str:
    run, count = found.run, len(found.checks)
    values = f"{count} {'value' if count == 1 else 'values'}"
    if found.mode == "fast":
        return f"{values} checked by arithmetic alone, {run['seconds']:.1f} s"
    if run["device"] is None:
        return f"{values} checked; the certificate was not made again: it would be another one"
    return (
        f"{values} checked against a certificate made again: {run['evaluations']} evaluations, {run['seconds']:.1f} s, "
        f"{visible(found.record['model']['id'])}, {run['device']} {run['dtype']}"
    )


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = visible(value if isinstance(value, str) else repr(value))
    return text if len(text) <= _WIDTH * 2 else text[: _WIDTH * 2 - 1] + "…"

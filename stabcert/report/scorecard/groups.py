"""The records of a run, divided into those that a mean may combine and those that it leaves out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_UNFINISHED = ("failed", "incomplete")
_CHOSEN = ("smooth", "smooth_draws", "lambda", "stream_rule", "radius")
"""Parts of a request that are chosen for each input, or that depend on the number of its features."""


@dataclass
class Group:
    """Finished records of one command about one model, method and request."""

    records: list[dict[str, Any]] = field(default_factory=list)
    """One record for each input."""
    repeated: list[str] = field(default_factory=list)
    """Names of the inputs whose further records are left out, because means need independent inputs."""

    @property
    def first(self) -> dict[str, Any]:
        return self.records[0]

    @property
    def name(self) -> str:
        """The model and the method."""
        return f"{self.first['model']['id']}, {self.first['explanation']['method']}"

    @property
    def open(self) -> list[dict[str, Any]]:
        """The records of masks that leave something to add."""
        return [one for one in self.records if one["explanation"]["k"] < one["explanation"]["n"]]


@dataclass(frozen=True)
class Divided:
    """All records of a run."""

    groups: tuple[Group, ...]
    failed: tuple[str, ...]
    interrupted: tuple[str, ...]

    @property
    def records(self) -> list[dict[str, Any]]:
        """All records that the means are about."""
        return [one for group in self.groups for one in group.records]

    @property
    def finished(self) -> int:
        """The number of inputs with a result, each counted once."""
        return len({_identity(one) for one in self.records})


def divided(records: Sequence[dict[str, Any]]) -> Divided:
    """Return the records by model, method and request.

    Args:
        records: valid against the schema, each about one input.
    """
    groups: dict[str, Group] = {}
    seen: set[tuple[str, str]] = set()
    failed, interrupted = [], []
    for record in records:
        if record["status"] == "failed":
            failed.append(named(record))
            continue
        if record["status"] in _UNFINISHED or record["result"].get("interrupted"):
            interrupted.append(named(record))
            continue
        alike = _alike(record)
        group = groups.setdefault(alike, Group())
        known = (alike, _identity(record))
        if known in seen:
            group.repeated.append(named(record))
        else:
            seen.add(known)
            group.records.append(record)
    return Divided(tuple(groups.values()), tuple(failed), tuple(interrupted))


def named(record: dict[str, Any]) -> str:
    """Return the id of the input of a record."""
    return str(record["input"]["id"])


def _alike(record: dict[str, Any]) -> str:
    """Return a text that is the same for records that a mean may combine."""
    model, explanation = record["model"], record["explanation"]
    question = {name: value for name, value in (model.get("question") or {}).items() if name in ("kind", "output")}
    request = record["result"].get("request") or {}
    chosen = _CHOSEN if request.get("choice") else ("radius",)
    return json.dumps(
        [
            record["command"],
            [model.get(name) for name in ("id", "revision", "sha256", "config_sha256", "code_sha256", "settings")],
            question,
            [explanation["method"], explanation["masking"]["features"], explanation["baseline"]],
            {name: value for name, value in request.items() if name not in chosen},
        ],
        sort_keys=True,
    )


def _identity(record: dict[str, Any]) -> str:
    return f"{record['input']['kind']} {record['input']['sha256']}"

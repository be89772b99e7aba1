"""Records of certificates by hand for comparisons: what decides on a change has a chosen value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from stabcert.cli.app import app
from stabcert.core.prediction import Prediction
from stabcert.records.findings import InputInfo
from stabcert.records.record import FailedRecord
from tests.report.examples import (
    JOY,
    SAMPLED,
    TESTED,
    WORDS,
    certificate,
    hard_certificate,
    hard_finding,
    hard_report,
    sequential,
    soft_report,
)

Record = dict[str, Any]


def info_of(name: str, content: str | None = None) -> InputInfo:
    """The input ``name``, with the contents of the same name if no others are given."""
    text = name if content is None else content
    return InputInfo(name, "text", hashlib.sha256(text.encode()).hexdigest(), text=text)


def soft(
    name: str,
    status: Any = "certified",
    *,
    lower: float = 0.93,
    radius: int = 4,
    label: str = "joy",
    content: str | None = None,
    interrupted: bool = False,
    delta: float = 0.1,
    threshold: float = 0.9,
) -> Record:
    """A record of a sequential test with a threshold."""
    rate = replace(TESTED, radius=radius, lower=lower, met=status == "certified", threshold=threshold)
    masked = JOY if label == "joy" else Prediction(0, label, 0.6)
    explanation = replace(WORDS, masked=masked, full=masked)
    found = sequential(rate, verdict=status, delta=delta)
    return soft_report(found, explanation, info_of(name, content), interrupted=interrupted).to_dict()


def fixed(name: str, matches: int, *, near_ties: int = 0, samples: int = 10, **options: Any) -> Record:
    """A record of a fixed number of draws without a threshold."""
    rate = replace(
        SAMPLED,
        samples=samples,
        matches=matches,
        near_ties=near_ties,
        rate=matches / samples,
        lower=max(0.0, matches / samples - 0.2),
        upper=1.0,
    )
    return soft_report(certificate(rate, **options), info=info_of(name)).to_dict()


def hard(name: str, radius: int, *, threshold: int | None = 1, everything: bool = False) -> Record:
    """A record with a proved radius."""
    found = hard_certificate(radius_incremental=radius, radius_arcs=radius, stable_for_all_supersets=everything)
    return hard_report(hard_finding(found, threshold=threshold), info=info_of(name)).to_dict()


def failed(name: str, command: str = "certify-soft") -> Record:
    return FailedRecord.of(command, {"id": name, "kind": "text", "path": None}, 3, "out of memory").to_dict()


def write(path: Path, records: Sequence[Record]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path


def ran(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit code and both streams of the command."""
    result = CliRunner().invoke(app, ["diff", *map(str, arguments)], input=stdin, catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def compared(folder: Path, old: Sequence[Record], new: Sequence[Record], *options: object) -> tuple[int, Record]:
    """Exit code and record of a comparison."""
    code, out, err = ran(write(folder / "old.jsonl", old), write(folder / "new.jsonl", new), *options, "--json")
    assert err == ""
    return code, json.loads(out)

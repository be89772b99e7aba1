"""Findings of one input in the form that renderers read, and their record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from stabcert.core.explanation import Explanation
from stabcert.core.hard.finding import HardFinding
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.spectrum.result import SpectrumFinding
from stabcert.records.findings import InputInfo, ModelInfo, RunInfo, Status
from stabcert.records.refusal import reason_of
from stabcert.records.writing import SCHEMA


@dataclass(frozen=True)
class Report:
    command: str
    status: Status
    input: InputInfo
    model: ModelInfo
    explanation: Explanation
    result: dict[str, Any]
    """The result as the record contains it."""
    run: RunInfo
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None = None
    key: str = ""
    """Hash of input, model and parameters, see `stabcert.sweep.key`; empty if the report belongs to no file."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values, in the order of the documentation."""
        from stabcert.records import common
        from stabcert.records.kinds import KINDS

        kind = KINDS[self.command]
        explained, class_names = self.explanation, self.model.class_names
        fields = {
            "version": SCHEMA,
            "command": self.command,
            "status": self.status,
            "key": self.key,
            "input": common.Input.of(self.input),
            "model": common.Model.of(self.model),
            "prediction": common.Prediction.of(explained.full),
            "explanation": common.Explanation.of(explained, class_names, every=self.command == "explain"),
            "result": self.result,
            "run": common.Run.of(self.run),
        }
        record = kind.model_validate(fields).to_dict()
        reason = reason_of(record)
        return record if reason is None else kind.model_validate(fields | {"reason": reason}).to_dict()


def load_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of every record."""
    text = files("stabcert.report").joinpath("schemas", "stabcert-1.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema

"""The reproduction of one record with the same input, model, mask, seed and request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcert.cli.command import Checked, Command
from stabcert.cli.explanation import Choice
from stabcert.cli.items import Item, file_item
from stabcert.cli.opening import Case
from stabcert.cli.records import Recorded
from stabcert.cli.reporting import beside
from stabcert.errors import InputError
from stabcert.records.findings import RunInfo
from stabcert.records.writing import to_json
from stabcert.verify.checks import Check, Tolerance, at_least, compare, equal, holds
from stabcert.verify.common import never_checked
from stabcert.verify.mask_flags import has_rule, without_rule
from stabcert.verify.probabilities import tolerance_of

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


class Differs(InputError):
    """The error if the recorded input, model or mask is not the present one, so that reproduction is impossible."""

    def __init__(self, checks: list[Check]) -> None:
        super().__init__("the record is of another input, model or mask")
        self.checks = checks


class Certified(Recorded):
    """A record of a certificate. Its mask is used if the input and the model are those of the record."""

    def choice(
        self, predictor: ModelPredictor, *, input_sha256: str, model_sha256: str | None, config_sha256: str | None
    ) -> Choice:
        """Return the recorded mask.

        Raises:
            Differs: the model, the features or the mask differ from those of the record.
        """
        explanation, n = self.record["explanation"], predictor.n_features
        masking = json.loads(to_json(predictor.masked_input.settings))
        selected = explanation["selected"]
        checks = [
            equal("model.sha256", self.record["model"]["sha256"], model_sha256),
            equal("model.config_sha256", self.record["model"]["config_sha256"], config_sha256),
            equal("explanation.masking", self.masking, masking),
            equal("explanation.n", explanation["n"], n),
            holds("explanation.selected", selected, f"numbers from 0 to {n - 1}", all(0 <= i < n for i in selected)),
            holds(
                "explanation.target",
                explanation["target"],
                f"one of the classes 0 to {predictor.n_classes - 1}",
                0 <= explanation["target"] < predictor.n_classes,
            ),
        ]
        if not all(check.ok for check in checks):
            raise Differs(checks)
        return super().choice(
            predictor, input_sha256=input_sha256, model_sha256=model_sha256, config_sha256=config_sha256
        )

    @property
    def reference(self) -> float | None:
        """The reference of the question, which is a part of the certified function."""
        question = self.question
        return None if question is None else question.get("reference")

    def _check_place(self, feature: dict[str, Any], predictor: ModelPredictor) -> None:
        """Accept every feature, because the descriptions of the features are compared afterwards."""


def compared(command: Command[Any], record: dict[str, Any], opened: Callable[[], Case]) -> Checked:
    """Return the comparison of every value of a record with that of a new certificate.

    Args:
        command: the command with the recorded request.
        record: a record that is valid against the schema, from a run that was not interrupted.
        opened: a function that opens the case of the record.

    Raises:
        ParameterError: the recorded request is impossible.
        StabcertError: the certificate cannot be reproduced.
        KeyboardInterrupt: the user interrupts the command.
    """
    case = opened()
    found = command.certify(case)
    report = command.record(case, found, beside(case, found))
    if found.interrupted:
        raise KeyboardInterrupt
    again = json.loads(to_json(report.to_dict()))
    if not has_rule(record["result"]["request"]):
        again = without_rule(again)
    checks = compare("", _compared(record), _compared(again), tolerance_of(record, report.run.dtype))
    checks += _reference(case, tolerance_of(record, report.run.dtype))
    return Checked([*checks, _evaluations(record, report.run)], never_checked(record), report.run)


def _reference(case: Case, tolerance: Tolerance) -> list[Check]:
    """Return the check that the recorded reference of a tolerance is the output of the model for the mask."""
    question = case.predictor.question
    if question is None or question.reference is None:
        return []
    now = case.predictor.outputs(case.choice.mask[None])
    name = "model.question.reference"
    # A tolerance smaller than the arithmetic of another machine still has the reference inside of it.
    close = min(tolerance(name), (question.tolerance or 0.0) / 2)
    return [equal(name, question.reference, None if now is None else float(now[0]), close)]


def input_checks(record: dict[str, Any], item: Item) -> list[Check]:
    """Return the checks of the bytes of the input and, for a text from a file, of the present text."""
    info = record["input"]
    checks = [equal("input.sha256", info["sha256"], item.sha256())]
    if item.kind == "text" and item.path is not None:
        # The record contains the text. Its file may have changed since.
        try:
            now = replace(file_item(Path(item.path)), text_pair=item.text_pair)
        except InputError:
            return checks
        checks.append(equal("input.path: text", info["sha256"], now.sha256()))
    return checks


def _evaluations(record: dict[str, Any], run: RunInfo) -> Check:
    """Return the check of the number of evaluations.

    The search for a mask adds evaluations to the record. Each near tie adds up to two, depending on the machine.
    """
    return at_least("run.evaluations", record["run"]["evaluations"], run.evaluations - 2 * run.rechecked)


def _compared(record: dict[str, Any]) -> dict[str, Any]:
    """Return the values that must be equal, which exclude the circumstances and the origin of the mask."""
    names = ("status", "reason", "input", "model", "prediction", "explanation", "result")
    kept = {name: record[name] for name in names if name in record}
    kept["explanation"] = {
        name: value
        for name, value in record["explanation"].items()
        if name not in ("method", "settings", "target", "tie")  # a tie is one of scores, most of which are not recorded
    }
    kept["explanation"]["features"] = [
        {name: value for name, value in feature.items() if name != "score"}
        for feature in record["explanation"]["features"]
    ]
    return kept

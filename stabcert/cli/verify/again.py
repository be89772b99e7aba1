"""One record made again: the same input, model, mask, seed and request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcert.cli.choices import Dtype
from stabcert.cli.commands.certify_hard_request import HardRequest
from stabcert.cli.commands.certify_soft_request import SoftRequest
from stabcert.cli.commands.certify_soft_work import SoftWork
from stabcert.cli.explanation import Choice
from stabcert.cli.items import Item, file_item
from stabcert.cli.options import Call, ExplanationOptions, InputOptions
from stabcert.cli.records import Recorded
from stabcert.cli.runner import Case, Outcome, Runner
from stabcert.cli.spelling import Flags
from stabcert.cli.tasks import Task
from stabcert.cli.verify.records import Line
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.records.writing import to_json
from stabcert.report.record import RunInfo
from stabcert.report.verify.checks import Check, at_least, compare, equal, holds
from stabcert.report.verify.common import never_checked
from stabcert.report.verify.mask_flags import has_rule, without_rule
from stabcert.report.verify.probabilities import tolerance_of

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize
    from stabcert.models.hub import LoadedModel


class Differs(InputError):
    """The record is of something else than what is there now; no certificate can be made again."""

    def __init__(self, checks: list[Check]) -> None:
        super().__init__("the record is of another input, model or mask")
        self.checks = checks


@dataclass
class Again:
    """Makes records again, with models that are loaded once.

    Args:
        say: tells the user something on the way.
        flags: the option of each parameter, for notes and errors.
    """

    call: Call
    batch_size: BatchSize
    say: Callable[[str], None]
    flags: Flags
    models: dict[str, dict[tuple[str, str | None], LoadedModel | ModelError]] = field(default_factory=dict)

    def check(self, line: Line, record: dict[str, Any]) -> tuple[list[Check], list[str], RunInfo | None]:
        """Every value against that of a new certificate; what is not checked; what it was made with.

        Raises:
            StabcertError: it cannot be made again: no input, no model.
            KeyboardInterrupt: passed on.
        """
        if record["result"].get("interrupted"):
            raise InputError(
                f"{line.origin} was interrupted: where cannot be made again; check its arithmetic with --fast"
            )
        recorded = Certified(record, line.origin)
        try:
            item = recorded.item()
            checks = _input_checks(record, item)
        except ValueError as error:  # a path or text that is none, such as one with a NUL
            raise InputError(f"{line.origin}: the input cannot be read: {error}") from error
        if not all(check.ok for check in checks):
            return checks, never_checked(record), None
        task = Task(item, "record", recorded.model, recorded.revision, "", recorded)
        try:
            runner = self._runner(record)
        except ParameterError as error:
            return [*checks, _refused(record, error)], never_checked(record), None
        result = runner.run(task, self.say)
        if isinstance(result.error, Differs):
            return checks + result.error.checks, never_checked(record), None
        if isinstance(result.error, ParameterError):
            return [*checks, _refused(record, result.error)], never_checked(record), None
        if result.error is not None:
            raise result.error
        if result.exhibit is None:
            raise TypeError("nothing is skipped where nothing is finished")
        if result.interrupted:
            raise KeyboardInterrupt
        report = result.exhibit.report
        again = json.loads(to_json(report.to_dict()))
        if not has_rule(record["result"]["request"]):
            again = without_rule(again)
        tolerance = tolerance_of(record, report.run.dtype)
        checks += compare("", _compared(record), _compared(again), tolerance)
        checks.append(_evaluations(record, report.run))
        return checks, never_checked(record), report.run

    def _runner(self, record: dict[str, Any]) -> Runner:
        request = record["result"]["request"]
        dtype = Dtype(request["dtype"])
        return Runner(
            Call(
                self.call.command,
                InputOptions(),
                replace(self.call.model, dtype=dtype),
                ExplanationOptions(),
                self.call.output,
                replace(self.call.running, seed=request["seed"]),
            ),
            self.batch_size,
            _work(self.call.command, record["result"]),
            None,
            False,
            (),
            self.models.setdefault(dtype, {}),
            self.flags,
        )


class Certified(Recorded):
    """A record of a certificate, whose mask is taken if everything around it is as it was."""

    def choice(
        self, predictor: ModelPredictor, *, input_sha256: str, model_sha256: str | None, config_sha256: str | None
    ) -> Choice:
        """The recorded mask.

        Raises:
            Differs: the model, the features or the mask are not those of the record.
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

    def _check_place(self, feature: dict[str, Any], predictor: ModelPredictor) -> None:
        """Not refused: all that is shown of the features is compared afterwards."""


def _work(command: str, result: dict[str, Any]) -> Callable[[Case], Outcome]:
    if command == "certify-soft":
        return SoftWork(SoftRequest.from_record(result["request"]), again=True).work
    from stabcert.cli.commands.certify_hard_work import HardWork

    return HardWork(HardRequest.from_record(result["request"], result["check"])).work


def _refused(record: dict[str, Any], error: ParameterError) -> Check:
    return Check("result.request", record["result"]["request"], f"no such certificate: {error}", ok=False)


def _evaluations(record: dict[str, Any], run: RunInfo) -> Check:
    """A mask that was found took more; near ties are settled by up to two more each, which depends on the machine."""
    return at_least("run.evaluations", record["run"]["evaluations"], run.evaluations - 2 * run.rechecked)


def _input_checks(record: dict[str, Any], item: Item) -> list[Check]:
    info = record["input"]
    checks = [equal("input.sha256", info["sha256"], item.sha256())]
    if item.kind == "text" and item.path is not None:
        # The text stands in the record; the file that it came from may say something else by now.
        try:
            now = file_item(Path(item.path))
        except InputError:
            return checks
        checks.append(equal("input.path: text", info["sha256"], now.sha256()))
    return checks


def _compared(record: dict[str, Any]) -> dict[str, Any]:
    """All that has to be the same: not the circumstances, and not what made the mask."""
    names = ("status", "reason", "input", "model", "prediction", "explanation", "result")
    kept = {name: record[name] for name in names if name in record}
    kept["explanation"] = {
        name: value for name, value in record["explanation"].items() if name not in ("method", "settings", "target")
    }
    kept["explanation"]["features"] = [
        {name: value for name, value in feature.items() if name != "score"}
        for feature in record["explanation"]["features"]
    ]
    return kept

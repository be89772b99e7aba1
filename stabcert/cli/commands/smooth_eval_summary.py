"""The summary of ``smooth-eval`` over all inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stabcert.cli.call import Call
from stabcert.cli.commands.smooth_eval_work import SmoothEval
from stabcert.cli.commands.thresholds import nothing_left
from stabcert.cli.declared import Asked
from stabcert.cli.items import Item
from stabcert.cli.labels import give_labels
from stabcert.cli.parsing import parse_methods
from stabcert.cli.sinks.sink import Whole
from stabcert.cli.tasks import Task, result_parameters
from stabcert.core.curve.result import Estimate, EstimateAtRadius, SmoothedInput, Threshold
from stabcert.core.curve.summary import summarise
from stabcert.core.streams import digest
from stabcert.errors import ParameterError
from stabcert.records.curve import settings_of, smoothed_input
from stabcert.records.curve_summary import CurveRecord
from stabcert.records.findings import CurveFinding
from stabcert.records.writing import SCHEMA


class SmoothSummary:
    """The summary of all inputs, computed from their records. A resumed run therefore has the same summary.

    Only numbers are kept, some kilobytes for each input.

    Args:
        asked: all options of the call.
        labels: the file of labels.
    """

    def __init__(
        self,
        command: SmoothEval,
        call: Call,
        asked: Asked,
        labels: Path | None,
    ) -> None:
        self._labels = labels
        self._notes: list[str] = []
        self._request = command.request
        self._command = command
        self._call = call
        self._asked = asked
        self._inputs: list[tuple[SmoothedInput, ...]] = []
        self._failed = 0
        self._something_left = False
        self._first: dict[str, Any] | None = None
        self._evaluations, self._seconds = 0, 0.0

    def label(self, items: Sequence[Item]) -> list[Item]:
        """See `stabcert.cli.certifying.Together`."""
        found = give_labels(items, self._labels)
        self._notes += found.notes
        return found.items

    def begin(self, tasks: Sequence[Task]) -> list[str]:
        """See `stabcert.cli.certifying.Together`."""
        possible = [task for task in tasks if task.problem is None]
        models = sorted({f"{task.model} at {task.revision}" if task.revision else task.model for task in possible})
        if len(models) > 1:
            raise ParameterError(
                f"the inputs are for {len(models)} models ({', '.join(models)}), whose accuracies cannot be "
                "compared. Run smooth-eval for the inputs of each"
            )
        methods = sorted({str(task.recorded.record["explanation"]["method"]) for task in possible if task.recorded})
        if len(methods) > 1:
            raise ParameterError(
                f"the masks of the records are of several methods ({', '.join(methods)}). Run smooth-eval for the "
                "records of each"
            )
        labels = [task.item.label for task in possible if task.item.label is not None]
        if self._request.min_accuracy is not None and possible and not labels:
            raise ParameterError(
                "--min-accuracy needs labels: give --labels FILE, a label column in --inputs, or a directory with one "
                "folder for each class"
            )
        self._command.expect(labels)
        recorded = any(task.recorded is not None for task in possible)
        methods_each = 1 if recorded else len(parse_methods(self._call.explanation.method))
        notes = [] if labels or not possible else ["no labels: agreement with the unsmoothed model, but no accuracy"]
        attributed = not recorded and self._call.masks.mask_file is None
        beside = " beside its attributions" if attributed else ""
        return [*self._notes, *notes, f"up to {self._cost(methods_each)} evaluations for each input{beside}"]

    def add(self, record: dict[str, Any]) -> None:
        if record["status"] == "failed":
            self._failed += 1
            return
        self._inputs.append(smoothed_input(record))
        self._something_left |= record["explanation"]["k"] < record["explanation"]["n"]
        self._evaluations += record["run"]["evaluations"]
        self._seconds += record["run"]["seconds"]
        if self._first is None:
            self._first = record
        elif _of_all(record["model"]).get("question") != _of_all(self._first["model"]).get("question"):
            raise ParameterError(
                "the records ask different questions about the outputs of the model, whose answers cannot be "
                "compared. Run smooth-eval for the records of each"
            )

    def finish(self, apart: str | None) -> Whole | None:
        first, request = self._first, self._request
        if first is None:
            return None
        if request.min_rate is not None and not self._something_left:
            raise nothing_left(first["explanation"]["n"], "--min-rate")
        curve = summarise(self._inputs, delta=request.delta)
        run = first["run"] | {"evaluations": self._evaluations, "seconds": round(self._seconds, 3)}
        finding = CurveFinding(
            curve=curve,
            methods=tuple(mask["method"] for mask in first["result"]["masks"]),
            settings=settings_of(first),
            failed=self._failed,
            model=_of_all(first["model"]),
            run=run,
            min_accuracy=_least(request.min_accuracy, [level.accuracy for level in curve.levels]),
            min_rate=_least(request.min_rate, [rate for level in curve.levels for rate in level.methods[0].rates]),
        )
        return _summarised(finding, self._key(_of_all(first["model"]), apart))

    def _key(self, model: dict[str, Any], apart: str | None) -> str:
        """Return the key of the summary.

        Without ``apart`` the key does not contain the inputs, so that a summary of more inputs replaces an earlier one.
        """
        request = self._request
        return digest(
            {
                "schema": SCHEMA,
                "command": "smooth-eval",
                "parameters": result_parameters(self._asked),
                "model": model,
                "of all inputs": [request.delta, request.min_accuracy, request.min_rate],
                "apart": apart,
            }
        )

    def _cost(self, methods: int) -> int:
        request = self._request
        masks = 1 + methods * (1 + len(request.radii) * request.n_samples)
        return masks * sum(1 if share == 1 else request.draws for share in request.lambdas)


def _of_all(model: dict[str, Any]) -> dict[str, Any]:
    """Return the model of a record without the reference of its question, which belongs to one input."""
    question = model.get("question")
    if question is None or "reference" not in question:
        return model
    asked = {name: value for name, value in question.items() if name not in ("reference", "answers")}
    distance = f"{question['tolerance']:.12g} from the reference of each input"
    answers = [f"{question['name']} at least {distance}", f"{question['name']} less than {distance}"]
    return {**model, "question": {**asked, "answers": answers}}


def _least(value: float | None, estimates: Sequence[Estimate | EstimateAtRadius | None]) -> Threshold | None:
    known = [one for one in estimates if one is not None]
    if value is None or not known:
        return None
    return Threshold(value, min(one.lower for one in known))


def _summarised(finding: CurveFinding, key: str) -> Whole:
    from stabcert.report.says.curve import curve_document

    return Whole(CurveRecord.of(finding, key=key).to_dict(), curve_document(finding))

"""The work of ``smooth-eval`` on one input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from stabcert.cli.class_numbers import number_note
from stabcert.cli.command import Beside, Command, Found
from stabcert.cli.explanation import Choice, by_methods
from stabcert.cli.inputs import Label
from stabcert.cli.labels import class_of
from stabcert.cli.opening import Case
from stabcert.cli.options import ExplanationOptions
from stabcert.cli.reporting import report_of
from stabcert.core.curve.evaluate import evaluate_smoothing
from stabcert.core.curve.result import EvaluationSettings, SmoothedInput
from stabcert.core.masks import top_k_mask
from stabcert.core.streams import SMOOTHING_STREAM, Draws, Stream, noise_generator
from stabcert.core.types import Mask
from stabcert.records.curve import CurveInputResult

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document
    from stabcert.report.record import Report


@dataclass(frozen=True)
class SmoothRequest:
    """The request of the user, after the checks that do not need an input."""

    lambdas: tuple[Fraction, ...]
    radii: tuple[int, ...]
    draws: int
    n_samples: int
    noise: Literal["bernoulli", "quantized"]
    delta: float
    min_accuracy: float | None
    min_rate: float | None

    def of_draws(self) -> dict[str, Any]:
        """Return the settings that identify a draw, as plain values. Thresholds apply to the summary, not to a draw."""
        return {
            "lambdas": [str(share) for share in self.lambdas],
            "radii": list(self.radii),
            "draws": self.draws,
            "n_samples": self.n_samples,
            "noise": self.noise,
        }


@dataclass(frozen=True)
class SmoothFound(Found):
    """The effect of smoothing for one input."""

    evaluated: tuple[SmoothedInput, ...] = ()
    """The effect for each keep probability."""
    masks: tuple[Mask, ...] = ()
    methods: tuple[str, ...] = ()
    label: int | None = None
    """The class of the label."""


class SmoothEval(Command[SmoothFound]):
    """``smooth-eval`` with its request. All masks of an input and all keep probabilities use the same random numbers.

    Args:
        every: whether the labels of all inputs are checked as soon as the classes of the model are known.
    """

    name: ClassVar[str] = "smooth-eval"
    several_methods: ClassVar[bool] = True

    def __init__(self, request: SmoothRequest, explanation: ExplanationOptions, *, seed: int, every: bool) -> None:
        self.request = request
        self._explanation = explanation
        self._seed = seed
        self._every = every
        self._unchecked: dict[int | str, Label] = {}

    def expect(self, labels: Iterable[Label]) -> None:
        """Store the labels of all inputs, to check them when a model is loaded."""
        if self._every:
            self._unchecked = {label.value: label for label in reversed(list(labels))}

    def choose(self, predictor: ModelPredictor, draws: Draws) -> Choice:
        self._check_labels(predictor.class_names)  # before the evaluations of the first attribution
        return by_methods(predictor, self._explanation, seed=self._seed)

    def certify(self, case: Case) -> SmoothFound:
        request = self.request
        self._check_labels(case.class_names)
        index = None if case.label is None else class_of(case.label, case.class_names)
        note = number_note(case.label, case.class_names)
        if note is not None:
            case.say(note)
        choice = case.choice
        masks, methods = choice.mask[None], [choice.method]
        if choice.attributions:
            k = int(choice.mask.sum())
            masks = np.stack([top_k_mask(attribution.scores, k) for attribution in choice.attributions])
            methods = [attribution.method for attribution in choice.attributions]
        found = evaluate_smoothing(
            case.predictor,
            masks,
            index,
            keep_probabilities=request.lambdas,
            radii=request.radii,
            draws=request.draws,
            n_samples=request.n_samples,
            noise=request.noise,
            noise_rng=noise_generator(self._seed, SMOOTHING_STREAM),
            rng=case.draws.generator(Stream.additions, None, request.of_draws()),
        )
        return SmoothFound("reported", evaluated=tuple(found), masks=tuple(masks), methods=tuple(methods), label=index)

    def record(self, case: Case, found: SmoothFound, beside: Beside) -> Report:
        request = self.request
        settings = EvaluationSettings(request.noise, request.draws, (self._seed, SMOOTHING_STREAM), request.n_samples)
        result = CurveInputResult.of(
            found.evaluated,
            found.methods,
            found.masks,
            found.label,
            settings,
            case.class_names,
            copies_before=case.draws.copy,
        )
        return report_of(self.name, case, found, beside, result.to_dict())

    def document(self, exhibit: Exhibit) -> Document:
        from stabcert.report.says.curve import input_document

        return input_document(exhibit)

    def _check_labels(self, class_names: tuple[str, ...]) -> None:
        while self._unchecked:
            _, label = self._unchecked.popitem()
            class_of(label, class_names)

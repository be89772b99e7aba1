"""What ``smooth-eval`` does with one input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stabcert.cli.explanation import Choice, by_methods
from stabcert.cli.inputs import Label
from stabcert.cli.labels import class_of
from stabcert.cli.options import ExplanationOptions
from stabcert.cli.runner import Case, Outcome
from stabcert.core.curve.evaluate import evaluate_smoothing
from stabcert.core.masks import top_k_mask
from stabcert.core.streams import SMOOTHING_STREAM, Draws, Stream, noise_generator
from stabcert.report.curve.record import EvaluationSettings, input_result

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


@dataclass(frozen=True)
class SmoothRequest:
    """What the user asked for, checked as far as that is possible without an input."""

    lambdas: tuple[Fraction, ...]
    radii: tuple[int, ...]
    draws: int
    n_samples: int
    noise: Literal["bernoulli", "quantized"]
    delta: float
    min_accuracy: float | None
    min_rate: float | None

    def of_draws(self) -> dict[str, Any]:
        """Return what another draw belongs to, as plain values; thresholds are for all inputs together."""
        return {
            "lambdas": [str(share) for share in self.lambdas],
            "radii": list(self.radii),
            "draws": self.draws,
            "n_samples": self.n_samples,
            "noise": self.noise,
        }


class SmoothWork:
    """One input: its masks by every method, then all keep probabilities on the same random numbers.

    Args:
        every: check the labels of all inputs as soon as the classes of the model are known.
    """

    def __init__(self, request: SmoothRequest, explanation: ExplanationOptions, *, seed: int, every: bool) -> None:
        self._request = request
        self._explanation = explanation
        self._seed = seed
        self._every = every
        self._unchecked: dict[int | str, Label] = {}

    def expect(self, labels: Iterable[Label]) -> None:
        """The labels that are to come."""
        if self._every:
            self._unchecked = {label.value: label for label in reversed(list(labels))}

    def choose(self, predictor: ModelPredictor, draws: Draws) -> Choice:
        self._check_labels(predictor.class_names)  # before the first attribution costs anything
        return by_methods(predictor, self._explanation, seed=self._seed)

    def work(self, case: Case) -> Outcome:
        request = self._request
        self._check_labels(case.class_names)
        index = None if case.label is None else class_of(case.label, case.class_names)
        choice = case.choice
        masks, methods = choice.mask[None], [choice.method]
        if choice.attributions:
            k = int(choice.mask.sum())
            masks = np.stack([top_k_mask(attribution.scores, k) for attribution in choice.attributions])
            methods = [attribution.method for attribution in choice.attributions]
        settings = EvaluationSettings(request.noise, request.draws, (self._seed, SMOOTHING_STREAM), request.n_samples)
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
        result = input_result(found, methods, list(masks), index, settings, case.class_names, copy=case.draws.copy)
        return Outcome("reported", result)

    def _check_labels(self, class_names: tuple[str, ...]) -> None:
        while self._unchecked:
            _, label = self._unchecked.popitem()
            class_of(label, class_names)

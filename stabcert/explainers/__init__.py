"""Attributions: which features mattered, by one of several methods behind one function."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stabcert.core.decisions import predict
from stabcert.core.given import n_features_of
from stabcert.core.types import Attribution, MaskedPredictor
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers.boundary import mfaba
from stabcert.explainers.gaussian import clime, smoothgrad
from stabcert.explainers.gradient import input_times_gradient, integrated_gradients, saliency
from stabcert.explainers.perturbation import lime, occlusion, random_scores
from stabcert.explainers.shapley import kernelshap, shap
from stabcert.explainers.statements import Statement, smoothing_statements
from stabcert.explainers.task import Task

__all__ = ["METHODS", "Statement", "check_effort", "check_method", "explain", "explain_all", "smoothing_statements"]


@dataclass(frozen=True)
class _Method:
    function: Callable[[Task], Attribution]
    options: tuple[str, ...] = ()
    """Names of its options: counts, and numbers above 0 where `_NUMBERS` contains them."""
    differentiates: bool = False
    decides: bool = False
    """True if the method looks for another decision, so that it needs the decided function itself."""

    def attribution(self, task: Task) -> Attribution:
        if not self.differentiates:
            return self.function(task)
        import torch

        # Whatever the mode of the caller, who may be inside of torch.no_grad or inference_mode.
        with torch.inference_mode(False), torch.enable_grad():
            return self.function(task)


_NUMBERS = {"sigma"}

_METHODS = {
    "lime": _Method(lime, ("n_samples",)),
    "shap": _Method(shap, ("n_samples",)),
    "kernelshap": _Method(kernelshap, ("n_samples",)),
    "occlusion": _Method(occlusion),
    "intgrad": _Method(integrated_gradients, ("steps",), differentiates=True),
    "saliency": _Method(saliency, differentiates=True),
    "inputxgrad": _Method(input_times_gradient, differentiates=True),
    "smoothgrad": _Method(smoothgrad, ("n_samples", "sigma"), differentiates=True),
    "clime": _Method(clime, ("n_samples", "sigma"), differentiates=True),
    "mfaba": _Method(mfaba, ("steps",), differentiates=True, decides=True),
    "random": _Method(random_scores),
}
METHODS = tuple(_METHODS)
Options = Mapping[str, int | float]
"""Options of methods by name; those that are left out have the method's own default."""


def explain(
    predictor: MaskedPredictor,
    method: str,
    *,
    target: int | None = None,
    seed: int = 0,
    n_samples: int | None = None,
    steps: int | None = None,
    sigma: float | None = None,
    options: Options | None = None,
) -> Attribution:
    """Score every feature's importance for one class.

    An attribution guarantees nothing. Its top features make a mask (`top_k_mask`), and the certificates bound how far
    that mask can be trusted.

    Args:
        predictor: any `MaskedPredictor` for lime, shap, kernelshap, occlusion and random; the other
            methods use gradients and need a `ModelPredictor`.
        method: one of `METHODS`.
        target: class to explain; by default the one predicted on the full input. Of a question about a number, methods
            explain the number itself, see `ModelPredictor.scored`.
        seed: seed of the method's own random draws. Global generators are neither read nor changed.
        n_samples: masked inputs that lime, shap, kernelshap or clime evaluates (default 1000, or more where that
            many features need more), or gradients that smoothgrad averages (default 50).
        steps: points of the path of intgrad, or most steps of mfaba (default 50).
        sigma: standard deviation of the noise of smoothgrad and clime, where 1 is the way from a
            dropped feature to a kept one (default 0.15).
        options: options of the method by name, in addition to the three above.

    Raises:
        ParameterError: an unknown method or class, an option that the method does not have or whose value is out of
            range, or a method that needs gradients for a predictor without.
        ModelError: the predictor returned something other than probabilities, or the scores are not finite.
    """
    (attribution,) = explain_all(
        predictor,
        (method,),
        target=target,
        seed=seed,
        options=_named(options, n_samples=n_samples, steps=steps, sigma=sigma),
    )
    return attribution


def explain_all(
    predictor: MaskedPredictor,
    methods: Sequence[str],
    *,
    target: int | None = None,
    seed: int = 0,
    n_samples: int | None = None,
    steps: int | None = None,
    sigma: float | None = None,
    options: Options | None = None,
) -> tuple[Attribution, ...]:
    """Return the result of `explain` for each of ``methods``, in their order, with shared evaluations.

    smoothgrad and clime use the same noise and evaluate it once; methods that use masks share what
    a `ModelPredictor` remembers.

    Args:
        methods: names from `METHODS`, each once.

    Other arguments: `explain`; each option goes to every method that has it.

    Raises:
        ParameterError: as `explain`; an option that none of the methods has, no method, or one
            named twice.
    """
    if not methods:
        raise ParameterError(f"methods must contain at least one method. Use one or more of {', '.join(METHODS)}")
    for i, method in enumerate(methods):
        check_method(method)
        if method in methods[:i]:
            raise ParameterError(f"methods must be distinct, got {method} twice. Name it once")
    given = _named(options, n_samples=n_samples, steps=steps, sigma=sigma)
    check_effort(methods, given)
    full = predict(predictor, np.ones((1, n_features_of(predictor)), dtype=np.bool_))[0]
    if target is None:
        target = int(full.argmax())
    if not 0 <= target < len(full):
        raise ParameterError(f"target must be a class from 0 to {len(full) - 1}, got {target}", "target")
    task = Task(_scored(predictor), target, seed, given)
    own: dict[str, float] = getattr(task.predictor, "scored_settings", {})
    decided = replace(task, predictor=predictor)
    # clime last: the gradients of smoothgrad come with the values that it needs.
    order = sorted(methods, key=lambda method: method == "clime")
    attributions = {
        method: _METHODS[method].attribution(decided)
        if _METHODS[method].decides
        else _with_settings(_METHODS[method].attribution(task), own)
        for method in order
    }
    for method, attribution in attributions.items():
        if not np.isfinite(attribution.scores).all():
            raise ModelError(
                f"{method} returned scores that are not finite, because the model's outputs or gradients overflow"
            )
    return tuple(attributions[method] for method in methods)


def _with_settings(attribution: Attribution, own: Mapping[str, float]) -> Attribution:
    return replace(attribution, settings={**attribution.settings, **own}) if own else attribution


def _scored(predictor: MaskedPredictor) -> MaskedPredictor:
    """Return the predictor whose probability is explained; see `stabcert.models.base.ModelPredictor.scored`."""
    own: Callable[[], MaskedPredictor] | None = getattr(predictor, "scored", None)
    return predictor if own is None else own()


def check_method(method: str) -> None:
    """Refuse a method that does not exist.

    Raises:
        ParameterError: ``method`` is not in `METHODS`.
    """
    if method not in _METHODS:
        near = difflib.get_close_matches(method, METHODS, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ParameterError(f"method {method!r} does not exist. {hint}Use one of {', '.join(METHODS)}")


def check_effort(methods: Sequence[str], options: Options) -> None:
    """Refuse options that none of ``methods`` has, and values out of range.

    Raises:
        ParameterError: an option or a value is refused. The message names it and the possible range.
    """
    for name, value in options.items():
        if not any(name in _METHODS[method].options for method in methods):
            raise ParameterError(f"{name} must be left out for {', '.join(methods)}, got {value}", name)
        if name in _NUMBERS:
            if not (value > 0 and math.isfinite(value)):
                raise ParameterError(f"{name} must be above 0 and finite, got {value}", name)
        elif value < 1:
            raise ParameterError(f"{name} must be 1 or more, got {value}", name)


def _named(
    options: Options | None, *, n_samples: int | None, steps: int | None, sigma: float | None
) -> dict[str, int | float]:
    """Return the given options by name."""
    named = {"n_samples": n_samples, "steps": steps, "sigma": sigma}
    return {**{name: value for name, value in named.items() if value is not None}, **(options or {})}

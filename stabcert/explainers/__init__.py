"""Attributions: which features mattered, by one of several methods behind one function."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np

from stabcert.core.decisions import predict
from stabcert.core.types import Attribution, MaskedPredictor
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers.gradient import integrated_gradients
from stabcert.explainers.perturbation import lime, random_scores

# Called as method(predictor, target, seed, effort); the effort is the method's own number, named here.
_METHODS: dict[str, tuple[Callable[..., Attribution], str | None]] = {
    "lime": (lime, "n_samples"),
    "intgrad": (integrated_gradients, "steps"),
    "random": (random_scores, None),
}
METHODS = tuple(_METHODS)


def explain(
    predictor: MaskedPredictor,
    method: str,
    *,
    target: int | None = None,
    seed: int = 0,
    n_samples: int | None = None,
    steps: int | None = None,
) -> Attribution:
    """Score every feature's importance for one class.

    Args:
        predictor: any `MaskedPredictor`; methods that use gradients need a `ModelPredictor`.
        method: ``"lime"``, ``"intgrad"`` or ``"random"``.
        target: class to explain; by default the one predicted on the full input.
        seed: of the method's own random draws. No global generator is read or changed.
        n_samples: masked inputs that lime evaluates (default 1000).
        steps: points of the path of intgrad (default 50).

    Raises:
        ParameterError: an unknown method or class, or an option that the method does not have.
    """
    if method not in _METHODS:
        near = difflib.get_close_matches(method, METHODS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ParameterError(f"method {method!r} is not known; {hint}use one of {', '.join(METHODS)}")
    function, effort = _METHODS[method]
    given = {"n_samples": n_samples, "steps": steps}
    for name, value in given.items():
        if value is None:
            continue
        if name != effort:
            option = "--" + name.replace("_", "-")
            raise ParameterError(f"{method} has no {name} ({option}); leave it out")
        if value < 1:
            raise ParameterError(f"{value} {name.replace('_', ' ')} are not possible; use 1 or more")
    full = predict(predictor, np.ones((1, predictor.n_features), dtype=np.bool_))[0]
    if target is None:
        target = int(full.argmax())
    if not 0 <= target < len(full):
        raise ParameterError(f"class {target} does not exist; the model has classes 0 to {len(full) - 1}")
    attribution = function(predictor, target, seed, given[effort] if effort else None)
    if not np.isfinite(attribution.scores).all():
        raise ModelError(f"{method} returned scores that are not finite; the model's outputs or gradients overflow")
    return attribution

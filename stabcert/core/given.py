"""Objects that were given where a predictor is expected, and the function that makes a predictor of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.errors import InputError

_DOORS = {
    ("torch", "Module"): "from_module(network, tensor), or from_pipeline(model, input, tokenizer=...) for transformers",
    ("transformers", "Pipeline"): "from_pipeline(pipeline, input)",
    ("stabcert", "LoadedModel"): "its method predictor(input)",
    ("stabcert", "PythonModel"): "from_pipeline(model, input)",
}
_TABLES = {("pandas", "DataFrame"), ("pandas", "Series")}


def is_one(value: object, library: str, name: str) -> bool:
    """Return whether an object has a class of this name among its classes, without importing the library."""
    return any((cls.__module__.split(".")[0], cls.__name__) == (library, name) for cls in type(value).__mro__)


def is_table(value: object) -> bool:
    """Return whether an object is a table or a column of pandas."""
    return any(is_one(value, *one) for one in _TABLES)


def door_of(value: object) -> str | None:
    """Return the call that makes a predictor of this kind of object, or None for an object of an unknown kind."""
    for (library, name), door in _DOORS.items():
        if is_one(value, library, name):
            return door
    if hasattr(value, "predict_proba"):
        return "from_estimator(estimator, row, background)"
    if is_table(value) or is_one(value, "torch", "Tensor"):
        return "from_estimator(estimator, row, background) for a table, or from_module(network, tensor) for a tensor"
    if isinstance(value, str):
        return "load_predictor(name, input)"
    return "from_function(function, n)" if callable(value) else None


def n_features_of(predictor: Any) -> int:
    """Return the number of features of a predictor.

    Raises:
        InputError: the object is not a predictor. The message names the function that makes one of it.
    """
    n = getattr(predictor, "n_features", None)
    if n is not None and callable(predictor):
        return int(n)
    raise InputError(not_a_predictor(predictor))


def as_numbers(scores: ArrayLike) -> NDArray[np.float64]:
    """Return scores as an array.

    Raises:
        InputError: they are not numbers. The message names those of an attribution.
    """
    try:
        return np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        advice = "Use attribution.scores" if hasattr(scores, "scores") else "Give one number for each feature"
        raise InputError(f"scores must be one row of finite numbers, got {type(scores).__name__}. {advice}") from error


def check_generator(rng: object) -> None:
    """Raise an InputError unless ``rng`` is a generator of numpy."""
    if not isinstance(rng, np.random.Generator):
        seed = rng if isinstance(rng, int) else 0
        raise InputError(
            f"rng must be a numpy.random.Generator, got {type(rng).__name__} {rng!r:.20}. Use "
            f"rng=np.random.default_rng({seed})"
        )


def not_a_predictor(value: object) -> str:
    """Return the message for an object that is not a predictor."""
    door = door_of(value)
    what = f"a predictor must map masks to probabilities and have n_features, got {type(value).__name__}"
    if door is None:
        return f"{what}. Use load_predictor, from_module, from_pipeline, from_estimator or from_function"
    return f"{what}. Make a predictor of it with {door}"


def not_a_name(value: object) -> str:
    """Return the message for an object in the place of the name of a model."""
    door = door_of(value)
    hint = "" if door is None else f". For a model in memory use {door}"
    return f"the name of a model must be a text such as 'demo:text', got {type(value).__name__}{hint}"


def mask_hint(value: object) -> str:
    """Return advice for a table, an attribution or a certificate in the place of masks; empty for everything else."""
    if is_one(value, "stabcert", "Attribution"):
        return ". An Attribution is not a mask: top_k_mask(attribution.scores, k) makes one of it"
    if is_one(value, "stabcert", "SoftCertificate") or is_one(value, "stabcert", "HardCertificate"):
        return ". A certificate is not a mask: write present(predictor, mask, certificate)"
    if not is_table(value):
        return ""
    return (
        f". A {type(value).__name__} of pandas is the data and not a mask: from_estimator(estimator, row, background) "
        "makes a predictor of it"
    )

"""A function of masks, as a predictor with names, a memory and checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.core.given import door_of, is_one
from stabcert.core.types import Feature, Features, Masks
from stabcert.errors import InputError, ParameterError

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize


def from_function(
    function: Callable[[Masks], Any],
    n: int,
    *,
    names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    precision: str | None = None,
    batch_size: BatchSize = "auto",
) -> ModelPredictor:
    """Make a predictor of a function on masks.

    Every output is checked: its shape, that its numbers are finite, and that each row is not negative and sums to 1.
    Rows are scaled to sum to 1 in float64. A mask is evaluated once while its result is remembered.

    A certificate requires that ``function`` depends on each mask alone: not on the batch, on earlier calls or on random
    numbers. Three masks are evaluated here, jointly and individually, and refused if they differ by more than rounding.
    Masks close to a tie are evaluated again later. That is a test and not a guarantee. A function that changes later is
    not noticed, and results from before are remembered: make another predictor of it.

    Args:
        function: maps ``(k, n)`` bool masks, True = kept, to ``(k, n_classes)`` probabilities, for every k from 1.
        n: number of features.
        names: a name for each feature; None: ``feature 0``, ...
        class_names: a name for each class; None: ``class 0``, ...
        precision: type of the arithmetic in ``function``: ``"float64"``, ``"float32"``, ``"bfloat16"`` or
            ``"float16"``. It decides how close to a tie a decision is reliable. None: the type of the output; name it
            where the arithmetic is less precise than the output.
        batch_size: number of masks in a call.

    Raises:
        InputError: ``function`` is not a function (the message names what to use instead), or names do not fit.
        ParameterError: ``n`` is below 1, or the precision does not exist.
        ModelError: the function fails, does not return probabilities, or returns others when it is repeated.
    """
    if not callable(function) or is_one(function, "torch", "Module") or is_one(function, "transformers", "Pipeline"):
        door = door_of(function)
        hint = f"Use {door}" if door else "Give a function"
        raise InputError(
            f"function must map masks to probabilities, got {type(function).__name__}. {hint}",
        )
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise ParameterError(f"n must be a whole number from 1, got {n!r}. Give the number of features", "n")
    from stabcert.models.doors.tensor_features import check_names

    labels = [f"feature {i}" for i in range(n)] if names is None else check_names(names, n)
    features = Features("feature", tuple(Feature(label) for label in labels), (int(n),))
    name = getattr(function, "__name__", type(function).__name__)
    settings = {"features": "feature", "baseline": "function"}
    return predictor_of(
        function,
        features,
        settings,
        f"the function {name}",
        class_names=class_names,
        precision=precision,
        batch_size=batch_size,
    )


def predictor_of(
    function: Callable[[Masks], Any],
    features: Features,
    settings: dict[str, Any],
    name: str,
    *,
    class_names: Sequence[Any] | None,
    precision: str | None,
    batch_size: BatchSize,
    cost: int = 1,
    notes: tuple[str, ...] = (),
) -> ModelPredictor:
    """Return the predictor of a function of masks after its output was checked on three masks; see `from_function`."""
    import torch

    from stabcert.models.base import ModelPredictor
    from stabcert.models.doors.called import MaskedFunction, as_array, checked, chosen_precision
    from stabcert.models.doors.module import check_repeated, class_names_of
    from stabcert.models.failures import failing

    full = np.ones((1, len(features)), dtype=np.bool_)
    with failing(name):
        first = function(full)
    array = as_array(first, name)
    dtype = chosen_precision(precision, array)
    classes = checked(first, 1, name, dtype).shape[1]
    masked = MaskedFunction(function, features, settings, name=name, dtype=dtype, cost=cost, notes=notes)
    names = class_names_of(class_names, classes)
    predictor = ModelPredictor(masked, names, device=torch.device("cpu"), dtype=dtype, batch_size=batch_size)
    predictor.evaluations += 1  # the first call above
    check_repeated(predictor)
    return predictor

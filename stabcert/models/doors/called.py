"""A function of masks with checked probabilities, as a masked input without gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks
from stabcert.errors import ModelError, ParameterError
from stabcert.models.failures import failing

PRECISIONS = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_SUM_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 0.05, torch.float16: 0.01}
_SMALLEST = {torch.float64: 1e-300}
_SMALLEST_ELSEWHERE = 1e-38
"""A probability below this becomes this number, because 0 has no finite logarithm."""


class MaskedFunction:
    """A function of masks as a `stabcert.models.masked_input.MaskedInput`.

    Args:
        function: ``(k, n)`` bool to ``(k, n_classes)`` probabilities.
        name: how the function is called in messages.
        dtype: type of its arithmetic.
        cost: work for one mask, see `MaskedInput.cost`.
        text: the text whose parts the features are, if there is one.
    """

    pads = False
    relaxation = "none: a function of masks has no values between dropped and kept"

    def __init__(
        self,
        function: Callable[[Masks], Any],
        features: Features,
        settings: dict[str, Any],
        *,
        name: str,
        dtype: torch.dtype,
        cost: int = 1,
        notes: tuple[str, ...] = (),
        text: str | None = None,
    ) -> None:
        self._function = function
        self._features = features
        self.name = self._name = name
        self.text = text
        self._dtype = dtype
        self._cost = cost
        self.settings = settings
        self.notes = notes

    @property
    def features(self) -> Features:
        return self._features

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        return np.full(len(masks), self._cost, dtype=np.int64)

    def logits(self, masks: Masks) -> torch.Tensor:
        """Return the logarithms of the probabilities, whose softmax is the probabilities."""
        given = masks.copy()  # the function may write into it
        with failing(self._name), torch.inference_mode(False):  # it need not know that torch is used here
            found = self._function(given)
        probs = checked(found, len(masks), self._name, self._dtype)
        return torch.from_numpy(np.log(np.maximum(probs, _SMALLEST.get(self._dtype, _SMALLEST_ELSEWHERE))))

    def in_float64(self) -> None:
        return None

    def relaxed_logits(self, weights: torch.Tensor) -> NoReturn:
        raise self._no_gradients()

    @property
    def point(self) -> torch.Tensor:
        raise self._no_gradients()

    def logits_at(self, points: torch.Tensor) -> NoReturn:
        raise self._no_gradients()

    def per_feature(self, values: torch.Tensor) -> NoReturn:
        raise self._no_gradients()

    def _no_gradients(self) -> ParameterError:
        return ParameterError(
            f"{self._name} has neither gradients nor neighbours, because it is not a network. Use one of lime, shap, "
            "kernelshap, occlusion and random, or make the predictor with from_module"
        )


def checked(found: Any, rows: int, name: str, dtype: torch.dtype | None) -> NDArray[np.float64]:
    """Return the output of a function as probabilities ``(rows, n_classes)`` in float64, rows scaled to sum to 1.

    Args:
        dtype: type of the arithmetic, which decides how far a sum may be from 1. None: that of the output.

    Raises:
        ModelError: the output is not an array of probabilities of this shape.
    """
    array = as_array(found, name)
    if array.ndim != 2 or array.shape[0] != rows or array.shape[1] < 2:
        more = ""
        if array.shape in ((rows,), (rows, 1)):
            more = ". For one probability p, return np.stack([1 - p, p], axis=1)"
        raise ModelError(
            f"{name} must return an array of shape ({rows}, n_classes) for {rows} masked inputs, with 2 or more "
            f"classes, got shape {array.shape}{more}"
        )
    probs = array.astype(np.float64)
    if not np.isfinite(probs).all():
        raise ModelError(f"{name} must return finite numbers, got NaN or infinity. Check its input")
    sums = probs.sum(axis=1)
    tolerance = _SUM_TOLERANCE[precision_of(array) if dtype is None else dtype]
    if (probs < 0).any() or (np.abs(sums - 1) > tolerance).any():
        raise ModelError(
            f"{name} must return probabilities (not negative, each row with sum 1), got a row with sum "
            f"{sums[np.abs(sums - 1).argmax()]:.6g} and a smallest number of {probs.min():.3g}. Apply a softmax to "
            "logits first"
        )
    return np.asarray(probs / sums[:, None])


def as_array(found: Any, name: str) -> NDArray[Any]:
    """Return numbers that a function returned, as an array of numpy.

    Raises:
        ModelError: they are not an array of numbers.
    """
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu()
        found = found.float().numpy() if found.dtype == torch.bfloat16 else found.numpy()
    if isinstance(found, list) and found and isinstance(found[0], np.ndarray) and found[0].ndim == 2:
        raise ModelError(
            f"{name} returns {len(found)} arrays, one for each of several outputs, but a certificate is about one. "
            "Give a function that returns one of them"
        )
    try:
        array = np.asarray(found)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} must return an array of probabilities, got {type(found).__name__}") from error
    if array.dtype.kind not in "fiub":
        raise ModelError(f"{name} must return an array of probabilities, got {array.dtype}. Return numbers")
    return array


def precision_of(array: NDArray[Any]) -> torch.dtype:
    """Return the type of the arithmetic by that of an output."""
    return {2: torch.float16, 4: torch.float32}.get(
        array.dtype.itemsize if array.dtype.kind == "f" else 8, torch.float64
    )


def chosen_precision(asked: str | None, array: NDArray[Any]) -> torch.dtype:
    """Return the requested type of the arithmetic, or that of an output.

    Raises:
        ParameterError: the type does not exist.
    """
    if asked is None:
        return precision_of(array)
    if asked not in PRECISIONS:
        raise ParameterError(f"precision must be one of {', '.join(PRECISIONS)}, got {asked!r}", "precision")
    return PRECISIONS[asked]


def not_a_function(seen: str) -> ModelError:
    """Return the error for a function whose results differ for one masked input."""
    return ModelError(
        f"one masked input was evaluated twice, in a batch and alone, with different results ({seen}). The predictions "
        "depend on the batch, on random numbers or on earlier calls. Give a function of each input alone, or name its "
        "arithmetic with precision='float32' if it is less precise than its output"
    )

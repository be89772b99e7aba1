"""The probability of one class and its gradient, in batches that fit into memory: the base of all gradient methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.errors import ModelError
from stabcert.models.base import ModelPredictor
from stabcert.models.failures import reason
from stabcert.models.memory import is_out_of_memory, out_of_memory

_GRADIENT_BATCH = 16

T = TypeVar("T")


def halving(model: ModelPredictor, compute: Callable[[int], T], *, largest: int = _GRADIENT_BATCH) -> T:
    """Return ``compute(batch_size)``, repeated with half of the batch size each time that memory runs out.

    Raises:
        ModelError: out of memory with one input at a time.
    """
    batch_size = min(model.batch_size, largest)
    while True:
        try:
            return compute(batch_size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise out_of_memory(model.device) from error
        batch_size //= 2
        if model.device.type == "cuda":
            torch.cuda.empty_cache()


def gradient(value: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the sum of ``value`` by ``leaf``.

    Raises:
        ModelError: the network has none; Reformer, for example, has gradients in training alone.
    """
    try:
        (found,) = torch.autograd.grad(value.sum(), leaf)
    except Exception as error:  # networks bring steps of their own, which raise whatever they like
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"the model gives no gradients for this input ({reason(error)}). Use a method without gradients, such as "
            "method='lime'"
        ) from error
    return found


def probability(logits: torch.Tensor, target: int) -> torch.Tensor:
    """Return the softmax of the target, ``(k,)``, in float32 at least."""
    return torch.softmax(_at_least_float32(logits), dim=-1)[:, target]


def as_weights(model: ModelPredictor, weights: NDArray[np.float64]) -> torch.Tensor:
    """Return weights on the device, in float64 for models in float64, otherwise in float32."""
    dtype = torch.float64 if model.dtype == torch.float64 else torch.float32
    return torch.from_numpy(weights).to(dtype).to(model.device)


def weight_gradients(
    model: ModelPredictor, weights: NDArray[np.float64], target: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the target's probability ``(k,)`` at ``(k, n_features)`` weights, and its gradient ``(k, n_features)``."""

    def compute(batch_size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values, gradients = np.empty(len(weights)), np.empty(weights.shape)
        for rows in _slices(len(weights), batch_size):
            leaf = as_weights(model, weights[rows]).requires_grad_()
            value = probability(model.relaxed(leaf), target)
            values[rows], gradients[rows] = to_numpy(value), to_numpy(gradient(value, leaf))
        return values, gradients

    return halving(model, compute)


def weight_values(model: ModelPredictor, weights: NDArray[np.float64], target: int) -> NDArray[np.float64]:
    """Return the target's probability ``(k,)`` at ``(k, n_features)`` weights, without gradients."""

    def compute(batch_size: int) -> NDArray[np.float64]:
        values = np.empty(len(weights))
        with torch.inference_mode():
            for rows in _slices(len(weights), batch_size):
                values[rows] = to_numpy(probability(model.relaxed(as_weights(model, weights[rows])), target))
        return values

    return halving(model, compute, largest=model.batch_size)


def point_gradient(model: ModelPredictor, point: torch.Tensor, target: int) -> tuple[torch.Tensor, float, torch.Tensor]:
    """Return logits ``(n_classes,)``, the target's probability and its gradient ``(1, ...)`` at one input point."""

    def compute(_: int) -> tuple[torch.Tensor, float, torch.Tensor]:
        leaf = point.detach().requires_grad_()
        logits = model.logits_at(leaf)
        value = probability(logits, target)
        slope = _at_least_float32(gradient(value, leaf))
        return logits[0].detach(), float(value.detach()), slope

    return halving(model, compute, largest=1)


def to_numpy(tensor: torch.Tensor) -> NDArray[np.float64]:
    """Return a float64 copy on the CPU."""
    array: NDArray[np.float64] = tensor.detach().cpu().double().numpy()
    return array


def _at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _slices(rows: int, batch_size: int) -> Iterator[slice]:
    return (slice(start, start + batch_size) for start in range(0, rows, batch_size))

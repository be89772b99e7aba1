"""Gaussian noise on the weights of the features, shared by the methods that use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


class GaussianDraws:
    """Noise N(0, sigma**2 I) on the weights around the full input, and the model's outputs there.

    Draw i depends on the seed and i alone, not on the number of draws. Each draw is evaluated once. Because a
    gradient includes the value, request gradients first.
    """

    def __init__(self, model: ModelPredictor, target: int, seed: int, sigma: float) -> None:
        self._model, self._target, self._seed, self._sigma = model, target, seed, sigma
        self._values = np.empty(0)
        self._gradients = np.empty((0, model.n_features))

    def noise(self, count: int) -> NDArray[np.float64]:
        """Return the noise, ``(count, n_features)``."""
        return self._sigma * np.random.default_rng(self._seed).standard_normal((count, self._model.n_features))

    def values(self, count: int) -> NDArray[np.float64]:
        """Return ``(count,)`` probabilities of the target."""
        from stabcert.explainers.differentiation import weight_values

        known = len(self._values)
        if known < count:
            fresh = weight_values(self._model, 1 + self.noise(count)[known:], self._target)
            self._values = np.concatenate([self._values, fresh])
        return self._values[:count]

    def gradients(self, count: int) -> NDArray[np.float64]:
        """Return ``(count, n_features)`` gradients of the probability of the target by the weights."""
        from stabcert.explainers.differentiation import weight_gradients

        known = len(self._gradients)
        if known < count:
            values, fresh = weight_gradients(self._model, 1 + self.noise(count)[known:], self._target)
            self._gradients = np.concatenate([self._gradients, fresh])
            self._values = np.concatenate([self._values, values[len(self._values) - known :]])
        return self._gradients[:count]

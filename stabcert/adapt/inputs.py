"""The training inputs of a model of either kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.adapt.examples import CheckedInputs, Example
from stabcert.adapt.images import ImageInputs
from stabcert.adapt.texts import TextInputs
from stabcert.core.types import Masks
from stabcert.models.hub import LoadedModel
from stabcert.models.networks import TextNetwork


class Inputs(Protocol):
    """Masked inputs of one model, by the code that certifies them."""

    def check(self, model: LoadedModel, examples: Sequence[Example]) -> CheckedInputs:
        """Return features and settings of the first input; every refusal is that of the model's predictor."""
        ...

    def masked(self, example: Example, rng: Generator | None = None, *, crop: bool = False) -> Any:
        """Return a `stabcert.models.masked_input.MaskedInput`.

        Args:
            example: the input.
            rng: source of the kind of features, where there are several; without it, the first kind is used.
            crop: return a random crop of an image.
        """
        ...

    def rows_at_once(self, examples: Sequence[Example]) -> int | None:
        """Return how many rows to train on at a time where memory is not checked by the device; otherwise None."""
        ...

    def logits(self, module: torch.nn.Module, rows: Sequence[tuple[Any, Masks]]) -> torch.Tensor:
        """Return the logits of all masks of all inputs, input by input, in the current mode of gradients."""
        ...

    def saliency(self, module: torch.nn.Module, inputs: Sequence[Any]) -> list[NDArray[np.float64]]:
        """Return the importance of each feature of each input for its predicted class."""
        ...


def inputs_of(
    model: LoadedModel,
    features: str | None,
    baseline: str | None,
    further_features: tuple[str, ...] = (),
    *,
    truncate: bool = False,
) -> Inputs:
    """Return the training inputs of a model.

    Args:
        model: an image or text model.
        features: kind of the features; None: the default of the model.
        baseline: replacement of a dropped feature; None: the default of the model.
        further_features: kinds that half of the training inputs have instead.
        truncate: cut texts that are too long, which are refused otherwise.
    """
    if isinstance(model.network, TextNetwork):
        return TextInputs(model, model.network, features, baseline, further_features, truncate=truncate)
    return ImageInputs(model, model.network, features, baseline, further_features)

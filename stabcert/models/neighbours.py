"""Neighbours of an input: the same features and the same way of dropping them, with noise on what the network reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator

from stabcert.core.types import Masks
from stabcert.errors import ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.image import MaskedImage
from stabcert.models.masked_input import MaskedInput
from stabcert.models.running import run_vectors, to_tensors
from stabcert.models.text import MaskedText

_NO_NEIGHBOURS = "texts near this one cannot be drawn. Leave out neighbours=N, or use another model"


def gaussian_neighbours(
    predictor: ModelPredictor, *, count: int, sigma: float, rng: Generator
) -> Iterator[ModelPredictor]:
    """Yield inputs drawn from N(x, sigma^2 I) around the input of ``predictor``, as Agarwal et al. 2021 use them.

    The noise is added to what the network reads: normalised pixels, or the embeddings of all tokens;
    see `MaskedInput.point`. It is drawn on the CPU, so that no device changes it, and the first
    neighbours do not depend on how many there are.

    Args:
        predictor: predictor of an image or a text.
        count: number of neighbours.
        sigma: standard deviation of each number of the noise, in the unit of the network's input.
        rng: source of the noise.

    Raises:
        ParameterError: ``count`` is below 1, or ``sigma`` is not above 0 and finite.
        ModelError: the text model does not take embeddings.
    """
    if count < 1:
        raise ParameterError(
            f"neighbours must be 1 or more, got {count}. Use a number such as neighbours=20", "neighbours"
        )
    if not 0 < sigma < float("inf"):
        raise ParameterError(f"sigma must be above 0 and finite, got {sigma}. Use a number such as 0.1")
    shape = tuple(predictor.masked_input.point.shape)
    for _ in range(count):
        yield shifted(predictor, torch.from_numpy(sigma * rng.standard_normal(shape)))


def shifted(predictor: ModelPredictor, noise: torch.Tensor) -> ModelPredictor:
    """Return the predictor of the input plus ``noise``, which has the shape of `MaskedInput.point`.

    A kept feature is the shifted one, a dropped feature becomes what it becomes for the original input
    (also for a baseline made from the image). A noise of zeros gives the original function. The new
    predictor counts its own evaluations.

    Raises:
        ParameterError: ``noise`` has another shape.
        ModelError: the text model does not take embeddings.
    """
    original = predictor.masked_input
    if noise.shape != original.point.shape:
        raise ParameterError(
            f"noise must have the shape of the input, {tuple(original.point.shape)}, got {tuple(noise.shape)}"
        )
    moved: MaskedInput
    with torch.inference_mode(False):  # see `LoadedModel.predictor`
        if isinstance(original, MaskedImage):
            moved = original.shifted(noise)
        elif isinstance(original, MaskedText):
            moved = _ShiftedText(original, noise)
        else:
            raise ParameterError(f"{type(original).__name__} is neither an image nor a text, so it has no neighbours")
    return ModelPredictor(
        moved,
        predictor.class_names,
        device=predictor.device,
        dtype=predictor.dtype,
        batches=predictor.batches,
        autocast=predictor.autocast,
        head=predictor.head,
    )


class _ShiftedText(MaskedText):
    def __init__(self, original: MaskedText, noise: torch.Tensor) -> None:
        self.__dict__.update(original.__dict__)  # nothing is tokenized or tested again
        point = original.point
        self._moved = point + noise.to(point)

    @property
    def point(self) -> torch.Tensor:
        return self._moved.clone()

    def in_float64(self) -> None:
        return None

    def _logits(self, masks: Masks) -> torch.Tensor:
        inputs = self._inputs(masks, self._sequence, self._substitutes)
        # The same with rows of a table in the place of ids: 0 to n - 1 the moved tokens, n and n + 1 whatever else is
        # needed.
        n, empty = len(self._sequence), self._sequence.empty
        numbered = replace(
            self._sequence, ids=np.arange(n, dtype=np.int64), filler=n, empty=None if empty is None else n + 1
        )
        rows = self._inputs(masks, numbered, dict.fromkeys(self._substitutes, n))["input_ids"]
        other = self._sequence.filler if self._removal is not None else self._substitutes[self._baseline]
        table = torch.cat([self._moved[0], self._embeddings([other] if empty is None else [other, empty])])
        vectors = table[torch.tensor(rows, device=self._device)]
        tensors = to_tensors(inputs, self._device)
        return run_vectors(self._network, tensors, vectors, refused=_NO_NEIGHBOURS, kept_only=self.kept_only)

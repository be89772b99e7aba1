"""Neighbours of an input: the same features and the same way of dropping them, with noise on what the network reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator

from stabcert.core.types import Masks
from stabcert.errors import ModelError, ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.image import MaskedImage
from stabcert.models.masked_input import MaskedInput
from stabcert.models.sequences import accepts, embedding_table, run, to_tensors
from stabcert.models.text import MaskedText


def gaussian_neighbours(
    predictor: ModelPredictor, *, count: int, sigma: float, rng: Generator
) -> Iterator[ModelPredictor]:
    """Inputs drawn from N(x, sigma^2 I) around the input of ``predictor``, as Agarwal et al. 2021 use them.

    The noise is added to what the network reads: normalised pixels, or the embeddings of all tokens;
    see `MaskedInput.point`. It is drawn on the CPU, so that no device changes it, and the first
    neighbours do not depend on how many there are.

    Args:
        predictor: of an image or a text.
        count: how many neighbours.
        sigma: standard deviation of each number of the noise, in the unit of the network's input.
        rng: source of the noise.

    Raises:
        ParameterError: no neighbours, or a standard deviation that is not above 0.
        ModelError: a text model that takes no embeddings.
    """
    if count < 1:
        raise ParameterError(f"{count} neighbours are not possible; use 1 or more")
    if not 0 < sigma < float("inf"):
        raise ParameterError(f"noise of standard deviation {sigma} is not possible; use a number above 0, such as 0.1")
    shape = tuple(predictor.masked_input.point.shape)
    for _ in range(count):
        yield shifted(predictor, torch.from_numpy(sigma * rng.standard_normal(shape)))


def shifted(predictor: ModelPredictor, noise: torch.Tensor) -> ModelPredictor:
    """The predictor of the input plus ``noise``, which has the shape of `MaskedInput.point`.

    A kept feature is the shifted one, a dropped feature becomes what it becomes for the original input
    (also for a baseline made from the image). A noise of zeros gives the original function. The new
    predictor counts its own evaluations.

    Raises:
        ParameterError: noise of another shape.
        ModelError: a text model that takes no embeddings.
    """
    original = predictor.masked_input
    if noise.shape != original.point.shape:
        raise ParameterError(
            f"noise of shape {tuple(noise.shape)} does not fit an input of shape {tuple(original.point.shape)}"
        )
    moved: MaskedInput
    if isinstance(original, MaskedImage):
        moved = _ShiftedImage(original, noise)
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
    )


class _ShiftedImage(MaskedImage):
    def __init__(self, original: MaskedImage, noise: torch.Tensor) -> None:
        self.__dict__.update(original.__dict__)  # nothing is decoded or divided again
        self._visible = self._visible + noise.to(self._visible)


class _ShiftedText(MaskedText):
    def __init__(self, original: MaskedText, noise: torch.Tensor) -> None:
        self.__dict__.update(original.__dict__)  # nothing is tokenized or tried again
        point = original.point
        self._moved = point + noise.to(point)
        if not accepts(self._network, "inputs_embeds"):
            raise self._refusal()

    @property
    def point(self) -> torch.Tensor:
        return self._moved.clone()

    def in_float64(self) -> None:
        return None

    def logits(self, masks: Masks) -> torch.Tensor:
        keep = self._kept_tokens(masks)
        n = len(self._sequence)
        # Rows of `vectors` in the place of token ids: 0 to n - 1 the moved tokens, n whatever else is needed.
        rows = replace(self._sequence, ids=np.arange(n, dtype=np.int64), filler=n)
        other = self._sequence.filler
        if self._removal == "tokens removed":
            inputs = rows.removed(keep, self._positions, width=int(self.cost(masks).max()))
        elif self._removal == "attention mask":
            inputs = rows.hidden(keep)
        else:
            inputs = rows.complete(np.where(keep, rows.ids, n))
            other = self._substitutes[self._baseline]
        if self._passes_positions and "position_ids" not in inputs:
            inputs["position_ids"] = np.broadcast_to(self._positions, keep.shape)
        table = embedding_table(self._network)
        vectors = torch.cat([self._moved[0], table(torch.tensor([other], device=self._device)).detach()])
        tensors = to_tensors(inputs, self._device)
        tensors["inputs_embeds"] = vectors[tensors.pop("input_ids")]
        try:
            return run(self._network, tensors)
        except NotImplementedError as error:  # BART names the parameter and refuses it
            raise self._refusal() from error

    def _refusal(self) -> ModelError:
        return ModelError(
            f"{type(self._network).__name__} takes no embeddings as input, so texts near this one cannot be made; "
            "leave out --neighbours, or use another model"
        )

"""The quality of a candidate on the inputs that are not trained on, with masks that stay the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.adapt.examples import Example
from stabcert.adapt.history import KEEP_SHARES, Quality
from stabcert.adapt.inputs import Inputs
from stabcert.adapt.masks import exact_share_mask
from stabcert.adapt.training import HELD_OUT, Memory
from stabcert.core.streams import ADAPT_STREAM, part_of
from stabcert.core.types import Masks

_MASKS = 2
"""Masks of each held-out input for each share."""
_INPUTS = {"cpu": 8}
_INPUTS_ELSEWHERE = 64
"""Inputs that are evaluated at a time."""


class HeldOut:
    """Held-out inputs, their masks, and the classes that the original model predicts without masking.

    Args:
        inputs: reader of the inputs.
        examples: held-out inputs.
        teacher: the original network.
        seed: seed of the masks.
        labelled: measure accuracy, too.
    """

    def __init__(
        self,
        inputs: Inputs,
        examples: Sequence[Example],
        teacher: torch.nn.Module,
        *,
        seed: int,
        labelled: bool,
        device: torch.device,
    ) -> None:
        self._inputs, self._examples, self._seed = inputs, examples, seed
        self._memory = Memory(min(_INPUTS.get(device.type, _INPUTS_ELSEWHERE), len(examples)), device)
        self._labels = np.array([example.label for example in examples]) if labelled else None
        self._original: NDArray[np.int64] = self._classes(teacher, self._full)[:, 0]

    def clean(self, module: torch.nn.Module) -> Quality:
        """Measure a network without masks."""
        predicted = self._classes(module, self._full)[:, 0]
        accuracy = None if self._labels is None else float(np.mean(predicted == self._labels))
        return Quality(float(np.mean(predicted == self._original)), accuracy, None)

    def masked(self, module: torch.nn.Module, clean: Quality) -> Quality:
        """Measure a network with masks, too."""
        same = self._classes(module, self._masks) == self._original[:, None]
        shares = tuple(float(np.mean(same[:, i :: len(KEEP_SHARES)])) for i in range(len(KEEP_SHARES)))
        return replace(clean, masked_agreement=shares)

    def _classes(self, module: torch.nn.Module, masks_of: Callable[[int, int], Masks]) -> NDArray[np.int64]:
        """Return the classes ``(inputs, masks)`` that a network predicts."""

        def compute(size: int) -> NDArray[np.int64]:
            found = []
            for start in range(0, len(self._examples), size):
                rows = []
                for place, example in enumerate(self._examples[start : start + size], start):
                    masked = self._inputs.masked(example)
                    rows.append((masked, masks_of(place, len(masked.features))))
                logits = self._inputs.logits(module, rows).float()
                found.append(logits.argmax(dim=-1).view(len(rows), -1).cpu().numpy())
            return np.concatenate(found)

        with torch.no_grad():
            return self._memory.halving(compute)

    def _full(self, place: int, n_features: int) -> Masks:
        return np.ones((1, n_features), dtype=np.bool_)

    def _masks(self, place: int, n_features: int) -> Masks:
        rng = part_of([self._seed, ADAPT_STREAM], HELD_OUT, place)
        return np.stack([exact_share_mask(n_features, float(s), rng) for _ in range(_MASKS) for s in KEEP_SHARES])

"""The report of an adaptation: progress while it runs, and what was measured and chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import torch

KEEP_SHARES = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
"""Shares of the features that the masks of the held-out inputs keep."""


@dataclass(frozen=True)
class Quality:
    """The predictions of a candidate on the held-out inputs."""

    clean_agreement: float
    """Share of the inputs on which it predicts the original model's class without masking."""
    clean_accuracy: float | None
    """Share of the inputs on which it predicts the label; None without labels."""
    masked_agreement: tuple[float, ...] | None
    """Share of masked inputs with the original model's class of the full input, for each of `KEEP_SHARES`. None
    where the clean loss was too large already."""

    @property
    def clean(self) -> float:
        """The number that `AdaptSettings.clean_loss` bounds: accuracy where there are labels, otherwise agreement."""
        return self.clean_agreement if self.clean_accuracy is None else self.clean_accuracy

    @property
    def masked(self) -> float:
        """Mean of the masked agreements, -1 where they were not measured."""
        return -1.0 if self.masked_agreement is None else sum(self.masked_agreement) / len(self.masked_agreement)


@dataclass(frozen=True)
class Epoch:
    """One row of the history: an epoch and the best candidate that it gave."""

    epoch: int
    """Number of the epoch from 1; 0 is the original model."""
    loss: float | None
    """Mean loss of the epoch's steps; None for the original model."""
    interpolation: float
    """Point between the original weights (0) and those of this epoch (1) that was best within the clean loss; 0 where
    none was within."""
    quality: Quality
    """Quality of that point."""
    trained: Quality
    """Quality of the trained weights themselves (point 1), whether they are within the clean loss or not."""


@dataclass(frozen=True)
class Progress:
    """The state of a running adaptation."""

    phase: Literal["training", "held-out"]
    epoch: int
    """Number of the epoch from 1; 0 while the original model is measured."""
    epochs: int
    step: int
    """Steps done in this phase of the epoch."""
    steps: int
    loss: float | None
    """Mean loss of this epoch so far."""
    last: Epoch | None
    """The last complete row of the history."""


@dataclass(frozen=True)
class Adapted:
    """An adapted network, and how it was chosen.

    On the held-out inputs its clean agreement (accuracy, where there are labels) is at most ``clean_loss`` below the
    original model's, because the original model is one of the candidates. On other inputs that is an estimate.
    """

    module: torch.nn.Module = field(repr=False)
    """The network with merged weights, in evaluation mode on the model's device, without gradients."""
    history: tuple[Epoch, ...]
    """The original model (epoch 0), then one row for each epoch."""
    epoch: int
    """The chosen epoch; 0: the original model."""
    interpolation: float
    """The chosen point between the original weights and those of the epoch."""
    reason: str
    """The reason for the choice, in words."""
    training_ids: tuple[str, ...] = field(repr=False)
    held_out_ids: tuple[str, ...] = field(repr=False)
    interrupted: bool
    """True if it was stopped before the last epoch."""
    settings: dict[str, Any] = field(repr=False)
    """JSON-ready: all settings with the values that were used, features and baseline included."""
    data_sha256: str = field(repr=False)
    """Hash of all inputs with their labels, in any order."""
    micro_batch: int
    """Inputs that were in memory at a time; smaller than ``batch_size`` where memory was too small."""
    cut: int = 0
    """Texts that were too long for the model and were cut."""

    @property
    def chosen(self) -> Quality:
        """Quality of the adapted network on the held-out inputs."""
        return self.history[self.epoch].quality

    @property
    def original(self) -> Quality:
        """Quality of the original network on the held-out inputs."""
        return self.history[0].quality

"""The file of changes of a demo model that is trained on masked inputs, and the call of the adaptation."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from stabcert.adapt.adapt import adapt
from stabcert.adapt.examples import Example
from stabcert.adapt.history import Adapted, Progress
from stabcert.adapt.settings import AdaptSettings
from stabcert.models.hub import LoadedModel

log = logging.getLogger(__name__)

_LARGEST = 7
"""Largest level of a change of 4 bits; its negative is the smallest."""
_SHRINKING = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Largest level in shares of the largest change of an output: the changes above it are cut, the others finer."""


def train(model: LoadedModel, examples: Sequence[Example], settings: AdaptSettings, **options: Any) -> Adapted:
    """Call `stabcert.adapt.adapt.adapt`, and log each epoch."""

    def report(progress: Progress) -> None:
        row = progress.last
        if progress.phase == "held-out" and row is not None:
            log.info("epoch %d of %d: loss %.4f", row.epoch, progress.epochs, row.loss)
            log.info("  at %.2f of the way: %s", row.interpolation, row.quality)
            log.info("  at the end: %s", row.trained)
        elif progress.step % 10 == 0:
            log.info("step %d of %d: loss %.4f", progress.step, progress.steps, progress.loss or 0.0)

    return adapt(model, examples, settings, on_progress=report, **options)


def packed(original: torch.nn.Module, trained: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the difference of two networks, as `stabcert.models.demo_masked.add_changes` reads it."""
    first = dict(original.named_parameters())
    changes = {}
    for key, value in trained.named_parameters():
        change = (value - first[key]).detach().float()
        if not change.any():
            continue
        if change.ndim > 1:
            changes[f"{key}.levels"], changes[f"{key}.scales"] = quantized(change.flatten(1))
        else:
            changes[key] = change.to(torch.float16)
    return changes


def quantized(change: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``(outputs, inputs)`` as levels of 4 bits, two a byte, and the scale of each output of least error."""
    largest = change.abs().amax(dim=1, keepdim=True)
    best = torch.full_like(largest, torch.inf)
    levels, scales = torch.zeros_like(change), torch.zeros_like(largest)
    for share in _SHRINKING:
        scale = (share * largest / _LARGEST).to(torch.float16).float().clamp_min(2.0**-24)
        candidate = (change / scale).round().clamp(-_LARGEST, _LARGEST)
        error = (candidate * scale - change).square().sum(dim=1, keepdim=True)
        levels, scales = torch.where(error < best, candidate, levels), torch.where(error < best, scale, scales)
        best = torch.minimum(error, best)
    numbers = (levels + 8).to(torch.uint8)
    even = torch.nn.functional.pad(numbers, (0, numbers.shape[1] % 2), value=8)
    return even[:, 0::2] | (even[:, 1::2] << 4), scales[:, 0].to(torch.float16)


def written(out: Path, changes: dict[str, torch.Tensor], adapted: Adapted, *, base: str | None) -> None:
    """Write a change file with what it was made from; ``base`` is the hash of the unchanged model."""
    from safetensors.torch import save_file

    made = {
        "settings": adapted.settings,
        "epoch": adapted.epoch,
        "interpolation": adapted.interpolation,
        "training_inputs": len(adapted.training_ids),
        "held_out_inputs": len(adapted.held_out_ids),
        "data_sha256": adapted.data_sha256,
        "base_sha256": base,
        "torch": str(torch.__version__),
    }
    # One entry, because safetensors writes several in an order that changes from run to run.
    save_file(changes, out, metadata={"made": json.dumps(made, sort_keys=True)})

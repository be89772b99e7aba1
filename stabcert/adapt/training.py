"""One step of training: the loss on an input and its masked copies, and the change of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from stabcert.adapt.examples import Example
from stabcert.adapt.inputs import Inputs
from stabcert.adapt.loss import loss_of
from stabcert.adapt.masks import draw_masks, plan_masks
from stabcert.adapt.settings import AdaptSettings
from stabcert.adapt.weights import TrainedWeights, Values
from stabcert.core.streams import ADAPT_STREAM, part_of
from stabcert.models.memory import is_out_of_memory, out_of_memory

ORDER, INPUTS, HELD_OUT, WEIGHTS = range(4)
"""Purposes of random numbers. Each is drawn from the seed and its place, so that no state has to be kept."""

_WARM_UP = 0.06
"""Share of the steps in which the learning rate rises."""
_LARGEST_GRADIENT = 1.0
"""Norm of all gradients above which they are scaled down."""

T = TypeVar("T")


class Training:
    """The state of a training: weights, their averages, the optimizer, and the inputs that fit into memory.

    Args:
        student: the network to train; only ``weights`` of it change.
        teacher: the original network.
        weights: the trained weights of ``student``.
        settings: recipe, with a learning rate.
        steps: number of all steps.
        micro_batch: inputs in memory at a time; gradients of a step are accumulated.
        autocast: lower precision of the products; None for float32 throughout.
    """

    def __init__(
        self,
        inputs: Inputs,
        student: torch.nn.Module,
        teacher: torch.nn.Module,
        weights: TrainedWeights,
        settings: AdaptSettings,
        *,
        steps: int,
        micro_batch: int,
        device: torch.device,
        autocast: torch.dtype | None,
    ) -> None:
        self._inputs, self._student, self._teacher = inputs, student, teacher
        self.weights = weights
        self._settings = settings
        self._steps = steps
        self.device = device
        self._autocast = autocast
        self.optimizer = torch.optim.AdamW(
            weights.parameters.values(), lr=settings.learning_rate or 0.0, weight_decay=0.0
        )
        self.average: Values = weights.values() if settings.average > 0 else {}
        self.memory = Memory(micro_batch, device)
        self.done = 0
        """Steps done so far."""
        self._targets: dict[str, torch.Tensor] = {}

    def values(self) -> Values:
        """Return the trained parameters that are evaluated: their moving average, where there is one."""
        return self.average or self.weights.values()

    def step(self, batch: Sequence[tuple[int, Example]], epoch: int) -> float:
        """Change the weights once.

        Args:
            batch: inputs with their places among the training inputs.
            epoch: number of the epoch, part of the place of the random draws.

        Returns:
            Mean loss of the batch before the step.

        Raises:
            ModelError: not even one input with its copies fits into memory.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = (self._settings.learning_rate or 0.0) * rate_factor(self.done, self._steps)

        def compute(size: int) -> float:
            self.optimizer.zero_grad(set_to_none=True)
            total = 0.0
            for start in range(0, len(batch), size):
                loss = self._loss(batch[start : start + size], epoch) / len(batch)
                torch.autograd.backward(loss)
                total += float(loss.detach())
            return total

        loss = self.memory.halving(compute)
        torch.nn.utils.clip_grad_norm_(self.weights.parameters.values(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self.done += 1
        self._update_average()
        return loss

    def _update_average(self) -> None:
        # Early averages would otherwise be those of the first weights.
        decay = min(self._settings.average, self.done / (self.done + 9))
        with torch.no_grad():
            for key, value in self.average.items():
                value.lerp_(self.weights.parameters[key], 1 - decay)

    def _loss(self, chunk: Sequence[tuple[int, Example]], epoch: int) -> torch.Tensor:
        """Return the sum of the losses of some inputs."""
        settings = self._settings
        generators = [part_of([settings.seed, ADAPT_STREAM], INPUTS, epoch, place) for place, _ in chunk]
        crops = settings.augment and not isinstance(chunk[0][1].data, str)
        masked = [
            self._inputs.masked(example, rng, crop=crops) for (_, example), rng in zip(chunk, generators, strict=True)
        ]
        plans = [plan_masks(settings, rng) for rng in generators]
        scored = [i for i, plan in enumerate(plans) if any(each.needs_scores for each in plan)]
        scores = (
            dict(zip(scored, self._inputs.saliency(self._teacher, [masked[i] for i in scored]), strict=True))
            if scored
            else {}
        )
        anchored = settings.clean_weight > 0
        rows = []
        for i, each in enumerate(masked):
            drawn = draw_masks(plans[i], each.features, settings, scores.get(i), generators[i])
            full = np.ones((int(anchored), len(each.features)), dtype=np.bool_)
            rows.append((each, np.concatenate([full, drawn])))
        teacher = self._teacher_logits(chunk, masked, remembered=not crops)
        with torch.autocast(self.device.type, self._autocast, enabled=self._autocast is not None):
            logits = self._inputs.logits(self._student, rows)
        student = logits.float().view(len(chunk), -1, teacher.shape[-1])
        labels = [example.label for _, example in chunk] if settings.label_weight > 0 else None
        return loss_of(student, teacher[:, None], labels, settings).sum()

    def _teacher_logits(
        self, chunk: Sequence[tuple[int, Example]], masked: list[object], *, remembered: bool
    ) -> torch.Tensor:
        """Return the original model's logits on the full inputs, ``(inputs, n_classes)``."""
        examples = [example for _, example in chunk]
        missing = [i for i, example in enumerate(examples) if not (remembered and example.sha256 in self._targets)]
        fresh: dict[int, torch.Tensor] = {}
        if missing:
            full = [(masked[i], np.ones((1, len(masked[i].features)), dtype=np.bool_)) for i in missing]  # type: ignore[attr-defined]
            # What is remembered is computed alone: a resumed run, which meets it in another batch, has the same bits.
            batches = [[row] for row in full] if remembered else [full]
            with torch.no_grad():
                found = torch.cat([self._inputs.logits(self._teacher, rows).float() for rows in batches])
            fresh = dict(zip(missing, found, strict=True))
            if remembered:
                self._targets.update((examples[i].sha256, row.cpu()) for i, row in fresh.items())
        rows = [fresh[i] if i in fresh else self._targets[e.sha256].to(self.device) for i, e in enumerate(examples)]
        return torch.stack(rows)


class Memory:
    """The number of inputs that are in memory at a time: halved for good each time that they do not fit."""

    def __init__(self, largest: int, device: torch.device) -> None:
        self.size = largest
        self._device = device

    def halving(self, compute: Callable[[int], T]) -> T:
        """Return ``compute(size)``, repeated with half of the size each time that memory runs out.

        Raises:
            ModelError: out of memory with one input at a time.
        """
        while True:
            try:
                return compute(self.size)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.size == 1:
                    raise out_of_memory(self._device) from error
            self.size = -(-self.size // 2)
            if self._device.type == "cuda":
                torch.cuda.empty_cache()


def rate_factor(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at a step: a linear rise, then half a cosine down to 0."""
    rise = max(1, math.ceil(_WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise + 1) / max(1, steps - rise + 1)))

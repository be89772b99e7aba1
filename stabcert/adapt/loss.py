"""The loss of an input and its masked copies."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from stabcert.adapt.settings import AdaptSettings


def loss_of(
    student: torch.Tensor, teacher: torch.Tensor, labels: Sequence[int | None] | None, settings: AdaptSettings
) -> torch.Tensor:
    """Return the loss of each input, ``(inputs,)``.

    It is the divergence of the student's prediction from the teacher's on the full input, for the masked copies (their
    mean) and for the full input, mixed with the cross-entropy of the label.

    A term for the divergence between the predictions for two masks of an input is left out. On photos (weight 0.3) it
    lowered the masked agreement at every clean agreement, from 60% to 56% with half of the cells kept, and hard radii.

    Args:
        student: ``(inputs, rows, n_classes)`` logits; the full input first, where ``clean_weight`` is above 0.
        teacher: ``(inputs, 1, n_classes)`` logits of the original model on the full input.
        labels: class of each input, where ``label_weight`` is above 0.
        settings: weights of the parts, and the temperature (1 where it is None).

    Source: Distilling the Knowledge in a Neural Network (Hinton et al. 2015), for the temperature.
    """
    heat = settings.temperature or 1.0
    rows = heat**2 * _divergence(torch.log_softmax(teacher / heat, dim=-1), torch.log_softmax(student / heat, dim=-1))
    if labels is not None:
        logs = torch.log_softmax(student, dim=-1)
        index = torch.tensor(labels, device=student.device)[:, None, None].expand(-1, student.shape[1], 1)
        rows = torch.lerp(rows, -logs.gather(2, index)[:, :, 0], settings.label_weight)
    if settings.clean_weight == 0:
        return rows.mean(dim=1)
    return torch.lerp(rows[:, 1:].mean(dim=1), rows[:, 0], settings.clean_weight)


def _divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the Kullback-Leibler divergence of ``second`` from ``first``, both log-probabilities."""
    return (first.exp() * (first - second)).sum(dim=-1)

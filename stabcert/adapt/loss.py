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
    mean) and for the full input, mixed with the cross-entropy of the label and the disagreement of additions.

    Args:
        student: ``(inputs, rows, n_classes)`` logits; the full input first, where ``clean_weight`` is above 0.
        teacher: ``(inputs, 1, n_classes)`` logits of the original model on the full input.
        labels: class of each input, where ``label_weight`` is above 0.
        settings: weights of the parts, and the temperature (1 where it is None).

    Source: Distilling the Knowledge in a Neural Network (Hinton et al. 2015), for the temperature.
    """
    heat = settings.temperature or 1.0
    rows = heat**2 * _divergence(torch.log_softmax(teacher / heat, dim=-1), torch.log_softmax(student / heat, dim=-1))
    logs = torch.log_softmax(student, dim=-1)
    if labels is not None:
        index = torch.tensor(labels, device=student.device)[:, None, None].expand(-1, student.shape[1], 1)
        rows = torch.lerp(rows, -logs.gather(2, index)[:, :, 0], settings.label_weight)
    if settings.clean_weight == 0:
        loss, copies = rows.mean(dim=1), logs
    else:
        copies = logs[:, 1:]
        loss = torch.lerp(rows[:, 1:].mean(dim=1), rows[:, 0], settings.clean_weight)
    if settings.agreement_weight == 0:
        return loss
    # Every second copy is an addition to the one before it; a copy without one is left out.
    pairs = copies.shape[1] // 2
    first, second = copies[:, 0 : 2 * pairs : 2], copies[:, 1 : 2 * pairs : 2]
    disagreement = (_divergence(first, second) + _divergence(second, first)).mean(dim=1) / 2
    return loss + settings.agreement_weight * disagreement


def _divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the Kullback-Leibler divergence of ``second`` from ``first``, both log-probabilities."""
    return (first.exp() * (first - second)).sum(dim=-1)

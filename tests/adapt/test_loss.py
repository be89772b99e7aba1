"""The loss against its definition, term by term, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from stabcert.adapt.loss import loss_of
from stabcert.adapt.settings import AdaptSettings

STUDENT = np.random.default_rng(0).normal(size=(3, 5, 4))
TEACHER = np.random.default_rng(1).normal(size=(3, 1, 4))
LABELS = [0, 3, 1]


def _kl(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Of the distributions of two rows of logits."""
    one, other = log_softmax(first), log_softmax(second)
    return math.fsum(np.exp(one) * (one - other))


@pytest.mark.parametrize("clean_weight", [0.0, 0.3])
@pytest.mark.parametrize("label_weight", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_loss_is_its_definition(clean_weight: float, label_weight: float, temperature: float) -> None:
    settings = AdaptSettings(
        clean_weight=clean_weight,
        label_weight=label_weight,
        temperature=temperature,
    )
    found = loss_of(
        torch.from_numpy(STUDENT), torch.from_numpy(TEACHER), LABELS if label_weight > 0 else None, settings
    )
    for i in range(3):
        rows = [
            (1 - label_weight) * temperature**2 * _kl(TEACHER[i, 0] / temperature, row / temperature)
            - label_weight * log_softmax(row)[LABELS[i]]
            for row in STUDENT[i]
        ]
        anchored = clean_weight > 0
        expected = np.mean(rows[int(anchored) :])
        if anchored:
            expected = clean_weight * rows[0] + (1 - clean_weight) * expected
        assert float(found[i]) == pytest.approx(expected, rel=1e-9)

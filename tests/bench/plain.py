"""The papers' algorithms written down plainly, as a reader would who has a model and no time.

From the text of the papers alone: a sample size that is fixed beforehand, batches of 16, masks drawn one by one and
multiplied to the input on the host, texts at their full length behind an attention mask. Nothing here is shared with
stabcert but the network, so that its decisions are an independent check of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

BATCH = 16

Classify = Callable[[torch.Tensor], torch.Tensor]
"""``(b, n_features)`` float masks, 1 = kept, to ``(b, n_classes)`` logits."""


@dataclass(frozen=True)
class Soft:
    """Soft stability: which masks were tried, and their classes."""

    masks: np.ndarray
    """``(N, n_features)`` bool, True = kept."""
    classes: np.ndarray
    prediction: int
    rate: float


@dataclass(frozen=True)
class Hard:
    """The vote over the q noise masks on one explanation, and the certified radius."""

    votes: np.ndarray
    masks: np.ndarray
    """``(q, n_features)`` bool: what was evaluated."""
    classes: np.ndarray
    radius: float


def images(network: torch.nn.Module, pixels: torch.Tensor, labels: np.ndarray) -> Classify:
    """A photo whose dropped features are 0: the mask, enlarged to pixels, times the photo.

    Args:
        pixels: ``(3, height, width)``, normalised.
        labels: ``(height, width)``: the feature of each pixel.
    """
    index = torch.from_numpy(labels)

    def classify(masks: torch.Tensor) -> torch.Tensor:
        enlarged = torch.stack([mask[index] for mask in masks])[:, None].repeat(1, 3, 1, 1)
        with torch.no_grad():
            return network(pixels[None].repeat(len(masks), 1, 1, 1) * enlarged)

    return classify


def texts(network: torch.nn.Module, encoding: dict[str, Any]) -> Classify:
    """A text whose dropped tokens have attention 0; features are its tokens but the special ones, which stay."""
    ids = torch.tensor([encoding["input_ids"]])
    special = torch.tensor(encoding["special_tokens_mask"], dtype=torch.bool)

    def classify(masks: torch.Tensor) -> torch.Tensor:
        attention = torch.ones(len(masks), ids.shape[1])
        attention[:, ~special] = masks
        with torch.no_grad():
            return network(input_ids=ids.repeat(len(masks), 1), attention_mask=attention.long()).logits

    return classify


def soft(
    classify: Classify,
    mask: np.ndarray,
    radius: int,
    *,
    epsilon: float = 0.1,
    delta: float = 0.1,
    rng: np.random.Generator,
) -> Soft:
    """The stability rate from ``N = ceil(ln(2 / delta) / (2 epsilon^2))`` samples.

    Source: Jin et al. 2025, Theorem 3.1 and "practical implementation": the number of additions by the Gumbel trick
    with log-binomials, then as many positions uniformly.
    """
    n_samples = math.ceil(math.log(2 / delta) / (2 * epsilon**2))
    prediction = int(classify(torch.from_numpy(mask).float()[None]).argmax())
    samples = torch.stack([_sample(mask, radius, rng) for _ in range(n_samples)])
    classes = [classify(samples[i : i + BATCH]).argmax(dim=-1) for i in range(0, n_samples, BATCH)]
    found = torch.cat(classes).numpy()
    return Soft(samples.bool().numpy(), found, prediction, float((found == prediction).mean()))


def hard(
    classify: Classify, mask: np.ndarray, *, keep: int, quantization: int, rng: np.random.Generator, batch: int = 64
) -> Hard:
    """The radius up to which nothing that is added changes the vote, with lambda = keep / quantization.

    Source: Xue et al. 2023, Proposition A.2 and Theorem 3.2: ``(g_A - g_B) / (2 lambda)``.
    """
    seed = rng.integers(quantization, size=len(mask)) / quantization
    base = (np.arange(quantization) + 0.5) / quantization
    noise = (seed[None] + base[:, None]) % 1 <= keep / quantization
    masked = torch.from_numpy(noise).float() * torch.from_numpy(mask).float()
    logits = torch.cat([classify(masked[i : i + batch]) for i in range(0, quantization, batch)])
    classes = logits.argmax(dim=-1)
    votes = torch.bincount(classes, minlength=logits.shape[1]).numpy()
    first, second = np.sort(votes)[::-1][:2] / quantization
    return Hard(votes, masked.bool().numpy(), classes.numpy(), float((first - second) / (2 * keep / quantization)))


def _sample(mask: np.ndarray, radius: int, rng: np.random.Generator) -> torch.Tensor:
    free = np.flatnonzero(~mask)
    log_binomials = [
        math.lgamma(len(free) + 1) - math.lgamma(j + 1) - math.lgamma(len(free) - j + 1) for j in range(radius + 1)
    ]
    count = int(np.argmax(np.array(log_binomials) + rng.gumbel(size=radius + 1)))
    sample = torch.from_numpy(mask).float()
    sample[torch.from_numpy(rng.permutation(free)[:count])] = 1.0
    return sample

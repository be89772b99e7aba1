"""A classifier of tints that masking misleads, and inputs for it: a task on which adaptation must help.

Pictures are noise with a red or a blue tint, so that any part of one tells its class. The network adds to that evidence
how dark the picture is, and so takes every masked picture for a blue one. Without this term it is right on all of them.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from PIL import Image

from stabcert.adapt.examples import Example
from stabcert.models.hub import LoadedModel
from stabcert.models.networks import ImageNetwork, call_with_pixels
from stabcert.models.preprocessing import resize_and_crop
from tests.models.tiny_images import CPU, SIDE

NAMES = ("blue", "red")
_HALF = (0.5, 0.5, 0.5)


class Tint(torch.nn.Module):
    """Redness, blueness and brightness by a pointwise convolution, a batch norm, a mean over pixels, two logits."""

    def __init__(self, largest_batch: int | None = None) -> None:
        super().__init__()
        self.largest_batch = largest_batch
        self.mix = torch.nn.Conv2d(3, 3, 1)
        self.norm = torch.nn.BatchNorm2d(3)
        self.head = torch.nn.Linear(3, 2)
        with torch.no_grad():
            self.mix.weight.copy_(torch.tensor([[1.0, 0, -1], [-1, 0, 1], [1, 1, 1]])[:, :, None, None])
            self.mix.bias.zero_()
            self.head.weight.copy_(torch.tensor([[-4.0, 4, 0], [4, -4, 4]]))
            self.head.bias.copy_(torch.tensor([0.0, -6.0]))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.largest_batch is not None and torch.is_grad_enabled() and len(pixels) > self.largest_batch:
            raise RuntimeError("CUDA out of memory (simulated)")
        logits: torch.Tensor = self.head(torch.relu(self.norm(self.mix(pixels))).mean(dim=(2, 3)))
        return logits


def tint_model(*, largest_batch: int | None = None, dtype: torch.dtype = torch.float32) -> LoadedModel:
    with torch.random.fork_rng(devices=[]):
        module = Tint(largest_batch).eval().requires_grad_(False)
    network = ImageNetwork(
        module, call_with_pixels, resize_and_crop(SIDE, SIDE, _HALF, _HALF), None, channels_last=False
    )
    return LoadedModel(
        id="tint",
        kind="image",
        revision=None,
        sha256="0" * 64,
        config_sha256=None,
        class_names=NAMES,
        device=CPU,
        dtype=dtype,
        notes=(),
        network=network,
    )


def tinted(count: int, *, labelled: bool = False, seed: int = 0) -> list[Example]:
    """Noise around 3/4 of full intensity, with a tint of an eighth that alternates."""
    examples = []
    for i in range(count):
        noise = np.random.default_rng([seed, i]).integers(-24, 25, (SIDE, SIDE, 3))
        tint = np.array([16, 0, -16]) if i % 2 else np.array([-16, 0, 16])
        colours = (192 + noise + tint).astype(np.uint8)
        digest = hashlib.sha256(colours.tobytes()).hexdigest()
        examples.append(Example(f"{i}.png", Image.fromarray(colours), i % 2 if labelled else None, digest))
    return examples

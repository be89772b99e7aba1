"""A picture for tiny image classifiers, and masks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from stabcert.models.image import MaskedImage
from stabcert.models.preprocessing import resize_and_crop

CPU = torch.device("cpu")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES = 5
SIDE = 32
"""Pixels a side that the networks take."""

Network = Callable[[torch.Tensor], torch.Tensor]


def picture(width: int = SIDE, height: int = SIDE, seed: int = 0) -> Image.Image:
    """Random colours: every pixel differs from every flat baseline in some channel."""
    colours = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(colours)


def means(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.mean(dim=(2, 3))


def masked(network: Network = means, image: Image.Image | None = None, **options: Any) -> MaskedImage:
    options = {"patch_size": 8, "device": CPU} | options
    return MaskedImage(network, image or picture(), resize_and_crop(SIDE, SIDE, MEAN, STD), **options)


def random_masks(count: int, n_features: int) -> NDArray[np.bool_]:
    return np.random.default_rng(0).random((count, n_features)) < 0.5

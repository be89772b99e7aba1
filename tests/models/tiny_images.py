"""Tiny random image classifiers, built in memory, a picture for them, and masks of it."""

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


def tiny_vit(dtype: torch.dtype = torch.float32) -> Network:
    """Patches of 8 pixels."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=SIDE,
        patch_size=8,
        num_labels=CLASSES,
        initializer_range=0.5,
    )
    return _logits(ViTForImageClassification, config, dtype)


def tiny_resnet(dtype: torch.dtype = torch.float32) -> Network:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=CLASSES)
    return _logits(ResNetForImageClassification, config, dtype)


def tiny_convnext(dtype: torch.dtype = torch.float32) -> Network:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(
        hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=CLASSES, layer_scale_init_value=1.0
    )
    return _logits(ConvNextForImageClassification, config, dtype)


def _logits(kind: Any, config: Any, dtype: torch.dtype) -> Network:
    # Random weights come from torch's global generator; its state is put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = kind(config).eval()
        head = [part for part in module.modules() if isinstance(part, torch.nn.Linear)][-1]
        # Logits of mean 0 and deviation 1/4 over masks: these then change the class of a random network.
        cells = (torch.rand(64, 1, 4, 4) < 0.5).repeat_interleave(SIDE // 4, 2).repeat_interleave(SIDE // 4, 3)
        pixels = torch.from_numpy(np.array(picture())).permute(2, 0, 1) / 64 - 2
        with torch.no_grad():
            deviation, mean = torch.std_mean(module(pixel_values=pixels * cells).logits, dim=0)
            head.weight /= 4 * deviation[:, None]
            head.bias -= mean
            head.bias /= 4 * deviation
    module.to(dtype)

    def logits(pixels: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = module(pixel_values=pixels).logits
        return result

    return logits

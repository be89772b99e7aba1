"""Tiny random image classifiers, built in memory, and a picture for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

CLASSES = 5
SIDE = 32
"""Pixels a side that the networks take."""

Network = Callable[[torch.Tensor], torch.Tensor]


def picture(width: int = SIDE, height: int = SIDE, seed: int = 0) -> Image.Image:
    """Random colours: every pixel differs from every flat baseline in some channel."""
    colours = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(colours)


def tiny_vit() -> Network:
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
        # Larger than usual, so that masks change the class that a random network predicts.
        initializer_range=0.5,
    )
    return _logits(ViTForImageClassification, config)


def tiny_resnet() -> Network:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=CLASSES
    )
    return _logits(ResNetForImageClassification, config)


def tiny_convnext() -> Network:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(
        hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=CLASSES, layer_scale_init_value=1.0
    )
    return _logits(ConvNextForImageClassification, config)


def _logits(kind: Any, config: Any) -> Network:
    # Random weights come from torch's global generator; its state is put back.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = kind(config).eval()

    def logits(pixels: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = module(pixel_values=pixels).logits
        return result

    return logits

"""Tiny networks whose prediction changes with the mask, saved as directories of models, and the exact function."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image

from stabcert.core.types import Masks
from stabcert.models.base import ModelPredictor
from stabcert.models.hub import LoadedModel, load_model
from tests.tiny_models import save, seeded, tiny_network
from tests.tiny_tokenizers import wordpiece_tokenizer

DEVICE = os.environ.get("STABCERT_ACCELERATOR", "cuda")
FAMILIES = ("vit", "vit-drop", "resnet", "bert")
OPTIONS = {"vit-drop": {"features": "patch", "baseline": "drop"}}
"""Features and baseline of a family where they are not the usual ones."""
DTYPES = ("float32", "bfloat16", "float16")
TEXT = "the film was not good, the movie was great and believable, a bad film was unbelievable"
SIDE = 64
"""Pixels a side that the networks for images read."""


def picture(side: int = SIDE, seed: int = 0) -> Image.Image:
    """Random colours in blocks of an eighth of a side."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks.repeat(side // 8, 0).repeat(side // 8, 1))


def save_networks(root: Path) -> dict[str, Path]:
    """Write one directory of a model for each family."""
    vit, resnet = seeded(lambda: transformers.ViTForImageClassification(_VIT)), resnet_of_width(8)
    saved = {
        "vit": save_images(vit, root / "vit"),
        "vit-drop": save_images(vit, root / "vit-drop"),
        "resnet": save_images(resnet, root / "resnet"),
        "bert": save(tiny_network("bert", n_classes=3), root / "bert", wordpiece_tokenizer()),
    }
    for family in ("vit", "vit-drop", "resnet"):
        vary(vit if family.startswith("vit") else resnet, saved[family], **OPTIONS.get(family, {}))
    return saved


_VIT = transformers.ViTConfig(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    image_size=SIDE,
    patch_size=8,
    num_labels=5,
    initializer_range=0.5,
)


def resnet_of_width(width: int) -> torch.nn.Module:
    config = transformers.ResNetConfig(
        embedding_size=width, hidden_sizes=[width, 2 * width], depths=[1, 1], layer_type="basic", num_labels=5
    )
    return seeded(lambda: transformers.ResNetForImageClassification(config))


def save_images(network: torch.nn.Module, directory: Path, side: int = SIDE) -> Path:
    return save(network, directory, transformers.ViTImageProcessor(size={"height": side, "width": side}))


def vary(network: torch.nn.Module, directory: Path, side: int = SIDE, **options: Any) -> None:
    """Write weights with which the logits have mean 0 and deviation 1 over masks of the picture."""
    logits = torch.from_numpy(exact_logits(directory, masks_of(64, 64), side=side, **options)).float()
    loaded.cache_clear()
    head = [part for part in network.modules() if isinstance(part, torch.nn.Linear)][-1]
    weight, bias = head.weight.detach().clone(), head.bias.detach().clone()
    deviation, mean = torch.std_mean(logits, dim=0)
    with torch.no_grad():
        head.weight /= deviation[:, None]
        head.bias.copy_((head.bias - mean) / deviation)
        save_images(network, directory, side)
        head.weight.copy_(weight)
        head.bias.copy_(bias)


@cache
def loaded(directory: Path, device: str = DEVICE, dtype: str = "float32", *, compile: bool = False) -> LoadedModel:
    return load_model(str(directory), device=device, dtype=dtype, compile=compile, offline=True)


def predictor(model: LoadedModel, *, side: int = SIDE, features: str | None = None, **options: Any) -> ModelPredictor:
    """The predictor of the text, or of the picture with so many pixels a side."""
    if model.kind == "text":
        return model.predictor(TEXT, features=features, **options)
    return model.predictor(picture(side), features=features or "grid:8", **options)


def masks_of(n_features: int, count: int = 400) -> Masks:
    """Masks of all densities, the empty and the full one among them."""
    rng = np.random.default_rng(2)
    masks = rng.random((count, n_features)) < rng.random((count, 1))
    masks[0], masks[1] = False, True
    return masks


def exact_logits(directory: Path, masks: Masks, **options: Any) -> NDArray[np.float64]:
    """Logits of the same masked input in float64 on the CPU, each mask alone."""
    masked_input = predictor(loaded(directory, "cpu"), **options).masked_input.in_float64()
    assert masked_input is not None
    with torch.inference_mode():
        return torch.cat([masked_input.logits(mask[None]) for mask in masks]).double().numpy()


def margins(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences of the two largest logits."""
    best = np.sort(logits, axis=1)
    return best[:, -1] - best[:, -2]

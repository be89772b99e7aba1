"""Tiny model directories that are written once, and copies of them to spoil."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.models.tiny import save_tiny_bert

TEXT, IMAGE = "text-model", "image-model"
SENTENCE = "the movie was not bad, a great film"


def save_models(directory: Path) -> None:
    """Both tiny models below ``directory``."""
    transformers.utils.logging.disable_progress_bar()
    save_tiny_bert(directory / TEXT)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        initializer_range=0.5,
        id2label={0: "cat", 1: "dog", 2: "owl"},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = transformers.ViTForImageClassification(config)
    network.save_pretrained(directory / IMAGE)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(directory / IMAGE)
    transformers.utils.logging.enable_progress_bar()


def copy(model: str, name: str) -> Path:
    """A copy of a tiny model below the working directory, to be changed."""
    return Path(shutil.copytree(Path(model).resolve(), name))


def with_config(model: str, name: str, **changes: Any) -> str:
    """A copy whose config.json differs; None takes a key out."""
    path = copy(model, name) / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
    return name


def with_weights(model: str, name: str, change: Callable[[dict[str, torch.Tensor]], None]) -> str:
    """A copy whose weights differ."""
    from safetensors.torch import load_file, save_file

    path = copy(model, name) / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})
    return name

"""Tiny model directories that are written once, and copies of them to spoil."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.tiny_models import save_tiny_bert, save_vit

TEXT, IMAGE = "text-model", "image-model"
SENTENCE = "the movie was not bad, a great film"


def save_models(directory: Path) -> None:
    """Both tiny models below ``directory``."""
    save_tiny_bert(directory / TEXT)
    save_vit(directory / IMAGE, initializer_range=0.5)


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

"""Directories of adapted models, which load like any other model."""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from stabcert.adapt.history import Adapted
from stabcert.errors import ModelError, ParameterError
from stabcert.models.checkpoint import config_files
from stabcert.models.failures import failing
from stabcert.models.hub import LoadedModel, load_model
from stabcert.models.networks import ImageNetwork, TextNetwork, quiet, quiet_transformers

_TOLERANCE = 1e-4
"""Probabilities of the network in memory and of the one that was loaded may differ by this much."""


def save_adapted(model: LoadedModel, adapted: Adapted, directory: Path) -> None:
    """Write an adapted model as a directory of transformers or timm: weights, configuration, preprocessing, labels.

    The directory appears complete or not at all: it is written beside its place, loaded, compared with the network in
    memory, and renamed. ``load_model(str(directory))`` then gives the same classes, preprocessing, features and logits.

    Args:
        model: the original model.
        adapted: the result of `stabcert.adapt.adapt.adapt` for it.
        directory: a path that does not exist, or an empty directory.

    Raises:
        ParameterError: ``directory`` is a file or is not empty.
        ModelError: the model is of a kind that cannot be written, or the directory would give other predictions.
    """
    check_directory(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as beside:
        written = Path(beside) / directory.name
        written.mkdir()
        with quiet(), quiet_transformers():
            _write(model, adapted.module, written)
        for file in written.iterdir():  # safetensors are written for their owner alone
            file.chmod((written / "config.json").stat().st_mode)
        _compare(adapted_model(model, adapted), written)
        if directory.is_dir():
            directory.rmdir()
        os.replace(written, directory)


def check_directory(directory: Path) -> None:
    """Refuse a place that `save_adapted` does not write to, before anything is trained.

    Raises:
        ParameterError: ``directory`` is a file or is not empty.
    """
    if directory.is_dir() and not any(directory.iterdir()):
        return
    if directory.exists():
        raise ParameterError(
            f"out must be a new or empty directory, got {directory}, which exists. Use another name, or remove it",
            "out",
        )


def adapted_model(model: LoadedModel, adapted: Adapted) -> LoadedModel:
    """Return the adapted network in the place of the original one; its hash is not known before it is written."""
    network: ImageNetwork | TextNetwork = replace(model.network, module=adapted.module)
    return replace(model, network=network, sha256=None, batches={})


def _write(model: LoadedModel, module: torch.nn.Module, directory: Path) -> None:
    from transformers import PreTrainedModel

    if isinstance(module, PreTrainedModel):
        with failing(f"the writer of {type(module).__name__}"):
            module.save_pretrained(directory)
        for path in [] if model.directory is None else config_files(model.directory):
            if path.name != "config.json":
                shutil.copyfile(path, directory / path.name)
        if model.directory is None and isinstance(model.network, TextNetwork):
            model.network.tokenizer.save_pretrained(directory)
    elif hasattr(module, "pretrained_cfg"):
        _write_timm(module, model.class_names, directory)
    else:
        raise ModelError(
            f"{model.id} is a network of neither transformers nor timm ({type(module).__name__}), so it cannot be "
            "written. Give another model"
        )


def _write_timm(module: Any, class_names: tuple[str, ...], directory: Path) -> None:
    from timm.models import save_for_hf

    # Tensors in the memory format of convolutions cannot be written.
    plain = copy.deepcopy(module).cpu().to(memory_format=torch.contiguous_format)
    names = {"label_names": list(class_names)}
    save_for_hf(plain, str(directory), model_config=names, safe_serialization=True)
    config = directory / "config.json"
    described = json.loads(config.read_text(encoding="utf-8"))
    for place in (described, described["pretrained_cfg"]):  # the names are descriptions already
        place.pop("label_descriptions", None)
    described["pretrained_cfg"].pop("label_names", None)
    config.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _compare(model: LoadedModel, directory: Path) -> None:
    """Refuse a directory that does not load as ``model``."""
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    loaded = load_model(str(directory), device=str(model.device), trust_remote_code="auto_map" in config, offline=True)
    if loaded.class_names != model.class_names:
        raise ModelError(f"{model.id} cannot be written, because its class names would change. Give another model")
    trial = _trial_input(model)
    first, second = model.predictor(trial), loaded.predictor(trial)
    if first.n_features != second.n_features:
        raise ModelError(
            f"{model.id} cannot be written, because its inputs would have {second.n_features} features instead of "
            f"{first.n_features}. Give another model"
        )
    masks = np.ones((3, first.n_features), dtype=np.bool_)
    masks[1, ::2], masks[2, 1::2] = False, False
    difference = float(np.abs(first(masks) - second(masks)).max())
    if difference > _TOLERANCE:
        raise ModelError(
            f"{model.id} cannot be written, because its probabilities would differ by {difference:.2g}. Give another "
            "model"
        )


def _trial_input(model: LoadedModel) -> Image.Image | str:
    if isinstance(model.network, TextNetwork):
        return "a good film is not very bad"
    width, height = model.network.trial_size
    colours = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    # Larger than the input, and with other proportions, so that a difference in resizing would be seen.
    return Image.fromarray(colours).resize((width + width // 2, height + height // 3), Image.Resampling.BICUBIC)

"""Image classifiers of timm: by name, or from a directory written by timm.models.save_for_hf."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
import torch
from PIL import Image

from stabcert.errors import ModelError
from stabcert.models.asking import meaning_of
from stabcert.models.checkpoint import Checkpoint
from stabcert.models.failures import reason
from stabcert.models.image_checks import check_channels, check_image_network
from stabcert.models.networks import (
    ANOTHER_MODEL,
    ImageNetwork,
    Loaded,
    Part,
    Parts,
    call_with_pixels,
    distinct,
    is_convolutional,
    place,
)
from stabcert.models.preprocessing import Preprocessing, of_channels


def hub_repository(name: str, timm_name: str) -> str:
    """Return the repository of the hub that contains the pretrained weights of a timm model.

    Raises:
        ModelError: the name does not exist in timm, or timm has no weights for it on the hub.
    """
    import timm

    config = timm.get_pretrained_cfg(timm_name) if timm.is_model(timm_name) else None
    if config is None:
        close = difflib.get_close_matches(timm_name, timm.list_models() + timm.list_pretrained(), n=3)
        hint = f"Use {' or '.join('timm:' + c for c in close)}" if close else "Use a name of timm.list_pretrained()"
        raise ModelError(f"timm {timm.__version__} has no model {timm_name!r}. {hint}")
    if not config.hf_hub_id:
        tagged = [
            n for n in timm.list_pretrained(f"{timm_name.split('.')[0]}.*") if timm.get_pretrained_cfg(n).hf_hub_id
        ]
        hint = (
            f"Use timm:{tagged[0]}"
            if tagged
            else ("Save weights of your own with timm.models.save_for_hf(network, directory, safe_serialization=True)")
        )
        raise ModelError(f"timm has no weights on the hub for {name}. {hint}")
    return str(config.hf_hub_id)


def load_from_timm(
    checkpoint: Checkpoint, *, architecture: str | None, device: torch.device, dtype: torch.dtype
) -> Loaded:
    """Load a checked directory; no network is used.

    Args:
        checkpoint: the directory.
        architecture: a name of timm with its pretrained configuration; None: that of ``config.json``.
        device: device of the network.
        dtype: of weights and arithmetic.

    Raises:
        ModelError: the architecture is unknown, the classification head is missing, or the weights do not fit.
    """
    import timm

    name = checkpoint.name
    if len(checkpoint.weights) > 1:
        raise ModelError(f"{name} has its weights in several files, which timm cannot read. Save them in one file")
    # The file by name: left to itself, timm may prefer a pickle.
    overlay = {"file": str(checkpoint.weights[0]), "source": "", "custom_load": False}
    try:
        network: Any = timm.create_model(
            architecture or f"local-dir:{checkpoint.directory}", pretrained=True, pretrained_cfg_overlay=overlay
        )
    except Exception as error:  # timm raises RuntimeError, KeyError, TypeError, ... for a wrong directory
        raise ModelError(_explained(name, error)) from error
    classes = int(network.num_classes)
    if classes < 1:
        raise ModelError(
            f"{name} has no classification head ({classes} classes). Give a model that was trained to classify"
        )
    class_names, notes = _class_names(network, guess_is_noted=architecture is None)
    image = _image_network(name, network, device, dtype)
    check_image_network(name, image, classes, device, dtype)
    return Loaded(image, class_names, (*notes, *image.notes), meaning=meaning_of(None, classes))


def channels(network: torch.nn.Module) -> int:
    """Return how many planes of colour a network of timm reads."""
    from timm.data import resolve_model_data_config

    # The data configuration is that of the published weights, whatever the arguments of this network.
    names = network.pretrained_cfg.get("first_conv") or ()  # type: ignore[union-attr, operator]
    name = names if isinstance(names, str) else next(iter(names), "")
    first = dict(network.named_modules()).get(name)
    if isinstance(first, torch.nn.Conv2d):
        return first.in_channels
    return int(resolve_model_data_config(network)["input_size"][0])


def patch_size(network: torch.nn.Module) -> int | None:
    """Return the side of the patches in pixels, if every patch stays one token through the whole network."""
    from timm.layers import PatchEmbed
    from timm.models.beit import Beit
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer

    embed = getattr(network, "patch_embed", None)
    # PatchEmbed itself: that of a hybrid network counts in cells of a convolutional network.
    if not isinstance(network, (VisionTransformer, Eva, Beit)) or not isinstance(embed, PatchEmbed):
        return None
    height, width = embed.patch_size
    return int(height) if height == width else None


def token_stage(network: torch.nn.Module) -> tuple[Part, Parts | None] | None:
    """Return functions that find the part after which patches are tokens, and the blocks that read rotary positions."""
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer

    if isinstance(network, VisionTransformer) and hasattr(network, "patch_drop"):
        return (lambda module: module.patch_drop), None
    if isinstance(network, Eva) and hasattr(network, "pos_drop"):
        return (lambda module: module.pos_drop), (lambda module: module.blocks)
    return None


def _image_network(name: str, network: Any, device: torch.device, dtype: torch.dtype) -> ImageNetwork:
    from timm.data import create_transform, resolve_model_data_config

    data = resolve_model_data_config(network)
    planes = check_channels(name, channels(network))
    if planes == 1 and len(data["mean"]) != 1:  # as timm does where it reads images in training
        data |= {key: (float(np.mean(data[key])),) for key in ("mean", "std")}
    transform = create_transform(**data, is_training=False)
    channels_last = is_convolutional(network)
    # Buffers too: timm's networks compute in one type, statistics of batch norms included.
    place(name, network.to(dtype), device, dtype, channels_last=channels_last)

    def to_pixels(image: Image.Image) -> torch.Tensor:
        pixels: torch.Tensor = transform(of_channels(image, planes))
        return pixels

    mean, std = (tuple(float(v) for v in data[key]) for key in ("mean", "std"))
    preprocessing = Preprocessing(to_pixels, mean, std)
    stage, rotated = token_stage(network) or (None, None)
    return ImageNetwork(
        network,
        call_with_pixels,
        preprocessing,
        patch_size(network),
        channels_last,
        stage=stage,
        rotated=rotated,
    )


def _class_names(network: Any, *, guess_is_noted: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from timm.data import ImageNetInfo, infer_imagenet_subset

    classes = int(network.num_classes)
    config = network.pretrained_cfg
    names = config.get("label_names")
    descriptions = config.get("label_descriptions") or {}
    if names:
        # A dictionary by index if indices have gaps, otherwise a list.
        items = {int(k): v for k, v in names.items()} if isinstance(names, dict) else dict(enumerate(names))
        named = [str(items.get(i, f"class {i}")) for i in range(classes)]
        return distinct([str(descriptions.get(n, n)) for n in named]), ()
    subset = infer_imagenet_subset(network)
    if subset is None:
        return tuple(f"class {i}" for i in range(classes)), ()
    note = f"the model has no stored label names. Its {classes} classes are taken to be those of {subset}"
    info = ImageNetInfo(subset)
    return distinct(info.label_descriptions()), ((note,) if guess_is_noted else ())


def _explained(name: str, error: Exception) -> str:
    text = str(error)
    if "Missing key(s)" in text or "size mismatch" in text:
        keys = " ".join(text.split())[:300]
        return (
            f"{name} has no weights, or weights of another shape, for a part of its network, such as the "
            f"classification head ({keys}). Give a model that was trained to classify, because allow_random_head=True "
            "works only with transformers"
        )
    return f"{name} cannot be loaded by timm ({reason(error)}). {ANOTHER_MODEL}"

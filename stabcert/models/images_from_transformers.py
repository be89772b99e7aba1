"""Networks for images in the format of transformers: processor, channels, patches and their tokens."""

from __future__ import annotations

from typing import Any

import torch

from stabcert.errors import ModelError
from stabcert.models.attempts import attempt
from stabcert.models.checkpoint import Checkpoint
from stabcert.models.image_checks import check_channels
from stabcert.models.networks import ImageNetwork, Part, Parts, is_convolutional, place
from stabcert.models.preprocessing import Preprocessing
from stabcert.models.processors import measured

# One token for each square of patch_size pixels, all the way through the network. Hierarchical
# networks (Swin, PVT, ...) have a patch_size too, but merge patches.
_PLAIN_VISION_TRANSFORMERS = frozenset(
    {
        "vit",
        "deit",
        "beit",
        "vit_msn",
        "data2vec-vision",
        "dinov2",
        "dinov2_with_registers",
        "dinov3_vit",
        "ijepa",
        "clip",
        "metaclip_2",
        "siglip",
        "siglip2",
    }
)
_PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")


def image_network(
    checkpoint: Checkpoint, module: Any, trust_remote_code: bool, device: torch.device, dtype: torch.dtype
) -> ImageNetwork:
    """Return the network of a loaded module on its device, with the preprocessing of its directory.

    Raises:
        ModelError: the image processor is missing or cannot be used, or the network reads other channels.
    """
    from transformers import AutoImageProcessor

    directory = checkpoint.directory
    channels = check_channels(checkpoint.name, _channels(module))
    described = any((directory / file).is_file() for file in _PROCESSOR_FILES)
    # TimmWrapper keeps the preprocessing in config.json.
    if not described and checkpoint.config.get("model_type") != "timm_wrapper":
        raise ModelError(
            f"{checkpoint.name} has no preprocessor_config.json, which contains the resizing and normalisation of "
            "images. Save the image processor into it with save_pretrained"
        )
    processor = attempt(
        checkpoint.name,
        "has an image processor that cannot be loaded",
        lambda: AutoImageProcessor.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=trust_remote_code
        ),
    )

    failure = "has an image processor that cannot be used"
    preprocessing = attempt(checkpoint.name, failure, lambda: measured(processor, channels))
    channels_last = is_convolutional(module)
    place(checkpoint.name, module, device, dtype, channels_last=channels_last)
    return image_network_of(module, preprocessing, channels_last=channels_last)


def image_network_of(module: Any, preprocessing: Preprocessing, *, channels_last: bool) -> ImageNetwork:
    """Return a classifier of images of transformers that is in its place, with what is known of its patches."""
    stage, rotated = _token_stage(module) or (None, None)
    return ImageNetwork(
        module,
        _call,
        preprocessing,
        _patch_size(module),
        channels_last,
        stage=stage,
        rotated=rotated,
        trial_size=_trial_size(module),
    )


def _call(network: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = network(pixel_values=pixels).logits
    return logits


def _patch_size(module: Any) -> int | None:
    config = module.config
    if config.model_type == "timm_wrapper":
        from stabcert.models.from_timm import patch_size

        return patch_size(module.timm_model)
    if config.model_type not in _PLAIN_VISION_TRANSFORMERS:
        return None
    size = getattr(_vision_config(module), "patch_size", None)
    if isinstance(size, (list, tuple)) and len(set(size)) == 1:
        size = size[0]
    return size if isinstance(size, int) else None


def _channels(module: Any) -> int:
    """Return how many planes of colour the network reads by its configuration."""
    if module.config.model_type == "timm_wrapper":
        from stabcert.models.from_timm import channels

        return channels(module.timm_model)
    return int(getattr(_vision_config(module), "num_channels", 3))


def _trial_size(module: Any) -> tuple[int, int]:
    """Return width and height of the images that the network reads by its configuration."""
    size = getattr(_vision_config(module), "image_size", None)
    if isinstance(size, int):
        return size, size
    if isinstance(size, (list, tuple)) and len(size) == 2:
        return int(size[1]), int(size[0])
    return 256, 256


def _vision_config(module: Any) -> Any:
    return getattr(module.config, "vision_config", module.config)


def _token_stage(module: Any) -> tuple[Part, Parts | None] | None:
    """Return functions that find the part of a plain vision transformer after which patches are tokens, and blocks."""
    if module.config.model_type == "timm_wrapper":
        from stabcert.models.from_timm import token_stage

        found = token_stage(module.timm_model)
        if found is None:
            return None
        stage, rotated = found
        return (
            lambda wrapper: stage(wrapper.timm_model),
            None if rotated is None else lambda wrapper: rotated(wrapper.timm_model),
        )
    if module.config.model_type not in _PLAIN_VISION_TRANSFORMERS or _embeddings_of(module) is None:
        return None
    return _embeddings_of, None


def _embeddings_of(module: Any) -> Any:
    base = module.base_model
    return getattr(getattr(base, "vision_model", base), "embeddings", None)

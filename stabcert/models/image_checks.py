"""Checks of a network for images when it is loaded."""

from __future__ import annotations

import torch

from stabcert.errors import ModelError
from stabcert.models.failures import reason
from stabcert.models.networks import ANOTHER_MODEL, ImageNetwork, check_logits


def check_channels(name: str, channels: int) -> int:
    """Return how many channels a network reads: 3 (colours) or 1 (grey); raise a ModelError for another number."""
    if channels not in (1, 3):
        raise ModelError(
            f"{name} reads images of {channels} channels, but stabcert masks colour images of 3 (red, green, blue) and "
            "grey ones. Give a model that was trained on colour images"
        )
    return channels


def check_image_network(name: str, image: ImageNetwork, classes: int, device: torch.device, dtype: torch.dtype) -> None:
    """Run two grey images to check that sizes fit and that there are as many logits as classes.

    Raises:
        ModelError: the network cannot read the preprocessed images, or its logits have another shape.
    """
    pixels = image.trial_pixels()
    channels = image.preprocessing.channels
    if pixels.ndim != 3 or pixels.shape[0] != channels:
        raise ModelError(
            f"the preprocessing of {name} returns shape {tuple(pixels.shape)}, not that of an image, ({channels}, H, W)"
        )
    try:
        with torch.inference_mode():
            logits = image.logits(torch.stack([pixels, pixels]).to(device=device, dtype=dtype))
    except Exception as error:
        raise ModelError(
            f"{name} cannot be run on a {pixels.shape[2]}x{pixels.shape[1]} image ({reason(error)}). {ANOTHER_MODEL}"
        ) from error
    check_logits(name, logits, classes)

"""Preprocessing by image processors of transformers: measured, because their options differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from stabcert.models.preprocessing import Preprocessing, of_channels

_SIDE = 256
_RGB = (0, 1, 2)


def measured(processor: Any, channels: int = 3) -> Preprocessing:
    """Return the preprocessing of a processor: normalisation and order of the colours as they come out.

    Args:
        processor: an image processor.
        channels: 3, or 1 for a network that reads grey images.

    Raises:
        ValueError: the output cannot be colours.
    """

    def to_pixels(image: Image.Image) -> torch.Tensor:
        made = processor(images=of_channels(image, channels), return_tensors="pt")
        if "pixel_values" not in made:
            raise ValueError(f"an image comes out as {', '.join(made)}, not as pixel_values")
        pixels: torch.Tensor = made["pixel_values"][0].float()
        if pixels.ndim != 3:
            raise ValueError(f"an image comes out in shape {tuple(pixels.shape)}, not in (channels, height, width)")
        return pixels

    mean, std = _normalisation(processor, to_pixels, channels)
    return Preprocessing(to_pixels, mean, std, _order(to_pixels, mean, std) if channels == 3 else _RGB)


def _normalisation(
    processor: Any, to_pixels: Callable[[Image.Image], torch.Tensor], channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each plane, in units of [0, 1] pixels."""
    black, white = (_middle(to_pixels, (level, level, level)) for level in (0, 255))
    if not np.isfinite((black, white)).all():
        raise ValueError("pixels come out as numbers that are not finite")
    if (white == black).any():
        raise ValueError("black and white images come out equal")
    if len(black) != channels:
        kind = "colour" if channels == 3 else "grey"
        raise ValueError(f"a {kind} image comes out with {len(black)} channel(s), not with {channels}")
    std = 1.0 / (white - black)
    mean = -black * std
    declared: tuple[Any, Any] = (getattr(processor, "image_mean", None), getattr(processor, "image_std", None))
    given = all(isinstance(values, (list, tuple)) and len(values) == len(mean) for values in declared)
    if given and np.allclose((mean, std), declared, rtol=0, atol=1e-6):
        # The same, without the rounding of the measurement.
        mean, std = declared
    return tuple(float(m) for m in mean), tuple(float(s) for s in std)


def _order(
    to_pixels: Callable[[Image.Image], torch.Tensor], mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[int, ...]:
    """Return the colour of each plane; the order of RGB where colours are mixed, as in grey images."""
    pure = np.array([_middle(to_pixels, colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))])
    amount = pure * std + mean  # colour by plane: 1 where the plane is that colour, otherwise 0
    order = tuple(int(colour) for colour in amount.argmax(axis=0))
    return order if sorted(order) == list(_RGB) and np.allclose(amount, np.eye(3)[list(order)].T, atol=0.01) else _RGB


def _middle(to_pixels: Callable[[Image.Image], torch.Tensor], colour: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the pixel in the middle of an image of one colour, which padding does not reach."""
    pixels = to_pixels(Image.new("RGB", (_SIDE, _SIDE), colour))
    channels: NDArray[np.float64] = pixels[:, pixels.shape[1] // 2, pixels.shape[2] // 2].double().numpy()
    return channels

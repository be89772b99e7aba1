"""The conversion of an image to the pixels that a network reads, and back to colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from stabcert.errors import InputError, ModelError, ParameterError

# Bicubic filters on floats overshoot by a few hundredths; beyond this, mean and std are wrong.
_COLOUR_SLACK = 0.5


@dataclass(frozen=True)
class Preprocessing:
    """The conversion of an RGB image to the pixels that a network reads.

    ``pixels * std + mean`` is the colour, from 0 (black) to 1 (full intensity).

    Raises:
        ParameterError: ``mean`` is not three numbers, or ``std`` is not three positive numbers.
    """

    to_pixels: Callable[[PIL.Image.Image], torch.Tensor]
    """RGB image to ``(3, height, width)`` float32, normalised, on the CPU."""
    mean: tuple[float, ...]
    """Means of the normalisation, one a channel; 0 without normalisation."""
    std: tuple[float, ...]
    """Standard deviations of the normalisation, one a channel; 1 without normalisation."""
    colours: tuple[int, ...] = (0, 1, 2)
    """The colour of each plane of the pixels: 0 red, 1 green, 2 blue. MobileViT, for example, reads blue first."""

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or not min(self.std) > 0:
            raise ParameterError(
                f"mean {self.mean} and std {self.std} are not a normalisation of RGB. "
                "Give three means and three positive standard deviations (0 and 1 without normalisation)"
            )


def resize_and_crop(resize: int, size: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocessing:
    """Return the usual pipeline of ImageNet classifiers, as torchvision computes it.

    The shorter side becomes ``resize`` pixels (bicubic, antialiased), the central ``size`` x
    ``size`` pixels are cut out, and ``(colour - mean) / std`` is taken in float32.

    `Preprocessing.to_pixels` raises InputError for an image so long and thin that the resized one
    would have more pixels than PIL considers safe.

    Raises:
        ParameterError: ``size`` is not from 1 to ``resize``, or `Preprocessing` refuses ``mean`` or ``std``.
    """
    if not 1 <= size <= resize:
        raise ParameterError(f"size must be from 1 to {resize} (resize), got {size}. Use size=224 with resize=256")

    def to_pixels(image: PIL.Image.Image) -> torch.Tensor:
        short, long = min(image.size), max(image.size)
        long_after = resize * long // short
        limit = PIL.Image.MAX_IMAGE_PIXELS
        if limit is not None and resize * long_after > limit:
            raise InputError(
                f"an image of {image.width} x {image.height} pixels becomes {resize} x {long_after} "
                "when its shorter side is resized. Crop it to the part that matters first"
            )
        shape = (resize, long_after) if image.width <= image.height else (long_after, resize)
        resized = image.resize(shape, PIL.Image.Resampling.BICUBIC)
        left, top = round((shape[0] - size) / 2), round((shape[1] - size) / 2)
        cropped = resized.crop((left, top, left + size, top + size))
        colours = torch.from_numpy(np.array(cropped)).permute(2, 0, 1).contiguous().float().div(255)
        return (colours - per_channel(mean)) / per_channel(std)

    return Preprocessing(to_pixels, mean, std)


def colours_of(visible: torch.Tensor, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the colours that a network sees, ``(height, width, 3)`` uint8, red first.

    Raises:
        ModelError: the preprocessed image is not ``(3, height, width)`` finite pixels of colours from 0 to 1.
    """
    if visible.ndim != 3 or visible.shape[0] != 3 or not torch.isfinite(visible).all():
        raise ModelError(
            f"the preprocessing of the model gave shape {tuple(visible.shape)}, or numbers that are not finite. "
            "stabcert needs one image of shape (3, height, width)"
        )
    colours = visible * per_channel(preprocessing.std) + per_channel(preprocessing.mean)
    low, high = float(colours.min()), float(colours.max())
    if low < -_COLOUR_SLACK or high > 1 + _COLOUR_SLACK:
        raise ModelError(
            f"the preprocessing of the model gave colours from {low:.3g} to {high:.3g}, not 0 to 1. "
            f"Its mean {preprocessing.mean} and std {preprocessing.std} are not those it normalises with"
        )
    levels = (colours.clamp(0, 1) * 255).round().to(torch.uint8)
    planes = [preprocessing.colours.index(colour) for colour in range(3)]
    array: NDArray[np.uint8] = levels[planes].permute(1, 2, 0).contiguous().numpy()
    return array


def per_channel(values: tuple[float, ...]) -> torch.Tensor:
    """Return one value a channel as ``(3, 1, 1)`` float32."""
    return torch.tensor(values, dtype=torch.float32).view(3, 1, 1)

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
GREY = "this model reads grey images, so the image is converted to grey first (0.299 red + 0.587 green + 0.114 blue)"


@dataclass(frozen=True)
class Preprocessing:
    """The conversion of an RGB image to the pixels that a network reads.

    ``pixels * std + mean`` is the colour, from 0 (black) to 1 (full intensity). A network of one channel reads the
    grey image; see `of_channels`.

    Raises:
        ParameterError: ``mean`` and ``std`` are not three numbers each (or one), or ``std`` is not positive.
    """

    to_pixels: Callable[[PIL.Image.Image], torch.Tensor]
    """RGB image to ``(channels, height, width)`` float32, normalised, on the CPU."""
    mean: tuple[float, ...]
    """Means of the normalisation, one a channel; 0 without normalisation."""
    std: tuple[float, ...]
    """Standard deviations of the normalisation, one a channel; 1 without normalisation."""
    colours: tuple[int, ...] = (0, 1, 2)
    """The colour of each plane of the pixels: 0 red, 1 green, 2 blue. MobileViT, for example, reads blue first."""

    def __post_init__(self) -> None:
        if len(self.mean) not in (1, 3) or len(self.std) != len(self.mean) or not min(self.std) > 0:
            raise _no_normalisation(self.mean, self.std)

    @property
    def channels(self) -> int:
        """Planes of the pixels: 3, or 1 for a network that reads grey images."""
        return len(self.mean)


def _no_normalisation(mean: tuple[float, ...], std: tuple[float, ...]) -> ParameterError:
    return ParameterError(
        f"mean {mean} and std {std} are not a normalisation of RGB. "
        "Give three means and three positive standard deviations (0 and 1 without normalisation)"
    )


def resize_and_crop(resize: int, size: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocessing:
    """Return the usual pipeline of ImageNet classifiers, as torchvision computes it.

    The shorter side becomes ``resize`` pixels (bicubic, antialiased), the central ``size`` x
    ``size`` pixels are cut out, and ``(colour - mean) / std`` is taken in float32.

    `Preprocessing.to_pixels` raises InputError for an image so long and thin that the resized one
    would have more pixels than PIL considers safe.

    Raises:
        ParameterError: ``size`` is not from 1 to ``resize``, or `Preprocessing` refuses ``mean`` or ``std``, or they
            are not those of three channels.
    """
    if len(mean) != 3:
        raise _no_normalisation(mean, std)
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


def of_channels(image: PIL.Image.Image, channels: int) -> PIL.Image.Image:
    """Return an RGB image as a network of so many channels reads it: itself, or in grey for one channel.

    Grey is the luma of ITU-R 601, 0.299 red + 0.587 green + 0.114 blue, as Pillow's mode L computes it. Of an image
    that was grey before, it is the same grey.
    """
    return image.convert("L") if channels == 1 else image


def colours_of(visible: torch.Tensor, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the colours that a network sees, ``(height, width, 3)`` uint8, red first.

    Raises:
        ModelError: the preprocessed image is not ``(channels, height, width)`` finite pixels of colours from 0 to 1.
    """
    channels = preprocessing.channels
    if visible.ndim != 3 or visible.shape[0] != channels or not torch.isfinite(visible).all():
        raise ModelError(
            f"the preprocessing of the model gave shape {tuple(visible.shape)}, or numbers that are not finite. "
            f"stabcert needs one image of shape ({channels}, height, width)"
        )
    colours = visible * per_channel(preprocessing.std) + per_channel(preprocessing.mean)
    low, high = float(colours.min()), float(colours.max())
    if low < -_COLOUR_SLACK or high > 1 + _COLOUR_SLACK:
        raise ModelError(
            f"the preprocessing of the model gave colours from {low:.3g} to {high:.3g}, not 0 to 1. "
            f"Its mean {preprocessing.mean} and std {preprocessing.std} are not those it normalises with"
        )
    levels = (colours.clamp(0, 1) * 255).round().to(torch.uint8)
    planes = [preprocessing.colours.index(colour) for colour in range(3)] if channels == 3 else [0, 0, 0]
    array: NDArray[np.uint8] = levels[planes].permute(1, 2, 0).contiguous().numpy()
    return array


def per_channel(values: tuple[float, ...]) -> torch.Tensor:
    """Return one value a channel as ``(channels, 1, 1)`` float32."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)

"""The features of an image: which pixels are revealed or dropped together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Feature, Features
from stabcert.errors import InputError, ParameterError

_MOST_DIGITS = 18  # of a number; Python itself refuses to read some thousand
_POSSIBLE = "patch, grid:N, slic:N, quickshift, or a label map FILE.npy or FILE.png"

# LIME's own settings of quickshift, so that "quickshift" means what its users know.
_QUICKSHIFT = {"kernel_size": 4, "max_dist": 200, "ratio": 0.2}


@dataclass(frozen=True)
class Segmentation:
    """A partition of the model's input into features."""

    labels: NDArray[np.int64]
    """``(height, width)``: the feature that each pixel belongs to; every one of 0 to n - 1 occurs."""
    features: Features
    """Cells are named ``"row 3, column 7"`` and segments ``"segment 5"``, all counted from 0."""
    settings: dict[str, Any]
    """JSON-ready; ``features`` is the resolved request, never ``"default"``. Segments carry the
    SHA-256 of their labels (little-endian int64, row by row), by which two runs can be compared."""
    notes: tuple[str, ...] = ()
    """Notes for the user: that ``default`` differs from the usual division of this model."""


def segment(
    spec: str,
    pixels: NDArray[np.uint8],
    patch_size: int | None = None,
    patch_grid: tuple[int, int] | None = None,
) -> Segmentation:
    """Divide the model's input according to ``spec``.

    - ``patch``: the model's own patches of ``patch_size`` pixels. Where they do not divide the image, pixels that the
      model does not read belong to the last patch of their row or column, and a note counts them.
    - ``grid:N``: N x N cells; cell borders at ``floor(i * height / N)`` and ``floor(i * width / N)``
    - ``slic:N``: about N superpixels. The image determines the exact number.
    - ``quickshift``: superpixels with the settings of LIME
    - a file ``.npy`` (integers) or ``.png`` (grey or palette): one label per pixel of the model's
      input, renumbered from 0 in ascending order; pixels of one label need not touch
    - ``default``: ``patch`` if the model has patches that divide the image, otherwise ``grid:7``. A note is given if
      the patches do not divide the image.

    Every division is deterministic.

    Args:
        pixels: the model's input, ``(height, width, 3)``; superpixels follow its colours.
        patch_size: side of the model's patches in pixels.
        patch_grid: rows and columns of the patches that the model reads of an image of this size, where known. Patches
            begin at the top left, and the last ones may be filled up.

    Raises:
        ParameterError: ``spec`` does not exist or does not fit the size.
        InputError: the label map cannot be read or has another size.
    """
    height, width = pixels.shape[:2]
    if spec == "default":
        if patch_size is None:
            return segment("grid:7", pixels)
        if patch_size > 0 and not (height % patch_size or width % patch_size):
            return segment("patch", pixels, patch_size)
        note = (
            f"patches of {patch_size} pixels do not divide the model's input of {width} x {height} pixels, so "
            "features='grid:7' is used"
        )
        return replace(segment("grid:7", pixels), notes=(note,))
    if spec == "patch":
        return _patches(height, width, patch_size, patch_grid)
    kind, colon, number = spec.partition(":")
    if kind == "grid" and colon:
        count = _count(spec, number, min(height, width), f"cells a side in {width} x {height} pixels")
        return _cells("grid", spec, _bands(height, count), _bands(width, count), (count, count), {})
    if kind == "slic" and colon:
        count = _count(spec, number, height * width, f"superpixels in {width} x {height} pixels")
        return _segments(spec, _slic(pixels, count), {})
    if spec == "quickshift":
        return _segments(spec, _quickshift(pixels), {"quickshift": dict(_QUICKSHIFT)})
    if Path(spec).suffix.lower() in (".npy", ".png"):
        return _segments(spec, _read_labels(spec, height, width), {})
    raise ParameterError(f"image features {spec!r} do not exist. Use {_POSSIBLE}")


def check_spec(spec: str) -> None:
    """Refuse what `segment` refuses of every image: a spec that does not exist, or a file that is not there.

    Raises:
        ParameterError: the features do not exist.
        InputError: the label map does not exist.
    """
    kind, colon, number = spec.partition(":")
    if spec in ("default", "patch", "quickshift"):
        return
    if kind in ("grid", "slic") and colon:
        if not (number.isascii() and number.isdecimal()) or int(number[:_MOST_DIGITS]) < 1:
            raise ParameterError(
                f"features={spec!r} is not possible, because N must be a whole number from 1. Write {kind}:7",
                "features",
            )
    elif Path(spec).suffix.lower() in (".npy", ".png"):
        if not Path(spec).is_file():
            raise InputError(f"{spec}: no such file. Give a label map, or use {_POSSIBLE}")
    else:
        raise ParameterError(f"image features {spec!r} do not exist. Use {_POSSIBLE}")


def _patches(height: int, width: int, size: int | None, grid: tuple[int, int] | None) -> Segmentation:
    if size is None:
        raise ParameterError(
            "this model has no patches of its own. Use features='grid:7', or another grid:N", "features"
        )
    if size < 1 or ((height % size or width % size) and grid is None):
        raise ParameterError(
            f"patches of {size} pixels do not divide {width} x {height} pixels. Use features='grid:7'", "features"
        )
    shape = grid if grid is not None else (height // size, width // size)
    rows = np.minimum(np.arange(height) // size, shape[0] - 1)
    columns = np.minimum(np.arange(width) // size, shape[1] - 1)
    unread = [max(0, width - shape[1] * size), max(0, height - shape[0] * size)]
    if not any(unread):
        return _cells("patch", "patch", rows, columns, shape, {"patch_size": size})
    note = (
        f"the model does not read the last {unread[0]} columns and {unread[1]} rows of its input of {width} x {height} "
        "pixels. They are shown as part of the last patches"
    )
    settings = {"patch_size": size, "unread_pixels": unread}
    return replace(_cells("patch", "patch", rows, columns, shape, settings), notes=(note,))


def _count(spec: str, number: str, largest: int, what: str) -> int:
    # isdecimal alone admits digits of other scripts, which a user cannot have meant.
    if not (number.isascii() and number.isdecimal()) or not 1 <= int(number) <= largest:
        raise ParameterError(
            f"features={spec!r} is not possible: N must be a whole number from 1 to {largest} ({what})",
            "features",
        )
    return int(number)


def _bands(length: int, count: int) -> NDArray[np.int64]:
    """Return the band of each of ``length`` pixels; band i starts at ``floor(i * length / count)``."""
    starts = np.arange(count, dtype=np.int64) * length // count
    return np.searchsorted(starts, np.arange(length), side="right").astype(np.int64) - 1


def _cells(
    kind: str,
    spec: str,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    shape: tuple[int, int],
    settings: dict[str, Any],
) -> Segmentation:
    nouns = ("patch", "patches") if kind == "patch" else ("cell", "cells")
    labels = rows[:, None] * shape[1] + columns[None, :]
    names = [f"row {row}, column {column}" for row in range(shape[0]) for column in range(shape[1])]
    return Segmentation(labels, Features(kind, _items(labels, names), shape, nouns), {"features": spec, **settings})


def _segments(spec: str, labels: NDArray[Any], settings: dict[str, Any]) -> Segmentation:
    # Segmentations skip numbers or start at 1; then a feature would exist that hides no pixel.
    values, inverse = np.unique(labels, return_inverse=True)
    numbered = inverse.reshape(labels.shape).astype(np.int64)
    names = [f"segment {i}" for i in range(len(values))]
    digest = hashlib.sha256(numbered.astype("<i8").tobytes()).hexdigest()
    return Segmentation(
        numbered,
        Features("segment", _items(numbered, names), (len(values),), ("segment", "segments")),
        {"features": spec, "labels_sha256": digest, **settings},
    )


def _items(labels: NDArray[np.int64], names: list[str]) -> tuple[Feature, ...]:
    from scipy.ndimage import find_objects

    return tuple(
        Feature(name, box=(columns.start, rows.start, columns.stop, rows.stop))
        for name, (rows, columns) in zip(names, find_objects(labels + 1), strict=True)
    )


def _slic(pixels: NDArray[np.uint8], count: int) -> NDArray[Any]:
    from skimage.segmentation import slic

    labels: NDArray[Any] = slic(pixels, n_segments=count, start_label=0)
    return labels


def _quickshift(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    from skimage.segmentation import quickshift

    labels: NDArray[Any] = quickshift(pixels, rng=0, **_QUICKSHIFT)
    return labels


def _read_labels(spec: str, height: int, width: int) -> NDArray[Any]:
    from PIL import Image

    try:
        if Path(spec).suffix.lower() == ".npy":
            labels: NDArray[Any] = np.load(spec, allow_pickle=False)
        else:
            with Image.open(spec, formats=["PNG"]) as image:
                # np.asarray of a palette image gives its indices.
                labels = np.asarray(image)
    except FileNotFoundError as error:
        raise InputError(f"{spec}: no such file. Give a label map, or use {_POSSIBLE}") from error
    except Exception as error:
        # Readers raise almost anything on damaged files.
        raise InputError(f"{spec}: not a readable label map ({error}). Use {_POSSIBLE}") from error
    if labels.ndim != 2:
        raise InputError(
            f"{spec}: a label map of shape {labels.shape} has more than one value per pixel. "
            "Give whole numbers of shape (height, width), as grey or palette .png or as .npy"
        )
    if labels.dtype.kind not in "iub":
        raise InputError(f"{spec}: labels of type {labels.dtype} are not whole numbers. Save them as integers")
    if labels.shape != (height, width):
        raise InputError(
            f"{spec}: the label map must have the size of the model's input, {width} x {height} (width x height), got "
            f"{labels.shape[1]} x {labels.shape[0]} pixels"
        )
    return labels

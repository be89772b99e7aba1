"""Conversion of any picture to the one a person sees: RGB, upright, 8 bits a channel."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from stabcert.errors import InputError, ParameterError
from stabcert.models.unreadable import unreadable

_WHITE = (255, 255, 255)

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339
_MIN_IS_WHITE = 0
_UNSIGNED, _SIGNED = 1, 2

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "ICO", "AVIF", "TGA", "PCX", "SGI")

# Pillow scales the values of these files to 16 bits, also where it calls their mode "I".
_SIXTEEN_BIT_FORMATS = ("PNG", "PPM")


@dataclass(frozen=True)
class DecodedImage:
    """A picture in mode RGB, and notes on its conversion."""

    image: Image.Image
    """Mode RGB."""
    size: tuple[int, int]
    """Width and height of the original, upright."""
    notes: tuple[str, ...]
    """Notes for the user, a clause each: composited, rescaled, rotated, first frame."""


def decode_image(
    source: str | Path | bytes | Image.Image,
    *,
    background: tuple[int, int, int] = _WHITE,
    name: str = "the image given as bytes",
) -> DecodedImage:
    """Decode an image file, its bytes, or an image of any PIL mode to upright RGB.

    - The EXIF orientation is applied.
    - Transparency of every kind (alpha channel, palette entry, colour key) is composited over
      ``background``.
    - 16-bit grey keeps its range: 0 to 65535 (12-bit TIFF: 0 to 4095) becomes 0 to 255, rounded.
    - Floating point within [0, 1] becomes 0 to 255. Other floating-point and integer images, whose
      files do not define white, are stretched from their smallest to their largest value,
      and a note tells the user.
    - Of an animation or a multi-page file the first frame is used (of a PIL image: the current one).
    - Warnings of the file's reader (for example, a damaged EXIF block) are notes, not Python warnings.
    - Colour profiles are not applied, like in the pipelines that classifiers are trained with.

    A PIL image is not changed.

    Args:
        source: the image.
        background: the colour behind transparent pixels.
        name: name of the bytes, for messages.

    Raises:
        InputError: the file does not exist, is not an image, is truncated, empty or without pixels, or has
            more pixels than PIL considers safe; the message names the file and the reason.
        ParameterError: ``background`` is not three integers from 0 to 255.
    """
    if len(background) != 3 or not all(isinstance(level, int) and 0 <= level <= 255 for level in background):
        raise ParameterError(
            f"background must be three integers from 0 to 255, got {background!r}. Use background=(255, 255, 255)"
        )
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        # Pillow warns up to twice its limit and refuses above; a warning that nobody acts on does not protect.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        if isinstance(source, Image.Image):
            name = str(getattr(source, "filename", "") or "the image")
            decoded = _decoded(source, name, background)
        else:
            name, data = (name, source) if isinstance(source, bytes) else (str(source), _read(source))
            with _opened(data, name) as image:
                decoded = _decoded(image, name, background)
    complained = tuple(dict.fromkeys(" ".join(str(complaint.message).split()) for complaint in complaints))
    return DecodedImage(decoded.image, decoded.size, decoded.notes + complained)


def _read(source: str | Path) -> bytes:
    try:
        return Path(source).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{source}: no such file. Give the path of an image") from error
    except IsADirectoryError as error:
        raise InputError(f"{source}: a directory, not an image. Give the path of one image") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read ({error}). Give the path of an image you may read") from error


def _opened(data: bytes, name: str) -> Image.Image:
    if not data:
        raise InputError(f"{name}: the file is empty (0 bytes). Give an image such as a PNG or JPEG file")
    try:
        return open_image(io.BytesIO(data))
    except UnidentifiedImageError as error:
        raise InputError(unreadable(name, data)) from error
    except Exception as error:
        raise _refusal(name, error) from error


def is_image(data: bytes) -> bool:
    """Return whether bytes are those of an image in a supported format, damaged ones included."""
    try:
        with open_image(io.BytesIO(data)):
            return True
    except UnidentifiedImageError:
        return False
    except Exception:  # an image, but a damaged one
        return True


def open_image(file: BinaryIO) -> Image.Image:
    """Open an image with `PIL.Image.open`, only in formats that contain pixels.

    Pillow supports some that are programs (it hands PostScript to Ghostscript, in a process of its own) and
    many that nobody tests: every one is a way in for a hostile file.

    Raises:
        UnidentifiedImageError: the format is not one of these.
        DecompressionBombError: the image has too many pixels. Readers raise other errors on damaged bytes.
    """
    Image.init()
    return Image.open(file, formats=[kind for kind in _FORMATS if kind in Image.OPEN])


def _decoded(image: Image.Image, name: str, background: tuple[int, int, int]) -> DecodedImage:
    try:
        image.load()
    except Exception as error:
        raise _refusal(name, error) from error
    if 0 in image.size:
        raise InputError(f"{name}: {image.width} x {image.height} pixels. Give an image with at least one pixel")
    notes: list[str] = []
    try:
        upright = _upright(image, _to_rgb(image, name, background, notes), notes)
    except InputError:
        raise
    except Exception as error:
        # A mode or colour space that this build of PIL cannot convert.
        raise InputError(
            f"{name}: mode {image.mode} cannot be shown as RGB ({error}). Save it as an RGB PNG first"
        ) from error
    _note_frames(image, notes)
    return DecodedImage(upright, upright.size, tuple(notes))


def _refusal(name: str, error: Exception) -> InputError:
    # Called for any exception: format readers raise almost anything when the bytes behind a valid
    # header are broken.
    reason = str(error) or type(error).__name__
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return InputError(f"{name}: too large to open safely ({reason}). Scale the picture down first")
    return InputError(f"{name}: the image is damaged or incomplete ({reason}). Save or download it again")


def _to_rgb(image: Image.Image, name: str, background: tuple[int, int, int], notes: list[str]) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;") or (image.mode == "L" and _is_signed(image)):
        return _scalar_to_rgb(image, name, background, notes)
    if not image.has_transparency_data:
        return image.convert("RGB")
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:
        # PIL has reduced the pixels to 8 bits, where several colours fall together.
        notes.append("the transparent colour of a 16-bit image is not applied")
    # PIL has no direct conversion from premultiplied grey.
    straight = image.convert("LA") if image.mode == "La" else image
    rgba = straight.convert("RGBA")
    if rgba.getchannel("A").getextrema() != (255, 255):
        notes.append(f"transparent pixels shown over the colour {background}")
    canvas = Image.new("RGBA", rgba.size, (*background, 255))
    return Image.alpha_composite(canvas, rgba).convert("RGB")


def _scalar_to_rgb(image: Image.Image, name: str, background: tuple[int, int, int], notes: list[str]) -> Image.Image:
    stored = np.asarray(image)
    values = stored.astype(np.float64)
    if image.mode == "L":
        values = stored.view(np.int8).astype(np.float64)
    elif (
        image.mode == "I" and _tiff_tag(image, _TIFF_BITS) == 32 and _tiff_tag(image, _TIFF_SAMPLE_FORMAT) == _UNSIGNED
    ):
        # PIL stores unsigned 32-bit values in signed ones.
        values = stored.view(np.uint32).astype(np.float64)
    low, high = _range(image, values, name, notes)
    scaled = np.rint((values - low) * 255 / (high - low)).astype(np.uint8)
    if _tiff_tag(image, _TIFF_PHOTOMETRIC) == _MIN_IS_WHITE:
        # PIL inverts 1 and 8 bits only.
        scaled = 255 - scaled
    rgb = np.repeat(scaled[:, :, None], 3, axis=2)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and (values == transparent).any():
        rgb[values == transparent] = background
        notes.append(f"transparent pixels shown over the colour {background}")
    return Image.fromarray(rgb)


def _range(image: Image.Image, values: NDArray[np.float64], name: str, notes: list[str]) -> tuple[float, float]:
    """Return the values that are shown as black and as white."""
    if image.mode.startswith("I;"):
        return 0, 4095 if _tiff_tag(image, _TIFF_BITS) == 12 else 65535
    low, high = float(values.min()), float(values.max())
    if not np.isfinite((low, high)).all():
        raise InputError(f"{name}: contains pixels that are not finite (NaN or infinity). Replace them first")
    if image.mode == "I" and image.format in _SIXTEEN_BIT_FORMATS and low >= 0 and high <= 65535:
        return 0, 65535
    if image.mode == "F" and low >= 0 and high <= 1:
        return 0, 1
    if low == high:
        raise InputError(
            f"{name}: every pixel is {low:g} and the file does not define black and white. "
            "Save it with 8 or 16 bits a channel"
        )
    notes.append(f"the values {low:g} to {high:g} shown as black to white")
    return low, high


def _is_signed(image: Image.Image) -> bool:
    return bool(_tiff_tag(image, _TIFF_SAMPLE_FORMAT) == _SIGNED)


def _tiff_tag(image: Image.Image, tag: int) -> Any:
    tags = getattr(image, "tag_v2", None)
    value = None if tags is None else tags.get(tag)
    return value[0] if isinstance(value, tuple) else value


def _upright(image: Image.Image, rgb: Image.Image, notes: list[str]) -> Image.Image:
    try:
        # Read after the pixels: PNG may store it behind them, and TIFF is turned by PIL itself.
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # A broken block of metadata must not lose the picture; EXIF readers raise almost anything.
        notes.append("EXIF data damaged; orientation as stored")
        return rgb
    if orientation not in _UPRIGHT:
        return rgb
    notes.append(f"turned upright (EXIF orientation {orientation})")
    return rgb.transpose(_UPRIGHT[orientation])


def _note_frames(image: Image.Image, notes: list[str]) -> None:
    try:
        if not getattr(image, "is_animated", False):
            return
    except (OSError, EOFError, SyntaxError, ValueError):
        # Only a later frame is damaged; it is not used.
        pass
    shown = "the first" if image.tell() == 0 else f"number {image.tell() + 1}"
    notes.append(f"several frames or pages; only {shown} is used")

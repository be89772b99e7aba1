"""Additions that change the prediction, as files. Each has a mask and a picture or text."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from stabcert.core.types import SIDES, Features, Mask
from stabcert.report.canvas import Canvas, Exhibit, added
from stabcert.report.colours import ADDED

_SCALE = 2
"""Pixels of the picture for each pixel of the image, so that outlines hide little of it."""


def save_flips(folder: Path, name: str, exhibit: Exhibit) -> int:
    """Write ``name-001.npy`` (bool, True = kept) and a picture or text beside it for each flip, smallest first.

    The picture, ``.png``, shows the explanation and the added features in colour, the latter with an
    orange outline, and the rest in grey. The text, ``.txt``, is what remains of the user's text.
    Files of these names from an earlier run are replaced, or removed if there are fewer now.

    Returns:
        How many flips were written.

    Raises:
        OSError: the files cannot be written.
    """
    ours = re.compile(re.escape(name) + r"-\d{3,}\.(npy|png|txt)")
    for path in folder.iterdir():
        if ours.fullmatch(path.name) and path.is_file():
            path.unlink()
    explanation = exhibit.report.explanation
    for number, flip in enumerate(exhibit.flips, start=1):
        path = folder / f"{name}-{number:03}"
        np.save(path.with_name(path.name + ".npy"), flip.mask)
        if exhibit.canvas is not None:
            picture = flip_picture(exhibit.canvas, explanation.mask, added(flip, explanation.mask))
            path.with_name(path.name + ".png").write_bytes(picture)
        elif exhibit.report.input.text is not None:
            text = _remaining(exhibit, flip.mask)
            path.with_name(path.name + ".txt").write_text(text + "\n", encoding="utf-8")
    return len(exhibit.flips)


def _remaining(exhibit: Exhibit, mask: Mask) -> str:
    """Return what remains of the text, or of each text of a pair."""
    info, explanation = exhibit.report.input, exhibit.report.explanation
    if info.text_pair is None:
        return remaining_text(info.text or "", explanation.features, mask)
    explained = explanation.masking.get("explain_side", "both")
    left = []
    for side, text in zip(SIDES, (info.text or "", info.text_pair), strict=True):
        own = [one.side == side for one in explanation.features.items]
        kept = remaining_text(text, explanation.features, mask & own) if explained in ("both", side) else text
        left.append(f"{side}: {kept}")
    return "\n".join(left)


def flip_picture(canvas: Canvas, mask: Mask, added: Mask) -> bytes:
    """Return a PNG, twice the size of the image: kept and added features in colour, the added ones outlined."""
    from PIL import Image, ImageDraw

    pixels = canvas.kept(mask | added).repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for colour, reach in (("black", 3), (ADDED, 2)):
        for line in canvas.outline(added):
            x0, y0, x1, y1 = (_SCALE * value for value in line)
            draw.rectangle((x0 - reach, y0 - reach, x1 + reach - 1, y1 + reach - 1), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()


def remaining_text(text: str, features: Features, mask: Mask) -> str:
    """Return the user's text without the dropped features; the text between features stays beside kept ones."""
    parts: list[str] = []
    last: int | None = None
    for index in np.flatnonzero(mask):
        span = features.items[index].span
        if span is None:
            continue
        if last is not None:
            before = features.items[last].span
            neighbours = index == last + 1 and before is not None
            parts.append(text[before[1] : span[0]] if neighbours and before is not None else " ")
        parts.append(text[span[0] : span[1]])
        last = int(index)
    return "".join(parts)

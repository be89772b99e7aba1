"""The input on a page, as a picture or as a marked text."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Scores
from stabcert.report.canvas import Canvas, Segment, scaled
from stabcert.report.colours import shade
from stabcert.report.document import Evidence
from stabcert.report.evidence.image import pixels_of
from stabcert.report.wording import ends

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Scale:
    """A symmetric colour bar."""

    stops: str
    """CSS colours from its lower to its upper end."""
    lower: str
    upper: str


@dataclass(frozen=True)
class PictureView:
    """An image with outlines over it."""

    source: Markup
    width: int
    height: int
    evidence: Evidence
    outlines: tuple[tuple[str, str], ...]
    """Class in the style sheet and SVG path of each line, in the order of drawing."""
    scale: Scale | None


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is shown in one way."""

    text: str
    style: str = ""
    """Class in the style sheet."""
    colour: str = ""
    """CSS."""
    hint: str = ""


@dataclass(frozen=True)
class TextView:
    """A text with framed and shaded words."""

    evidence: Evidence
    pieces: tuple[Piece, ...]
    scale: Scale | None


def picture_view(picture: Evidence, canvas: Canvas) -> PictureView:
    """Return an image as the page shows it: outlines are lines over the pixels, which stay as they are."""
    pixels = pixels_of(picture, canvas)
    outlines: list[tuple[str, str]] = []
    if picture.mask is not None:
        path = _path(canvas.outline(picture.mask))
        outlines += [("under", path), ("kept", path)]
    if picture.added is not None:
        path = _path(canvas.outline(picture.added))
        outlines += [("added-under", path), ("added", path)]
    height, width = pixels.shape[:2]
    shown = tuple(line for line in outlines if line[1])
    return PictureView(_image_data(pixels), width, height, picture, shown, _scale(picture.scores))


def text_view(shown: Evidence, text: str) -> TextView:
    """Return a text as the page shows it: shaded if there are scores, kept words framed, added ones by dashes."""
    scores = shown.scores
    strengths = None if scores is None else scaled(scores)
    pieces: list[Piece] = []
    end = 0
    for index, feature in enumerate(shown.features.items):
        if feature.span is None:
            continue
        pieces.append(Piece(text[end : feature.span[0]]))
        kept = shown.mask is not None and bool(shown.mask[index])
        new = shown.added is not None and bool(shown.added[index])
        colour = hint = ""
        if scores is not None and strengths is not None:
            name = "--warm" if strengths[index] > 0 else "--cold"
            colour = f"background:rgba(var({name}),{0.55 * abs(strengths[index]):.3f})"
            hint = f"{scores[index]:+.4f}"
        style = "k" if kept else "a" if new else "d" if scores is None and shown.mask is not None else ""
        pieces.append(Piece(text[feature.span[0] : feature.span[1]], style, colour, hint))
        end = feature.span[1]
    pieces.append(Piece(text[end:]))
    scale = _scale(scores, on_page=True) if shown.bar else None
    return TextView(shown, tuple(piece for piece in pieces if piece.text), scale)


def _scale(scores: Scores | None, *, on_page: bool = False) -> Scale | None:
    if scores is None:
        return None
    lower, upper = ends(float(np.abs(scores).max(initial=0.0)))
    if on_page:
        return Scale("rgba(var(--cold),0.55),rgba(var(--cold),0),rgba(var(--warm),0.55)", lower, upper)
    colours = shade(np.linspace(-1, 1, 11)).tolist()
    return Scale(",".join("rgb({},{},{})".format(*colour) for colour in colours), lower, upper)


def _image_data(pixels: NDArray[np.uint8]) -> Markup:
    """Return ``(height, width, 3)`` pixels as a PNG in a data URI, in which nothing needs to be escaped."""
    from markupsafe import Markup
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return Markup("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"))


def _path(segments: list[Segment]) -> str:
    return "".join(f"M{x0} {y0}H{x1}" if y0 == y1 else f"M{x0} {y0}V{y1}" for x0, y0, x1, y1 in segments)

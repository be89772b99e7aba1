"""Colours that readers with any colour vision can distinguish."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito (2008), "Color Universal Design".
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
ADDED, ADDED_ON_PAPER = ORANGE, VERMILLION
"""Colours of added features: on a picture, with a black border; and on white, where orange is faint."""
SERIES = (BLUE, VERMILLION, "#009E73", "#CC79A7", ORANGE, "#56B4E9")
"""Colours of several curves in one diagram."""
INK, FAINT, LINE, BOX, PAPER = "#000000", "#8c8c8c", "#e0e0e0", "#f0f0f0", "#ffffff"
"""Colours of letters and axes, less important parts, grids, areas behind the data, and the ground."""
ON_PAGE = {
    INK: "ink",
    FAINT: "faint",
    LINE: "line",
    BOX: "box",
    PAPER: "page",
    BLUE.lower(): "blue",
    VERMILLION.lower(): "red",
    "#009e73": "green",
    "#cc79a7": "pink",
    ORANGE.lower(): "orange",
    "#56b4e9": "sky",
}
"""Names of the colours of diagrams on a page; a dark screen has other colours."""

# ColorBrewer's RdBu from blue to red: diverging, colour-blind safe.
_DIVERGING = np.array(
    [
        (5, 48, 97),
        (33, 102, 172),
        (67, 147, 195),
        (146, 197, 222),
        (209, 229, 240),
        (247, 247, 247),
        (253, 219, 199),
        (244, 165, 130),
        (214, 96, 77),
        (178, 24, 43),
        (103, 0, 31),
    ],
    dtype=np.float64,
)


def shade(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return values from -1 (blue) over 0 (nearly white) to 1 (red) as ``(..., 3)`` RGB."""
    anchors = np.linspace(-1.0, 1.0, len(_DIVERGING))
    channels = [np.interp(values, anchors, _DIVERGING[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def dim(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGB without its colours and with little contrast: recognisable on black and on white paper."""
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    return np.repeat(np.rint(60 + 0.4 * grey).astype(np.uint8)[..., None], 3, axis=-1)

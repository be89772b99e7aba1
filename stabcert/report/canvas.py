"""The parts of pictures: the image at the input size of the model, its features, and additions that were found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stabcert.core.prediction import Prediction
from stabcert.core.types import Mask, Scores
from stabcert.report.colours import dim, shade
from stabcert.report.record import Report

Segment = tuple[int, int, int, int]
"""A straight line on the grid between pixels: x and y of its start, x and y of its end."""


@dataclass(frozen=True)
class Canvas:
    """One image as the model sees it, and which pixel belongs to which feature."""

    pixels: NDArray[np.uint8]
    """``(height, width, 3)`` RGB."""
    labels: NDArray[np.int64]
    """``(height, width)``, the index of the feature of each pixel."""

    def kept(self, mask: Mask) -> NDArray[np.uint8]:
        """Return the image with the pixels of kept features as they are and all others dimmed to grey."""
        return np.where(mask[self.labels][..., None], self.pixels, dim(self.pixels))

    def heat(self, scores: Scores) -> NDArray[np.uint8]:
        """Return the scores as colours over a grey image: red above zero, blue below, zero without a colour."""
        colours = shade(scaled(scores))[self.labels]
        grey = np.repeat(self.pixels.mean(axis=2, keepdims=True), 3, axis=2)
        return np.rint(0.7 * colours + 0.3 * grey).astype(np.uint8)

    def outline(self, mask: Mask) -> list[Segment]:
        """Return the border of the region of the kept features, as straight lines."""
        region = np.pad(mask[self.labels], 1)
        across = [(x0, y, x1, y) for y, x0, x1 in _runs(region[1:, 1:-1] != region[:-1, 1:-1])]
        return across + [(x, y0, x, y1) for x, y0, y1 in _runs((region[1:-1, 1:] != region[1:-1, :-1]).T)]


@dataclass(frozen=True)
class Flip:
    """An addition that changes the prediction."""

    mask: Mask
    """The explanation and what was added to it."""
    prediction: Prediction
    """Prediction with the flip."""


@dataclass(frozen=True)
class Exhibit:
    """One report with everything that its pictures need."""

    report: Report
    canvas: Canvas | None = None
    """None for texts: their words are in the report."""
    flips: tuple[Flip, ...] = field(default=())
    """Smallest number of added features first."""


@dataclass(frozen=True)
class Ranking:
    """One attribution of a report, and the mask of its top features."""

    method: str
    scores: Scores
    mask: Mask
    masked: Prediction
    """Prediction on the mask alone."""


def rankings(report: Report) -> list[Ranking]:
    """Return all attributions of a report of ``explain``; the first one is the explanation itself."""
    found = []
    for entry in report.result.get("attributions", []):
        mask = np.zeros(len(report.explanation.features), dtype=np.bool_)
        mask[entry["selected"]] = True
        scores = np.array(entry["scores"], dtype=np.float64)
        found.append(Ranking(entry["method"], scores, mask, Prediction(**entry["masked_prediction"])))
    return found


def scaled(scores: Scores) -> Scores:
    """Return scores divided by the largest absolute one: between -1 and 1, zero stays zero."""
    largest = float(np.abs(scores).max(initial=0.0))
    return scores / largest if largest > 0 else np.zeros_like(scores)


def added(flip: Flip, mask: Mask) -> Mask:
    """Return the features of the flip that the explanation does not have."""
    return flip.mask & ~mask


def _runs(edges: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Return row, start and end (exclusive) of each stretch of True."""
    steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    return [(int(row), int(start), int(end)) for row, start, end in zip(rows, starts, ends, strict=True)]

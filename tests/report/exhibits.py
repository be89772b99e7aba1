"""Reports made by hand, with everything that pictures need."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabcert.core.comparison import Compared
from stabcert.core.explanation import Explanation
from stabcert.core.prediction import Prediction
from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.core.types import Attribution, Feature, Features
from stabcert.records.explain import ExplainResult
from stabcert.records.findings import InputInfo, ModelInfo, RunInfo
from stabcert.records.soft import SoftResult
from stabcert.report.canvas import Canvas, Exhibit, Flip
from stabcert.report.record import Report

LABELS = ("tabby, tabby cat", "fox")
TEXT = "I am not sad at all, I could dance."


def canvas(side: int = 28, grid: int = 7) -> Canvas:
    """Random colours in ``grid`` x ``grid`` features."""
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    cell = np.arange(side) * grid // side
    return Canvas(pixels, cell[:, None] * grid + cell[None])


def cells(grid: int = 7) -> Features:
    return Features("grid", tuple(Feature(f"cell {i}") for i in range(grid * grid)), (grid, grid), ("cell", "cells"))


def words(text: str = TEXT) -> Features:
    items = tuple(Feature(match.group(), span=match.span()) for match in re.finditer(r"\w+|[^\w\s]", text))
    return Features("word", items, (len(items),), ("word", "words"))


def first(k: int, n: int) -> NDArray[np.bool_]:
    return np.arange(n) < k


def rate(radius: int, lower: float, estimate: float | None, upper: float, **more: Any) -> StabilityRate:
    settings = {"near_ties": 0, "hoeffding_epsilon": None, "enumerated": False, "population": None, "threshold": None}
    samples = 0 if estimate is None else 100
    matches = round(100 * (estimate or 0))
    values = {"samples": samples, "matches": matches, "met": None} | settings | more
    return StabilityRate(radius=radius, rate=estimate, lower=lower, upper=upper, **values)


def certificate(*rates: StabilityRate, **more: Any) -> SoftCertificate:
    settings: dict[str, Any] = {"delta": 0.05, "simultaneous": True, "interval": "exact", "sides": 2}
    settings |= {"formulation": "up-to", "largest_radius": None, "verdict": "reported", "evaluations": 101} | more
    return SoftCertificate(0, 49, 12, rates or (rate(3, 0.85, 0.9, 0.95),), **settings)


def report(
    features: Features,
    k: int,
    *,
    scores: dict[str, NDArray[np.float64]] | None = None,
    soft: SoftCertificate | None = None,
    text: str | None = None,
    name: str = "cat.jpg",
    labels: tuple[str, ...] = LABELS,
    masked: int = 0,
    status: Any = "reported",
) -> Report:
    """Of ``explain`` without ``soft``, else of ``certify-soft``; the mask keeps the first ``k`` features."""
    n = len(features)
    scores = scores or {"lime": np.linspace(1.0, -1.0, n)}
    mask = first(k, n)
    says = [Prediction(i, label, 0.75) for i, label in enumerate(labels)]
    compared = [
        Compared(Attribution(values, 0, method, {}), mask, says[masked], masked == 0)
        for method, values in scores.items()
    ]
    result = SoftResult.of(soft) if soft is not None else ExplainResult.of(compared, labels)
    return Report(
        command="explain" if soft is None else "certify-soft",
        status=status,
        input=InputInfo(name, "image" if text is None else "text", "0" * 64, text=text),
        model=ModelInfo("some/model", None, None, labels),
        explanation=Explanation(
            method=next(iter(scores)),
            settings={},
            target=0,
            features=features,
            mask=mask,
            masking={"features": "patch", "baseline": "zero"},
            full=says[0],
            masked=says[masked],
            empty=says[1],
            scores=next(iter(scores.values())),
        ),
        result=result.to_dict(),
        run=RunInfo(7, "cpu", "float32", 32, 100, 1.0),
        certificate=soft,
    )


def image(k: int = 12, *, grid: int = 7, flips: int = 0, **more: Any) -> Exhibit:
    """An image of ``grid`` x ``grid`` cells; flip number i adds the i features after the mask."""
    made = report(cells(grid), k, **more)
    found = tuple(Flip(first(k + i, grid * grid), Prediction(1, "fox", 0.5)) for i in range(1, flips + 1))
    return Exhibit(made, canvas(4 * grid, grid), found)


def sentence(text: str = TEXT, k: int = 2, *, flips: int = 0, **more: Any) -> Exhibit:
    features = words(text)
    made = report(features, k, text=text, **more)
    found = tuple(Flip(first(k + i, len(features)), Prediction(1, "fox", 0.5)) for i in range(1, flips + 1))
    return Exhibit(made, None, found)

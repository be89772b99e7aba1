"""``result`` of ``explain``: attributions side by side, how they agree and move, and the search for a stable mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from stabcert.core.comparison import Movement, compare
from stabcert.core.soft.stable_mask import StableMask
from stabcert.core.types import Attribution, Mask
from stabcert.report.record import Prediction, prediction_record, rate_record


@dataclass(frozen=True)
class Compared:
    """One of several attributions of an input, with the mask of its best features."""

    attribution: Attribution
    mask: Mask
    masked: Prediction
    consistent: bool
    """The mask alone gives the prediction of the full input."""


@dataclass(frozen=True)
class Neighbourhood:
    """How far one method's attribution moves between an input and its Gaussian neighbours."""

    method: str
    neighbours: int
    sigma: float
    movement: Movement
    same_prediction: int
    """Neighbours with the prediction of the input."""


def explain_result(
    compared: Sequence[Compared],
    class_names: tuple[str, ...],
    *,
    neighbourhoods: Sequence[Neighbourhood] = (),
    until_stable: dict[str, Any] | None = None,
    interrupted: bool = False,
) -> dict[str, Any]:
    """``result`` of ``explain``: every score of every method in the order of the features, and their agreement."""
    return {
        "attributions": [_attribution(one, class_names) for one in compared],
        "comparison": [_agreement(first, second) for first, second in combinations(compared, 2)],
        "neighbours": [
            {
                "method": one.method,
                "neighbours": one.neighbours,
                "sigma": one.sigma,
                **asdict(one.movement),
                "same_prediction": one.same_prediction,
            }
            for one in neighbourhoods
        ],
        "until_stable": until_stable,
        "interrupted": interrupted,
    }


def until_stable_record(
    found: StableMask,
    *,
    radius: int,
    min_rate: float,
    delta: float,
    max_samples: int,
    largest_k: int,
    family: int = 1,
    allow_vacuous: bool = False,
) -> dict[str, Any]:
    """``result.until_stable`` of ``explain``: what was asked for, what was found, every size that was tried."""
    return {
        "radius": radius,
        "min_rate": min_rate,
        "delta": delta,
        "family": family,
        "max_samples": max_samples,
        "largest_k": largest_k,
        "allow_vacuous": allow_vacuous,
        "vacuous": found.vacuous,
        "k": found.k,
        "rate": None if found.certificate is None else rate_record(found.certificate.rates[0]),
        "tested": [
            {
                "k": size.k,
                "consistent": size.consistent,
                "verdict": size.verdict,
                "samples": size.samples,
                "delta": size.delta,
                "rate": None if size.rate is None else rate_record(size.rate),
            }
            for size in found.tested
        ],
        "evaluations": found.evaluations,
    }


def _attribution(compared: Compared, class_names: tuple[str, ...]) -> dict[str, Any]:
    attribution = compared.attribution
    errors = attribution.standard_errors
    return {
        "method": attribution.method,
        "settings": attribution.settings,
        "target": {"id": attribution.target, "label": class_names[attribution.target]},
        "scores": [float(score) for score in attribution.scores],
        "standard_errors": None if errors is None else [float(error) for error in errors],
        "selected": [int(i) for i in np.flatnonzero(compared.mask)],
        "masked_prediction": prediction_record(compared.masked),
        "consistent": compared.consistent,
    }


def _agreement(first: Compared, second: Compared) -> dict[str, Any]:
    k = int(first.mask.sum())
    agreement = compare(first.attribution.scores, second.attribution.scores, k)
    return {"methods": [first.attribution.method, second.attribution.method], **asdict(agreement)}

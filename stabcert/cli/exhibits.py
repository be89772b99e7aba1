"""What is shown of an input beside its numbers: the explanation, the picture, the additions that change the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from stabcert.cli.explanation import Choice
from stabcert.core.decisions import decide, decide_from, predict
from stabcert.core.explanation import Explanation
from stabcert.core.hard.finding import HardFinding
from stabcert.core.prediction import Prediction
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.spectrum.result import SpectrumFinding
from stabcert.report.canvas import Canvas, Flip

if TYPE_CHECKING:
    from stabcert.core.types import MaskedPredictor
    from stabcert.models.base import ModelPredictor


def explanation_of(predictor: ModelPredictor, function: MaskedPredictor, choice: Choice) -> Explanation:
    n = predictor.n_features
    three = np.stack([np.ones(n, dtype=np.bool_), choice.mask, np.zeros(n, dtype=np.bool_)])
    if function is predictor:
        probs = predictor.alone(three)
        decisions = decide_from(predictor, probs)
    else:
        probs, decisions = predict(function, three), decide(function, three)
    names: tuple[Literal["full", "masked", "empty"], ...] = ("full", "masked", "empty")
    full, masked, empty = (Prediction.of(row, predictor.class_names) for row in probs)
    return Explanation(
        method=choice.method,
        settings=choice.settings,
        target=full.id if choice.target is None else choice.target,
        features=predictor.features,
        mask=choice.mask,
        masking=predictor.masked_input.settings,
        full=full,
        masked=masked,
        empty=empty,
        scores=choice.scores,
        near_ties=frozenset(name for name, near_tie in zip(names, decisions.near_tie, strict=True) if near_tie),
    )


def canvas_of(predictor: ModelPredictor) -> Canvas | None:
    from stabcert.models.image import MaskedImage

    masked = predictor.masked_input
    return Canvas(masked.pixels, masked.labels) if isinstance(masked, MaskedImage) else None


def flips_of(
    function: MaskedPredictor,
    certificate: SoftCertificate | HardFinding | SpectrumFinding | None,
    choice: Choice,
    class_names: tuple[str, ...],
) -> tuple[Flip, ...]:
    if isinstance(certificate, HardFinding):
        # The smoothed model's; what changes the model itself has nothing to do with what is certified.
        found = certificate.broken
        return () if found is None else (Flip(choice.mask | found.added, found.prediction),)
    if not isinstance(certificate, SoftCertificate) or len(certificate.flips) == 0:
        return ()
    probs = predict(function, certificate.flips)
    return tuple(
        Flip(mask, Prediction.of(row, class_names)) for mask, row in zip(certificate.flips, probs, strict=True)
    )

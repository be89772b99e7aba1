"""What the tests of the exact spectrum share."""

from __future__ import annotations

from typing import Any

import numpy as np

from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.result import BasisKind, Spectrum
from stabcert.core.types import MaskedPredictor
from tests.core.helpers import GOLDEN

TABLE = np.array(GOLDEN["table_of_3_features"])
BASES: list[tuple[BasisKind, float | None]] = [("standard", None), ("monotone", None), ("biased", 0.3)]


LAMBDAS = (1.0, 0.9, 0.5, 0.2, 0.0)


def exact(predictor: MaskedPredictor, **arguments: Any) -> Spectrum:
    spectrum = degree_weights(predictor, rng=np.random.default_rng(0), exact_max=20, **arguments)
    assert spectrum.exact
    return spectrum

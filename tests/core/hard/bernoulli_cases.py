"""What the tests of independent noise share: the smoothed predictor in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

Row = tuple[int, ...]


def smoothed_exactly(classes: dict[Row, int], row: Row, probability: Fraction) -> list[Fraction]:
    """M_lambda by its definition: every noise mask with its probability."""
    shares = [Fraction(0)] * 3
    kept = [i for i, value in enumerate(row) if value]
    for noise in product((0, 1), repeat=len(kept)):
        seen = [0] * len(row)
        for i, value in zip(kept, noise, strict=True):
            seen[i] = value
        weight = probability ** sum(noise) * (1 - probability) ** (len(kept) - sum(noise))
        shares[classes[tuple(seen)]] += weight
    return shares


def lead(shares: list[Fraction], prediction: int) -> Fraction:
    return shares[prediction] - max(share for k, share in enumerate(shares) if k != prediction)

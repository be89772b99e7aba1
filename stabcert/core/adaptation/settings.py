"""Settings of a comparison of two models."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from stabcert.core.curve.draws import as_radii
from stabcert.core.hard.certificate import Noise
from stabcert.core.noise import grid_count
from stabcert.errors import ParameterError

KEEP_SHARES = (Fraction(1), Fraction(3, 4), Fraction(1, 2), Fraction(1, 4))


@dataclass(frozen=True)
class ComparisonSettings:
    """Masks, additions and noise, the same for both models.

    Raises:
        ParameterError: one of them is out of range.
    """

    keep_shares: tuple[Fraction, ...] = KEEP_SHARES
    """Shares of features that random masks keep, from 1 down."""
    masks: int = 4
    """Random masks of each keep share below 1. Those of a smaller share keep a part of what those of a larger keep."""
    radii: tuple[int, ...] = (1, 4)
    n_samples: int = 10
    """Additions to test for each radius on the unsmoothed models."""
    lambdas: tuple[Fraction, ...] = (Fraction(1, 2), Fraction(1, 4))
    """Keep probabilities of the smoothed models, each below 1."""
    draws: int = 64
    noise: Noise = "quantized"

    def __post_init__(self) -> None:
        shares = self.keep_shares
        falling = all(larger > smaller for larger, smaller in pairwise(shares))
        if len(shares) < 2 or shares[0] != 1 or shares[-1] <= 0 or not falling:
            raise ParameterError(
                f"keep_shares must fall from 1 to above 0, got {', '.join(map(str, shares))}. Use 1, 3/4, 1/2, 1/4"
            )
        if min(self.masks, self.n_samples, self.draws) < 1:
            raise ParameterError(
                f"masks, n_samples and draws must be at least 1, got {self.masks}, {self.n_samples} and {self.draws}. "
                "Use 1 or more of each"
            )
        as_radii(self.radii)
        if any(not 0 < share < 1 for share in self.lambdas) or len(set(self.lambdas)) < len(self.lambdas):
            raise ParameterError(
                f"lambdas must be distinct numbers between 0 and 1, got {', '.join(map(str, self.lambdas))}. "
                "Use lambdas=(1/2, 1/4)"
            )
        if self.noise == "quantized":
            for share in self.lambdas:
                grid_count(share, self.draws)

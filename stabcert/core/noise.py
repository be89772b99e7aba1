"""Noise masks: quantized ones for multiplicative smoothing, and ones with an exact keep probability.

A noise mask depends on the number of features and on the generator alone, never on an input or on an
explanation. Only then is the smoothed predictor one function, which can be certified.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from stabcert.core.given import check_generator
from stabcert.core.types import Masks
from stabcert.errors import ParameterError

_WORD = 2**62


def quantized_keep_masks(
    n_features: int, *, keep: int, quantization: int, rng: Generator, balanced: bool = True
) -> Masks:
    """Return ``(quantization, n_features)`` dependent noise masks, of which exactly ``keep`` keep any one feature.

    Feature i has an integer v_i, and noise mask s keeps it if ``(v_i + s) mod q < keep``. So the keep
    probability is ``keep / quantization`` exactly, and r features are kept in at most ``r * keep`` of the masks.
    Hard radii follow from this.

    Args:
        n_features: number of features that each mask covers, 1 or more.
        keep: l, 1 to ``quantization``. If it equals ``quantization``, nothing is dropped.
        quantization: q, the number of noise masks, 1 or more.
        rng: source of the v_i.
        balanced: True to spread the v evenly over 0, ..., q - 1, so that the masks keep nearly equally many
            features; False to draw them independently.

    Raises:
        ParameterError: ``n_features``, ``quantization`` or ``keep`` is out of range.

    Source: MuS (Xue et al. 2023), Proposition 3.3, in integers.
    """
    check_generator(rng)
    if n_features < 1 or quantization < 1:
        raise ParameterError(
            f"quantization and n_features must be at least 1, got {quantization} and {n_features}. Use 1 or more"
        )
    if balanced:
        # Whole rounds of 0, ..., q - 1, with the remainder spread over them, so that all masks keep nearly as many.
        whole, left = divmod(n_features, quantization)
        spread = np.arange(left) * quantization // max(1, left)
        values = np.concatenate([np.tile(np.arange(quantization), whole), spread])
        return keep_masks_from(rng.permutation(values), keep=keep, quantization=quantization)
    return keep_masks_from(rng.integers(quantization, size=n_features), keep=keep, quantization=quantization)


def keep_masks_from(values: ArrayLike, *, keep: int, quantization: int) -> Masks:
    """Return the noise masks of given integers v_i, ``(n_features,)``; see `quantized_keep_masks`.

    Raises:
        ParameterError: ``keep`` is not from 1 to ``quantization``.
    """
    if not 1 <= keep <= quantization:
        raise ParameterError(
            f"keep must be from 1 to the quantization {quantization}, got {keep}. "
            f"Use a lambda from 1/{quantization} to 1"
        )
    shifted = np.asarray(values, dtype=np.int64)[None] + np.arange(quantization)[:, None]
    kept: Masks = shifted % quantization < keep
    return kept


def grid_count(keep_probability: Fraction, quantization: int) -> int:
    """Return the integer l with ``keep_probability == l / quantization``, exactly.

    Raises:
        ParameterError: ``keep_probability`` is not a multiple of ``1 / quantization`` from ``1 / quantization`` to 1.
            The message names the nearest multiples.
    """
    count = Fraction(keep_probability) * quantization
    if count.denominator == 1 and 1 <= count <= quantization:
        return int(count)
    lower = min(max(1, int(count // 1)), quantization)
    upper = min(lower + 1, quantization) if count > lower else lower
    neighbours = " or ".join(f"{near}/{quantization} ({near / quantization:g})" for near in sorted({lower, upper}))
    given = f"{float(keep_probability):g}"
    given = given if Fraction(given) == keep_probability else str(keep_probability)
    raise ParameterError(f"lambda must be a multiple of 1/{quantization} up to 1, got {given}. Use {neighbours}")


def tie_free_counts(quantization: int, n_free: int) -> tuple[int, ...]:
    """Return, for each radius 1, 2, ... up to ``n_free``, the largest l that can certify it without winning a tie.

    A unanimous vote of q certifies radius r from the lead alone if ``2 l r <= q - 1``, whichever class has the
    lower index. So l is ``floor((q - 1) / (2 r))``. The largest l comes first, and each occurs once. The result is
    empty below 3 noise masks.
    """
    counts = ((quantization - 1) // (2 * r) for r in range(1, min(n_free, quantization) + 1))
    return tuple(dict.fromkeys(count for count in counts if count >= 1))


def exact_keep_masks(n_features: int, *, keep_probability: Fraction, draws: int, rng: Generator) -> Masks:
    """Return ``(draws, n_features)`` masks that keep each feature independently with exactly ``keep_probability``.

    Rounding the probability to a float would smooth with another probability than the certificate states.
    """
    kept = np.zeros(draws * n_features, dtype=np.bool_)
    undecided, rest = np.arange(len(kept)), keep_probability
    # The digits, to base 2^62, of a uniform number are compared with those of the probability. A second digit is
    # hardly ever needed.
    while len(undecided) > 0 and rest > 0:
        digit, rest = divmod(rest * _WORD, 1)
        drawn = rng.integers(_WORD, size=len(undecided))
        kept[undecided] = drawn < digit
        undecided = undecided[drawn == digit]
    return kept.reshape(draws, n_features)

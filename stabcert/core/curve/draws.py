"""Random numbers of the noise and additions, shared by all keep probabilities of one input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import index

import numpy as np
from numpy.random import Generator

from stabcert.core.hard.certificate import Noise
from stabcert.core.masks import Additions, IndependentDraws, bernoulli_keep_masks
from stabcert.core.noise import grid_count, quantized_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.trials import MAX_WITHOUT_REPLACEMENT, larger_than
from stabcert.core.streams import part_of
from stabcert.core.types import Mask, MaskedPredictor, Masks
from stabcert.errors import ParameterError


@dataclass(frozen=True)
class Tries:
    """The additions to one mask that are tested under every keep probability."""

    masks: Masks
    parts: tuple[tuple[int, int, bool, slice], ...]
    """Requested radius, radius used, True if enumerated, and rows of ``masks``, for each radius."""


def as_radii(radii: Sequence[int]) -> tuple[int, ...]:
    try:
        found = tuple(index(radius) for radius in radii)
    except TypeError as error:
        raise ParameterError(
            f"radii must be whole numbers, got {radii!r}. Use numbers such as 1, 2, 4", "radii"
        ) from error
    if any(radius < 0 for radius in found) or len(set(found)) < len(found):
        raise ParameterError(
            f"radii must be distinct whole numbers from 0, got {found}. Give each radius once", "radii"
        )
    return found


def smoothed_predictors(
    predictor: MaskedPredictor, keep_probabilities: Sequence[Fraction], draws: int, noise: Noise, words: list[int]
) -> list[SmoothedPredictor]:
    """Return ``predictor`` smoothed with each keep probability, all with the same random numbers.

    So a feature that one noise mask keeps is also kept by that noise mask under every larger keep probability.

    Args:
        words: entropy of the random numbers, which depend on it and on the number of features alone.

    Raises:
        ParameterError: ``keep_probabilities`` is empty or contains one that is repeated or out of range, or
            ``noise`` is unknown.
    """
    if noise not in ("bernoulli", "quantized"):
        raise ParameterError(f"noise must be 'bernoulli' or 'quantized', got {noise!r}. Use one of the two", "noise")
    if not keep_probabilities or len(set(keep_probabilities)) < len(keep_probabilities):
        raise ParameterError(
            f"keep_probabilities must be at least one number, each different, got {len(keep_probabilities)} of which "
            f"{len(set(keep_probabilities))} differ. Give each keep probability once",
            "keep_probabilities",
        )
    functions, n = [], predictor.n_features
    for keep_probability in keep_probabilities:
        if not 0 < keep_probability <= 1:
            raise ParameterError(
                f"keep_probabilities must be above 0 and at most 1, got {keep_probability}. Use a number such as 0.5",
                "keep_probabilities",
            )
        again = part_of(words)  # the same numbers for every keep probability
        if keep_probability == 1:
            keep_masks = np.ones((1, n), dtype=np.bool_)
        elif noise == "quantized":
            keep = grid_count(keep_probability, draws)
            keep_masks = quantized_keep_masks(n, keep=keep, quantization=draws, rng=again)
        else:
            keep_masks = bernoulli_keep_masks(n, keep_probability=float(keep_probability), draws=draws, rng=again)
        functions.append(SmoothedPredictor(predictor, keep_masks))
    return functions


def tries_of(mask: Mask, radii: Sequence[int], n_samples: int, words: list[int]) -> Tries:
    """Draw ``n_samples`` additions to ``mask`` for each radius, or take all of them where there are not more.

    The draws are uniform and independent, without replacement from sets of up to 10^6. Each mask and radius has its
    own random numbers, so the draws for one do not depend on which others are requested.
    """
    words = [*words, *np.packbits(mask).tolist()]
    drawn: dict[int, tuple[bool, slice]] = {}
    parts, rows, end = [], [np.zeros((0, len(mask)), dtype=np.bool_)], 0
    for radius in radii:
        used = min(radius, int((~mask).sum()))
        if used not in drawn:
            additions = Additions(mask, used)
            rows.append(_draw(additions, n_samples, part_of(words, used)))
            drawn[used] = not larger_than(additions, len(rows[-1])), slice(end, end + len(rows[-1]))
            end += len(rows[-1])
        parts.append((radius, used, *drawn[used]))
    return Tries(np.concatenate(rows), tuple(parts))


def _draw(additions: Additions, n_samples: int, rng: Generator) -> Masks:
    if larger_than(additions, max(MAX_WITHOUT_REPLACEMENT, n_samples)):
        return IndependentDraws(additions, rng).draw(n_samples)
    members = additions.count()
    ranks = rng.choice(members, size=n_samples, replace=False) if n_samples < members else np.arange(members)
    return additions.unrank(ranks.astype(np.int64))

"""Masks of the top k features, and the additions to a mask: counted, enumerated, sampled.

The additions Delta_r(mask) are all masks that keep everything ``mask`` keeps and at most r features
more (Soft stability, Definition 2.1). The mask itself is one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from stabcert.core.given import as_numbers
from stabcert.core.types import Mask, Masks, as_mask
from stabcert.errors import InputError, ParameterError

CHUNK_CELLS = 2**26
"""Largest number of cells (rows x features) in one array of masks: 64 MiB."""
CHUNK_ROWS = 4096
MAX_RANKED = 10**7
"""Largest set of additions that can be addressed by rank."""


def top_k_mask(scores: ArrayLike, k: int) -> Mask:
    """Return the mask that keeps the ``k`` features of largest score; among equals the lower index.

    Args:
        scores: ``(n_features,)`` finite numbers, larger = more important.
        k: features to keep, 0 to ``n_features``.

    Raises:
        InputError: ``scores`` is not one row of finite numbers.
        ParameterError: ``k`` is out of range.
    """
    values = as_numbers(scores)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(
            f"scores must be one row of finite numbers, got an array of shape {values.shape}. "
            "Give one finite number for each feature"
        )
    if not 0 <= k <= len(values):
        raise ParameterError(f"k must be from 0 to the number of features, got {k}. Use 0 to {len(values)}")
    mask = np.zeros(len(values), dtype=np.bool_)
    mask[ranking(values)[:k]] = True
    return mask


def ranking(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the features ``(n_features,)`` by falling score; among equals the lower index comes first."""
    return np.argsort(-scores, kind="stable")


def count_additions(n_free: int, radius: int, *, exactly: bool = False, at_most: int | None = None) -> int:
    """Return the number of masks with up to (or exactly) ``radius`` of ``n_free`` features added.

    Exact for every size, as a Python integer: ``sum_{j<=radius} C(n_free, j)``.

    Args:
        n_free: features that are left to add.
        radius: r, the number of features that may be added. Above ``n_free`` the count does not grow (with
            ``exactly`` it is 0).
        exactly: count only the masks with exactly that many features added.
        at_most: limit at which counting may end. If it is exceeded, the result is only known to be larger.

    Raises:
        ParameterError: ``n_free`` or ``radius`` is negative.

    Source: Soft stability (Jin et al. 2025), Definition 2.1: the size of Delta_r.
    """
    if n_free < 0 or radius < 0:
        raise ParameterError(
            f"radius and n_free must not be negative, got {radius} and {n_free}. Use whole numbers from 0"
        )
    if exactly:
        # C(n, j) grows up to the middle, so counting may end there as soon as it exceeds at_most.
        chosen, count = min(radius, n_free - radius), 1
        if at_most is None or chosen < 0:
            return math.comb(n_free, radius)
        for j in range(1, chosen + 1):
            count = count * (n_free - j + 1) // j
            if count > at_most:
                break
        return count
    if radius >= n_free and at_most is None:
        return int(2**n_free)
    total = term = 1
    for j in range(1, min(radius, n_free) + 1):
        term = term * (n_free - j + 1) // j
        total += term
        if at_most is not None and total > at_most:
            break
    return total


class Additions:
    """The set Delta_r(mask), or with ``exactly`` its members with exactly r features added.

    Args:
        mask: ``(n_features,)`` bool, True = kept.
        radius: r, the number of features that may be added; at most the number of features not kept.

    Raises:
        ParameterError: ``radius`` is negative or larger than the number of features not kept.
    """

    def __init__(self, mask: Mask, radius: int, *, exactly: bool = False) -> None:
        mask = as_mask(mask, len(mask))
        free = np.flatnonzero(~mask)
        if not 0 <= radius <= len(free):
            raise ParameterError(
                f"radius must be from 0 to {len(free)}, got {radius}, because {len(free)} of the {len(mask)} features "
                f"are left to add ({len(mask) - len(free)} selected). Use a smaller radius, or select fewer features",
                "radius",
            )
        self.mask = mask
        self.radius = radius
        self.exactly = exactly
        self.free = free

    def count(self, at_most: int | None = None) -> int:
        return count_additions(len(self.free), self.radius, exactly=self.exactly, at_most=at_most)

    def chunk_rows(self) -> int:
        """Return how many rows to create at a time, so that memory stays bounded for every size of input."""
        return max(1, min(CHUNK_ROWS, CHUNK_CELLS // max(1, len(self.mask))))

    def unrank(self, ranks: NDArray[np.int64]) -> Masks:
        """Return the members of given ranks: ``(k,)`` integers in ``[0, count)`` to ``(k, n_features)``.

        Ranks are ordered by the number of added features, then colexicographically. Rank 0 is ``mask``
        itself unless ``exactly``.

        Raises:
            ParameterError: the set is too large for ranks (more than 10^7 members).
        """
        if self.count(at_most=MAX_RANKED) > MAX_RANKED:
            raise ParameterError(f"a set of more than {MAX_RANKED} additions cannot be enumerated. Sample it instead")
        n_free, radius = len(self.free), self.radius
        sizes = range(radius if self.exactly else 0, radius + 1)
        starts = np.cumsum([0] + [math.comb(n_free, j) for j in sizes])
        which = np.searchsorted(starts, ranks, side="right") - 1
        size = which + sizes.start
        # Large subsets are made from the few features that they leave out.
        leaves_out = self.exactly and 2 * radius > n_free
        size = n_free - size if leaves_out else size
        added = self._subsets(ranks - starts[which], size)
        masks = np.repeat(self.mask[None], len(ranks), axis=0)
        masks[:, self.free] = ~added if leaves_out else added
        return masks

    def _subsets(self, rest: NDArray[np.int64], size: NDArray[np.int64]) -> Masks:
        """Return the subsets of the free features with the given ranks among the subsets of their size.

        Combinatorial number system: the largest member v of c members satisfies C(v, c) <= rank.
        """
        columns = [np.ones(len(self.free), dtype=np.int64)]
        for _ in range(int(size.max(initial=0))):  # C(v, c) = sum over u < v of C(u, c - 1)
            columns.append(np.concatenate([[0], np.cumsum(columns[-1])[:-1]]))
        subsets = np.zeros((len(rest), len(self.free)), dtype=np.bool_)
        for c in range(len(columns) - 1, 0, -1):
            rows = np.flatnonzero(size >= c)
            position = np.searchsorted(columns[c], rest[rows], side="right") - 1
            rest[rows] -= columns[c][position]
            subsets[rows, position] = True
        return subsets

    def enumerate(self) -> Iterator[Masks]:
        """Yield every member once, in the order of the ranks, in chunks of bounded memory."""
        total, step = self.count(), self.chunk_rows()
        for start in range(0, total, step):
            yield self.unrank(np.arange(start, min(start + step, total), dtype=np.int64))


class IndependentDraws:
    """Independent, exactly uniform draws from a set of additions, in a fixed order.

    The sequence depends on ``rng`` and the set alone. Drawing 10 and then 20 gives the same masks as
    drawing 30 at once. So neither chunks nor early stopping change which masks are tested.
    """

    def __init__(self, additions: Additions, rng: Generator) -> None:
        self._additions = additions
        # Two generators, so that the sizes of later rows do not shift the positions of earlier ones.
        self._size_rng, self._position_rng = (np.random.default_rng(rng.integers(2**63, size=4)) for _ in range(2))
        self._size_cdf = None if additions.exactly else np.cumsum(size_weights(len(additions.free), additions.radius))

    def draw(self, n_samples: int) -> Masks:
        """Return the next ``n_samples`` masks, ``(n_samples, n_features)``."""
        free = self._additions.free
        sizes = self._draw_sizes(n_samples)
        masks = np.repeat(self._additions.mask[None], n_samples, axis=0)
        # Both methods are exactly uniform. The first costs time per added feature, the second per free one.
        if 8 * self._additions.radius <= len(free):
            _add_sparse(masks, free, sizes, self._position_rng)
        else:
            added = np.arange(len(free)) < sizes[:, None]
            masks[:, free] = self._position_rng.permuted(added, axis=1)
        return masks

    def _draw_sizes(self, n_samples: int) -> NDArray[np.int64]:
        if self._size_cdf is None:
            return np.full(n_samples, self._additions.radius, dtype=np.int64)
        uniform = self._size_rng.random(n_samples) * self._size_cdf[-1]
        sizes: NDArray[np.int64] = np.searchsorted(self._size_cdf, uniform, side="right").astype(np.int64)
        return sizes


class DrawsWithoutReplacement:
    """A uniformly random order of all members of a set of additions, with the contract of `IndependentDraws`."""

    def __init__(self, additions: Additions, rng: Generator) -> None:
        self._additions = additions
        self._ranks = rng.permutation(additions.count()).astype(np.int64)
        self._next = 0

    def draw(self, n_samples: int) -> Masks:
        ranks = self._ranks[self._next : self._next + n_samples]
        self._next += len(ranks)
        return self._additions.unrank(ranks)


def size_weights(n_free: int, radius: int) -> NDArray[np.float64]:
    """Return weights proportional to ``C(n_free, j)`` for j = 0 to ``radius``, without overflow.

    They are products outward from the mode, where the largest weight is 1. Weights that underflow to
    0 have a probability below 1e-300. Total variation to the exact law: below 1e-13 up to 100,000.
    """
    mode = min(radius, n_free // 2)
    j = np.arange(1, radius + 1, dtype=np.float64)
    ratio = (n_free - j + 1) / j  # C(n, j) / C(n, j - 1)
    up = np.cumprod(ratio[mode:])
    down = np.cumprod(1.0 / ratio[:mode][::-1])[::-1]
    return np.concatenate([down, [1.0], up])


def sample_additions(mask: Mask, radius: int, n_samples: int, *, exactly: bool = False, rng: Generator) -> Masks:
    """Draw independently from Delta_r(mask), each member exactly equally likely.

    Args:
        mask: ``(n_features,)``, True = kept.
        radius: r, the number of features that may be added; at most the number of features not kept.
        n_samples: number of masks to draw.
        exactly: draw only masks with exactly ``radius`` features added.
        rng: source of all randomness; the same generator state gives the same masks.

    Returns:
        ``(n_samples, n_features)`` bool, True = kept.

    Raises:
        InputError: ``mask`` is not one row of 0 and 1.
        ParameterError: ``radius`` is out of range.

    Source: Soft stability (Jin et al. 2025), Definition 2.1.
    """
    return IndependentDraws(Additions(mask, radius, exactly=exactly), rng).draw(n_samples)


def bernoulli_keep_masks(n_features: int, *, keep_probability: float, draws: int, rng: Generator) -> Masks:
    """Draw independent noise masks that keep each feature independently with ``keep_probability``.

    Args:
        n_features: number of features that each mask covers.
        keep_probability: lambda, 0 to 1.
        draws: number of masks, 1 or more.
        rng: source of all randomness; the same generator state gives the same masks.

    Returns:
        ``(draws, n_features)`` bool, True = kept.

    Raises:
        ParameterError: ``keep_probability`` or ``draws`` is out of range.

    Source: Soft stability (Jin et al. 2025), Definition 4.1: the noise of M_lambda.
    """
    if not 0.0 <= keep_probability <= 1.0:
        raise ParameterError(
            f"keep_probability must be from 0 to 1, got {keep_probability}. Use a number such as 0.5",
            "keep_probability",
        )
    if draws < 1:
        raise ParameterError(f"draws must be at least 1, got {draws}. Use 1 or more", "draws")
    return rng.random((draws, n_features)) < keep_probability


def _add_sparse(masks: Masks, free: NDArray[np.intp], sizes: NDArray[np.int64], rng: Generator) -> None:
    """Add a uniform subset of ``sizes[i]`` free features to row i, by Floyd's algorithm on all rows at once."""
    ends = np.cumsum(sizes)
    step = np.arange(sizes.sum()) - np.repeat(ends - sizes, sizes)
    last = len(free) - np.repeat(sizes, sizes) + step
    # Row by row in one call, so that a row's numbers do not depend on the rows drawn after it.
    drawn = rng.integers(0, last, endpoint=True)
    for c in range(int(sizes.max(initial=0))):
        rows = np.flatnonzero(sizes > c)
        at = (ends - sizes)[rows] + c
        taken = masks[rows, free[drawn[at]]]
        masks[rows, free[np.where(taken, last[at], drawn[at])]] = True

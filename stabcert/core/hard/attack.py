"""Search for a small addition that changes the prediction: an upper bound on every hard radius."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from stabcert.core.given import n_features_of
from stabcert.core.hard.flip_search import FlipSearch, exchanged, prefixes, with_all, with_each, without_each
from stabcert.core.types import Mask, MaskedPredictor, as_mask
from stabcert.errors import ParameterError

_LENGTHS_AT_ONCE = 64
_EXCHANGES_AT_ONCE = 256
_EXCHANGE_ROUNDS = 8


def find_flip(
    predictor: MaskedPredictor,
    mask: ArrayLike,
    *,
    max_evaluations: int,
    rng: Generator,
    known_stable: int = 0,
) -> Mask | None:
    """Search for a small addition to ``mask`` with another prediction, and return the smallest one found, or None.

    Guaranteed, with certainty: the returned mask keeps everything ``mask`` keeps and certainly has another
    prediction (near ties do not count). So with j features added the hard radius is at most j - 1. If the search
    returns None, this does not prove that a flip does not exist. The same applies to smaller flips.

    The search ranks features by their individual effect on the margin p_A - max_{k != A} p_k. It adds them in that
    order until the prediction changes, and drops the features that were not needed. Then it adds greedily, each time
    the best of all features. Then it alternates random orders, of which every other favours strong features, with
    exchanges of single features. It ends when the evaluations are spent or a smaller flip cannot exist.

    Args:
        predictor: any `MaskedPredictor`; for a `SmoothedPredictor` the margin is that of the vote shares.
        mask: ``(n_features,)``, True = kept.
        max_evaluations: largest number of masks that the predictor evaluates. A predictor that does not decide by
            its probabilities, such as a vote, is evaluated once more on each candidate flip.
        rng: source of all randomness; equal generators give the same result.
        known_stable: a radius already proved; the search stops at a flip of ``known_stable + 1`` features.

    Raises:
        InputError: ``mask`` does not fit the predictor.
        ParameterError: ``max_evaluations`` is below 1.
        ModelError: the predictor returned something other than probabilities.
    """
    if max_evaluations < 1:
        raise ParameterError(
            f"max_evaluations must be at least 1, got {max_evaluations}. Use 1 or more", "max_evaluations"
        )
    search = FlipSearch(predictor, as_mask(mask, n_features_of(predictor)), max_evaluations, known_stable)
    if search.certain and not search.done:
        _run(search, rng)
    return search.flip


def _run(search: FlipSearch, rng: Generator) -> None:
    free = search.free
    # If not all features can be tested individually, only some are, and the effects of the others stay unknown.
    alone = free if len(free) <= search.left // 2 else rng.permutation(free)[: search.left // 2]
    margins = search.margins(with_each, search.mask, alone)
    effects = np.full(len(search.mask), -np.inf)
    effects[alone[: len(margins)]] = -margins
    if len(margins) == len(free):
        search.floor = max(search.floor, 1)
    # Equal effects in random order: lexsort sorts by its last key first.
    _add_in_order(search, free[np.lexsort((rng.random(len(free)), -effects[free]))])
    strongest = alone[margins.argmin()][None] if len(margins) == len(free) else free[:0]
    _add_greedily(search, strongest, spend=search.left // 2)
    strength = _standardised(effects[free])
    while not search.done:
        # Features without an individual effect may have a joint one, so every second order is uniformly random.
        for weights in (strength, np.zeros(len(free))):
            _exchange(search, rng)
            # Adding Gumbel noise to logarithmic weights draws an order without replacement by those weights.
            _add_in_order(search, free[np.argsort(-(weights + rng.gumbel(size=len(free))), kind="stable")])


def _add_in_order(search: FlipSearch, order: NDArray[np.intp]) -> None:
    """Add features in the given order, find the shortest prefix that seems to flip, and prune it."""
    shortest, longest = search.floor, len(order)
    if search.flip is not None:
        longest = min(longest, 2 * search.flip_size)
    flipping: NDArray[np.intp] | None = None
    while longest > shortest and not search.done:
        lengths = np.unique(np.linspace(shortest + 1, longest, _LENGTHS_AT_ONCE).astype(np.intp))
        margins = search.margins(partial(prefixes, order=order), search.mask, lengths)
        flips = np.flatnonzero(margins < 0)
        if len(flips) == 0:
            break
        first = int(flips[0])
        flipping = order[: lengths[first]]
        shortest, longest = int(lengths[first - 1]) if first > 0 else shortest, int(lengths[first]) - 1
    if flipping is not None:
        _prune(search, flipping)


def _prune(search: FlipSearch, added: NDArray[np.intp]) -> None:
    """Drop features while the prediction seems to stay changed: one by one, then jointly."""
    while len(added) > search.floor + 1 and not search.done:
        margins = search.margins(without_each, with_all(search.mask, added), added)
        order = np.argsort(margins, kind="stable")
        droppable = added[order[margins[order] < 0]]
        if len(droppable) == 0:
            return
        rest = np.setdiff1d(added, droppable)
        kept_first = np.concatenate([rest, droppable[::-1]])
        lengths = np.arange(max(1, len(rest)), len(added), dtype=np.intp)
        together = search.margins(partial(prefixes, order=kept_first), search.mask, lengths)
        flips = np.flatnonzero(together < 0)
        # The last length drops one single feature, which was just seen to flip.
        added = kept_first[: lengths[flips[0]]] if len(flips) > 0 else np.setdiff1d(added, droppable[:1])


def _add_greedily(search: FlipSearch, added: NDArray[np.intp], spend: int) -> None:
    """Add the one feature that lowers the margin most, repeatedly, while a smaller flip is possible."""
    stop = search.left - spend
    while not search.done and len(added) + 1 < search.flip_size:
        rest = np.setdiff1d(search.free, added)
        if len(rest) == 0 or search.left - len(rest) < stop:
            return
        margins = search.margins(with_each, with_all(search.mask, added), rest)
        if len(margins) < len(rest):
            return
        added = np.append(added, rest[margins.argmin()])
        if margins.min() < 0:
            _prune(search, added)
            return


def _exchange(search: FlipSearch, rng: Generator) -> None:
    """Search for a flip of one feature less: leave one out, then swap features while that lowers the margin."""
    if search.flip is None:
        return
    size = search.flip_size
    added = np.flatnonzero(search.flip & ~search.mask)
    margins = search.margins(without_each, search.flip, added)
    if search.done or search.flip_size < size or len(margins) < len(added):
        return
    # Equal margins are chosen at random, so that a plateau is searched from different places.
    best = rng.choice(np.flatnonzero(margins == margins.min()))
    inside, margin = np.delete(added, best), float(margins[best])
    for _ in range(_EXCHANGE_ROUNDS):
        outside = np.setdiff1d(search.free, inside)
        pairs = len(inside) * len(outside)
        if pairs == 0 or search.done:
            return
        chosen = rng.permutation(pairs)[:_EXCHANGES_AT_ONCE]
        drop, add = inside[chosen // len(outside)], outside[chosen % len(outside)]
        swaps = np.stack([drop, add], axis=1)
        margins = search.margins(exchanged, with_all(search.mask, inside), swaps)
        if len(margins) < len(chosen) or search.flip_size < size:
            return
        best = margins.argmin()
        if margins[best] > margin:
            return
        inside, margin = np.append(inside[inside != drop[best]], add[best]), float(margins[best])


def _standardised(effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return effects as logarithmic weights: mean 0 and deviation 1 where they are known and differ, otherwise 0."""
    known = np.isfinite(effects)
    strength = np.zeros(len(effects))
    spread = float(effects[known].std()) if known.any() else 0.0
    if spread > 0.0:
        strength[known] = (effects[known] - effects[known].mean()) / spread
    return strength

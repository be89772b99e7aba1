"""The exact hard radius of any predictor, without smoothing, by testing every addition."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.decisions import decide
from stabcert.core.given import n_features_of
from stabcert.core.hard.certificate import EnumeratedRadius
from stabcert.core.masks import MAX_RANKED, Additions, count_additions
from stabcert.core.types import Mask, MaskedPredictor, as_mask
from stabcert.errors import ParameterError

_FIRST_CHUNK = 64


def enumerate_hard_radius(predictor: MaskedPredictor, mask: ArrayLike, *, max_evaluations: int) -> EnumeratedRadius:
    """Return the largest radius within which no addition changes the prediction, by testing all, fewest first.

    Guaranteed, with certainty: every mask that keeps what ``mask`` keeps and at most ``radius`` features more
    has the prediction of ``mask``. If ``exact``, no larger radius exists: ``flip`` is an addition of
    ``radius + 1`` features that certainly has another prediction, or all features are already added.

    Additions of one size are tested only if all of them fit into the rest of ``max_evaluations``, because a
    part of them does not prove anything. Within a size the search stops at the first flip. An addition that is a near
    tie ends the radius before its size. If the prediction of ``mask`` is itself a near tie, the radius is 0, and
    the search ends.

    The radius is that of ``predictor`` without further smoothing. For a `SmoothedPredictor` it is that of the vote,
    and one evaluation is one vote.

    Args:
        predictor: any `MaskedPredictor`.
        mask: ``(n_features,)``, True = kept.
        max_evaluations: largest number of masks that the predictor evaluates, including ``mask``; 1 or more.

    Raises:
        InputError: ``mask`` does not fit the predictor.
        ParameterError: ``max_evaluations`` is below 1.
        ModelError: the predictor returned something other than probabilities.

    Source: Soft stability (Jin et al. 2025), Definition 2.1, and MuS (Xue et al. 2023), Definition 2.3, by
    enumeration.
    """
    if max_evaluations < 1:
        raise ParameterError(
            f"max_evaluations must be at least 1, got {max_evaluations}. Use 1 or more", "max_evaluations"
        )
    kept = as_mask(mask, n_features_of(predictor))
    n_free = int((~kept).sum())
    reference = decide(predictor, kept[None])
    prediction, evaluations = int(reference.classes[0]), 1
    if reference.near_tie[0]:
        return EnumeratedRadius(prediction, 0, None, False, near_ties=1, evaluations=evaluations)
    for size in range(1, n_free + 1):
        additions = Additions(kept, size, exactly=True)
        limit = min(max_evaluations - evaluations, MAX_RANKED)
        if additions.count(at_most=limit) > limit:
            return EnumeratedRadius(prediction, size - 1, None, False, near_ties=0, evaluations=evaluations)
        flip, near_ties, tried = _try_all(predictor, additions, prediction)
        evaluations += tried
        if flip is not None or near_ties > 0:
            return EnumeratedRadius(prediction, size - 1, flip, False, near_ties, evaluations)
    return EnumeratedRadius(prediction, n_free, None, True, near_ties=0, evaluations=evaluations)


def _try_all(predictor: MaskedPredictor, additions: Additions, prediction: int) -> tuple[Mask | None, int, int]:
    """Return the first certain flip in the order of the ranks, the near ties before it, and the masks evaluated."""
    start, near_ties = 0, 0
    for end in _ends(additions):
        ranks: NDArray[np.int64] = np.arange(start, end, dtype=np.int64)
        masks = additions.unrank(ranks)
        decisions = decide(predictor, masks)
        near_ties += int(decisions.near_tie.sum())
        flips = np.flatnonzero((decisions.classes != prediction) & ~decisions.near_tie)
        start = end
        if len(flips) > 0:
            flip = masks[flips[0]].copy()
            flip.flags.writeable = False  # it goes into a frozen result
            return flip, near_ties, start
    return None, near_ties, start


def _ends(additions: Additions) -> Iterator[int]:
    """Yield the numbers of additions of one size after which a flip is looked for.

    Chunks double, so that an early flip is found at once, and many masks take few calls.
    """
    total, end, step = additions.count(), 0, min(_FIRST_CHUNK, additions.chunk_rows())
    while end < total:
        end = min(end + step, total)
        yield end
        step = min(2 * step, additions.chunk_rows())


def impossible_numbers(found: EnumeratedRadius, mask: Mask, *, max_evaluations: int) -> str | None:
    """Return the numbers that a run of `enumerate_hard_radius` can give in place of these; None if it can give them.

    Radius, near ties, and whether a flip ended the run determine its evaluations. Only the addition at which a flip was
    found is open. The radius must be one that the mask has.

    Args:
        found: a result whose ``flip`` may be any addition of its size.
        mask: ``(n_features,)``, True = kept.
        max_evaluations: as for `enumerate_hard_radius`.
    """
    n_free = int((~mask).sum())
    whole = count_additions(n_free, found.radius, at_most=max_evaluations)
    if whole > max_evaluations:
        return f"a radius whose additions fit into {max_evaluations} evaluations"
    if found.stable_for_all_supersets:
        return None if (found.evaluations, found.near_ties) == (whole, 0) else f"{whole} evaluations without near ties"
    if found.radius == n_free:  # only the mask itself can be in the way
        return None if (found.evaluations, found.near_ties) == (1, 1) else "1 near tie in 1 evaluation"
    following, rest = Additions(mask, found.radius + 1, exactly=True), min(max_evaluations - whole, MAX_RANKED)
    fits = following.count(at_most=rest) <= rest
    if found.flip is None and found.near_ties == 0:
        if fits:
            return f"a larger radius, a flip or near ties, as {max_evaluations} evaluations suffice for the next size"
        return None if found.evaluations == whole else f"{whole} evaluations"
    if found.flip is None and found.radius == 0 and (found.evaluations, found.near_ties) == (1, 1):
        return None  # the mask itself is a near tie
    if not fits:
        return f"{whole} evaluations without a flip or near ties, as the next size does not fit"
    tested = found.evaluations - whole
    possible = list(_ends(following))
    if found.flip is None:
        possible = possible[-1:]
    if tested not in possible:
        return "evaluations: " + " or ".join(str(whole + end) for end in possible)
    most = tested - (found.flip is not None)
    return None if found.near_ties <= most else f"at most {most} near ties"

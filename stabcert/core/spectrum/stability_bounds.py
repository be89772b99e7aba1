"""Bounds on the stability rate from the monotone coefficients, beside the true rate: all by enumeration.

The bounds of Soft stability (Jin et al. 2025), Lemmas B.4 to B.6 and Corollary B.8, in their corrected form. As
published they omit the coefficients of the sets that meet the mask, and are false for every mask that is not
empty (E2). Smoothing all features can destroy the stability that they promise (E3). A function that moves by
at most 1/2 may still change its class (E4).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np

from stabcert.core.decisions import decide_from, drift_tolerance, predict
from stabcert.core.given import n_features_of
from stabcert.core.masks import Additions
from stabcert.core.spectrum.result import StabilityBounds
from stabcert.core.spectrum.small_sets import containment, moebius, smooth_sets, steps_of
from stabcert.core.spectrum.target import choose_class, refuse_votes
from stabcert.core.spectrum.transforms import every_mask
from stabcert.core.types import Mask, MaskedPredictor, Masks, Probs, Scores, as_mask
from stabcert.errors import ParameterError

DEFAULT_MAX_EVALUATIONS = 2**14
_ROWS_AT_ONCE = 4096


def stability_bounds(
    predictor: MaskedPredictor,
    mask: Mask,
    *,
    radius: int,
    keep_probability: Fraction | float = Fraction(1),
    smooth: Literal["all", "free"] = "all",
    target_class: int | None = None,
    max_evaluations: int = DEFAULT_MAX_EVALUATIONS,
) -> StabilityBounds:
    """Return bounds on how often the probability of one class moves by more than 1/2, and the truth, without sampling.

    Let h be the function (the probability of ``target_class``, smoothed or not) and m the number of features to add.
    Let c(T) be the monotone coefficients of ``S -> h(mask and S)`` before its free features are smoothed. Then exactly
    ``h(mask and S) - h(mask) = sum over parts T of S, T not empty, of lambda^|T| c(T)``. This implies the following
    bounds, which hold for every function with values in [0, 1], up to rounding:

    - B.4': ``1 - rate <= 2 / |Delta_r| sum over 1 <= |S| <= r of |h(mask and S) - h(mask)|`` (Markov);
    - B.5' / B.8': ``1 - rate <= 2 sum over k of lambda^k P(k) sum over |T| = k of |c(T)|``, with P(k) the probability
      that an addition contains a given set of k;
    - B.6': the hard radius is the largest one up to which no difference is above 1/2 (if and only if);
    - ``1 - class_rate <= mean |difference| / |h(mask) - 1/2|``, where 1/2 decides between the classes.

    Smoothing ``all`` features also drops selected ones, and the unsmoothed function does not bound the result.
    Smoothing only the ``free`` ones makes B.5' smaller at least by the factor lambda.

    Args:
        predictor: any `MaskedPredictor` that returns probabilities, not votes.
        mask: ``(n_features,)``, True = kept.
        radius: r, 0 to the number of features not kept.
        keep_probability: lambda; 1 for the unsmoothed function.
        smooth: features that the noise may drop, ``"all"`` or the ``"free"`` ones that ``mask`` does not keep.
        target_class: None for the class predicted on the full input.
        max_evaluations: limit above which the bounds are refused; see `bounds_cost`.

    Raises:
        InputError: ``mask`` does not fit the predictor.
        ParameterError: ``radius``, ``target_class`` or ``keep_probability`` is out of range, too many evaluations are
            needed, or the predictor decides by a vote.
        ModelError: see `stabcert.core.decisions.predict`.
    """
    refuse_votes(predictor)
    mask = as_mask(mask, n_features_of(predictor))
    keep = float(keep_probability)
    cost = bounds_cost(mask, radius, keep_probability=keep, smooth=smooth, target_class=target_class)
    if cost > max_evaluations:
        cheaper = "" if keep == 1.0 or smooth == "free" else ", smooth the free features alone, select fewer features"
        raise ParameterError(
            f"max_evaluations must be at least {cost} for the stability bounds at radius {radius}, "
            f"got {max_evaluations}. Use a smaller radius{cheaper}, or allow more",
            "max_evaluations",
        )
    additions = Additions(mask, radius)
    full = None
    if target_class is None:
        full = predict(predictor, np.ones((1, len(mask)), dtype=np.bool_))
    rows = np.concatenate(list(additions.enumerate()))
    weighted = _selected_parts(mask, keep if smooth == "all" else 1.0)
    probs = _mean_probs(predictor, mask, rows, weighted, full)
    target = choose_class(probs[:1] if full is None else full, target_class)
    sets = rows[:, additions.free]
    return _bounds(predictor, probs, target, sets, keep=Fraction(keep_probability), smooth=smooth, evaluations=cost)


def bounds_cost(
    mask: Mask,
    radius: int,
    *,
    keep_probability: float = 1.0,
    smooth: Literal["all", "free"] = "all",
    target_class: int | None = None,
) -> int:
    """Return the number of evaluations that `stability_bounds` takes: each mask on which the result depends, once.

    These masks are the additions. If selected features are smoothed too, they are every addition with every part of
    the mask. The full input is added if it is not among them and its class is the target.

    Raises:
        ParameterError: ``radius``, ``keep_probability`` or ``smooth`` is out of range.
    """
    if smooth not in ("all", "free"):
        raise ParameterError(f"smooth must be 'all' or 'free', got {smooth!r}. Use one of the two")
    if not 0.0 <= keep_probability <= 1.0:
        raise ParameterError(
            f"keep_probability must be from 0 to 1, got {keep_probability}. Use a number such as 0.5",
            "keep_probability",
        )
    additions = Additions(mask, radius)
    parts = 2 ** int(mask.sum()) if smooth == "all" and keep_probability < 1.0 else 1
    return additions.count() * parts + (target_class is None and radius < len(additions.free))


def _selected_parts(mask: Mask, keep_probability: float) -> Iterator[tuple[Masks, Scores]]:
    """Yield the parts of the selected features that smoothing can keep, with their probabilities, in chunks."""
    count = int(mask.sum())
    if keep_probability == 1.0:
        yield np.ones((1, count), dtype=np.bool_), np.ones(1)
        return
    for parts in every_mask(count):
        kept = parts.sum(axis=1)
        yield parts, keep_probability**kept * (1 - keep_probability) ** (count - kept)


def _mean_probs(
    predictor: MaskedPredictor,
    mask: Mask,
    rows: Masks,
    weighted: Iterator[tuple[Masks, Scores]],
    full: Probs | None,
) -> Probs:
    """Return ``(k, n_classes)`` mean probabilities of each row over the parts of the selected features."""
    total: Probs = np.zeros(0)
    for parts, weights in weighted:
        step = max(1, _ROWS_AT_ONCE // len(rows))
        for start in range(0, len(parts), step):
            some = parts[start : start + step]
            masks = np.tile(rows, (len(some), 1))
            masks[:, mask] = np.repeat(some, len(rows), axis=0)
            probs = _predict_known(predictor, masks, full).reshape(len(some), len(rows), -1)
            part_sum = np.tensordot(weights[start : start + step], probs, axes=1)
            total = part_sum if total.size == 0 else total + part_sum
    return total


def _predict_known(predictor: MaskedPredictor, masks: Masks, full: Probs | None) -> Probs:
    """Return the probabilities of the masks. The full input, which can only be the last, is not evaluated again."""
    known = full is not None and bool(masks[-1].all())
    rest = masks[:-1] if known else masks
    parts = [predict(predictor, rest[i : i + _ROWS_AT_ONCE]) for i in range(0, len(rest), _ROWS_AT_ONCE)]
    return np.concatenate([*parts, full] if known and full is not None else parts)


def _bounds(
    predictor: MaskedPredictor,
    probs: Probs,
    target: int,
    sets: Masks,
    *,
    keep: Fraction,
    smooth: Literal["all", "free"],
    evaluations: int,
) -> StabilityBounds:
    """Return all bounds and rates from the probabilities of the additions before free features are smoothed."""
    probs = np.clip(probs, 0.0, 1.0)  # they may exceed 1 by a rounding error
    steps, sizes = steps_of(sets), sets.sum(axis=1)
    radius, n_free = int(sizes[-1]), sets.shape[1]
    coefficients = moebius(probs[:, target], steps)
    smoothed = smooth_sets(probs, steps, float(keep))
    values = smoothed[:, target]
    movement = np.abs(values - values[0])
    decisions = decide_from(predictor, smoothed)
    stays = (decisions.classes == decisions.classes[0]) & ~decisions.near_tie & ~decisions.near_tie[0]
    by_size = [
        float(keep**k * containment(n_free, radius, k)) * float(np.abs(coefficients[sizes == k]).sum())
        for k in range(1, radius + 1)
    ]
    moved = sizes[movement > 0.5]
    margin = _decisive_margin(predictor, values[0], smoothed.shape[1])
    return StabilityBounds(
        radius=radius,
        keep_probability=keep,
        variant="unsmoothed" if keep == 1 else "smoothed" if smooth == "all" else "smoothed-free",
        sets=2 * float(movement.mean()),
        degrees=2 * math.fsum(by_size),
        hard_radius=radius if len(moved) == 0 else int(moved.min()) - 1,
        rate=float((movement <= 0.5).mean()),
        class_rate=float(stays.mean()),
        evaluations=evaluations,
        class_bound=None if margin is None else float(movement.mean()) / margin,
    )


def _decisive_margin(predictor: MaskedPredictor, value: float, n_classes: int) -> float | None:
    """Return the least movement after which the class can change or be a near tie; None if it is unknown.

    A class with a value above 1/2 is predicted, and stays while the value is above 1/2. With two classes, the other
    class is predicted below 1/2. A near tie extends as far as its tolerance, in log-probabilities.
    """
    tolerance = drift_tolerance(predictor)
    rows_sum_to_one_within = 1e-6
    margin = abs(value - 0.5) - math.tanh(tolerance / 2) / 2 - rows_sum_to_one_within
    return margin if margin > 0 and (value > 0.5 or n_classes == 2) else None

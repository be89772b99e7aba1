"""Effect of smoothing on accuracy and on stability: every keep probability on the same random numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from stabcert.core.curve.draws import Tries, as_radii, smoothed_predictors, tries_of
from stabcert.core.curve.result import MaskStability, SmoothedInput, SmoothingCurve, TriedAdditions
from stabcert.core.curve.summary import summarise
from stabcert.core.decisions import decide
from stabcert.core.given import n_features_of
from stabcert.core.hard.certificate import Noise
from stabcert.core.hard.leads import leads_of, radius_by_counts
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.streams import part_of, words_of
from stabcert.core.types import Mask, MaskedPredictor, as_masks
from stabcert.errors import ParameterError


def evaluate_smoothing(
    predictor: MaskedPredictor,
    masks: ArrayLike,
    label: int | None,
    *,
    keep_probabilities: Sequence[Fraction],
    radii: Sequence[int],
    draws: int = 64,
    n_samples: int = 10,
    noise: Noise = "bernoulli",
    noise_rng: Generator,
    rng: Generator,
) -> tuple[SmoothedInput, ...]:
    """Evaluate one input under every keep probability: its predictions and the stability of its masks.

    For each keep probability the noise is drawn from ``noise_rng`` and then frozen. The guarantees of `summarise`
    are about the resulting deterministic predictors. All keep probabilities share their random numbers, so that a
    smaller one drops everything that a larger one drops, and each tests the same additions. The noise depends on the
    state of ``noise_rng`` and the number of features alone. Give every input a generator of the same state.

    For each mask and radius the share of ``n_samples`` additions that keep the prediction is an unbiased estimate
    of the stability rate. The draws are uniform, without replacement from sets of up to 10^6. Where there are at most
    ``n_samples`` additions, all are tested. A radius above the number of free features is replaced by that number.

    Hard and decremental radii are certain: no change of up to that many features changes the prediction.

    Args:
        predictor: any `MaskedPredictor`.
        masks: ``(k, n_features)``, True = kept; for example one for each of k attribution methods.
        label: the correct class, if known.
        keep_probabilities: exact, above 0 and up to 1, where 1 is the unsmoothed model. The others are compared
            with the first.
        radii: numbers of features that may be added, each a whole number from 0.
        draws: number of noise masks for each keep probability below 1.
        n_samples: number of additions to test for each mask and radius.
        noise: ``"bernoulli"``, each feature dropped independently, or ``"quantized"`` (see `quantized_keep_masks`),
            with ``draws`` as the quantization.
        noise_rng: source of the noise, in the same state for all inputs.
        rng: source of the additions, independent for each input.

    Returns:
        One result for each keep probability, in the given order.

    Raises:
        ParameterError: ``keep_probabilities``, ``radii``, ``draws`` or ``n_samples`` is out of range.
        InputError: ``masks`` does not fit the predictor.
        ModelError: the predictor returned something other than probabilities.

    Source: MuS (Xue et al. 2023), Section 4; Soft stability (Jin et al. 2025), Section 4.
    """
    masks = as_masks(masks, n_features_of(predictor))
    radii = as_radii(radii)
    keep_probabilities = [Fraction(keep_probability) for keep_probability in keep_probabilities]
    if n_samples < 1 or draws < 1:
        raise ParameterError(
            f"draws and n_samples must be at least 1, got {draws} and {n_samples}. Use 1 or more of each"
        )
    smoothed = smoothed_predictors(predictor, keep_probabilities, draws, noise, words_of(noise_rng))
    words = words_of(rng)
    tries = [tries_of(mask, radii, n_samples, words) for mask in masks]
    everything = np.ones(predictor.n_features, dtype=np.bool_)
    unsmoothed = decide(predictor, everything[None])
    results = []
    for keep_probability, function in zip(keep_probabilities, smoothed, strict=True):
        full = _reading(function, everything, everything)
        agrees = full.prediction == int(unsmoothed.classes[0])
        results.append(
            SmoothedInput(
                keep_probability=keep_probability,
                n_features=int(predictor.n_features),
                prediction=full.prediction,
                near_tie=full.near_tie,
                correct=None if label is None else full.prediction == int(label),
                agrees=None if full.near_tie or unsmoothed.near_tie[0] else agrees,
                decremental_radius=full.radius,
                masks=tuple(
                    _mask_stability(function, mask, full, tried) for mask, tried in zip(masks, tries, strict=True)
                ),
            )
        )
    return tuple(results)


def smoothing_curve(
    predictors: Iterable[MaskedPredictor],
    masks: Iterable[ArrayLike],
    labels: Iterable[int | None] | None,
    *,
    keep_probabilities: Sequence[Fraction],
    radii: Sequence[int],
    draws: int = 64,
    n_samples: int = 10,
    noise: Noise = "bernoulli",
    delta: float = 0.1,
    rng: Generator,
) -> SmoothingCurve:
    """Return accuracy and stability over a data set by keep probability: `evaluate_smoothing`, then `summarise`.

    The docstrings of both state the guarantees. Inputs are taken one at a time, so ``predictors`` may be a generator.

    Args:
        predictors: one for each input.
        masks: for each input one mask ``(n_features,)``, or ``(k, n_features)`` for k attribution methods.
        labels: for each input its class or None; or None for all.
        delta: probability that an interval may be wrong, for each interval individually.
        rng: source of all randomness, including the noise.

    Other arguments: `evaluate_smoothing`.

    Raises:
        ValueError: the numbers of predictors, masks and labels differ.
        ParameterError, InputError, ModelError: as in `evaluate_smoothing` and `summarise`.
    """
    noise_words, words = words_of(rng), words_of(rng)
    results = []
    every_label = repeat(None) if labels is None else labels
    inputs = zip(zip(predictors, masks, strict=True), every_label, strict=labels is not None)
    for i, ((predictor, mask), label) in enumerate(inputs):
        results.append(
            evaluate_smoothing(
                predictor,
                np.atleast_2d(mask),
                label,
                keep_probabilities=keep_probabilities,
                radii=radii,
                draws=draws,
                n_samples=n_samples,
                noise=noise,
                noise_rng=part_of(noise_words),
                rng=part_of(words, i),
            )
        )
    return summarise(results, delta=delta)


@dataclass(frozen=True)
class _Reading:
    """The prediction and the radius that the ballots of one masked input prove."""

    prediction: int
    near_tie: bool
    radius: int | None
    """Number of features that may change without changing the prediction; None at a near tie."""


def _reading(function: SmoothedPredictor, mask: Mask, may_change: Mask) -> _Reading:
    leads = leads_of(function, function.ballots(mask))
    if not leads.certain:
        return _Reading(leads.prediction, True, None)
    counts = function.keep_masks[:, may_change].sum(axis=0)
    return _Reading(leads.prediction, False, radius_by_counts(leads, counts))


def _mask_stability(function: SmoothedPredictor, mask: Mask, full: _Reading, tries: Tries) -> MaskStability:
    reading = _reading(function, mask, ~mask)
    decisions = decide(function, tries.masks)
    # If the class that must survive is itself a near tie, so is every outcome.
    near_tie = decisions.near_tie | reading.near_tie
    match = (decisions.classes == reading.prediction) & ~near_tie
    return MaskStability(
        masked_prediction=reading.prediction,
        near_tie=reading.near_tie,
        consistent=None if reading.near_tie or full.near_tie else reading.prediction == full.prediction,
        n_free=int((~mask).sum()),
        hard_radius=reading.radius,
        additions=tuple(
            TriedAdditions(
                radius=radius,
                radius_used=used,
                samples=rows.stop - rows.start,
                matches=int(match[rows].sum()),
                near_ties=int(near_tie[rows].sum()),
                enumerated=enumerated,
            )
            for radius, used, enumerated, rows in tries.parts
        ),
    )

"""One input under two models: the same masks, noise and additions for both."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from stabcert.core.adaptation.result import ComparedInput, MaskedShare, ModelReading
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.curve.evaluate import evaluate_smoothing
from stabcert.core.curve.result import SmoothedInput
from stabcert.core.decisions import decide_from, predict
from stabcert.core.streams import part_of, words_of
from stabcert.core.types import Mask, MaskedPredictor, Masks, as_mask
from stabcert.errors import InputError

_ORDERS, _ADDITIONS = 0, 1
"""Purposes of the random numbers of one input."""


def compare_input(
    before: MaskedPredictor,
    after: MaskedPredictor,
    mask: ArrayLike,
    label: int | None,
    settings: ComparisonSettings,
    *,
    noise_rng: Generator,
    rng: Generator,
) -> ComparedInput:
    """Evaluate one input under an original and an adapted model.

    Both models get the same explanation ``mask``, random masks, noise and additions. So nothing but the models differs.
    Random masks of one keep share are uniform among the masks that keep this share of the features, rounded to
    the nearest number, half up, and at least one feature. They are prefixes of random orders of the features. So the
    mean over them is an unbiased estimate of the mean over all masks of the share, for each share. Stability rates are
    estimated on the unsmoothed models alone. For each smoothed model the votes on the explanation and on the full
    input give the hard radii (`evaluate_smoothing`).

    Args:
        before: the original model.
        after: the adapted model, with the same features and classes.
        mask: the explanation, ``(n_features,)``, True = kept; for example by an attribution of the original model.
        label: the correct class, if known.
        settings: masks, additions and noise.
        noise_rng: source of the frozen noise, in the same state for all inputs.
        rng: source of masks and additions, independent for each input.

    Raises:
        InputError: the models have different numbers of features, or ``mask`` does not fit them.
        ModelError: a model returned something other than probabilities.
    """
    n = int(before.n_features)
    if after.n_features != n:
        raise InputError(
            f"both models must have the same number of features, got {n} and {after.n_features}. "
            "Use the same features for both"
        )
    mask, noise_words, words = as_mask(mask, n), words_of(noise_rng), words_of(rng)
    orders = _orders(n, settings.masks, part_of(words, _ORDERS))
    everything = np.ones((1, n), dtype=np.bool_)
    reference = decide_from(before, predict(before, everything))
    original = None if reference.near_tie[0] else int(reference.classes[0])

    def read(model: MaskedPredictor) -> ModelReading:
        full = decide_from(model, predict(model, everything))
        return ModelReading(
            prediction=int(full.classes[0]),
            near_tie=bool(full.near_tie[0]),
            shares=tuple(_share(model, orders, share, original, label) for share in settings.keep_shares),
            smoothed=_smoothed(model, mask, label, settings, noise_words, words),
        )

    return ComparedInput(n, read(before), read(after))


def kept_of(share: Fraction, n_features: int) -> int:
    """Return how many features a keep share means: rounded half up, at least 1."""
    return max(1, int(share * n_features + Fraction(1, 2)))


def _orders(n: int, masks: int, rng: Generator) -> NDArray[np.int64]:
    """Return for each mask the rank of each feature in a random order, ``(masks, n)``."""
    return np.argsort(rng.random((masks, n)), axis=1).argsort(axis=1)


def _share(
    model: MaskedPredictor, orders: NDArray[np.int64], share: Fraction, original: int | None, label: int | None
) -> MaskedShare:
    n = orders.shape[1]
    kept = kept_of(share, n)
    masks: Masks = orders < kept
    if kept == n:
        masks = masks[:1]
    probs = predict(model, masks)
    decisions = decide_from(model, probs)
    certain = ~decisions.near_tie
    return MaskedShare(
        keep_share=share,
        kept=kept,
        masks=len(masks),
        agreements=0 if original is None else int(((decisions.classes == original) & certain).sum()),
        correct=None if label is None else int(((decisions.classes == label) & certain).sum()),
        near_ties=int(decisions.near_tie.sum()),
        confidence=float(probs[0].max()),
        agrees=bool(decisions.classes[0] == original) if original is not None and certain[0] else None,
    )


def _smoothed(
    model: MaskedPredictor,
    mask: Mask,
    label: int | None,
    settings: ComparisonSettings,
    noise_words: list[int],
    words: list[int],
) -> tuple[SmoothedInput, ...]:
    """Return the unsmoothed model with tested additions, then the smoothed ones, for which votes alone are counted."""
    unsmoothed = evaluate_smoothing(
        model,
        mask[None],
        label,
        keep_probabilities=[Fraction(1)],
        radii=settings.radii,
        n_samples=settings.n_samples,
        noise_rng=part_of(noise_words),
        rng=part_of(words, _ADDITIONS),
    )
    if not settings.lambdas:
        return unsmoothed
    return unsmoothed + evaluate_smoothing(
        model,
        mask[None],
        label,
        keep_probabilities=settings.lambdas,
        radii=(),
        draws=settings.draws,
        noise=settings.noise,
        noise_rng=part_of(noise_words),
        rng=part_of(words, _ADDITIONS),
    )

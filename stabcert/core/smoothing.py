"""Smoothing: the vote or the mean probability of a predictor over frozen random masks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stabcert.core.decisions import Decisions, decide, decide_from, drift_tolerance, predict
from stabcert.core.distinct import distinct_masks
from stabcert.core.given import n_features_of
from stabcert.core.hard.certificate import ScoreKind
from stabcert.core.masks import CHUNK_CELLS
from stabcert.core.types import Mask, MaskedPredictor, Masks, Probs, as_mask, as_masks
from stabcert.errors import InputError, ParameterError

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Ballots:
    """Predictions on several masks; for a smoothed predictor, one for each noise mask."""

    probs: Probs
    """``(q, n_classes)``, each row scaled to sum to 1."""
    classes: NDArray[np.intp]
    """``(q,)``: the class for which each row votes."""
    near_tie: NDArray[np.bool_]
    """``(q,)``: True where the two best classes could not be distinguished. Such a vote does not support any claim."""


class SmoothedPredictor:
    """A predictor smoothed by multiplicative noise that is drawn once and then frozen.

    ``smoothed(masks)`` is the share of the q keep-masks under which ``base`` predicts each class: row
    j votes for the class of ``base(mask & keep_masks[j])``. With ``scores="probability"`` it is the mean of
    the q probabilities instead, which is another function with other predictions. Because the noise is frozen,
    this is a deterministic function of the mask. Every certificate is about *this* function, and the
    seed of the noise belongs to it.

    Args:
        base: any `MaskedPredictor`.
        keep_masks: ``(q, n_features)`` bool, True = kept.
        scores: the averaged quantity, ``"vote"`` or ``"probability"``.

    Raises:
        InputError: ``keep_masks`` is empty or does not fit ``base``.
        ParameterError: ``scores`` is unknown, or ``"probability"`` with a ``base`` that itself decides by a vote.

    Source: MuS (Xue et al. 2023), Section 3; Soft stability (Jin et al. 2025), Definition 4.1.
    """

    def __init__(self, base: MaskedPredictor, keep_masks: Masks, *, scores: ScoreKind = "vote") -> None:
        self.base = base
        self.keep_masks = as_masks(keep_masks, n_features_of(base)).copy()
        self.keep_masks.setflags(write=False)
        self.scores = scores
        if len(self.keep_masks) == 0:
            raise InputError("keep_masks must contain at least one mask, got 0. Give 1 or more")
        if scores not in ("vote", "probability"):
            raise ParameterError(
                f"scores must be 'vote' or 'probability', got {scores!r}. Use one of the two", "scores"
            )
        if scores == "probability" and hasattr(base, "decide"):
            # Its shares may move where its votes are near ties, by an unknown amount.
            raise ParameterError(
                "scores must be 'vote' for a base that itself decides by a vote, got 'probability'. Use 'vote'",
                "scores",
            )

    @property
    def n_features(self) -> int:
        return self.base.n_features

    @property
    def drift(self) -> float:
        """Smallest difference of two mean probabilities at which they can be distinguished.

        A sound bound on the effect of arithmetic on the difference of two mean probabilities. It covers the
        arithmetic of the base, which may depend on the batch, and the rounding of the sums.
        """
        # The base's logits differ between two evaluations of one mask by less than t, relative to one another. So the
        # odds of a class change by a factor of at most e^t, and its probability by at most tanh(t / 4). The
        # difference of two probabilities changes by at most twice that. The rest bounds sums of q numbers up to 1.
        tolerance = drift_tolerance(self.base)
        rounding = max(1e-12, 4 * len(self.keep_masks) * float(np.finfo(np.float64).eps))
        return 2.0 * math.tanh(tolerance / 4.0) + rounding

    def votes(self, masks: Masks) -> NDArray[np.int64]:
        """Return the votes, ``(k, n_classes)`` integers of which each row sums to q."""
        return self._count(masks)[0]

    def __call__(self, masks: Masks, /) -> Probs:
        votes, _, means = self._count(masks)
        if self.scores == "probability":
            return means
        shares: Probs = votes / len(self.keep_masks)
        return shares

    def decide(self, masks: Masks) -> Decisions:
        """Return the winner of each vote, or the class of largest mean probability; among equals the lowest index.

        A vote is a near tie where votes that are themselves near ties could change the winner. Mean probabilities
        are a near tie where they are closer than `drift`. For a vote, noise masks are evaluated only until the
        winner is certain.
        """
        if self.scores == "probability":
            means = self._count(masks)[2]
            best = np.partition(means, -2, axis=1)[:, -2:]
            return Decisions(means.argmax(axis=1), best[:, 1] - best[:, 0] < self.drift)
        masks = as_masks(masks, self.n_features)
        step = self._masks_at_once()
        parts = [self._winners(masks[start : start + step]) for start in range(0, max(1, len(masks)), step)]
        return Decisions(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def ballots(self, mask: Mask) -> Ballots:
        """Return the ballot of each of the q noise masks for ``mask``, from one call of the base on distinct masks."""
        return ballots_on(self.base, as_mask(mask, self.n_features) & self.keep_masks)

    def _count(self, masks: Masks) -> tuple[NDArray[np.int64], NDArray[np.int64], Probs]:
        """Return votes ``(k, n_classes)``, the number of near ties in each row ``(k,)``, and mean probabilities."""
        masks = as_masks(masks, self.n_features)
        step = self._masks_at_once()
        parts = [self._count_chunk(masks[start : start + step]) for start in range(0, max(1, len(masks)), step)]
        votes, unsure, means = (np.concatenate(part) for part in zip(*parts, strict=True))
        return votes, unsure, means

    def _masks_at_once(self) -> int:
        rows_at_once = min(_ROWS_AT_ONCE, CHUNK_CELLS // max(1, self.n_features))
        return max(1, rows_at_once // len(self.keep_masks))

    def _winners(self, masks: Masks) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the winner of each vote and whether it is a near tie, in stages while the outcome is open."""
        draws = len(self.keep_masks)
        rows = (masks[:, None] & self.keep_masks[_spread(draws)][None]).reshape(-1, self.n_features)
        first, where = distinct_masks(rows)
        where = where.reshape(len(masks), draws)
        classes, unsure = np.full(len(first), -1, dtype=np.intp), np.zeros(len(first), dtype=np.bool_)
        winners, in_doubt = np.zeros(len(masks), dtype=np.intp), np.ones(len(masks), dtype=np.bool_)
        # Fewer than half of the votes never decide. After that each stage is an eighth of them.
        cast, n_classes, stage = draws // 2, 0, 1
        while cast < draws and in_doubt.any():
            cast, stage = min(draws, cast + stage), max(1, draws // 8)
            asked = where[in_doubt, :cast]
            new = np.unique(asked[classes[asked] < 0])
            if len(new) > 0:
                ballots = ballots_on(self.base, rows[first[new]])
                classes[new], unsure[new], n_classes = ballots.classes, ballots.near_tie, ballots.probs.shape[1]
            winners[in_doubt], in_doubt[in_doubt] = _outcome(classes[asked], unsure[asked], n_classes, draws - cast)
        return winners, in_doubt

    def _count_chunk(self, masks: Masks) -> tuple[NDArray[np.int64], NDArray[np.int64], Probs]:
        ballots = ballots_on(self.base, (masks[:, None] & self.keep_masks[None]).reshape(-1, self.n_features))
        shape = (len(masks), len(self.keep_masks))
        n_classes = ballots.probs.shape[1]
        votes = np.zeros((len(masks), n_classes), dtype=np.int64)
        np.add.at(votes, (np.arange(len(masks))[:, None], ballots.classes.reshape(shape)), 1)
        unsure = ballots.near_tie.reshape(shape).sum(axis=1, dtype=np.int64)
        return votes, unsure, ballots.probs.reshape(*shape, n_classes).mean(axis=1)


def _outcome(
    classes: NDArray[np.intp], unsure: NDArray[np.bool_], n_classes: int, not_cast: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the leader of each vote ``(k, cast)``, and whether votes that are unsure or not cast could change it."""
    row = np.arange(len(classes))
    votes, sure = (np.zeros((len(classes), n_classes), dtype=np.int64) for _ in range(2))
    np.add.at(votes, (row[:, None], classes), 1)
    np.add.at(sure, (row[:, None], classes), ~unsure)
    leader = sure.argmax(axis=1)
    # Every open vote may go to one and the same other class, which wins a tie if its index is lower.
    lead = sure[row, leader][:, None] - sure - (np.arange(n_classes) < leader[:, None])
    lead[row, leader] = classes.shape[1] + not_cast
    in_doubt = lead.min(axis=1) < unsure.sum(axis=1) + not_cast
    return np.where(in_doubt, votes.argmax(axis=1), leader), in_doubt


def _spread(draws: int) -> NDArray[np.intp]:
    """Return an order that moves neighbours, which in quantized noise are nearly alike, far from one another."""
    stride = next(s for s in range(max(1, round(0.618 * draws)), draws + 1) if math.gcd(s, draws) == 1)
    return np.arange(draws) * stride % draws


def ballots_on(base: MaskedPredictor, masks: Masks) -> Ballots:
    """Return the ballots of ``base`` for ``(k, n_features)`` masks; equal masks are evaluated once.

    Raises:
        ModelError: the predictor broke its contract; see `stabcert.core.decisions.predict`.
    """
    first, where = distinct_masks(masks)
    rows = masks[first]
    probs = predict(base, rows)
    # A base that decides by other means, such as another vote, makes its own decisions.
    decisions = decide(base, rows) if hasattr(base, "decide") else decide_from(base, probs)
    # Rows sum to 1 up to 1e-6 only, and the certificates need probabilities of at most 1.
    scaled = probs / probs.sum(axis=1, keepdims=True)
    return Ballots(scaled[where], decisions.classes[where], decisions.near_tie[where])

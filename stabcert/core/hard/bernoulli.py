"""Hard radii of a predictor smoothed by independent noise, which hold with high probability.

The smoothed predictor M_lambda is an expectation over all noise masks and cannot be evaluated; the noise is
not frozen, and the certificate is of M_lambda itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from stabcert.core.decisions import decide
from stabcert.core.distinct import distinct_rows
from stabcert.core.given import check_generator, n_features_of
from stabcert.core.hard.certificate import HardCertificate, Seen
from stabcert.core.hard.proof import SeenDraws, bernoulli_proof, draws_gap
from stabcert.core.hard.question import BernoulliQuestion, check_keep_probability
from stabcert.core.mask_flags import certain_classes, compare_classes
from stabcert.core.masks import CHUNK_CELLS
from stabcert.core.noise import exact_keep_masks
from stabcert.core.smoothing import ballots_on
from stabcert.core.types import MaskedPredictor, as_mask

_ROWS_AT_ONCE = 8192


def certify_hard_bernoulli(
    predictor: MaskedPredictor,
    mask: ArrayLike,
    *,
    keep_probability: Fraction | float,
    delta: float = 0.1,
    n_samples: int = 1000,
    decremental: bool = True,
    judge_mask: bool = True,
    rng: Generator,
) -> HardCertificate:
    """Prove, with high probability, a radius within which no addition changes the prediction of M_lambda.

    M_lambda votes over all noise masks that keep each feature independently with probability lambda. With
    probability at least 1 - ``delta`` over the draws everything this certificate claims is true: M_lambda has
    class ``prediction`` on every mask that keeps what ``mask`` keeps and at most ``radius_incremental`` features
    more, and on those that keep what ``mask`` keeps and lack at most ``radius_decremental`` features of the full
    input. Nothing is claimed, not even the prediction, if ``gap`` is not positive.

    The class is chosen by a pilot of ``n_samples / 10`` draws, and its probability is bounded from the others:
    bounding it from the draws that chose it would fail more often than ``delta``. The bounds on the masked and on
    the full input each fail with at most ``delta / 2`` (with ``decremental=False`` there is one, at ``delta``).
    Votes that are near ties count against the prediction.

    Args:
        predictor: any `MaskedPredictor`, not smoothed.
        mask: ``(n_features,)``, True = kept: the explanation.
        keep_probability: lambda, above 0 and below 1; a float means exactly the fraction that it is.
        delta: probability that the certificate may be wrong.
        n_samples: noise masks drawn, pilot included; each is evaluated on the masked and on the full input.
        decremental: also certify from the full input downwards, which also tells whether the mask is ``consistent``.
        judge_mask: also evaluate the empty input, which tells whether the mask is ``vacuous``: at most 1 evaluation.
            Draws, bounds and radii are the same without.
        rng: source of all randomness; the same generator state gives the same certificate.

    Raises:
        InputError: a mask that does not fit.
        ParameterError: a keep probability that smooths nothing or everything away, or too few samples.
        ModelError: the predictor returned something other than probabilities.

    Source: Soft stability (Jin et al. 2025), Definition 4.1; radii as in `incremental_radius` and `decremental_radius`.
    """
    check_keep_probability(keep_probability)
    question = BernoulliQuestion(Fraction(keep_probability), delta, n_samples, decremental=decremental)
    return answer_bernoulli(predictor, mask, question, judge_mask=judge_mask, rng=rng)


def answer_bernoulli(
    predictor: MaskedPredictor, mask: ArrayLike, question: BernoulliQuestion, *, judge_mask: bool = True, rng: Generator
) -> HardCertificate:
    """Return the certificate that answers a question; arguments and guarantee are those of `certify_hard_bernoulli`."""
    kept = as_mask(mask, n_features_of(predictor))
    check_generator(rng)
    pilot, probability, n_samples = question.pilot, question.keep_probability, question.n_samples
    decremental = question.decremental
    noise = _packed_noise(len(kept), probability, n_samples, rng)
    masked = noise & np.packbits(kept)
    drawn = _vote(predictor, np.concatenate([masked, noise]) if decremental else masked)
    # Row 0: the masked input; row 1: the full one, under the same noise, which the two bounds may share.
    classes = drawn.classes.reshape(-1, n_samples)
    prediction = int(np.bincount(classes[0, :pilot]).argmax())
    classes, near_tie = classes[:, pilot:], drawn.near_tie.reshape(-1, n_samples)[:, pilot:]
    votes = [np.bincount(row, minlength=drawn.n_classes).astype(np.int64) for row in classes]
    sure = ((classes == prediction) & ~near_tie).sum(axis=1)
    gaps = [draws_gap(int(matches), question) for matches in sure]
    draws = SeenDraws(
        prediction,
        gaps[0],
        gaps[1] if decremental else None,
        int(votes[1].argmax()) if decremental else None,
    )
    n_free = int((~kept).sum())
    empty, more = _empty_class(predictor, masked, drawn) if judge_mask else (None, 0)
    seen = Seen(
        prediction=prediction,
        full_prediction=draws.full_class,
        votes=votes[0],
        full_votes=votes[1] if decremental else None,
        gap=float(draws.gap),
        full_gap=None if draws.full_gap is None else float(draws.full_gap),
        near_ties=int(near_tie[0].sum()),
        flags=compare_classes(kept, draws.certain_full_class, draws.certain_class, empty),
    )
    return HardCertificate(
        n_features=len(kept),
        n_selected=len(kept) - n_free,
        noise="bernoulli",
        scores="vote",
        keep_probability=probability,
        draws=question.draws,
        seen=seen,
        proof=bernoulli_proof(draws, question, n_free),
        published_radius=draws.published_radius(probability),
        evaluations=drawn.evaluations + more,
    )


def _empty_class(predictor: MaskedPredictor, masked: NDArray[np.uint8], drawn: _Votes) -> tuple[int | None, int]:
    """Return the class of M_lambda on the empty input, which noise does not change, and the number of evaluations."""
    seen = np.flatnonzero(~masked.any(axis=1))
    if len(seen) > 0:  # some noise kept nothing of the mask
        return None if drawn.near_tie[seen[0]] else int(drawn.classes[seen[0]]), 0
    nothing = np.zeros((1, predictor.n_features), dtype=np.bool_)
    return certain_classes(decide(predictor, nothing))[0], 1


def _packed_noise(n_features: int, keep_probability: Fraction, draws: int, rng: Generator) -> NDArray[np.uint8]:
    """Return noise masks, eight features to a byte."""
    step = max(1, CHUNK_CELLS // (8 * n_features))
    parts = [
        exact_keep_masks(n_features, keep_probability=keep_probability, draws=min(step, draws - start), rng=rng)
        for start in range(0, draws, step)
    ]
    return np.concatenate([np.packbits(part, axis=1) for part in parts])


class _Votes(NamedTuple):
    classes: NDArray[np.intp]
    near_tie: NDArray[np.bool_]
    n_classes: int
    evaluations: int


def _vote(predictor: MaskedPredictor, packed: NDArray[np.uint8]) -> _Votes:
    first, where = distinct_rows(packed)
    distinct = packed[first]
    step = max(1, min(_ROWS_AT_ONCE, CHUNK_CELLS // predictor.n_features))
    classes, near_tie = np.zeros(len(distinct), dtype=np.intp), np.zeros(len(distinct), dtype=np.bool_)
    n_classes = 0
    for start in range(0, len(distinct), step):
        chunk = slice(start, start + step)
        # Their probabilities are let go, which would take memory for every sample and class.
        ballots = ballots_on(predictor, np.unpackbits(distinct[chunk], axis=1, count=predictor.n_features) != 0)
        classes[chunk], near_tie[chunk], n_classes = ballots.classes, ballots.near_tie, ballots.probs.shape[1]
    return _Votes(classes[where], near_tie[where], n_classes, len(distinct))

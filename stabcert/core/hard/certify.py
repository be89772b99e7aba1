"""Hard stability: a radius within which no addition at all changes the prediction of a smoothed predictor."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stabcert.core.decisions import decide
from stabcert.core.given import n_features_of
from stabcert.core.hard.arcs import radius_by_arcs
from stabcert.core.hard.certificate import CheckedAddition, HardCertificate, Proof, Removal, Seen
from stabcert.core.hard.leads import Leads, leads_of, radius_by_counts
from stabcert.core.hard.proof import NOT_EVALUATED, conclude, published_radius, why_no_removal
from stabcert.core.hard.question import HardQuestion
from stabcert.core.hard.recount import count_distinct, evaluated_masks
from stabcert.core.mask_flags import compare_classes
from stabcert.core.smoothing import Ballots, SmoothedPredictor, ballots_on
from stabcert.core.types import Mask, Masks, as_mask
from stabcert.errors import InputError


def certify_hard(
    smoothed: SmoothedPredictor,
    mask: ArrayLike,
    *,
    refine: int = 0,
    decremental: bool = True,
    judge_mask: bool = True,
) -> HardCertificate:
    """Prove a radius within which no addition changes the prediction of ``smoothed`` on the masked input.

    Guaranteed, with certainty: every mask that keeps what ``mask`` keeps and at most ``radius_incremental``
    features more has the prediction of ``mask``; and, if there is a ``radius_decremental``, every mask that keeps
    what ``mask`` keeps and lacks at most that many features has it, too. It is a statement of ``smoothed`` with
    its frozen noise, whatever the base: nothing is assumed but that it is a function of the mask, up to its
    ``decision_tolerance``. Votes that are near ties count against the prediction.

    Args:
        smoothed: a predictor with frozen noise; any noise, but only `quantized_keep_masks` with a small keep
            probability leaves much to certify. Its ``scores`` say what is certified: the vote, or the class of
            largest mean probability.
        mask: ``(n_features,)``, True = kept: the explanation.
        refine: evaluations of the base that may be spent on a larger radius.
        decremental: also certify from the full input downwards, which costs another q evaluations and also tells
            whether the mask is ``consistent``.
        judge_mask: also evaluate the empty input, which tells whether the mask is ``vacuous``: at most 1 evaluation.
            All radii are the same without.

    Raises:
        InputError: a mask that does not fit.
        ParameterError: a negative number of evaluations.
        ModelError: the base returned something other than probabilities.

    Source: MuS (Xue et al. 2023), Theorem 3.2, with errata E6 (strict at ties), E7 (removals need the prediction
    of the mask) and E8 (lambda is the share of noise masks that was drawn).
    """
    return answer_hard(smoothed, mask, HardQuestion(refine, decremental=decremental), judge_mask=judge_mask)


def answer_hard(
    smoothed: SmoothedPredictor, mask: ArrayLike, question: HardQuestion, *, judge_mask: bool = True
) -> HardCertificate:
    """Return the certificate that answers a question; arguments, guarantee and errors are those of `certify_hard`."""
    kept = as_mask(mask, _n_features(smoothed))
    free_columns = smoothed.keep_masks[:, ~kept]
    ballots, full_ballots, empty_ballots, evaluations = _ballots(
        smoothed, kept, full=question.decremental, empty=judge_mask
    )
    leads = leads_of(smoothed, ballots)
    full_leads = None if full_ballots is None else leads_of(smoothed, full_ballots)
    empty_leads = None if empty_ballots is None else leads_of(smoothed, empty_ballots)
    proof = _proof(leads, full_leads, free_columns)
    if question.refine > 0 and leads.certain and not proof.stable_for_all_supersets:
        from stabcert.core.hard.refine import refine as refined

        refinement = refined(
            smoothed,
            kept,
            ballots,
            full_ballots=full_ballots,
            max_evaluations=question.refine,
            at_least=proof.radius_incremental,
        )
        proof = conclude(
            certain=True,
            radius_votes=proof.radius_votes,
            radius_arcs=proof.radius_arcs,
            refinement=refinement,
            removal=proof.removal,
            n_free=free_columns.shape[1],
        )
        evaluations += refinement.evaluations

    keep_probability = _keep_probability(smoothed.keep_masks)
    seen = Seen(
        prediction=leads.prediction,
        full_prediction=None if full_leads is None else full_leads.prediction,
        votes=_votes(ballots),
        full_votes=None if full_ballots is None else _votes(full_ballots),
        gap=leads.smallest,
        full_gap=None if full_leads is None else full_leads.smallest,
        near_ties=int(ballots.near_tie.sum()) if smoothed.scores == "vote" else 0,
        flags=compare_classes(kept, *(_certain_class(one) for one in (full_leads, leads, empty_leads))),
    )
    return HardCertificate(
        n_features=len(kept),
        n_selected=len(kept) - free_columns.shape[1],
        noise="quantized",
        scores=smoothed.scores,
        keep_probability=keep_probability,
        draws=len(smoothed.keep_masks),
        seen=seen,
        proof=proof,
        published_radius=published_radius(seen.gap, keep_probability),
        evaluations=evaluations,
    )


def check_addition(smoothed: SmoothedPredictor, mask: ArrayLike, addition: ArrayLike) -> CheckedAddition:
    """Return whether one particular addition is guaranteed, however large it is.

    Guaranteed, with certainty, if ``guaranteed``: every mask between ``mask`` and ``addition`` has the prediction
    of ``mask``. If not, this proves nothing about parts; what the smoothed predictor says of ``addition`` itself
    is evaluated in either case.

    Args:
        smoothed: a predictor with frozen noise.
        mask: ``(n_features,)``, True = kept: the explanation.
        addition: a mask that keeps what ``mask`` keeps, and more.

    Raises:
        InputError: masks that do not fit, or an ``addition`` that drops a feature of ``mask``.
        ModelError: the base returned something other than probabilities.
    """
    kept, more = as_mask(mask, _n_features(smoothed)), as_mask(addition, smoothed.n_features)
    if (kept & ~more).any():
        dropped = np.flatnonzero(kept & ~more)
        raise InputError(
            f"an addition must keep every feature of the mask, got one that drops {len(dropped)} of them "
            f"(feature {dropped[0]} first). Give a mask that contains the selected features"
        )
    leads = leads_of(smoothed, smoothed.ballots(kept))
    touched = smoothed.keep_masks[:, more & ~kept].any(axis=1)
    decision = decide(smoothed, more[None])
    return CheckedAddition(
        added=int((more & ~kept).sum()),
        touched=int(touched.sum()),
        guaranteed=bool((leads.losses[touched].sum(axis=0) <= leads.budgets).all()),
        prediction=int(decision.classes[0]),
        near_tie=bool(decision.near_tie[0]),
    )


def _ballots(
    smoothed: SmoothedPredictor, mask: Mask, *, full: bool, empty: bool
) -> tuple[Ballots, Ballots | None, Ballots | None, int]:
    """Return ballots on the masked, full and empty input, in one call of the base, and the number of its masks."""
    rows = evaluated_masks(smoothed.keep_masks, mask, full=full, empty=empty)
    together = ballots_on(smoothed.base, rows)
    parts = [
        Ballots(together.probs[part], together.classes[part], together.near_tie[part])
        for part in np.split(np.arange(len(rows)), len(rows) // len(smoothed.keep_masks))
    ]
    return parts[0], parts[1] if full else None, parts[-1] if empty else None, count_distinct(rows)


def _certain_class(leads: Leads | None) -> int | None:
    return leads.prediction if leads is not None and leads.certain else None


def _proof(leads: Leads, full_leads: Leads | None, free_columns: Masks) -> Proof:
    """Return what ballots on the masked and on the full input prove."""
    return conclude(
        certain=leads.certain,
        radius_votes=radius_by_counts(leads, free_columns.sum(axis=0)),
        radius_arcs=radius_by_arcs(leads, free_columns),
        removal=_removal(leads, full_leads, free_columns),
        n_free=free_columns.shape[1],
    )


def _removal(leads: Leads, full_leads: Leads | None, free_columns: Masks) -> Removal:
    if full_leads is None:
        return NOT_EVALUATED
    reason = why_no_removal(
        certain=leads.certain, full_certain=full_leads.certain, same=full_leads.prediction == leads.prediction
    )
    if reason is not None:
        return reason
    from_counts = radius_by_counts(full_leads, free_columns.sum(axis=0))
    return max(from_counts, radius_by_arcs(full_leads, free_columns) or 0)


def _keep_probability(keep_masks: Masks) -> Fraction | None:
    counts = keep_masks.sum(axis=0)
    return Fraction(int(counts[0]), len(keep_masks)) if (counts == counts[0]).all() else None


def _votes(ballots: Ballots) -> NDArray[np.int64]:
    votes = np.bincount(ballots.classes, minlength=ballots.probs.shape[1]).astype(np.int64)
    votes.flags.writeable = False  # they go into a frozen certificate
    return votes


def _n_features(smoothed: SmoothedPredictor) -> int:
    """Return the number of features; InputError for a predictor without frozen noise, and for any other object."""
    n = n_features_of(smoothed)
    if not hasattr(smoothed, "keep_masks"):
        raise InputError(
            f"smoothed must be a SmoothedPredictor, got {type(smoothed).__name__}. Use SmoothedPredictor(predictor, "
            "quantized_keep_masks(...)), or enumerate_hard_radius for the predictor without smoothing"
        )
    return n

"""Soft stability: how often the prediction survives when up to r more features are revealed.

The stability rate of a mask at radius r is the share of the additions Delta_r(mask), each equally
likely, on which the predicted class is the one of ``mask`` (Soft stability, Definition 2.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from numpy.random import Generator

from stabcert.core.given import check_generator, n_features_of
from stabcert.core.mask_flags import MaskFlags, flags_of
from stabcert.core.soft.certificate import (
    Formulation,
    Interval,
    SoftCertificate,
    StabilityRate,
    overall_verdict,
)
from stabcert.core.soft.drawn_tests import DrawnTests
from stabcert.core.soft.fixed import Budget, DrawnTallies, check_reachable, fixed_rates
from stabcert.core.soft.question import SoftQuestion
from stabcert.core.soft.sequential import SequentialRates
from stabcert.core.soft.trials import Trials
from stabcert.core.types import Mask, MaskedPredictor, as_mask


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a sequential test; ``certificate`` holds the bounds that are valid at this moment."""

    def __init__(self, certificate: SoftCertificate) -> None:
        super().__init__("interrupted")
        self.certificate = certificate


def certify_soft(
    predictor: MaskedPredictor,
    mask: Mask,
    *,
    radius: int | Iterable[int] | Literal["all"],
    epsilon: float = 0.1,
    delta: float = 0.1,
    n_samples: int | None = None,
    interval: Interval = "exact",
    formulation: Formulation = "up-to",
    simultaneous: bool = True,
    min_rate: float | None = None,
    max_samples: int | None = None,
    sequential: bool = True,
    largest_radius: bool = False,
    judge_mask: bool = True,
    rng: Generator,
) -> SoftCertificate:
    """Bound how often the class of the masked input survives when features are added.

    With probability at least 1 - ``delta`` over the drawn additions, every stability rate lies
    between its ``lower`` and ``upper`` bound, jointly for all radii (``simultaneous=False``: individually
    for each radius). Where the sample budget covers all additions, all are tested and the rate is exact.
    The only assumption about the predictor is that it is a function of the mask.

    With ``min_rate`` a sequential test draws until each rate is certified to be at least that, or
    refuted, or ``max_samples`` are used up. Its bounds are valid whenever it stops. ``lower`` and
    ``upper`` then hold individually with probability 1 - delta, not jointly. With ``min_rate`` and
    ``n_samples``, or with ``sequential=False`` and ``epsilon``, the sample size is fixed and the
    two-sided interval is compared with the rate.

    With ``largest_radius`` the radii are tested in increasing order, each at ``delta``, up to the
    first that is not certified. With probability at least 1 - delta the rate is at least ``min_rate``
    at *every* tested radius up to the reported one. Only the first radius whose rate is too small
    can make the statement wrong, and its own test errs with probability at most delta.

    Args:
        predictor: any `MaskedPredictor`.
        mask: ``(n_features,)``, True = kept: the explanation.
        radius: number of features that may be added; several radii, or ``"all"``.
        epsilon: error of the rate that sets the sample size ``ln(2 / delta) / (2 epsilon^2)``.
        delta: probability that the statement may be wrong.
        n_samples: draws for each radius, instead of ``epsilon``.
        interval: ``"exact"`` is Clopper-Pearson (hypergeometric without replacement); ``"hoeffding"`` the paper's.
        formulation: ``"up-to"`` r additions as in the paper's definition, ``"exactly"`` r additions,
            or ``"worst"``, the smallest rate over exactly 1, ..., r additions.
        simultaneous: the statement holds jointly for all radii, not individually for each.
        min_rate: rate to be certified, above 0 and up to 1.
        max_samples: most draws of a sequential test for each radius (default 2000); for each size if ``"worst"``.
        sequential: with ``min_rate``, stop as soon as the answer is certain.
        largest_radius: test the radii in increasing order, up to the first that is not certified.
        judge_mask: also evaluate the full and the empty input, which show whether the mask is ``consistent`` and
            ``vacuous``: at most 2 evaluations, before the first draw. The rates and the verdict are the same without.
        rng: source of all randomness; the same generator state gives the same certificate. The guarantee needs that
            its state, the mask and all arguments were chosen before any outcome of its draws was seen.

    Raises:
        ParameterError: a radius that does not exist, or a rate that no outcome of the draws can certify.
        ModelError: the predictor returned something other than probabilities.
        Interrupted: Ctrl-C during a sequential test.

    Source: Soft stability (Jin et al. 2025), Definition 2.3, Theorem 3.1 and "Alternative Formulations".
    """
    question = SoftQuestion(
        radius=radius,
        epsilon=epsilon,
        delta=delta,
        n_samples=n_samples,
        interval=interval,
        formulation=formulation,
        simultaneous=simultaneous,
        min_rate=min_rate,
        max_samples=max_samples,
        sequential=sequential,
        largest_radius=largest_radius,
    )
    return answer_soft(predictor, mask, question, judge_mask=judge_mask, rng=rng)


def answer_soft(
    predictor: MaskedPredictor, mask: Mask, question: SoftQuestion, *, judge_mask: bool = True, rng: Generator
) -> SoftCertificate:
    """Return the certificate that answers a question; arguments, guarantee and errors are those of `certify_soft`."""
    mask = as_mask(mask, n_features_of(predictor))
    sets = question.sets(mask)
    check_generator(rng)
    trials = Trials(predictor, mask, rng)
    flags, more = flags_of(predictor, mask, trials.certain_prediction) if judge_mask else (MaskFlags(None, None), 0)

    def certificate(rates: tuple[StabilityRate, ...], largest: int | None = None) -> SoftCertificate:
        return replace(
            soft_certificate(question, mask, trials.prediction, rates, largest),
            evaluations=trials.evaluations + more,
            flips=trials.flips,
            consistent=flags.consistent,
            vacuous=flags.vacuous,
        )

    if question.fixed:
        return certificate(fixed_rates(DrawnTallies(trials), sets, question))
    tests = SequentialRates.of(question, sets)
    try:
        tests.run(DrawnTests(trials))
    except KeyboardInterrupt:
        raise Interrupted(certificate(tests.rates, tests.largest_radius)) from None
    return certificate(tests.rates, tests.largest_radius)


def soft_certificate(
    question: SoftQuestion, mask: Mask, prediction: int, rates: tuple[StabilityRate, ...], largest: int | None
) -> SoftCertificate:
    """Return the certificate that rates give for a question, from draws or from recorded counts.

    Args:
        question: the question that the rates answer.
        mask: ``(n_features,)``, True = kept.
        prediction: class that must survive.
        rates: rates in increasing order of radii; empty before the first draw.
        largest: the largest certified radius; None if it was not requested.
    """
    return SoftCertificate(
        prediction=prediction,
        n_features=len(mask),
        n_selected=int(mask.sum()),
        rates=rates,
        delta=question.delta,
        simultaneous=question.joint,
        interval=question.interval if question.fixed else "anytime",
        sides=2 if question.fixed else 1,
        formulation=question.formulation,
        largest_radius=largest,
        verdict=overall_verdict(rates, largest) if rates else "undecided",
        evaluations=0,
    )


def check_mask(question: SoftQuestion, mask: Mask) -> None:
    """Refuse a question that no outcome of the draws can certify for this mask; no predictor is needed.

    Raises:
        ParameterError: a radius that does not exist, or a rate that no outcome of the draws can certify.
    """
    sets = question.sets(as_mask(mask, len(mask)))
    if question.min_rate is None:
        return
    if question.fixed:
        check_reachable(sets, Budget.of(sets, question), question)
    else:
        SequentialRates.of(question, sets)

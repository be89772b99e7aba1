"""Soft stability: how often the prediction survives when up to r more features are revealed.

The stability rate of a mask at radius r is the share of the additions Delta_r(mask), each equally
likely, on which the predicted class is the one of ``mask`` (Soft stability, Definition 2.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Literal

import numpy as np
from numpy.random import Generator

from stabcert.core.mask_flags import MaskFlags, flags_of
from stabcert.core.masks import Additions
from stabcert.core.soft.certificate import (
    Formulation,
    Interval,
    SoftCertificate,
    StabilityRate,
    overall_verdict,
)
from stabcert.core.soft.fixed import Budget, check_reachable, fixed_rates
from stabcert.core.soft.sequential import SequentialRates
from stabcert.core.soft.trials import Trials
from stabcert.core.statistics.bounds import check_delta
from stabcert.core.types import Mask, MaskedPredictor, as_mask
from stabcert.errors import ParameterError

DEFAULT_MAX_SAMPLES = 2000


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
    between its ``lower`` and ``upper`` bound, at all radii together (``simultaneous=False``: at each
    radius by itself). Where all additions can be tried within the sample budget they are, and the
    rate is exact. Nothing is assumed about the predictor but that it is a function of the mask.

    With ``min_rate`` a sequential test draws until each rate is certified to be at least that, or
    refuted, or ``max_samples`` are used up. Its bounds are valid at whatever moment it stops; ``lower``
    and ``upper`` then hold with probability 1 - delta each, not both together. With ``min_rate`` and
    ``n_samples``, or with ``sequential=False`` and ``epsilon``, the sample size is fixed and the
    two-sided interval is compared with the rate.

    With ``largest_radius`` the radii are tested in increasing order, each at ``delta``, up to the
    first that is not certified. With probability at least 1 - delta the rate is at least ``min_rate``
    at *every* tested radius up to the reported one: only the first radius whose rate is too small
    can make the statement wrong, and its own test errs with probability at most delta.

    Args:
        predictor: any `MaskedPredictor`.
        mask: ``(n_features,)``, True = kept: the explanation.
        radius: how many features may be added, counted in features; several radii, or ``"all"``.
        epsilon: error of the rate that sets the sample size ``ln(2 / delta) / (2 epsilon^2)``.
        delta: probability that the statement may be wrong.
        n_samples: draws for each radius, instead of ``epsilon``.
        interval: ``"exact"`` is Clopper-Pearson (hypergeometric without replacement); ``"hoeffding"`` the paper's.
        formulation: ``"up-to"`` r additions as in the paper's definition, ``"exactly"`` r additions,
            or ``"worst"``, the smallest rate over exactly 1, ..., r additions.
        simultaneous: the statement is about all radii together, not about each by itself.
        min_rate: rate to be certified, above 0 and up to 1.
        max_samples: most draws of a sequential test for each radius (default 2000); for each size if ``"worst"``.
        sequential: with ``min_rate``, stop as soon as the answer is known.
        largest_radius: test the radii in increasing order, up to the first that is not certified.
        judge_mask: also evaluate the full and the empty input, which tell whether the mask is ``consistent`` and
            ``vacuous``: at most 2 evaluations, before the first draw. The rates and the verdict are the same without.
        rng: source of all randomness; the same generator state gives the same certificate. The guarantee needs that
            its state, the mask and all arguments were chosen before any outcome of its draws was seen.

    Raises:
        ParameterError: a radius that does not exist, or a rate that no outcome of the draws can certify.
        ModelError: the predictor returned something other than probabilities.
        Interrupted: Ctrl-C during a sequential test.

    Source: Soft stability (Jin et al. 2025), Definition 2.3, Theorem 3.1 and "Alternative Formulations".
    """
    mask = as_mask(mask, predictor.n_features)
    n_free = int((~mask).sum())
    sets, fixed = plan(
        mask,
        radius=radius,
        delta=delta,
        n_samples=n_samples,
        interval=interval,
        formulation=formulation,
        min_rate=min_rate,
        max_samples=max_samples,
        sequential=sequential,
        largest_radius=largest_radius,
    )
    trials = Trials(predictor, mask, rng)
    flags, more = flags_of(predictor, mask, trials.certain_prediction) if judge_mask else (MaskFlags(None, None), 0)
    simultaneous = simultaneous and not largest_radius

    def certificate(
        rates: tuple[StabilityRate, ...],
        kind: Literal["exact", "hoeffding", "anytime"],
        sides: Literal[1, 2],
        largest: int | None,
    ) -> SoftCertificate:
        return SoftCertificate(
            prediction=trials.prediction,
            n_features=len(mask),
            n_selected=len(mask) - n_free,
            rates=rates,
            delta=delta,
            simultaneous=simultaneous,
            interval=kind,
            sides=sides,
            formulation=formulation,
            largest_radius=largest,
            verdict=overall_verdict(rates, largest),
            evaluations=trials.evaluations + more,
            flips=trials.flips,
            consistent=flags.consistent,
            vacuous=flags.vacuous,
        )

    if min_rate is None or fixed:
        rates = fixed_rates(
            trials,
            sets,
            epsilon=epsilon,
            delta=delta,
            n_samples=n_samples,
            interval=interval,
            simultaneous=simultaneous,
            threshold=min_rate,
        )
        return certificate(rates, interval, 2, None)
    tests = SequentialRates(
        sets,
        min_rate,
        delta,
        simultaneous,
        DEFAULT_MAX_SAMPLES if max_samples is None else max_samples,
        stop_at_first=largest_radius,
        tail=formulation == "up-to",
    )
    try:
        tests.run(trials)
    except KeyboardInterrupt:
        raise Interrupted(certificate(tests.rates, "anytime", 1, tests.largest_radius)) from None
    return certificate(tests.rates, "anytime", 1, tests.largest_radius)


def plan(
    mask: Mask,
    *,
    radius: int | Iterable[int] | Literal["all"],
    delta: float,
    n_samples: int | None,
    interval: Interval,
    formulation: Formulation,
    min_rate: float | None,
    max_samples: int | None,
    sequential: bool,
    largest_radius: bool,
) -> tuple[dict[int, list[Additions]], bool]:
    """For each radius the sets of additions whose smallest rate is meant; and whether the sample size is fixed.

    Arguments and errors: `certify_soft`.
    """
    radii = _as_radii(radius, int((~mask).sum()))
    fixed = check_parameters(
        delta=delta,
        n_samples=n_samples,
        interval=interval,
        min_rate=min_rate,
        max_samples=max_samples,
        sequential=sequential,
        largest_radius=largest_radius,
    )
    return _sets(mask, radii, formulation), fixed


def check_request(
    mask: Mask,
    *,
    radius: int | Iterable[int] | Literal["all"],
    epsilon: float,
    delta: float,
    n_samples: int | None,
    interval: Interval,
    formulation: Formulation,
    simultaneous: bool,
    min_rate: float | None,
    max_samples: int | None,
    sequential: bool,
    largest_radius: bool,
) -> None:
    """Refuse what `certify_soft` refuses of a mask before its first evaluation; no predictor is needed.

    Arguments and errors: `certify_soft`.
    """
    mask = as_mask(mask, len(mask))
    sets, fixed = plan(
        mask,
        radius=radius,
        delta=delta,
        n_samples=n_samples,
        interval=interval,
        formulation=formulation,
        min_rate=min_rate,
        max_samples=max_samples,
        sequential=sequential,
        largest_radius=largest_radius,
    )
    simultaneous = simultaneous and not largest_radius
    if min_rate is None:
        return
    if fixed:
        check_reachable(sets, Budget.of(sets, epsilon, delta, n_samples, simultaneous), min_rate, interval)
    else:
        limit = DEFAULT_MAX_SAMPLES if max_samples is None else max_samples
        SequentialRates(
            sets, min_rate, delta, simultaneous, limit, stop_at_first=largest_radius, tail=formulation == "up-to"
        )


def check_parameters(
    *,
    delta: float,
    n_samples: int | None,
    interval: Interval,
    min_rate: float | None,
    max_samples: int | None,
    sequential: bool,
    largest_radius: bool,
) -> bool:
    """Refuse what no mask and no predictor could make possible; return whether the sample size is fixed.

    Arguments: `certify_soft`.

    Raises:
        ParameterError: a value out of its range, or values that exclude one another.
    """
    check_delta(delta)
    if min_rate is None and (largest_radius or max_samples is not None):
        raise ParameterError(
            "min_rate must be given with largest_radius or max_samples, got None. For 90% use min_rate=0.9.", "min_rate"
        )
    if min_rate is not None and not 0.0 < min_rate <= 1.0:
        raise ParameterError(
            f"min_rate must be above 0 and at most 1, got {min_rate:g}. For 90% use min_rate=0.9.", "min_rate"
        )
    if n_samples is not None and n_samples < 1:
        raise ParameterError(f"n_samples must be 1 or more, got {n_samples}.", "n_samples")
    if interval not in ("exact", "hoeffding"):
        raise ParameterError(f"interval {interval!r} is not known; use exact or hoeffding")
    fixed = min_rate is None or n_samples is not None or not sequential
    if fixed and (max_samples is not None or largest_radius):
        raise ParameterError(
            "epsilon and n_samples fix the number of samples. max_samples and largest_radius belong to a sequential "
            "test. Give parameters of one kind only.",
            "epsilon",
        )
    if interval == "hoeffding" and not fixed:
        raise ParameterError(
            "interval must be exact for a sequential test, got hoeffding. It needs a fixed number of samples: "
            "use for instance n_samples=1000.",
            "interval",
        )
    return fixed


def _sets(mask: Mask, radii: tuple[int, ...], formulation: Formulation) -> dict[int, list[Additions]]:
    if formulation not in ("up-to", "exactly", "worst"):
        raise ParameterError(f"formulation {formulation!r} is not known; use up-to, exactly or worst")
    for r in radii:
        Additions(mask, r)  # refuses a radius that does not exist
    if formulation != "worst":
        return {r: [Additions(mask, r, exactly=formulation == "exactly")] for r in radii}
    of_size = [Additions(mask, j, exactly=True) for j in range(max(radii) + 1)]
    return {r: of_size[1 : r + 1] or of_size[:1] for r in radii}


def _as_radii(radius: int | Iterable[int] | Literal["all"], n_free: int) -> tuple[int, ...]:
    if isinstance(radius, str):
        if radius != "all":
            raise ParameterError(f"radius {radius!r} is not known; use a number, several numbers, or 'all'")
        return tuple(range(1, n_free + 1)) or (0,)
    try:
        radii = tuple(sorted({index(r) for r in ((radius,) if isinstance(radius, (int, np.integer)) else radius)}))
    except TypeError as error:
        raise ParameterError(f"radius {radius!r} is not a whole number, or several, or 'all'") from error
    if not radii:
        raise ParameterError("give at least one radius")
    return radii

"""A soft certificate once more from its counts: what bounds and verdict follow, without a predictor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from stabcert.core.soft.certificate import (
    Formulation,
    Interval,
    Shown,
    SoftCertificate,
    StabilityRate,
    overall_verdict,
)
from stabcert.core.soft.certify import DEFAULT_MAX_SAMPLES, plan
from stabcert.core.soft.fixed import Budget, recounted_rates
from stabcert.core.soft.possible import Impossible, impossible_end, impossible_minima, impossible_order
from stabcert.core.soft.sequential import SequentialRates
from stabcert.core.soft.trials import population
from stabcert.core.types import Mask, as_mask
from stabcert.errors import ParameterError

_MAX_CELLS = 2 * 10**7
"""Radii times features, beyond any input; each radius takes an array of the features."""


@dataclass(frozen=True)
class Recount:
    """What follows from counts."""

    certificate: SoftCertificate
    """Its ``samples`` are as many as the command draws; the bounds are of the counts as they are shown."""
    complete: bool
    """The radii that are shown are all that the command goes through."""
    impossible: tuple[Impossible, ...] = ()
    """Values that no run gives, whatever the model: then nothing follows from the counts."""


def recount_soft(
    mask: Mask,
    shown: Mapping[int, Shown],
    *,
    prediction: int,
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
    interrupted: bool = False,
) -> Recount:
    """The certificate that `certify_soft` makes of these counts: the same bounds, verdicts and largest radius.

    Guaranteed: a certificate of `certify_soft` is equal to the recount of its own counts, in every number that a
    record shows. With the formulation "worst" only the counts of the size that decides are known; the bounds are
    then those of this size, which bound those of the certificate from above, or smaller ones that are shown.
    Counts that no order of draws and no model can lead to are listed as `impossible`.

    Args:
        mask: ``(n_features,)``, True = kept.
        shown: for each radius, samples, matches and near ties, of which ``matches + near_ties <= samples``.
        prediction: class that had to survive.
        interrupted: the tests need not have come to an end.

    Other arguments: `certify_soft`.

    Raises:
        ParameterError: counts that are none, or a request that `certify_soft` refuses.
    """
    mask = as_mask(mask, len(mask))
    for r, one in shown.items():
        if min(one.counts) < 0 or one.matches + one.near_ties > one.samples:
            raise ParameterError(
                f"{one.matches} matches and {one.near_ties} near ties at radius {r} are more than {one.samples} samples"
            )
        if one.population is not None and one.samples > one.population:
            raise ParameterError(f"{one.samples} samples at radius {r} are more than there are: {one.population}")
    n_free = int((~mask).sum())
    number = n_free if radius == "all" else 1 if isinstance(radius, int) else len(radius := list(radius))
    if number * len(mask) > _MAX_CELLS:
        raise ParameterError(f"{number} radii of {len(mask)} features are too many")
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
    largest: int | None = None
    impossible: list[Impossible] = []
    members = population
    if fixed or min_rate is None:
        rates, samples = recounted_rates(
            sets,
            shown,
            epsilon=epsilon,
            delta=delta,
            n_samples=n_samples,
            interval=interval,
            simultaneous=simultaneous,
            threshold=min_rate,
        )
        complete = len(rates) == len(sets)
        members = Budget.of(sets, epsilon, delta, n_samples, simultaneous).population
        kind: Literal["exact", "hoeffding", "anytime"] = interval
    else:
        tests = SequentialRates(
            sets,
            min_rate,
            delta,
            simultaneous,
            DEFAULT_MAX_SAMPLES if max_samples is None else max_samples,
            stop_at_first=largest_radius,
            tail=formulation == "up-to",
        )
        complete = tests.replay(shown)
        rates, largest = tests.rates, tests.largest_radius
        samples = {r: tests.expected_samples(r) for r in tests.tested}
        impossible = _impossible_tests(tests, shown, interrupted)
        kind = "anytime"
    if formulation == "worst":
        impossible += impossible_minima(sets, shown, members, None if fixed else min_rate)
    final = tuple(
        _final(rate, shown, samples, several=len(sets[rate.radius]) > 1, interrupted=interrupted) for rate in rates
    )
    certificate = SoftCertificate(
        prediction=prediction,
        n_features=len(mask),
        n_selected=len(mask) - n_free,
        rates=final,
        delta=delta,
        simultaneous=simultaneous,
        interval=kind,
        sides=1 if kind == "anytime" else 2,
        formulation=formulation,
        largest_radius=largest,
        verdict=overall_verdict(final, largest) if final else "undecided",
        evaluations=0,
    )
    return Recount(certificate, complete, tuple(impossible))


def _impossible_tests(tests: SequentialRates, shown: Mapping[int, Shown], interrupted: bool) -> list[Impossible]:
    """Numbers of draws at which no run of a test ends; how many it takes instead `_final` says where it can."""
    found, states = [], {r: tests.test_of(r) for r in tests.tested}
    for r, test in states.items():
        possible = impossible_end(test, tests.limit(test), unfinished=interrupted)
        if possible is not None:
            found.append(Impossible(r, "samples", test.samples, possible))
    return found + (impossible_order(states, shown, tests.max_samples) if interrupted else [])


def _final(
    rate: StabilityRate, shown: Mapping[int, Shown], samples: Mapping[int, int], *, several: bool, interrupted: bool
) -> StabilityRate:
    one = shown.get(rate.radius)
    if one is None:
        return rate
    if several:  # the bounds of the sizes that are not shown may be lower
        lower = min(one.lower, rate.lower)
        met = None if rate.threshold is None else lower >= rate.threshold
        rate = replace(rate, lower=lower, upper=min(one.upper, rate.upper), met=met)
    return rate if interrupted else replace(rate, samples=samples.get(rate.radius, rate.samples))

"""The smoothing curve from single inputs: means over a data set with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence

from stabcert.core.curve.estimates import Ends, ends_of, mean_of, paired_difference, share_of
from stabcert.core.curve.result import (
    Estimate,
    EstimateAtRadius,
    MethodStability,
    SmoothedInput,
    SmoothingCurve,
    SmoothingDifference,
    SmoothingLevel,
)
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import InputError


def summarise(inputs: Sequence[tuple[SmoothedInput, ...]], *, delta: float) -> SmoothingCurve:
    """Return means over all inputs by keep probability, and the differences of each to the first.

    Guaranteed for inputs that are independent draws of one population, for each interval individually: with
    probability at least 1 - delta it covers the mean over that population. The guarantee is about the smoothed
    predictors with this frozen noise. Shares of inputs (accuracy, agreement, consistency, hard radii) have
    Clopper-Pearson intervals. A stability rate of one input is an unbiased estimate from few additions. So the
    estimates are independent values in [0, 1] whose mean is the mean of the *true* rates. The interval of
    `mean_lower` and `mean_upper` accounts both for the choice of the inputs and for the choice of the additions.
    Where a near tie leaves a value open, the lower bound takes the smaller value and the upper bound the larger one.

    A radius above the number of features of an input is counted at all of its features. So the means at
    all radii are over the same inputs. ``clamped`` is the number of such inputs.

    Differences are taken input by input. Both sides have the same noise and the same additions, so that their
    common part cancels.

    Args:
        inputs: for each input the results of `stabcert.core.curve.evaluate.evaluate_smoothing`, in any order.
        delta: probability that an interval may be wrong.

    Raises:
        InputError: ``inputs`` is empty, or the inputs were evaluated under different settings.
        ParameterError: ``delta`` is not between 0 and 1.
    """
    check_delta(delta)
    _check_alike(inputs)
    levels = [[row[i] for row in inputs] for i in range(len(inputs[0]))]
    return SmoothingCurve(
        inputs=len(inputs),
        labelled=sum(one.correct is not None for one in levels[0]),
        delta=delta,
        levels=tuple(_level(level, delta) for level in levels),
        differences=tuple(_difference(level, levels[0], delta) for level in levels[1:]),
    )


def _check_alike(inputs: Sequence[tuple[SmoothedInput, ...]]) -> None:
    if not inputs or not inputs[0]:
        raise InputError(
            "inputs must contain at least one input with one keep probability, got none. Evaluate an input first"
        )
    first = _settings(inputs[0])
    for row in inputs:
        if _settings(row) != first:
            raise InputError(
                "inputs must have the same keep probabilities, radii and numbers of masks, got different ones. "
                "Evaluate all inputs again with the same settings"
            )
        if len({one.correct is None for one in row}) > 1:
            raise InputError(
                "an input must have a label under all keep probabilities or under none of them, got a mixture. "
                "Evaluate it again with one label"
            )


def _settings(row: tuple[SmoothedInput, ...]) -> list[object]:
    return [(one.keep_probability, [[tried.radius for tried in mask.additions] for mask in one.masks]) for one in row]


def _radii(level: list[SmoothedInput]) -> list[int]:
    return [tried.radius for tried in level[0].masks[0].additions] if level[0].masks else []


def _level(level: list[SmoothedInput], delta: float) -> SmoothingLevel:
    labelled = [one for one in level if one.correct is not None]
    certified = [
        _at(r, [one.n_features for one in labelled], share_of([_certified(one, r) for one in labelled], delta))
        for r in (_radii(level) if labelled else [])
    ]
    return SmoothingLevel(
        keep_probability=level[0].keep_probability,
        accuracy=share_of([_correct(one) for one in labelled], delta) if labelled else None,
        agreement=share_of([one.agrees for one in level], delta),
        certified_accuracy=tuple(certified),
        methods=tuple(_method(level, i, delta) for i in range(len(level[0].masks))),
    )


def _method(level: list[SmoothedInput], method: int, delta: float) -> MethodStability:
    masks = [one.masks[method] for one in level]
    free = [mask.n_free for mask in masks]
    rates, hard_rates = [], []
    for i, r in enumerate(_radii(level)):
        rate = mean_of([(mask.additions[i].smallest_rate, mask.additions[i].largest_rate) for mask in masks], delta)
        rates.append(_at(r, free, rate))
        hard = [mask.hard_radius is not None and mask.hard_radius >= min(r, mask.n_free) for mask in masks]
        hard_rates.append(_at(r, free, share_of(hard, delta)))
    return MethodStability(share_of([mask.consistent for mask in masks], delta), tuple(rates), tuple(hard_rates))


def _difference(level: list[SmoothedInput], reference: list[SmoothedInput], delta: float) -> SmoothingDifference:
    pairs = list(zip(level, reference, strict=True))
    labelled = [(_correct(one), _correct(other)) for one, other in pairs if one.correct is not None]
    accuracy = None
    if labelled:
        accuracy = paired_difference(
            [ends_of(one) for one, _ in labelled], [ends_of(other) for _, other in labelled], delta
        )
    rates = []
    for method in range(len(level[0].masks)):
        free = [one.masks[method].n_free for one in level]
        by_radius = []
        for i, r in enumerate(_radii(level)):
            gained = paired_difference(_ends(level, method, i), _ends(reference, method, i), delta)
            by_radius.append(_at(r, free, gained))
        rates.append(tuple(by_radius))
    return SmoothingDifference(level[0].keep_probability, reference[0].keep_probability, accuracy, tuple(rates))


def _ends(level: list[SmoothedInput], method: int, i: int) -> list[Ends]:
    tried = [one.masks[method].additions[i] for one in level]
    return [(additions.smallest_rate, additions.largest_rate) for additions in tried]


def _correct(one: SmoothedInput) -> bool | None:
    return None if one.near_tie else one.correct


def _certified(one: SmoothedInput, radius: int) -> bool:
    known = one.decremental_radius is not None and one.decremental_radius >= min(radius, one.n_features)
    return known and one.correct is True


def _at(radius: int, sizes: Sequence[int], estimate: Estimate) -> EstimateAtRadius:
    clamped = sum(size < radius for size in sizes)
    return EstimateAtRadius(radius, estimate.mean, estimate.lower, estimate.upper, clamped)

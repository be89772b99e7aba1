"""Means over inputs before and after, and paired differences, from single inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from statistics import fmean

from stabcert.core.adaptation.confidence import overconfidence
from stabcert.core.adaptation.result import (
    ComparedInput,
    Comparison,
    MeanRadius,
    Measure,
    ModelReading,
    Overconfidence,
    Quantity,
)
from stabcert.core.curve.estimates import Ends, ends_of, mean_of, paired_difference, share_of
from stabcert.core.curve.result import Estimate
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import InputError

Value = Callable[[ComparedInput, ModelReading], Ends]
"""A function from an input and one of its models to the smallest and largest possible value."""


@dataclass(frozen=True)
class _Wanted:
    """A quantity, and how one input contributes to it."""

    quantity: Quantity
    at: Fraction | None
    radius: int | None
    value: Value
    flag: bool
    """Each value is 0 or 1, or open."""

    @property
    def needs_label(self) -> bool:
        return self.quantity.endswith("accuracy")


def summarise_comparison(inputs: Sequence[ComparedInput], *, delta: float) -> Comparison:
    """Return all means before and after, and their differences input by input.

    Guaranteed for inputs that are independent draws of one population, neither trained on nor used to choose between
    versions of the adapted model, for each interval individually (inputs that `reporting_part` divides are such draws
    only if the population repeats no input): with probability at least 1 - delta it covers the mean over that
    population, or the difference of the two means. The guarantee is about these two models, with the frozen noise, and
    with explanations made as these were. Shares of inputs have Clopper-Pearson intervals. Shares of masks and additions
    are unbiased estimates of one input's share from few draws. Their means have intervals by betting, which account for
    the choice of the inputs and for the choice of the draws. Where a near tie leaves a value open, the lower bound
    takes the smaller value and the upper bound the larger one.

    Args:
        inputs: results of `stabcert.core.adaptation.evaluate.compare_input`.
        delta: probability that an interval may be wrong.

    Raises:
        InputError: ``inputs`` is empty, or the inputs were evaluated under different settings.
        ParameterError: ``delta`` is not between 0 and 1.
    """
    check_delta(delta)
    _check_alike(inputs)
    measures = []
    for wanted in [*_of_shares(inputs[0]), *_of_lambdas(inputs[0])]:
        counted = [one for one in inputs if one.labelled or not wanted.needs_label]
        if counted:
            measures.append(_measure(wanted, counted, delta))
    return Comparison(
        inputs=len(inputs),
        labelled=sum(one.labelled for one in inputs),
        delta=delta,
        measures=tuple(measures),
        mean_radii=tuple(_mean_radius(inputs, i) for i in range(1, len(inputs[0].before.smoothed))),
        overconfidence_before=_overconfidence([one.before for one in inputs]),
        overconfidence_after=_overconfidence([one.after for one in inputs]),
    )


def _check_alike(inputs: Sequence[ComparedInput]) -> None:
    if not inputs:
        raise InputError("inputs must contain at least one input, got none. Compare the models on an input first")
    settings = [_settings(reading) for one in inputs for reading in (one.before, one.after)]
    if any(one != settings[0] for one in settings):
        raise InputError(
            "inputs must have the same keep shares, radii and lambdas, got different ones. "
            "Compare the models again with the same settings"
        )


def _settings(reading: ModelReading) -> list[object]:
    radii = [tried.radius for tried in reading.smoothed[0].masks[0].additions]
    return [
        [one.keep_share for one in reading.shares],
        [one.keep_probability for one in reading.smoothed],
        radii,
    ]


def _measure(wanted: _Wanted, inputs: Sequence[ComparedInput], delta: float) -> Measure:
    before = [wanted.value(one, one.before) for one in inputs]
    after = [wanted.value(one, one.after) for one in inputs]
    # Which interval is taken depends on the quantity and not on the values, which would undo the guarantee.
    interval = _share if wanted.flag else mean_of
    return Measure(
        quantity=wanted.quantity,
        at=wanted.at,
        radius=wanted.radius,
        before=interval(before, delta),
        after=interval(after, delta),
        difference=paired_difference(after, before, delta),
    )


def _share(values: Sequence[Ends], delta: float) -> Estimate:
    return share_of([None if low != high else low == 1.0 for low, high in values], delta)


def _of_shares(first: ComparedInput) -> Iterator[_Wanted]:
    """Yield what is found on random masks."""
    for i, one in enumerate(first.before.shares):
        yield _Wanted("agreement", one.keep_share, None, partial(_agreement, i), flag=i == 0)
    yield _Wanted("masked agreement", None, None, _masked_agreement, flag=False)
    for i, one in enumerate(first.before.shares):
        yield _Wanted("accuracy", one.keep_share, None, partial(_accuracy, i), flag=i == 0)


def _of_lambdas(first: ComparedInput) -> Iterator[_Wanted]:
    """Yield what is found on explanations, then on full inputs, by lambda."""
    radii = [tried.radius for tried in first.before.smoothed[0].masks[0].additions]
    for i, one in enumerate(first.before.smoothed):
        share = one.keep_probability
        yield _Wanted("consistency", share, None, partial(_consistency, i), flag=True)
        yield _Wanted("kept class", share, None, partial(_kept_class, i), flag=True)
        if i == 0:
            for j, radius in enumerate(radii):
                yield _Wanted("rate", share, radius, partial(_rate, j), flag=False)
            continue
        for radius in radii:
            yield _Wanted("proved radius", share, radius, partial(_proved, i, radius), flag=True)
        yield _Wanted("proved share", share, None, partial(_proved_share, i), flag=False)
        yield _Wanted("smoothed agreement", share, None, partial(_certified, i, 0, False), flag=True)
        yield _Wanted("smoothed accuracy", share, None, partial(_certified, i, 0, True), flag=True)
        for radius in radii:
            yield _Wanted("certified agreement", share, radius, partial(_certified, i, radius, False), flag=True)
        for radius in radii:
            yield _Wanted("certified accuracy", share, radius, partial(_certified, i, radius, True), flag=True)


def _agreement(i: int, one: ComparedInput, model: ModelReading) -> Ends:
    found = model.shares[i]
    if one.before.near_tie:
        return 0.0, 1.0
    return found.agreements / found.masks, (found.agreements + found.near_ties) / found.masks


def _masked_agreement(one: ComparedInput, model: ModelReading) -> Ends:
    ends = [_agreement(i, one, model) for i in range(1, len(model.shares))]
    return fmean(low for low, _ in ends), fmean(high for _, high in ends)


def _accuracy(i: int, one: ComparedInput, model: ModelReading) -> Ends:
    found = model.shares[i]
    correct = found.correct or 0
    return correct / found.masks, (correct + found.near_ties) / found.masks


def _consistency(i: int, one: ComparedInput, model: ModelReading) -> Ends:
    return ends_of(model.smoothed[i].masks[0].consistent)


def _kept_class(i: int, one: ComparedInput, model: ModelReading) -> Ends:
    mask = model.smoothed[i].masks[0]
    return ends_of(None if one.before.near_tie or mask.near_tie else mask.masked_prediction == one.before.prediction)


def _rate(j: int, one: ComparedInput, model: ModelReading) -> Ends:
    found = model.smoothed[0].masks[0].additions[j]
    return found.smallest_rate, found.largest_rate


def _proved(i: int, radius: int, one: ComparedInput, model: ModelReading) -> Ends:
    """Return 1 where the radius is proved, otherwise 0: a near tie leaves nothing open, because it proves nothing."""
    mask = model.smoothed[i].masks[0]
    return ends_of(_proved_radius(i, one, model) >= min(radius, mask.n_free))


def _proved_share(i: int, one: ComparedInput, model: ModelReading) -> Ends:
    mask = model.smoothed[i].masks[0]
    proved = _proved_radius(i, one, model)
    share = max(0, proved) / mask.n_free if mask.n_free else float(proved == 0)
    return share, share


def _proved_radius(i: int, one: ComparedInput, model: ModelReading) -> int:
    """Return the proved radius of the explanation; -1 where it does not certainly give the original class."""
    mask = model.smoothed[i].masks[0]
    kept = _kept_class(i, one, model) == (1.0, 1.0)
    return mask.hard_radius if kept and mask.hard_radius is not None else -1


def _certified(i: int, radius: int, label: bool, one: ComparedInput, model: ModelReading) -> Ends:
    """Return whether the smoothed model gives the class for the full input, and for every removal of up to r features.

    For radius 0 a near tie is open; a larger radius is proved or not.
    """
    found = model.smoothed[i]
    if label:
        flag = None if found.near_tie else found.correct
    else:
        flag = None if found.near_tie or one.before.near_tie else found.prediction == one.before.prediction
    if radius == 0:
        return ends_of(flag)
    reached = found.decremental_radius is not None and found.decremental_radius >= min(radius, found.n_features)
    return ends_of(flag is True and reached)


def _mean_radius(inputs: Sequence[ComparedInput], i: int) -> MeanRadius:
    before = fmean(max(0, _proved_radius(i, one, one.before)) for one in inputs)
    after = fmean(max(0, _proved_radius(i, one, one.after)) for one in inputs)
    return MeanRadius(inputs[0].before.smoothed[i].keep_probability, before, after)


def _overconfidence(readings: Sequence[ModelReading]) -> tuple[Overconfidence, ...]:
    found = []
    for i in range(1, len(readings[0].shares)):
        shares = [one.shares[i] for one in readings]
        confidences, agrees = [one.confidence for one in shares], [one.agrees for one in shares]
        found.append(overconfidence(confidences, agrees, shares[0].keep_share))
    return tuple(found)

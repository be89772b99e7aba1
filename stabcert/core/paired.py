"""Two runs on the same inputs: means before and after, and their differences input by input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stabcert.core.curve.estimates import Ends, mean_of, paired_difference, share_of
from stabcert.core.curve.result import Estimate
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import InputError

PairedQuantity = Literal["certified", "proved rate", "rate", "proved share", "proved removals"]
"""Names of what is averaged over inputs.

certified: the record meets its threshold.
proved rate: the lower bound on the stability rate that the record certifies.
rate: the share of the tested additions with the prediction of the mask, where their number was fixed before.
proved share: the share of the remaining features that may certainly be added, all of them where none is left.
proved removals: the same for features that are removed from the full input.
"""


@dataclass(frozen=True)
class PairedMeasure:
    """One quantity of two runs on the same inputs."""

    quantity: PairedQuantity
    radius: int | None
    inputs: int
    before: Estimate
    after: Estimate
    difference: Estimate
    """After minus before, input by input."""


def paired_measure(
    quantity: PairedQuantity, before: Sequence[Ends], after: Sequence[Ends], *, delta: float, radius: int | None = None
) -> PairedMeasure:
    """Return the means of a quantity before and after, and their paired difference.

    Guaranteed for inputs that are independent draws of one population, for each interval individually: with
    probability at least 1 - delta it covers the mean over that population, or the difference of the two means.
    The same input twice undoes the independence. Shares of certified inputs have Clopper-Pearson intervals, other
    means and all differences intervals by betting (`stabcert.core.statistics.means`).

    Args:
        quantity: name of the quantity, which alone decides on the kind of interval.
        before, after: smallest and largest possible value of each input, from 0 to 1, in the same order.
        delta: probability that an interval may be wrong.
        radius: radius of the quantity, if it has one.

    Raises:
        InputError: ``before`` is empty, or has another length than ``after``.
        ParameterError: ``delta`` is not between 0 and 1.
    """
    check_delta(delta)
    if not before or len(before) != len(after):
        raise InputError(
            f"before and after must have one value for each of the same inputs, got {len(before)} and {len(after)}. "
            "Give both values of at least one input"
        )

    def estimate(values: Sequence[Ends]) -> Estimate:
        if quantity != "certified":
            return mean_of(values, delta)
        return share_of([low == 1.0 if low == high else None for low, high in values], delta)

    return PairedMeasure(
        quantity, radius, len(before), estimate(before), estimate(after), paired_difference(after, before, delta)
    )

"""Means over inputs with their intervals, in the records of several commands."""

from __future__ import annotations

from typing import Self

from stabcert.core.curve.result import Estimate
from stabcert.records.values import Part, Share, SignedShare


class MeanShare(Part):
    """A mean over the inputs, or a share of them."""

    mean: Share
    lower: Share
    upper: Share

    @classmethod
    def of(cls, found: Estimate) -> Self:
        return cls(mean=found.mean, lower=found.lower, upper=found.upper)


class MeanDifference(Part):
    """The mean of a difference, input by input: after less before, new less old, or one lambda less another."""

    mean: SignedShare
    lower: SignedShare
    upper: SignedShare

    @classmethod
    def of(cls, found: Estimate) -> Self:
        return cls(mean=found.mean, lower=found.lower, upper=found.upper)

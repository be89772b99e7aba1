"""Records of ``explain``."""

from __future__ import annotations

from typing import Any, Literal

from stabcert.records.common import ClassName, Family, Prediction, ThresholdRecord
from stabcert.records.soft import Rate
from stabcert.records.values import (
    Count,
    Indices,
    MayBeAbsent,
    NotEmpty,
    NotNegative,
    Number,
    OpenShare,
    Pair,
    Part,
    Positive,
    PositiveNumber,
    PositiveShare,
    Share,
    SignedShare,
    Text,
)


class Attribution(Part):
    """The scores of one method, and the mask of its best features."""

    method: Text
    settings: dict[Text, Any]
    target: ClassName
    scores: list[Number]
    standard_errors: list[NotNegative] | None
    """Of each score, from the random draws that made it."""
    selected: Indices
    """Indices of its explanation.k best features."""
    masked_prediction: Prediction
    consistent: bool
    """This mask alone gives the prediction of the full input."""


class Agreement(Part):
    """How two methods agree."""

    methods: Pair[Text]
    l1: NotNegative
    """Sum of the absolute differences of the scores as they are, in their own units."""
    cosine: SignedShare | None
    """null if either has only zeros."""
    spearman: SignedShare | None
    """Of the ranks, ties at their mean; null if either is constant."""
    top_k_overlap: Share
    """Share of the explanation.k best features that both have."""


class Neighbours(Part):
    """How far one method's attribution moves to Gaussian neighbours of the input."""

    method: Text
    neighbours: Positive
    sigma: PositiveNumber
    """Standard deviation of the noise, in the unit of the network's input."""
    l1_mean: NotNegative
    l1_max: NotNegative
    top_k_overlap_mean: Share
    top_k_overlap_min: Share
    same_prediction: Count
    """Neighbours with the prediction of the input."""


class TestedSize(Part):
    """One size of mask that was tested."""

    k: Positive
    consistent: bool
    verdict: Literal["certified", "not-certified", "undecided"] | None
    samples: Count
    delta: Share | None
    """Share of delta that its test took; 0 if chance had no part in it."""
    rate: Rate | None


class StableSearch(Part):
    """The search for the smallest stable mask; null if not asked for."""

    radius: Count
    min_rate: PositiveShare
    delta: OpenShare
    """Probability that a lower bound of any tested size is wrong."""
    family: MayBeAbsent[Family] = None
    max_samples: Positive
    largest_k: Positive
    """Largest size that might be tried."""
    allow_vacuous: MayBeAbsent[bool] = None
    """A mask counts although the empty input has the class of the full one."""
    vacuous: bool | None = None
    """The empty input has the class of the full one; null if one of the two is too close to call."""
    k: Positive | None
    """The smallest size that is consistent and certified; null if none is."""
    rate: Rate | None
    """Of that size."""
    tested: list[TestedSize]
    """Sizes 1, 2, ... up to k; none if the empty input already has the class of the full one, and that is not
    allowed."""
    evaluations: Count


class ExplainResult(Part):
    """What `explain` found: attributions, how they agree and move, the smallest stable mask."""

    attributions: NotEmpty[Attribution]
    """One for each method; the mask of the record is that of the first."""
    comparison: list[Agreement]
    """Every pair of methods."""
    neighbours: list[Neighbours]
    """For each method, how far its attribution moves to Gaussian neighbours of the input; empty if not asked for."""
    until_stable: StableSearch | None
    """The search for the smallest stable mask; null if not asked for."""
    interrupted: bool
    """Ctrl-C or SIGTERM during the search; the bounds of the sizes that were tested are valid."""


class ExplainRecord(ThresholdRecord):
    command: Literal["explain"]
    status: Literal["reported", "certified", "not-certified", "undecided", "inconsistent", "vacuous"]
    """reported, unless --until-stable was asked for."""
    result: ExplainResult

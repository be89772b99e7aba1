"""Records of ``explain``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any, Literal, Self

from stabcert.core.comparison import Compared, Neighbourhood, compare
from stabcert.core.soft.stable_mask import StableMask, TriedSize
from stabcert.records.asked import Family
from stabcert.records.common import ClassName, Prediction, indices_of
from stabcert.records.record import ThresholdRecord
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
    """Standard error of each score, from its random draws."""
    selected: Indices
    """Indices of its explanation.k best features."""
    masked_prediction: Prediction
    consistent: bool
    """This mask alone gives the prediction of the full input."""

    @classmethod
    def of(cls, found: Compared, class_names: tuple[str, ...]) -> Self:
        attribution, errors = found.attribution, found.attribution.standard_errors
        return cls(
            method=attribution.method,
            settings=attribution.settings,
            target=ClassName.of(attribution.target, class_names),
            scores=[float(score) for score in attribution.scores],
            standard_errors=None if errors is None else [float(error) for error in errors],
            selected=indices_of(found.mask),
            masked_prediction=Prediction.of(found.masked),
            consistent=found.consistent,
        )


class Agreement(Part):
    """Agreement of two methods."""

    methods: Pair[Text]
    l1: NotNegative
    """Sum of the absolute differences of the scores as they are, in their own units."""
    cosine: SignedShare | None
    """null if either has only zeros."""
    spearman: SignedShare | None
    """Correlation of the ranks, ties at their mean; null if either is constant."""
    top_k_overlap: Share
    """Share of the explanation.k best features that both have."""

    @classmethod
    def of(cls, first: Compared, second: Compared) -> Self:
        found = compare(first.attribution.scores, second.attribution.scores, int(first.mask.sum()))
        return cls(methods=[first.attribution.method, second.attribution.method], **asdict(found))


class Neighbours(Part):
    """Movement of the attribution of one method between the input and its Gaussian neighbours."""

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

    @classmethod
    def of(cls, found: Neighbourhood) -> Self:
        return cls(
            method=found.method,
            neighbours=found.neighbours,
            sigma=found.sigma,
            same_prediction=found.same_prediction,
            **asdict(found.movement),
        )


class TestedSize(Part):
    """One size of mask that was tested."""

    k: Positive
    consistent: bool
    verdict: Literal["certified", "not-certified", "undecided"] | None
    samples: Count
    delta: Share | None
    """Share of delta that its test took; 0 if chance had no part in it."""
    rate: Rate | None

    @classmethod
    def of(cls, found: TriedSize) -> Self:
        return cls(
            k=found.k,
            consistent=found.consistent,
            verdict=found.verdict,  # type: ignore[arg-type]  # a search has a threshold
            samples=found.samples,
            delta=found.delta,
            rate=None if found.rate is None else Rate.of(found.rate),
        )


class StableSearch(Part):
    """The search for the smallest stable mask; null if not requested."""

    radius: Count
    min_rate: PositiveShare
    delta: OpenShare
    """Probability that a lower bound of any tested size is wrong."""
    family: MayBeAbsent[Family] = None
    max_samples: Positive
    largest_k: Positive
    """Largest size that the search may test."""
    allow_vacuous: MayBeAbsent[bool] = None
    """A mask counts although the empty input has the class of the full one."""
    vacuous: bool | None = None
    """The empty input has the class of the full one; null if one of the two is too close to call."""
    k: Positive | None
    """The smallest size that is consistent and certified; null if none is."""
    rate: Rate | None
    """The rate of that size."""
    tested: list[TestedSize]
    """Sizes 1, 2, ... up to k; none if the empty input already has the class of the full one, and that is not
    allowed."""
    evaluations: Count

    @classmethod
    def of(
        cls,
        found: StableMask,
        *,
        radius: int,
        min_rate: float,
        delta: float,
        max_samples: int,
        largest_k: int,
        family: int = 1,
        allow_vacuous: bool = False,
    ) -> Self:
        """Return what was requested, what was found, and every size that was tested."""
        return cls(
            radius=radius,
            min_rate=min_rate,
            delta=delta,
            family=family,
            max_samples=max_samples,
            largest_k=largest_k,
            allow_vacuous=allow_vacuous,
            vacuous=found.vacuous,
            k=found.k,
            rate=None if found.certificate is None else Rate.of(found.certificate.rates[0]),
            tested=[TestedSize.of(size) for size in found.tested],
            evaluations=found.evaluations,
        )


class ExplainResult(Part):
    """The result of `explain`: attributions, how they agree and move, the smallest stable mask."""

    attributions: NotEmpty[Attribution]
    """One for each method; the mask of the record is that of the first."""
    comparison: list[Agreement]
    """Every pair of methods."""
    neighbours: list[Neighbours]
    """Movement of each attribution to Gaussian neighbours of the input; empty without --neighbours."""
    until_stable: StableSearch | None
    """The search for the smallest stable mask; null if not requested."""
    interrupted: bool
    """Ctrl-C or SIGTERM during the search; the bounds of the sizes that were tested are valid."""

    @classmethod
    def of(
        cls,
        compared: Sequence[Compared],
        class_names: tuple[str, ...],
        *,
        neighbourhoods: Sequence[Neighbourhood] = (),
        until_stable: StableSearch | None = None,
        interrupted: bool = False,
    ) -> Self:
        """Return every score of every method in the order of the features, and their agreement."""
        return cls(
            attributions=[Attribution.of(one, class_names) for one in compared],
            comparison=[Agreement.of(first, second) for first, second in combinations(compared, 2)],
            neighbours=[Neighbours.of(one) for one in neighbourhoods],
            until_stable=until_stable,
            interrupted=interrupted,
        )


class ExplainRecord(ThresholdRecord):
    command: Literal["explain"]
    status: Literal["reported", "certified", "not-certified", "undecided", "inconsistent", "vacuous"]
    """reported, unless --until-stable was requested."""
    result: ExplainResult

"""Records of ``adapt``: single inputs under both models, there and back again."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any, Self

from stabcert.core.adaptation.result import ComparedInput, MaskedShare, ModelReading
from stabcert.records.adaptation import ReportedInput
from stabcert.records.common import ClassName, indices_of
from stabcert.records.curve import SmoothedLevel, smoothed_level
from stabcert.records.values import Count, FractionText, Indices, NotEmpty, Part, Positive, Sha256, Share, Text


class RandomMasks(Part):
    """One model on random masks of one keep share."""

    keep_share: FractionText
    kept: Positive
    """Features that each mask keeps."""
    masks: Positive
    agreements: Count
    """Masks with the class of the original model for the full input; a near tie is not one."""
    correct: Count | None
    """Masks with the class of the label."""
    near_ties: Count
    confidence: Share
    """Largest probability of the first mask."""
    agrees: bool | None
    """The first mask gives the class of the original model for the full input; null at a near tie."""

    @classmethod
    def of(cls, found: MaskedShare) -> Self:
        return cls(**asdict(found) | {"keep_share": str(found.keep_share)})


class Reading(Part):
    """One model on one input."""

    prediction: ClassName
    """Class of the full input."""
    near_tie: bool
    shares: NotEmpty[RandomMasks]
    lambdas: NotEmpty[SmoothedLevel]
    """The unsmoothed model with tested additions, then the smoothed ones."""

    @classmethod
    def of(cls, found: ModelReading, method: str, class_names: tuple[str, ...]) -> Self:
        return cls(
            prediction=ClassName.of(found.prediction, class_names),
            near_tie=found.near_tie,
            shares=[RandomMasks.of(one) for one in found.shares],
            lambdas=[SmoothedLevel.of(one, [method], class_names) for one in found.smoothed],
        )


class ReportingInput(Part):
    """One reporting input under both models."""

    id: Text
    sha256: Sha256
    n: Positive
    """Number of features."""
    selected: Indices
    """The explanation that both models were given: indices of the kept features."""
    before: Reading
    after: Reading

    @classmethod
    def of(cls, found: ReportedInput, method: str, class_names: tuple[str, ...]) -> Self:
        return cls(
            id=found.used.id,
            sha256=found.used.sha256,
            n=found.compared.n_features,
            selected=indices_of(found.mask),
            before=Reading.of(found.compared.before, method, class_names),
            after=Reading.of(found.compared.after, method, class_names),
        )


def compared_input(one: dict[str, Any]) -> ComparedInput:
    """Return what one reporting input was made of, from its plain values."""
    return ComparedInput(one["n"], *(_reading(one[name], one["n"]) for name in ("before", "after")))


def _reading(one: dict[str, Any], n_features: int) -> ModelReading:
    return ModelReading(
        prediction=one["prediction"]["id"],
        near_tie=one["near_tie"],
        shares=tuple(MaskedShare(**share | {"keep_share": Fraction(share["keep_share"])}) for share in one["shares"]),
        smoothed=tuple(smoothed_level(level, n_features) for level in one["lambdas"]),
    )

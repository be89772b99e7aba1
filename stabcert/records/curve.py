"""Records of ``smooth-eval`` for one input, and the results that are read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any, Literal, Self

from stabcert.core.curve.result import (
    EvaluationSettings,
    MaskStability,
    SmoothedInput,
    TriedAdditions,
)
from stabcert.core.types import Mask
from stabcert.records.common import ClassName, indices_of
from stabcert.records.record import ReportedRecord
from stabcert.records.values import (
    Count,
    FractionText,
    Indices,
    MayBeAbsent,
    NotEmpty,
    Pair,
    Part,
    Positive,
    PositiveShare,
    Text,
)


class NamedMask(Part):
    """The mask of one method."""

    method: Text
    selected: Indices
    """Indices of the kept features."""


class CountedAdditions(Part):
    """Additions of one radius that were tested."""

    radius: Count
    radius_used: Count
    """The radius, limited to the number of features that are left to add."""
    samples: Positive
    matches: Count
    """Additions with the prediction of the mask; a near tie is not one."""
    near_ties: Count
    enumerated: bool
    """Every addition was tested once."""

    @classmethod
    def of(cls, found: TriedAdditions) -> Self:
        return cls(**asdict(found))


class SmoothedMask(Part):
    """One mask on the smoothed model."""

    method: Text
    masked_prediction: ClassName
    near_tie: bool
    consistent: bool | None
    """The class of the full input; null at a near tie."""
    n_free: Count
    """Features that are left to add."""
    rates: list[CountedAdditions]
    hard_radius: Count | None
    """No addition of up to this many features changes the prediction; null at a near tie."""

    @classmethod
    def of(cls, method: str, found: MaskStability, class_names: tuple[str, ...]) -> Self:
        return cls(
            method=method,
            masked_prediction=ClassName.of(found.masked_prediction, class_names),
            near_tie=found.near_tie,
            consistent=found.consistent,
            n_free=found.n_free,
            rates=[CountedAdditions.of(additions) for additions in found.additions],
            hard_radius=found.hard_radius,
        )


class SmoothedLevel(Part):
    """The model smoothed with one lambda, on one input."""

    keep_probability: PositiveShare
    """Share of features kept; 1 is the unsmoothed model."""
    fraction: FractionText
    """The same, exactly."""
    prediction: ClassName
    """Class of the full input."""
    near_tie: bool
    correct: bool | None
    """null without a label."""
    agrees: bool | None
    """The class of the unsmoothed model; null at a near tie."""
    decremental_radius: Count | None
    """No removal of up to this many features from the full input changes its prediction; null at a near tie."""
    masks: NotEmpty[SmoothedMask]

    @classmethod
    def of(cls, found: SmoothedInput, methods: Sequence[str], class_names: tuple[str, ...]) -> Self:
        return cls(
            keep_probability=float(found.keep_probability),
            fraction=str(found.keep_probability),
            prediction=ClassName.of(found.prediction, class_names),
            near_tie=found.near_tie,
            correct=found.correct,
            agrees=found.agrees,
            decremental_radius=found.decremental_radius,
            masks=[
                SmoothedMask.of(method, mask, class_names) for method, mask in zip(methods, found.masks, strict=True)
            ],
        )


class CurveInputResult(Part):
    """The result of `smooth-eval` for one input."""

    label: ClassName | None
    """The class that the input is said to have."""
    copies_before: MayBeAbsent[Count] = None
    """Number of inputs with the same bytes before it in the list; each has draws of its own."""
    noise: Literal["bernoulli", "quantized"]
    draws: Positive
    """Frozen noise masks of each lambda below 1; those of quantized noise are the quantization."""
    noise_seed: Pair[Count]
    """Seed of the frozen noise, together with the number of features."""
    n_samples: Positive
    """Additions to try for each mask and radius."""
    masks: NotEmpty[NamedMask]
    """One for each method; the mask of the record is that of the first."""
    lambdas: NotEmpty[SmoothedLevel]

    @classmethod
    def of(
        cls,
        found: Sequence[SmoothedInput],
        methods: Sequence[str],
        masks: Sequence[Mask],
        label: int | None,
        settings: EvaluationSettings,
        class_names: tuple[str, ...],
        *,
        copies_before: int,
    ) -> Self:
        """Return the result of one input.

        Args:
            copies_before: number of equal inputs before this one.
        """
        return cls(
            label=None if label is None else ClassName.of(label, class_names),
            copies_before=copies_before,
            **settings_fields(settings),
            masks=[
                NamedMask(method=method, selected=indices_of(mask)) for method, mask in zip(methods, masks, strict=True)
            ],
            lambdas=[SmoothedLevel.of(one, methods, class_names) for one in found],
        )


class CurveInputRecord(ReportedRecord):
    command: Literal["smooth-eval"]
    result: CurveInputResult


def smoothed_input(record: dict[str, Any]) -> tuple[SmoothedInput, ...]:
    """Return what the result of an input was made of, from its record."""
    return tuple(
        SmoothedInput(
            keep_probability=Fraction(one["fraction"]),
            n_features=record["explanation"]["n"],
            prediction=one["prediction"]["id"],
            near_tie=one["near_tie"],
            correct=one["correct"],
            agrees=one["agrees"],
            decremental_radius=one["decremental_radius"],
            masks=tuple(
                MaskStability(
                    masked_prediction=mask["masked_prediction"]["id"],
                    near_tie=mask["near_tie"],
                    consistent=mask["consistent"],
                    n_free=mask["n_free"],
                    hard_radius=mask["hard_radius"],
                    additions=tuple(TriedAdditions(**additions) for additions in mask["rates"]),
                )
                for mask in one["masks"]
            ),
        )
        for one in record["result"]["lambdas"]
    )


def settings_of(record: dict[str, Any]) -> EvaluationSettings:
    """Return the settings in the record of an input."""
    result = record["result"]
    first, second = result["noise_seed"]
    return EvaluationSettings(result["noise"], result["draws"], (first, second), result["n_samples"])


def settings_fields(settings: EvaluationSettings) -> dict[str, Any]:
    """Return the fields of a result that the settings fill."""
    return asdict(settings) | {"noise_seed": list(settings.noise_seed)}

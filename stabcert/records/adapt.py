"""Records of ``adapt``: the data, the choice, and the comparison on the reporting inputs."""

from __future__ import annotations

from typing import Any, Literal, Self

from stabcert.records.adapt_comparison import ComparisonResult
from stabcert.records.adaptation import AdaptFinding, EpochInfo, QualityInfo, UsedInput
from stabcert.records.common import ClassName, Model, Run
from stabcert.records.values import Count, Key, MayBeAbsent, NotEmpty, Number, Part, Positive, Sha256, Share, Text
from stabcert.records.writing import SCHEMA


class UsedInputRow(Part):
    """One input and its purpose; equal inputs have the same purpose."""

    id: Text
    sha256: Sha256
    """Hash of the bytes of an image, or of a text in UTF-8."""
    label: ClassName | None
    part: Literal["training", "held-out", "reporting"]
    """training: in the loss; held-out: chooses the epoch; reporting: seen by neither."""

    @classmethod
    def of(cls, found: UsedInput, class_names: tuple[str, ...]) -> Self:
        label = None if found.label is None else ClassName.of(found.label, class_names)
        return cls(id=found.id, sha256=found.sha256, label=label, part=found.part)


class Quality(Part):
    """Predictions of one candidate on the held-out inputs. They were used to choose, so they are not unbiased."""

    clean_agreement: Share
    """Share of full inputs with the class of the original model."""
    clean_accuracy: Share | None
    masked_agreement: list[Share] | None
    """Share of masked inputs with the class of the original model, by keep share; null where not measured."""

    @classmethod
    def of(cls, found: QualityInfo) -> Self:
        masked = None if found.masked_agreement is None else list(found.masked_agreement)
        return cls(clean_agreement=found.clean_agreement, clean_accuracy=found.clean_accuracy, masked_agreement=masked)


class EpochRow(Part):
    """One epoch of the training."""

    epoch: Count
    """0 for the original model."""
    loss: Number | None
    interpolation: Share
    """Best point between the original weights (0) and those of the epoch (1) within the clean loss."""
    quality: Quality
    """Quality of this point."""
    trained: Quality
    """Quality of the trained weights."""

    @classmethod
    def of(cls, found: EpochInfo) -> Self:
        return cls(
            epoch=found.epoch,
            loss=found.loss,
            interpolation=found.interpolation,
            quality=Quality.of(found.quality),
            trained=Quality.of(found.trained),
        )


class ChosenModel(Part):
    """The adapted model among all candidates."""

    epoch: Count
    interpolation: Share
    reason: Text


class AdaptResult(Part):
    """The result of `adapt`."""

    directory: Text
    adapted: Model
    """The adapted model, loaded again from its directory."""
    interrupted: bool
    """The training ended before its last epoch."""
    settings: dict[Text, Any]
    """Everything that decided the weights, beside the model and the inputs."""
    data_sha256: Sha256
    """Hash of the inputs that trained or chose, with their labels."""
    inputs: NotEmpty[UsedInputRow]
    repeats_left_out: MayBeAbsent[Positive] = None
    """Other inputs that are equal to one that was named to report on; missing for 0."""
    cut: MayBeAbsent[Positive] = None
    """Texts that were too long for the model and were cut; missing for 0."""
    history: NotEmpty[EpochRow]
    chosen: ChosenModel
    comparison: ComparisonResult | None
    """null where the run was interrupted before the comparison was complete."""

    @classmethod
    def of(cls, finding: AdaptFinding) -> Self:
        chosen, names = finding.chosen, finding.class_names
        counts = {"repeats_left_out": finding.repeats_left_out, "cut": finding.cut}
        return cls(
            directory=finding.directory,
            adapted=Model.model_validate(finding.adapted),
            interrupted=chosen.interrupted,
            settings=chosen.settings,
            data_sha256=chosen.data_sha256,
            inputs=[UsedInputRow.of(one, names) for one in finding.inputs],
            **{name: count for name, count in counts.items() if count > 0},
            history=[EpochRow.of(one) for one in chosen.history],
            chosen=ChosenModel(epoch=chosen.epoch, interpolation=chosen.interpolation, reason=chosen.reason),
            comparison=None if finding.compared is None else ComparisonResult.of(finding.compared, names),
        )


class AdaptRecord(Part):
    """The record of an adaptation; evaluations are those of the comparison."""

    version: Literal["stabcert/1"]
    command: Literal["adapt"]
    status: Literal["reported", "certified", "undecided", "incomplete"]
    """reported, unless --min-gain was requested; incomplete where the comparison is missing (in older records
    reported)."""
    key: Key
    input: None
    model: Model
    """The original model."""
    prediction: None
    explanation: None
    result: AdaptResult
    run: Run

    @classmethod
    def of(cls, finding: AdaptFinding, *, key: str) -> Self:
        return cls(
            version=SCHEMA,
            command="adapt",
            status=finding.status,
            key=key,
            input=None,
            model=Model.model_validate(finding.model),
            prediction=None,
            explanation=None,
            result=AdaptResult.of(finding),
            run=Run.model_validate(finding.run),
        )

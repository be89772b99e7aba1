"""The record of an adaptation: what was trained, chosen and compared."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stabcert.cli.commands.adapt_compare import Cost
from stabcert.cli.commands.adapt_data import AdaptData, data_digest
from stabcert.cli.commands.adapt_request import AdaptRequest
from stabcert.cli.declared import Asked
from stabcert.cli.options import DEFAULT_SEED
from stabcert.cli.reporting import versions
from stabcert.cli.tasks import result_parameters
from stabcert.core.streams import digest
from stabcert.records.adaptation import AdaptFinding, Chosen, Compared, DataPart, EpochInfo, QualityInfo, UsedInput
from stabcert.records.findings import ModelInfo, RunInfo
from stabcert.records.writing import SCHEMA

if TYPE_CHECKING:
    from stabcert.adapt.history import Adapted, Quality
    from stabcert.models.hub import LoadedModel


@dataclass(frozen=True)
class Reporting:
    """Everything about an adaptation that is known before it is trained."""

    request: AdaptRequest
    asked: Asked
    data: AdaptData
    model: LoadedModel
    started: float
    cut: int
    """Reporting inputs that were cut."""
    resumed: bool

    def finding(self, adapted: Adapted, after: LoadedModel, compared: Compared | None, cost: Cost) -> AdaptFinding:
        """Return what is reported; ``compared`` is None where the comparison is not complete."""
        from stabcert.records.common import Run

        model, seed = self.model, self.request.settings.seed
        run = RunInfo(
            seed=seed,
            default_seed=seed == DEFAULT_SEED,
            device=str(model.device),
            dtype=str(model.dtype).removeprefix("torch."),
            batch_size=cost.batch_size,
            evaluations=cost.evaluations,
            rechecked=cost.rechecked,
            drift=cost.drift,
            seconds=time.perf_counter() - self.started,
            versions=dict(versions()),
        )
        return AdaptFinding(
            model=_model_record(model),
            adapted=_model_record(after),
            class_names=model.class_names,
            directory=str(self.request.out),
            inputs=self._used(),
            chosen=Chosen(
                history=tuple(
                    EpochInfo(one.epoch, one.loss, one.interpolation, _quality(one.quality), _quality(one.trained))
                    for one in adapted.history
                ),
                epoch=adapted.epoch,
                interpolation=adapted.interpolation,
                reason=adapted.reason,
                interrupted=adapted.interrupted,
                settings=adapted.settings,
                data_sha256=adapted.data_sha256,
            ),
            compared=compared,
            run=Run.of(run).to_dict(),
            repeats_left_out=self.data.repeats_left_out,
            cut=self.cut + adapted.cut,
            resumed=self.resumed,
        )

    def _used(self) -> tuple[UsedInput, ...]:
        """Return all inputs with their purposes, the held-out ones as the training divides them."""
        from stabcert.adapt.examples import Example, split

        settings = self.request.settings
        # The division depends on hashes alone.
        named = [Example(one.item.id, "", one.label, one.sha256) for one in self.data.training]
        held_out = {one.sha256 for one in split(named, held_out=settings.held_out, seed=settings.seed).held_out}

        def part(sha256: str) -> DataPart:
            return "held-out" if sha256 in held_out else "training"

        return (
            *(UsedInput(one.item.id, one.sha256, one.label, part(one.sha256)) for one in self.data.training),
            *(UsedInput(one.item.id, one.sha256, one.label, "reporting") for one in self.data.reporting),
        )

    def record(self, finding: AdaptFinding) -> dict[str, Any]:
        """Return the record of a finding."""
        from stabcert.records.adapt import AdaptRecord

        key = digest(
            {
                "schema": SCHEMA,
                "command": "adapt",
                "parameters": result_parameters(self.asked),
                "model": finding.model,
                "inputs": data_digest(self.data),
            }
        )
        return AdaptRecord.of(finding, key=key).to_dict()


def _model_record(model: LoadedModel) -> dict[str, object]:
    from stabcert.records.common import Model

    info = ModelInfo(model.id, model.revision, model.sha256, model.class_names, config_sha256=model.config_sha256)
    return Model.of(info).to_dict()


def _quality(found: Quality) -> QualityInfo:
    return QualityInfo(found.clean_agreement, found.clean_accuracy, found.masked_agreement)

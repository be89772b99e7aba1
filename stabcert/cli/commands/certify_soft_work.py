"""The work of ``certify-soft`` on one input: the certificate of the model, or of the smoothed model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stabcert.cli.command import Beside, Checked, Command, Found
from stabcert.cli.commands.certify_soft_request import SoftRequest
from stabcert.cli.commands.thresholds import nothing_left
from stabcert.cli.opening import Case
from stabcert.cli.reporting import report_of
from stabcert.cli.verify.again import compared
from stabcert.core.choice import LambdaChoice, answer_choice, frozen_smoothing
from stabcert.core.prediction import Prediction
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.certify import Interrupted, answer_soft
from stabcert.core.streams import Stream
from stabcert.models.predictions import predictions_by
from stabcert.records.choice import Choice
from stabcert.records.common import Prediction as PredictionRecord
from stabcert.records.refusal import allowed_of
from stabcert.records.soft import Smoothing, SoftResult
from stabcert.report.record import Report

if TYPE_CHECKING:
    from stabcert.core.types import Mask
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document


@dataclass(frozen=True)
class SoftFound(Found):
    """The certificate, and the smoothing of the model."""

    request: dict[str, Any] = field(default_factory=dict)
    """The request, with its radius."""
    unsmoothed: Prediction | None = None
    """The prediction of the unsmoothed model on the full input, if a smoothed model was certified."""
    choice: LambdaChoice | None = None
    """The choice of lambda, or None if lambda was named."""


@dataclass(frozen=True)
class CertifySoft(Command[SoftFound]):
    """``certify-soft`` with its request.

    Args:
        again: whether a record is reproduced. Older records may have thresholds for masks that keep everything.
    """

    name: ClassVar[str] = "certify-soft"
    request: SoftRequest
    again: bool = False

    def check_mask(self, mask: Mask) -> None:
        self.request.check_mask(mask)

    def certify(self, case: Case) -> SoftFound:
        if self.request.min_rate is not None and not self.again and case.choice.mask.all():
            raise nothing_left(len(case.choice.mask), "--min-rate")
        request = self.request.for_mask(case.choice.mask)
        choice, smoothed = None, None
        if request.choice is not None:
            choice = answer_choice(case.predictor, case.choice.mask, request.choice, seed=request.seed)
            request, smoothed = request.with_choice(choice), choice.smoothed
        elif request.smooth_draws is not None:
            smoothed = frozen_smoothing(case.predictor, request.smooth, draws=request.smooth_draws, seed=request.seed)
        interrupted = False
        try:
            found = answer_soft(
                smoothed or case.predictor,
                case.choice.mask,
                request.question(),
                judge_mask=False,  # the record's explanation judges it, from its predictions
                rng=case.draws.generator(
                    Stream.certificate,
                    case.choice.mask,
                    request.of_draws(case.choice.mask),
                    rule=request.stream_rule,
                ),
            )
        except Interrupted as error:
            found, interrupted = error.certificate, True
        unsmoothed = None if smoothed is None else _full_prediction(case)
        recorded = request.record()
        return SoftFound(
            found.verdict,
            smoothed,
            found,
            interrupted,
            allowed=allowed_of(recorded),
            request=recorded,
            unsmoothed=unsmoothed,
            choice=choice,
        )

    def record(self, case: Case, found: SoftFound, beside: Beside) -> Report:
        if not isinstance(found.certificate, SoftCertificate):
            raise TypeError("certify-soft finds a certificate")
        result = SoftResult.of(
            found.certificate,
            _smoothing(found),
            request=found.request,
            choice=None if found.choice is None else Choice.of(found.choice, case.class_names),
            interrupted=found.interrupted,
        )
        return report_of(self.name, case, found, beside, result.to_dict())

    def document(self, exhibit: Exhibit) -> Document:
        from stabcert.report.says.soft import soft_document

        return soft_document(exhibit)

    @classmethod
    def verify(cls, record: dict[str, Any], opened: Callable[[], Case] | None) -> Checked:
        request = SoftRequest.from_record(record["result"]["request"])
        if opened is None:
            from stabcert.verify.soft import soft_checks

            return Checked(*soft_checks(record, request.question))
        return compared(cls(request, again=True), record, opened)


def _full_prediction(case: Case) -> Prediction:
    everything = np.ones((1, case.predictor.n_features), dtype=np.bool_)
    (full,) = predictions_by(case.predictor, everything, case.class_names)
    return full


def _smoothing(found: SoftFound) -> Smoothing | None:
    """Return the smoothing, and the prediction of the unsmoothed model, which smoothing may change."""
    if found.unsmoothed is None:
        return None
    return Smoothing(
        keep_probability=found.request["smooth"],
        draws=found.request["smooth_draws"],
        noise="bernoulli",
        unsmoothed_prediction=PredictionRecord.of(found.unsmoothed),
    )

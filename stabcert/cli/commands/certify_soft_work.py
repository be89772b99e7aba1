"""``certify-soft`` on one input: the certificate of the model, or of the smoothed model."""

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
from stabcert.core.decisions import predict
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.soft.certify import Interrupted, answer_soft
from stabcert.core.streams import SMOOTHING_STREAM, Stream, noise_generator
from stabcert.report.record import Prediction, Report, prediction_record, soft_result
from stabcert.report.refusal import allowed_of

if TYPE_CHECKING:
    from stabcert.core.types import Mask
    from stabcert.models.base import ModelPredictor
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document


@dataclass(frozen=True)
class SoftFound(Found):
    """The certificate, and what was smoothed how."""

    request: dict[str, Any] = field(default_factory=dict)
    """The request, with its radius."""
    smoothing: dict[str, Any] | None = None


@dataclass(frozen=True)
class CertifySoft(Command[SoftFound]):
    """``certify-soft`` with its request.

    Args:
        again: a record is reproduced, which may be older than the rule that something must be left to add.
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
        smoothed = _smoothed(case.predictor, request) if request.smooth < 1.0 else None
        interrupted = False
        try:
            found = answer_soft(
                smoothed or case.predictor,
                case.choice.mask,
                request.question(),
                judge_mask=False,  # the explanation in the record does, from what it shows anyway
                rng=case.draws.generator(
                    Stream.certificate, case.choice.mask, request.of_draws(), rule=request.stream_rule
                ),
            )
        except Interrupted as error:
            found, interrupted = error.certificate, True
        smoothing = None if smoothed is None else _smoothing_record(case, smoothed, request.smooth)
        recorded = request.record()
        return SoftFound(
            found.verdict,
            smoothed,
            found,
            interrupted,
            allowed=allowed_of(recorded),
            request=recorded,
            smoothing=smoothing,
        )

    def record(self, case: Case, found: SoftFound, beside: Beside) -> Report:
        if not isinstance(found.certificate, SoftCertificate):
            raise TypeError("certify-soft finds a certificate")
        result = soft_result(found.certificate, found.smoothing, request=found.request, interrupted=found.interrupted)
        return report_of(self.name, case, found, beside, result)

    def document(self, exhibit: Exhibit) -> Document:
        from stabcert.report.says.soft import soft_document

        return soft_document(exhibit)

    @classmethod
    def verify(cls, record: dict[str, Any], opened: Callable[[], Case] | None) -> Checked:
        request = SoftRequest.from_record(record["result"]["request"])
        if opened is None:
            from stabcert.report.verify.soft import soft_checks

            return Checked(*soft_checks(record, request.question))
        return compared(cls(request, again=True), record, opened)


def _smoothed(predictor: ModelPredictor, request: SoftRequest) -> SmoothedPredictor:
    if request.smooth_draws is None:
        raise TypeError("a request for a smoothed model has its draws")
    keep = bernoulli_keep_masks(
        predictor.n_features,
        keep_probability=request.smooth,
        draws=request.smooth_draws,
        rng=noise_generator(request.seed, SMOOTHING_STREAM),
    )
    return SmoothedPredictor(predictor, keep)


def _smoothing_record(case: Case, smoothed: SmoothedPredictor, keep_probability: float) -> dict[str, Any]:
    """Return what was smoothed and how, and the prediction of the unsmoothed model, which smoothing may change."""
    full = predict(case.predictor, np.ones((1, case.predictor.n_features), dtype=np.bool_))[0]
    return {
        "lambda": keep_probability,
        "draws": len(smoothed.keep_masks),
        "noise": "bernoulli",
        "unsmoothed_prediction": prediction_record(Prediction.of(full, case.class_names)),
    }

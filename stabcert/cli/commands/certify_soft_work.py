"""What ``certify-soft`` does with one input: the certificate of the model, or of the smoothed model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.cli.commands.certify_soft_request import SoftRequest
from stabcert.cli.commands.thresholds import nothing_left
from stabcert.cli.session import Case, Outcome
from stabcert.core.decisions import predict
from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certify import Interrupted, answer_soft
from stabcert.core.streams import SMOOTHING_STREAM, Stream, noise_generator
from stabcert.report.record import Prediction, prediction_record, soft_result
from stabcert.report.refusal import allowed_of

if TYPE_CHECKING:
    from stabcert.models.base import ModelPredictor


@dataclass(frozen=True)
class SoftWork:
    request: SoftRequest
    again: bool = False
    """A record is made again, which may be older than the rule that something must be left to add."""

    def work(self, case: Case) -> Outcome:
        """The certificate of one input."""
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
        result = soft_result(found, smoothing, request=request.record(), interrupted=interrupted)
        allowed = allowed_of(result["request"])
        return Outcome(found.verdict, result, smoothed, found, interrupted, allowed=allowed)


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
    """What was smoothed how, and what the model itself says: smoothing changes predictions."""
    full = predict(case.predictor, np.ones((1, case.predictor.n_features), dtype=np.bool_))[0]
    return {
        "lambda": keep_probability,
        "draws": len(smoothed.keep_masks),
        "noise": "bernoulli",
        "unsmoothed_prediction": prediction_record(Prediction.of(full, case.class_names)),
    }

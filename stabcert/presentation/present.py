"""A certificate or an attribution that was computed in Python, as the commands show it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from stabcert.core.comparison import Compared
from stabcert.core.decisions import decide, decide_from, predict
from stabcert.core.explanation import Explanation
from stabcert.core.hard.certificate import HardCertificate
from stabcert.core.hard.finding import HardFinding
from stabcert.core.mask_flags import Allowed, refusal
from stabcert.core.prediction import Prediction
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.core.types import Attribution, Mask, MaskedPredictor, as_mask
from stabcert.errors import InputError
from stabcert.models.base import ModelPredictor
from stabcert.models.predictions import predictions_alone, predictions_by
from stabcert.presentation.hard import hard_finding
from stabcert.presentation.identity import canvas_of, input_info, model_info, model_predictor
from stabcert.presentation.shown import Shown
from stabcert.records.explain import ExplainResult
from stabcert.records.findings import RunInfo, Status
from stabcert.records.hard import HardResult
from stabcert.records.soft import SoftResult
from stabcert.report.canvas import Exhibit, Flip
from stabcert.report.document import Document
from stabcert.report.record import Report

_FEATURES_SHOWN = 5
Certificate = SoftCertificate | HardCertificate


def present(
    predictor: MaskedPredictor,
    mask: ArrayLike,
    certificate: SoftCertificate | HardCertificate | None = None,
    *,
    attribution: Attribution | None = None,
    name: str = "input",
    model: str | None = None,
    seed: int = 0,
) -> Shown:
    """Return a certificate or an attribution as a record, a screen, a page and a figure.

    The predictions for the full, the masked and the empty input are evaluated, each alone. A certificate whose
    threshold is met is shown as *inconsistent* or *vacuous* if its mask is, as on the command line.

    The record does not contain the request, because the generator of the draws is not known here. It can be read and
    shown, but `--verify` refuses it. For records that can be reproduced, use the command line with
    ``--model python:MODULE:NAME``.

    Args:
        predictor: result of `load_predictor`, `from_module`, `from_pipeline`, `from_estimator` or `from_function`; for
            a certificate of `certify_hard` the `SmoothedPredictor` of one of these.
        mask: ``(n_features,)``, True = kept: the mask that was certified.
        certificate: result of `certify_soft` or `certify_hard` for this predictor and mask; None to show the
            attribution alone.
        attribution: the scores that the mask was made of; None for a mask of another origin.
        name: what the input is called.
        model: what the model is called; None: the name of its class.
        seed: seed of the generator that was given to `certify_soft`; it is only shown.

    Raises:
        InputError: the predictor is a plain function, the mask does not fit the predictor or the certificate, the
            certificate is of another kind, or there is neither a certificate nor an attribution.
    """
    smoothed = predictor if isinstance(predictor, SmoothedPredictor) else None
    own = model_predictor(predictor if smoothed is None else smoothed.base)
    kept = as_mask(mask, own.n_features)
    finding = _finding(smoothed, own, certificate, kept)
    explanation = _explanation(own, smoothed, kept, attribution)
    if isinstance(finding, SoftCertificate):
        _check(finding, explanation)
    report = Report(
        command="explain" if finding is None else "certify-soft" if smoothed is None else "certify-hard",
        status=_status(finding, explanation),
        input=input_info(own, name),
        model=model_info(own, model),
        explanation=explanation,
        result=_result(finding, attribution, explanation, own),
        run=_run(own, seed),
        certificate=finding,
    )
    flips = _flips(own, finding) if isinstance(finding, SoftCertificate) else ()
    exhibit = Exhibit(report, canvas_of(own), flips)
    return Shown(exhibit, _document(exhibit, own.n_features))


def _finding(
    smoothed: SmoothedPredictor | None, predictor: ModelPredictor, certificate: Certificate | None, mask: Mask
) -> SoftCertificate | HardFinding | None:
    """Return the certificate, of a smoothed predictor with the predictions beside it.

    Raises:
        InputError: a certificate of this kind is not possible for this predictor.
    """
    if isinstance(certificate, HardCertificate) and smoothed is not None:
        return hard_finding(smoothed, predictor, certificate, mask)
    if isinstance(certificate, SoftCertificate | None) and smoothed is None:
        return certificate
    raise InputError(
        "certificate must be one of certify_soft for a predictor, or of certify_hard for a smoothed predictor, got "
        f"{type(certificate).__name__} for a {type(predictor if smoothed is None else smoothed).__name__}. For other "
        "results use the command line with --model python:MODULE:NAME"
    )


def _explanation(
    predictor: ModelPredictor, smoothed: SmoothedPredictor | None, mask: Mask, attribution: Attribution | None
) -> Explanation:
    n = predictor.n_features
    if attribution is not None and attribution.scores.shape != (n,):
        raise InputError(
            f"attribution must have {n} scores, one for each feature, got {attribution.scores.shape}. Give the "
            "attribution of this predictor"
        )
    three = np.stack([np.ones(n, dtype=np.bool_), mask, np.zeros(n, dtype=np.bool_)])
    if smoothed is None:
        said, probs = predictions_alone(predictor, three)
        decisions = decide_from(predictor, probs)
    else:
        said = [Prediction.of(row, predictor.class_names) for row in predict(smoothed, three)]
        decisions = decide(smoothed, three)
    full, masked, empty = said
    names: tuple[Literal["full", "masked", "empty"], ...] = ("full", "masked", "empty")
    return Explanation(
        method="mask" if attribution is None else attribution.method,
        settings={} if attribution is None else attribution.settings,
        target=full.id if attribution is None else attribution.target,
        features=predictor.features,
        mask=mask,
        masking=predictor.masked_input.settings,
        full=full,
        masked=masked,
        empty=empty,
        scores=None if attribution is None else attribution.scores,
        near_ties=frozenset(name for name, near_tie in zip(names, decisions.near_tie, strict=True) if near_tie),
    )


def _check(certificate: SoftCertificate, explanation: Explanation) -> None:
    """Raise an InputError if a certificate is not one of this predictor and mask, as far as that shows."""
    found = (certificate.n_features, certificate.n_selected, certificate.prediction)
    here = (len(explanation.mask), int(explanation.mask.sum()), explanation.masked.id)
    if found != here:
        raise InputError(
            f"certificate must be that of this predictor and mask, got {found} instead of {here} (features, kept ones, "
            "predicted class). Give the same predictor and mask"
        )


def _status(finding: SoftCertificate | HardFinding | None, explanation: Explanation) -> Status:
    if not isinstance(finding, SoftCertificate):
        return "reported"
    if finding.verdict != "certified":
        return finding.verdict
    return refusal([explanation.flags], Allowed()) or "certified"


def _result(
    finding: SoftCertificate | HardFinding | None,
    attribution: Attribution | None,
    explanation: Explanation,
    predictor: ModelPredictor,
) -> dict[str, Any]:
    if isinstance(finding, SoftCertificate):
        return SoftResult.of(finding).to_dict()
    if finding is not None:
        return HardResult.of(finding, predictor.class_names).to_dict()
    if attribution is None:
        raise InputError("give a certificate of certify_soft or certify_hard, an attribution of explain, or both")
    compared = Compared(attribution, explanation.mask, explanation.masked, bool(explanation.consistent))
    return ExplainResult.of([compared], predictor.class_names).to_dict()


def _run(predictor: ModelPredictor, seed: int) -> RunInfo:
    names = ("torch", "transformers", "timm", "numpy", "scipy")
    own = {"stabcert": sys.modules[__name__.partition(".")[0]].__version__, "python": platform.python_version()}
    return RunInfo(
        seed=seed,
        device=str(predictor.device),
        dtype=str(predictor.dtype).removeprefix("torch."),
        batch_size=predictor.batches.largest,
        evaluations=predictor.evaluations,
        seconds=0.0,
        versions={**own, **{name: metadata.version(name) for name in names}},
        rechecked=predictor.rechecked,
        drift=predictor.drift,
        default_seed=seed == 0,
    )


def _flips(predictor: ModelPredictor, certificate: SoftCertificate) -> tuple[Flip, ...]:
    if len(certificate.flips) == 0:
        return ()
    said = predictions_by(predictor, certificate.flips, predictor.class_names)
    return tuple(Flip(mask, prediction) for mask, prediction in zip(certificate.flips, said, strict=True))


def _document(exhibit: Exhibit, n_features: int) -> Document:
    if exhibit.report.command == "certify-soft":
        from stabcert.report.says.soft import soft_document

        return soft_document(exhibit)
    if exhibit.report.command == "certify-hard":
        from stabcert.report.says.hard import hard_document

        return hard_document(exhibit)
    from stabcert.report.says.explain import explain_document

    return explain_document(exhibit, min(_FEATURES_SHOWN, n_features))

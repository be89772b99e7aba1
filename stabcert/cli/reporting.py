"""The record of a finding, and the context that is shown with it."""

from __future__ import annotations

import platform
import time
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stabcert import __version__
from stabcert.cli.command import Beside, Found
from stabcert.cli.explanation import Choice
from stabcert.cli.opening import Case
from stabcert.cli.options import DEFAULT_SEED
from stabcert.core.decisions import decide, decide_from, predict
from stabcert.core.explanation import Explanation
from stabcert.core.hard.finding import HardFinding
from stabcert.core.prediction import Prediction
from stabcert.core.soft.certificate import SoftCertificate
from stabcert.models.predictions import predictions_alone, predictions_by
from stabcert.records.findings import InputInfo, ModelInfo, RunInfo
from stabcert.report.canvas import Canvas, Flip
from stabcert.report.record import Report

if TYPE_CHECKING:
    from stabcert.core.types import MaskedPredictor
    from stabcert.models.base import ModelPredictor


def report_of(command: str, case: Case, found: Found, beside: Beside, result: dict[str, Any]) -> Report:
    """Return the record of a case.

    Args:
        result: the result of the command.
    """
    source, predictor, explanation = case.source, case.predictor, beside.explanation
    item, model, seed = source.task.item, source.model, case.draws.seed
    return Report(
        command=command,
        status=found.status_of(explanation),
        input=InputInfo(
            id=item.id,
            kind=item.kind,
            sha256=source.sha256,
            path=None if item.path is None else str(item.path),
            stored=None if item.stored is None else item.stored.describe(),
            text=item.text,
            text_pair=item.text_pair,
            size=case.size,
            truncated=bool(explanation.masking.get("truncated", False)),
        ),
        model=ModelInfo(
            model.id,
            model.revision,
            model.sha256,
            case.class_names,
            config_sha256=model.config_sha256,
            settings=model.settings,
            question=None if predictor.question is None else predictor.question.record(),
            code_sha256=model.code_sha256,
        ),
        explanation=explanation,
        result=result,
        run=RunInfo(
            seed=seed,
            default_seed=seed == DEFAULT_SEED,
            device=str(model.device),
            dtype=str(model.dtype).removeprefix("torch."),
            batch_size=predictor.batches.largest,
            evaluations=predictor.evaluations,
            rechecked=predictor.rechecked,
            drift=predictor.drift,
            seconds=time.perf_counter() - case.started,
            versions=dict(versions()),
        ),
        certificate=found.certificate,
        key=source.key,
    )


def beside(case: Case, found: Found, *, pictures: bool = False) -> Beside:
    """Return the context that is shown together with a finding.

    Args:
        pictures: whether a figure or a page is drawn.
    """
    function = found.function or case.predictor
    explanation = explanation_of(case.predictor, function, case.choice)
    flips = flips_of(function, found.certificate, case.choice, case.class_names) if pictures else ()
    return Beside(explanation, canvas_of(case.predictor), flips)


def explanation_of(predictor: ModelPredictor, function: MaskedPredictor, choice: Choice) -> Explanation:
    """Return the mask and the predictions of ``function`` with and without it."""
    n = predictor.n_features
    three = np.stack([np.ones(n, dtype=np.bool_), choice.mask, np.zeros(n, dtype=np.bool_)])
    if function is predictor:
        said, probs = predictions_alone(predictor, three)
        decisions = decide_from(predictor, probs)
    else:
        said = [Prediction.of(row, predictor.class_names) for row in predict(function, three)]
        decisions = decide(function, three)
    names: tuple[Literal["full", "masked", "empty"], ...] = ("full", "masked", "empty")
    full, masked, empty = said
    return Explanation(
        method=choice.method,
        settings=choice.settings,
        target=full.id if choice.target is None else choice.target,
        features=predictor.features,
        mask=choice.mask,
        masking=predictor.masked_input.settings,
        full=full,
        masked=masked,
        empty=empty,
        scores=choice.scores,
        near_ties=frozenset(name for name, near_tie in zip(names, decisions.near_tie, strict=True) if near_tie),
    )


def canvas_of(predictor: ModelPredictor) -> Canvas | None:
    from stabcert.models.image import MaskedImage

    masked = predictor.masked_input
    return Canvas(masked.pixels, masked.labels) if isinstance(masked, MaskedImage) else None


def flips_of(
    function: MaskedPredictor,
    certificate: object,
    choice: Choice,
    class_names: tuple[str, ...],
) -> tuple[Flip, ...]:
    if isinstance(certificate, HardFinding):
        # Flips of the smoothed model, because the certificate does not concern the unsmoothed model.
        found = certificate.broken
        return () if found is None else (Flip(choice.mask | found.added, found.prediction),)
    if not isinstance(certificate, SoftCertificate) or len(certificate.flips) == 0:
        return ()
    said = predictions_by(function, certificate.flips, class_names)
    return tuple(Flip(mask, prediction) for mask, prediction in zip(certificate.flips, said, strict=True))


@cache  # otherwise half of the time of a cheap input
def versions() -> dict[str, str]:
    found = {"stabcert": __version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in ("torch", "transformers", "timm", "numpy", "scipy")}

"""Findings of ``smooth-eval``: of functions whose numbers can be worked out, and what is made of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from stabcert.core.curve.evaluate import evaluate_smoothing
from stabcert.core.curve.result import SmoothedInput
from stabcert.core.curve.summary import summarise
from stabcert.report.curve.record import CurveFinding, EvaluationSettings, Threshold, curve_record, input_result
from stabcert.report.record import Report
from tests.doubles import Majority
from tests.report.examples import IMAGE, MODEL, PATCHES, RUN, WORDS, explain_report

LAMBDAS = (Fraction(1), Fraction(9, 10), Fraction(1, 3))
SETTINGS = EvaluationSettings("bernoulli", 8, (0, 64), 3)
LABELS: tuple[int | None, ...] = (1, 0, 1, 1)
N_FEATURES = 6


def evaluated(
    number: int, *, methods: int = 1, lambdas: tuple[Fraction, ...] = LAMBDAS, label: int | None = 1
) -> tuple[SmoothedInput, ...]:
    """Input ``number`` of a population of majorities; mask i keeps the first ``3 + i`` features."""
    masks = np.arange(N_FEATURES) < 3 + np.arange(methods)[:, None]
    return evaluate_smoothing(
        Majority(N_FEATURES),
        masks,
        label,
        keep_probabilities=lambdas,
        radii=(1, 2),
        draws=SETTINGS.draws,
        n_samples=SETTINGS.n_samples,
        noise_rng=np.random.default_rng([0, 64]),
        rng=np.random.default_rng(number),
    )


def finding(
    *,
    methods: tuple[str, ...] = ("lime",),
    labels: tuple[int | None, ...] = LABELS,
    lambdas: tuple[Fraction, ...] = LAMBDAS,
    **more: Any,
) -> CurveFinding:
    inputs = [evaluated(i, methods=len(methods), lambdas=lambdas, label=label) for i, label in enumerate(labels)]
    model = {
        "id": MODEL.id,
        "revision": None,
        "sha256": MODEL.sha256,
        "config_sha256": None,
        "labels": len(MODEL.class_names),
    }
    run = explain_report().to_dict()["run"]
    return CurveFinding(summarise(inputs, delta=0.1), methods, SETTINGS, 0, model, run, **more)


def smooth_report(*, label: int | None = 1, image: bool = False, methods: tuple[str, ...] = ("lime",)) -> Report:
    """The report of one input. Its numbers are those of another function, which matters to nobody here."""
    masks = [np.arange(N_FEATURES) < 3 + i for i in range(len(methods))]
    result = CurveInputResult.of(
        evaluated(0, methods=len(methods), label=label), methods, masks, label, SETTINGS, MODEL.class_names, copies_before=0
    ).to_dict()
    report = explain_report(PATCHES, IMAGE) if image else explain_report(WORDS)
    return replace(report, command="smooth-eval", result=result, run=RUN)


THRESHOLDS: dict[str, Any] = {"min_accuracy": Threshold(0.7, 0.75), "min_rate": Threshold(0.9, 0.2)}
RECORDS = {
    "smooth-eval, one input": smooth_report().to_dict(),
    "smooth-eval, an image without label": smooth_report(label=None, image=True, methods=("lime", "shap")).to_dict(),
    "smooth-eval, all inputs": CurveRecord.of(finding(**THRESHOLDS), key="a" * 64).to_dict(),
    "smooth-eval, several methods, no labels": CurveRecord.of(
        replace(finding(methods=("lime", "shap"), labels=(None, None)), failed=2), key=""
    ).to_dict(),
}

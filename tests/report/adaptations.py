"""Findings of ``adapt``: two functions whose numbers can be worked out, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from stabcert.core.adaptation.evaluate import compare_input
from stabcert.core.adaptation.result import ComparedInput
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.adaptation.summary import summarise_comparison
from stabcert.records.adapt import AdaptRecord
from stabcert.records.adaptation import (
    AdaptFinding,
    Chosen,
    Compared,
    DataPart,
    EpochInfo,
    Explained,
    QualityInfo,
    ReportedInput,
    UsedInput,
)
from tests.doubles import Majority, Threshold
from tests.report.examples import MODEL, SHA, explain_report

SETTINGS = ComparisonSettings(masks=3, n_samples=4, radii=(1, 2), draws=8)
N_FEATURES = 8
MASK = np.arange(N_FEATURES) < 2


def compared(number: int, *, label: int | None = 1, settings: ComparisonSettings = SETTINGS) -> ComparedInput:
    """Input ``number`` under a majority of all features, and under a function that needs two of them."""
    return compare_input(
        Majority(N_FEATURES),
        Threshold(N_FEATURES, 2),
        MASK,
        label,
        settings,
        noise_rng=np.random.default_rng(0),
        rng=np.random.default_rng([1, number]),
    )


def comparison(
    *,
    labels: Sequence[int | None] = (1, 0, 1, 1, 1, 0, 1, 1),
    settings: ComparisonSettings = SETTINGS,
    min_gain: float | None = None,
    clean_bound: float = 0.02,
) -> Compared:
    inputs = [compared(i, label=label, settings=settings) for i, label in enumerate(labels)]
    return Compared(
        comparison=summarise_comparison(inputs, delta=0.1),
        inputs=tuple(
            ReportedInput(UsedInput(f"r{i}", _sha(100 + i), labels[i], "reporting"), MASK, one)
            for i, one in enumerate(inputs)
        ),
        settings=settings,
        noise_seed=(0, 64),
        explained=Explained("occlusion", {"seed": 0}, "25%", "word", {"features": "word", "baseline": "remove"}),
        report_share=None,
        clean_bound=clean_bound,
        min_gain=min_gain,
    )


def finding(found: Compared | None, *, interrupted: bool = False, labelled: bool = True) -> AdaptFinding:
    """Return a finding with two epochs and eight reporting inputs."""
    report = explain_report().to_dict()
    inputs = [_used(i, "training", labelled) for i in range(20)] + [_used(20 + i, "held-out", labelled) for i in (0, 1)]
    reporting = () if found is None else tuple(one.used for one in found.inputs)
    return AdaptFinding(
        model=report["model"],
        adapted=report["model"] | {"id": "out/adapted", "config_sha256": SHA},
        class_names=MODEL.class_names,
        directory="out/adapted",
        inputs=(*inputs, *reporting),
        chosen=Chosen(
            history=(_epoch(0, 0.0, 0.4, labelled), _epoch(1, 0.5, 0.6, labelled), _epoch(2, 1.0, 0.55, labelled)),
            epoch=1,
            interpolation=0.5,
            reason="the best masked agreement within the clean loss",
            interrupted=interrupted,
            settings={"method": "full", "epochs": 2, "clean_loss": 0.02 if found is None else found.clean_bound},
            data_sha256=SHA,
        ),
        compared=found,
        run=report["run"],
    )


def _epoch(number: int, point: float, masked: float, labelled: bool) -> EpochInfo:
    accuracy = 0.9 if labelled else None
    quality = QualityInfo(1.0 - number / 100, accuracy, (masked, masked, masked))
    return EpochInfo(number, None if number == 0 else 1 / number, point, quality, QualityInfo(0.9, accuracy, None))


def _used(number: int, part: DataPart, labelled: bool) -> UsedInput:
    return UsedInput(f"i{number}", _sha(number), number % 4 if labelled else None, part)


def _sha(number: int) -> str:
    return f"{number:064x}"


NO_LABELS = (None,) * 8
ONE_LAMBDA = ComparisonSettings(keep_shares=(Fraction(1), Fraction(1, 2)), masks=1, radii=(), lambdas=(), draws=8)
FINDINGS: dict[str, AdaptFinding] = {
    "labels": finding(comparison()),
    "no labels": finding(comparison(labels=NO_LABELS), labelled=False),
    "a gain that is met": finding(comparison(min_gain=0.01)),
    "a gain that is not met": finding(comparison(min_gain=0.9, clean_bound=1.0)),
    "nothing smoothed, one input": finding(comparison(labels=(None,), settings=ONE_LAMBDA), labelled=False),
    "cut texts and repeats": replace(finding(comparison()), cut=2, repeats_left_out=1),
    "interrupted": finding(None, interrupted=True),
}
RECORDS: dict[str, dict[str, Any]] = {
    f"adapt, {name}": AdaptRecord.of(one, key="a" * 64).to_dict() for name, one in FINDINGS.items()
}

"""The arithmetic of `certify-hard --verify --fast` never accuses an honest record, near ties and all."""

from __future__ import annotations

import json
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stabcert.cli.commands.certify_hard_request import HardRequest, RecordedAddition
from stabcert.cli.commands.certify_hard_work import CertifyHard
from stabcert.cli.explanation import Choice
from stabcert.cli.opening import Case
from stabcert.cli.reporting import explanation_of
from stabcert.core.hard.finding import HardFinding
from stabcert.core.streams import Draws
from stabcert.core.types import Feature, Features, Masks, Probs
from stabcert.records.findings import InputInfo, ModelInfo, RunInfo
from stabcert.records.hard import HardResult
from stabcert.records.writing import to_json
from stabcert.report.record import Report
from stabcert.verify.common import common_checks
from stabcert.verify.hard import hard_checks
from stabcert.verify.mask_flags import has_rule, without_rule
from tests.cli.conftest import VALIDATOR

pytestmark = pytest.mark.slow

N = 7
RULES: list[dict[str, bool]] = [
    {},  # of a record from before there was a rule
    {"allow_inconsistent": False, "allow_vacuous": False},
    {"allow_inconsistent": True, "allow_vacuous": False},
    {"allow_inconsistent": True, "allow_vacuous": True},
]


class Fake:
    """A table of probabilities in the place of a network and its input."""

    def __init__(self, table: Probs, decision_tolerance: float) -> None:
        self.table = table
        self.decision_tolerance = decision_tolerance
        self.n_features = N
        self.masked_input = SimpleNamespace(settings={"features": "word", "baseline": "remove"})
        self.features = Features(
            "word", tuple(Feature(f"w{i}", span=(2 * i, 2 * i + 1)) for i in range(N)), (N,), ("word", "words")
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple("abcd"[: self.table.shape[1]])

    def __call__(self, masks: Masks, /) -> Probs:
        rows: Probs = self.table[np.asarray(masks) @ (1 << np.arange(N))]
        return rows

    alone = __call__

    def outputs(self, masks: Masks) -> None:
        return None


@st.composite
def requests(draw: st.DrawFn) -> HardRequest:
    bernoulli = draw(st.sampled_from([False, False, False, True]))
    quantization = 1 if bernoulli else draw(st.sampled_from([2, 5, 16]))
    sweep = not bernoulli and draw(st.booleans())
    direction = draw(st.sampled_from(["incremental", "decremental", "both"]))
    keep = draw(st.integers(1, max(1, quantization // 2)))
    check = None
    if not bernoulli and not sweep and direction != "decremental" and draw(st.booleans()):
        check = RecordedAddition("m.json", "0" * 64, (5, 6))
    return HardRequest(
        seed=draw(st.integers(0, 3)),
        dtype="float32",
        noise="bernoulli" if bernoulli else "quantized",
        keep_probability=Fraction(1, 9) if bernoulli else Fraction(keep, quantization),
        quantization=quantization,
        delta=0.1 if bernoulli else None,
        n_samples=draw(st.sampled_from([40, 300])) if bernoulli else None,
        scores="vote" if bernoulli else draw(st.sampled_from(["vote", "probability"])),
        direction=direction,
        refine=0 if bernoulli or direction == "decremental" else draw(st.sampled_from([0, 40, 500])),
        enumerate_calls=draw(st.sampled_from([None, 0, 30])),
        attack=draw(st.sampled_from([None, 200])),
        sweep=sweep,
        min_radius=draw(st.sampled_from([None, 1, 2])),
        check=check,
        choice=None if bernoulli or sweep else draw(st.sampled_from([None, "largest-radius"])),
        **draw(st.sampled_from(RULES)),
    )


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    classes = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    table = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.1, 1.0]))), size=2**N)
    steady = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    likely = rng.random(2**N) < steady
    table[likely] = np.roll(np.eye(classes)[0] * 0.9 + 0.1 / classes, draw(st.integers(0, classes - 1)))
    predictor: Any = Fake(table, draw(st.sampled_from([0.0, 0.0, 0.3])))
    request = draw(requests())
    mask = np.arange(N) < draw(st.integers(1, 4))
    choice = Choice(mask, "mask", {}, None, None)
    draws = Draws(request.seed, "ab" * 32, "m")
    source: Any = None  # the case is not opened from a file
    case = Case(predictor, choice, predictor.class_names, draws, lambda _: None, source)
    found = CertifyHard(request).certify(case)
    assert isinstance(found.certificate, HardFinding)
    explanation = explanation_of(predictor, found.function or predictor, choice)
    report = Report(
        "certify-hard",
        found.status_of(explanation),
        InputInfo("x.png", "image", "ab" * 32, path="x.png"),
        ModelInfo("m", None, None, predictor.class_names),
        explanation,
        HardResult.of(found.certificate, predictor.class_names, request=found.request).to_dict(),
        RunInfo(request.seed, "cpu", "float32", 1, 1, 1.0, default_seed=request.seed == 0),
    )
    record: dict[str, Any] = json.loads(to_json(report.to_dict()))
    return record if has_rule(record["result"]["request"]) else without_rule(record)


@settings(max_examples=60, deadline=None)
@given(records())
def test_an_honest_record_is_never_accused(record: dict[str, Any]) -> None:
    VALIDATOR.validate(record)
    result = record["result"]
    found, _ = hard_checks(record, lambda: HardRequest.from_record(result["request"], result["check"]).question())
    assert [check for check in common_checks(record) + found if not check.ok] == []

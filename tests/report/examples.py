"""Reports made by hand: every field has a value that was chosen, none was computed."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from stabcert.core.choice import Candidate, ChoiceQuestion, LambdaChoice, Support
from stabcert.core.comparison import Compared, Movement, Neighbourhood
from stabcert.core.explanation import Explanation
from stabcert.core.hard.certificate import (
    CheckedAddition,
    EnumeratedRadius,
    HardCertificate,
    NoRadius,
    Proof,
    Refinement,
    Seen,
)
from stabcert.core.hard.finding import Attack, Broken, Check, HardFinding, Smoothed
from stabcert.core.mask_flags import MaskFlags
from stabcert.core.prediction import Prediction
from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.core.soft.stable_mask import StableMask, TriedSize
from stabcert.core.spectrum.result import SpectrumFinding
from stabcert.core.types import Attribution, Feature, Features, Side
from stabcert.records.choice import Choice
from stabcert.records.common import Prediction as PredictionRecord
from stabcert.records.explain import ExplainResult, StableSearch
from stabcert.records.findings import InputInfo, ModelInfo, RunInfo
from stabcert.records.hard import HardResult
from stabcert.records.soft import Smoothing, SoftResult
from stabcert.records.spectrum import SpectrumResult
from stabcert.report.record import Report
from tests.report import spectra

SHA = "0123456789abcdef" * 4
TEXT = "A lovely, lovely film"
MODEL = ModelInfo("demo:text", None, SHA, ("anger", "joy", "optimism", "sadness"))
RUN = RunInfo(0, "cpu", "float32", 64, 152, 1.8349, {"stabcert": "0.1.0", "torch": "2.14.1"})
JOY, ANGER = Prediction(1, "joy", 0.914), Prediction(0, "anger", 0.551)

WORDS = Explanation(
    method="lime",
    settings={"n_samples": 1000, "seed": 0},
    target=1,
    features=Features(
        "word",
        (
            Feature("A", span=(0, 1)),
            Feature("lovely,", span=(2, 9)),
            Feature("lovely", span=(10, 16)),
            Feature("film", span=(17, 21)),
        ),
        (4,),
        ("word", "words"),
    ),
    mask=np.array([False, True, False, True]),
    masking={"features": "word", "baseline": "remove", "removal": "tokens removed", "truncated": False},
    full=JOY,
    masked=replace(JOY, probability=0.7),
    empty=ANGER,
    scores=np.array([-0.125, 0.5, 0.03125, 0.25]),
)

PATCHES = Explanation(
    method="mask",
    settings={"file": "mask.npy", "sha256": SHA},
    target=1,
    features=Features(
        "patch",
        tuple(Feature(f"row {i // 2 + 1}, column {i % 2 + 1}", (i % 2 * 16, i // 2 * 16, 32, 32)) for i in range(4)),
        (2, 2),
        ("patch", "patches"),
    ),
    mask=np.array([True, False, False, False]),
    masking={"features": "patch", "baseline": "zero", "input_size": [32, 32]},
    full=JOY,
    masked=ANGER,
    empty=replace(ANGER, probability=0.4),
)

SAMPLED = StabilityRate(
    radius=4,
    samples=150,
    matches=147,
    near_ties=0,
    rate=0.98,
    lower=0.949122932,
    upper=0.99452707,
    hoeffding_epsilon=0.0999,
    enumerated=False,
    population=None,
    threshold=None,
    met=None,
)
ENUMERATED = replace(
    SAMPLED,
    radius=1,
    samples=4,
    matches=3,
    rate=0.75,
    lower=0.75,
    upper=0.75,
    hoeffding_epsilon=None,
    enumerated=True,
    population=4,
)
TESTED = replace(SAMPLED, hoeffding_epsilon=None, lower=0.93, upper=0.999, threshold=0.9, met=True)
REFUTED = replace(TESTED, radius=5, samples=60, matches=20, rate=1 / 3, lower=0.2, upper=0.5, met=False)
UNDECIDED = replace(TESTED, radius=6, samples=2000, matches=1810, rate=0.905, lower=0.881, upper=0.924, met=False)
UNTOUCHED = replace(TESTED, radius=7, samples=0, matches=0, rate=None, lower=0.0, upper=1.0, met=False)


def certificate(*rates: StabilityRate, **options: Any) -> SoftCertificate:
    """A fixed two-sided certificate of ``rates``, all together at 0.1."""
    values: dict[str, Any] = {
        "prediction": 1,
        "n_features": 9,
        "n_selected": 2,
        "rates": rates,
        "delta": 0.1,
        "simultaneous": True,
        "interval": "exact",
        "sides": 2,
        "formulation": "up-to",
        "largest_radius": None,
        "verdict": "reported",
        "evaluations": 151,
    }
    return SoftCertificate(**(values | options))


def sequential(*rates: StabilityRate, **options: Any) -> SoftCertificate:
    return certificate(*rates, **({"interval": "anytime", "sides": 1, "verdict": rates[0].verdict} | options))


SMOOTHING = Smoothing(
    keep_probability=0.5,
    draws=64,
    noise="bernoulli",
    unsmoothed_prediction=PredictionRecord.of(replace(ANGER, probability=0.333)),
)


SOFT_REQUEST = {
    "seed": 0,
    "dtype": "float32",
    "radius": "4",
    "formulation": "up-to",
    "interval": "exact",
    "delta": 0.1,
    "simultaneous": True,
    "epsilon": 0.1,
    "n_samples": None,
    "min_rate": None,
    "sequential": False,
    "max_samples": None,
    "largest_radius": False,
    "smooth": 0.5,
    "smooth_draws": 64,
    "family": 1,
    "stream_rule": 2,
    "allow_inconsistent": False,
    "allow_vacuous": False,
}
CHOICE = Choice.of(
    LambdaChoice(
        ChoiceQuestion((0.75, 0.5), 64),
        0,
        (Candidate(0.5, Support(40, 20, 1), Support(44, 20, 0)),),
        None,
    ),
    ("anger", "joy"),
)
SOFT_CHOICE_REQUEST = SOFT_REQUEST | {
    "choice": {"rule": "smallest-lambda", "lambdas": [0.75, 0.5], "draws": 64, "lead": 0.25}
}
HARD_REQUEST = {
    "seed": 0,
    "dtype": "float32",
    "noise": "quantized",
    "lambda": "15/64",
    "quantization": 64,
    "delta": None,
    "n_samples": None,
    "scores": "vote",
    "direction": "both",
    "refine": 1000,
    "enumerate": 128,
    "attack": 2000,
    "sweep": True,
    "min_radius": 3,
    "family": 1,
    "stream_rule": 2,
    "allow_inconsistent": False,
    "allow_vacuous": True,
}


def text_input(text: str = TEXT) -> InputInfo:
    return InputInfo("text-1", "text", SHA, text=text)


IMAGE = InputInfo("photos/cat.jpg", "image", SHA, path="photos/cat.jpg", size=(640, 480))


def pair_report() -> Report:
    """The words of `TEXT` as the two texts of a pair."""
    sides: tuple[tuple[Side, tuple[int, int]], ...] = (
        ("first", (0, 1)),
        ("first", (2, 9)),
        ("second", (0, 6)),
        ("second", (7, 11)),
    )
    items = tuple(
        replace(item, side=side, span=span) for item, (side, span) in zip(WORDS.features.items, sides, strict=True)
    )
    pair = replace(
        WORDS,
        features=replace(WORDS.features, items=items),
        masking={**WORDS.masking, "explain_side": "both"},
    )
    return explain_report(pair, InputInfo("text-1", "text", SHA, text=TEXT[:9], text_pair=TEXT[10:]))


def explain_report(explanation: Explanation = WORDS, info: InputInfo | None = None, run: RunInfo = RUN) -> Report:
    scores = np.zeros(len(explanation.features)) if explanation.scores is None else explanation.scores
    attribution = Attribution(scores, explanation.target, explanation.method, explanation.settings)
    compared = Compared(attribution, explanation.mask, explanation.masked, explanation.consistent)
    result = ExplainResult.of([compared], MODEL.class_names).to_dict()
    return Report("explain", "reported", info or text_input(), MODEL, explanation, result, run)


def searched_report() -> Report:
    """Two methods side by side, their neighbours, and a search for a stable mask that found one of two features."""
    scores = np.zeros(4) if WORDS.scores is None else WORDS.scores
    settings = {"n_samples": 50, "sigma": 0.15, "seed": 0}
    first = Attribution(scores, 1, "smoothgrad", settings, np.full(4, 0.01))
    second = Attribution(-scores, 1, "random", {"seed": 0})
    found = StableMask(
        2, WORDS.mask, certificate(TESTED), (TriedSize(1, False), TriedSize(2, True, TESTED, delta=0.06)), 160
    )
    result = ExplainResult.of(
        [Compared(first, WORDS.mask, WORDS.masked, True), Compared(second, ~WORDS.mask, ANGER, False)],
        MODEL.class_names,
        neighbourhoods=[Neighbourhood("smoothgrad", 5, 0.1, Movement(0.2, 0.4, 0.75, 0.5), 4)],
        until_stable=StableSearch.of(found, radius=4, min_rate=0.9, delta=0.1, max_samples=2000, largest_k=4),
    ).to_dict()
    return Report("explain", "certified", text_input(), MODEL, WORDS, result, RUN)


def soft_report(
    found: SoftCertificate,
    explanation: Explanation = WORDS,
    info: InputInfo | None = None,
    *,
    smoothing: Smoothing | None = None,
    choice: Choice | None = None,
    interrupted: bool = False,
) -> Report:
    request = None if smoothing is None else SOFT_REQUEST if choice is None else SOFT_CHOICE_REQUEST
    result = SoftResult.of(found, smoothing, request=request, choice=choice, interrupted=interrupted).to_dict()
    info = info or text_input()
    return Report("certify-soft", found.verdict, info, MODEL, explanation, result, RUN, found)


def hard_certificate(**options: Any) -> HardCertificate:
    """Quantised noise, 15 of 64: 44 votes for joy and 20 for anger on the mask, radius 1; four of nine are free."""
    values: dict[str, Any] = {
        "prediction": 1,
        "full_prediction": 1,
        "n_features": 9,
        "n_selected": 5,
        "noise": "quantized",
        "scores": "vote",
        "keep_probability": Fraction(15, 64),
        "draws": 64,
        "votes": np.array([20, 44, 0, 0]),
        "full_votes": np.array([2, 60, 0, 2]),
        "gap": 0.375,
        "full_gap": 0.90625,
        "near_ties": 0,
        "flags": MaskFlags(None, None),
        "published_radius": 0.8,
        "radius_votes": 0,
        "radius_arcs": 1,
        "radius_incremental": 1,
        "removal": 1,
        "stable_for_all_supersets": False,
        "delta": None,
        "refinement": None,
        "evaluations": 128,
    }
    values |= options
    seen, proof = ({f.name: values.pop(f.name) for f in fields(one) if f.name in values} for one in (Seen, Proof))
    return HardCertificate(seen=Seen(**seen), proof=Proof(**proof), **values)


def hard_finding(found: HardCertificate | None = None, **options: Any) -> HardFinding:
    found = found or hard_certificate()
    masked, full = replace(JOY, probability=0.6875), replace(JOY, probability=0.9375)
    known = found.full_votes is not None
    flags = MaskFlags(consistent=True if known else None, vacuous=False)
    smoothed = Smoothed(found, masked, full if known else None, flags)
    quantized = found.noise == "quantized"
    values: dict[str, Any] = {
        "smoothed": smoothed,
        "direction": "both",
        "quantization": 64 if quantized else None,
        "noise_seed": (0, 65) if quantized else None,
        "plain": JOY,
        "plain_masked": replace(JOY, probability=0.75),
        "threshold": None,
        "enumerated": None,
        "attack": None,
        "check": None,
    }
    return HardFinding(**(values | options))


def hard_report(
    finding: HardFinding | None = None, explanation: Explanation = WORDS, info: InputInfo | None = None
) -> Report:
    finding = finding or hard_finding()
    status: Any = {None: "reported", True: "certified", False: "not-certified"}[finding.met]
    request = None
    if finding.sweep:
        request = HARD_REQUEST | ({"sweep": False, "choice": "largest-radius"} if finding.chosen else {})
    result = HardResult.of(finding, MODEL.class_names, request=request).to_dict()
    return Report("certify-hard", status, info or text_input(), MODEL, explanation, result, RUN, finding)


FIRST, LAST = np.array([True, False, False, False]), np.array([True, False, True, False])
BERNOULLI = hard_certificate(
    noise="bernoulli",
    keep_probability=Fraction(1, 8),
    draws=900,
    votes=np.array([100, 800, 0, 0]),
    full_votes=None,
    full_prediction=None,
    full_gap=None,
    radius_votes=3,
    radius_arcs=None,
    radius_incremental=3,
    removal=NoRadius("the full input was not evaluated"),
    delta=0.1,
)
HARD_WITH_EVERYTHING = hard_finding(
    hard_certificate(radius_arcs=0, refinement=Refinement(1, 2, False, False, True, 3000)),
    threshold=3,
    enumerated=EnumeratedRadius(1, 0, FIRST, False, 0, 3),
    attack=Attack(2000, Broken(LAST, ANGER), Broken(FIRST, ANGER)),
    check=Check("mask.json", SHA, LAST, CheckedAddition(2, 30, False, 1, False), JOY),
    sweep=(
        Smoothed(hard_certificate(), JOY, JOY, MaskFlags(consistent=True, vacuous=False)),
        Smoothed(
            hard_certificate(keep_probability=Fraction(31, 64), radius_incremental=0),
            JOY,
            ANGER,
            MaskFlags(consistent=False, vacuous=False),
        ),
    ),
)


def fourier_report(finding: SpectrumFinding, explanation: Explanation = WORDS, info: InputInfo | None = None) -> Report:
    result = SpectrumResult.of(finding, MODEL.class_names).to_dict()
    return Report("fourier", "reported", info or text_input(), MODEL, explanation, result, RUN, finding)


def refused_report(status: Literal["inconsistent", "vacuous"], command: str) -> Report:
    """A threshold that is met by a mask that explains another class, or nothing."""
    masked = ANGER if status == "inconsistent" else JOY
    explanation = replace(WORDS, masked=masked, empty=JOY if status == "vacuous" else replace(JOY, id=2))
    if command == "certify-soft":
        return replace(soft_report(sequential(TESTED), explanation), status=status)
    flags = explanation.flags
    smoothed = Smoothed(hard_certificate(), masked, JOY, flags)
    return replace(hard_report(hard_finding(smoothed=smoothed, threshold=1), explanation), status=status)


def vacuous_search_report() -> Report:
    """A search for a stable mask that never began."""
    scores = np.zeros(4) if WORDS.scores is None else WORDS.scores
    mask = np.ones(4, dtype=np.bool_)
    explanation = replace(WORDS, mask=mask, masked=JOY, empty=JOY)
    compared = Compared(Attribution(scores, 1, "lime", {}), mask, JOY, True)
    found = StableMask(None, None, None, (), 2, vacuous=True)
    search = StableSearch.of(found, radius=4, min_rate=0.9, delta=0.1, max_samples=2000, largest_k=4)
    result = ExplainResult.of([compared], MODEL.class_names, until_stable=search).to_dict()
    return Report("explain", "vacuous", text_input(), MODEL, explanation, result, RUN)


REPORTS = {
    "explain a text": explain_report(),
    "explain an image": explain_report(replace(PATCHES, method="random", settings={"seed": 0}), IMAGE),
    "explain with everything": searched_report(),
    "fixed": soft_report(certificate(SAMPLED)),
    "fixed, Hoeffding": soft_report(certificate(SAMPLED, interval="hoeffding", formulation="exactly")),
    "fixed, a mask of an image": soft_report(certificate(SAMPLED), PATCHES, IMAGE),
    "fixed, with a threshold": soft_report(
        certificate(replace(SAMPLED, threshold=0.9, met=True), verdict="certified", formulation="worst")
    ),
    "enumerated": soft_report(certificate(ENUMERATED)),
    "sequential": soft_report(sequential(TESTED)),
    "refuted": soft_report(sequential(REFUTED, simultaneous=False)),
    "interrupted": soft_report(sequential(UNDECIDED, UNTOUCHED), interrupted=True),
    "largest radius": soft_report(
        sequential(TESTED, replace(TESTED, radius=5, covers_up_to=9), largest_radius=9, simultaneous=False)
    ),
    "smoothed": soft_report(certificate(SAMPLED), smoothing=SMOOTHING),
    "smoothed as was chosen": soft_report(certificate(SAMPLED), smoothing=SMOOTHING, choice=CHOICE),
    "hard, lambda chosen": hard_report(replace(HARD_WITH_EVERYTHING, chosen=True)),
    "hard": hard_report(),
    "hard, a mask of an image": hard_report(hard_finding(direction="decremental"), PATCHES, IMAGE),
    "hard, Bernoulli": hard_report(hard_finding(BERNOULLI, direction="incremental", threshold=2)),
    "hard, with everything": hard_report(HARD_WITH_EVERYTHING),
    "explain, vacuous": vacuous_search_report(),
    "soft, inconsistent": refused_report("inconsistent", "certify-soft"),
    "soft, vacuous": refused_report("vacuous", "certify-soft"),
    "hard, inconsistent": refused_report("inconsistent", "certify-hard"),
    "hard, vacuous": refused_report("vacuous", "certify-hard"),
    "exact spectrum": fourier_report(spectra.EXACT),
    "exact spectrum of a margin": fourier_report(spectra.MARGIN),
    "estimated spectrum": fourier_report(spectra.SAMPLED, PATCHES, IMAGE),
}

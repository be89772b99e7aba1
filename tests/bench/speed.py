"""One certificate three ways: ours, plainly, and the bare network on the same masked inputs, which is the limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from stabcert.core.decisions import decide
from stabcert.core.hard.certify import certify_hard
from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import Mask, MaskedPredictor, Masks
from stabcert.models.base import ModelPredictor
from tests.bench import allocator, plain
from tests.bench.inputs import Input
from tests.bench.timing import Result, Side, interleaved, summary
from tests.doubles import Counting

N_SAMPLES = 150
KEEP, QUANTIZATION = 16, 64

RATIOS = {
    "plain / ours": ("plain", "ours"),
    "plain with kept memory / ours": ("plain with kept memory", "ours"),
    "ours / bare": ("ours", "bare"),
}


def measure_soft(
    given: Input, mask: Mask, radius: int, repeats: int, *, min_rate: float | None = None, bare: bool = True
) -> Result:
    """``certify_soft`` of 150 samples, or with ``min_rate`` as few as it takes."""
    options: dict[str, Any] = {"n_samples": N_SAMPLES} if min_rate is None else {"min_rate": min_rate}

    def ours(predictor: MaskedPredictor) -> None:
        certify_soft(predictor, mask, radius=radius, rng=np.random.default_rng(0), **options)

    def plainly(_: object) -> plain.Soft:
        return plain.soft(given.classify, mask, radius, rng=np.random.default_rng(0))

    name = f"soft, {given.name}, radius {radius}" + ("" if min_rate is None else f", min_rate {min_rate:g}")
    result = _measure(name, given, ours, plainly, repeats, bare=bare)
    found = plainly(None)
    result.counts |= {"plain evaluations": 1 + len(found.masks), "rate": found.rate}
    result.counts["differing decisions"] = differing(given.predictor(), found.masks, found.classes)
    return result


def measure_hard(given: Input, mask: Mask, repeats: int) -> Result:
    """``certify_hard`` from 64 votes and nothing beyond them, with the noise of the plain implementation."""
    drawn = plain.hard(given.classify, mask, keep=KEEP, quantization=QUANTIZATION, rng=np.random.default_rng(0))
    full = plain.hard(
        lambda masks: torch.eye(2)[torch.zeros(len(masks), dtype=torch.long)],
        np.ones(len(mask), dtype=np.bool_),
        keep=KEEP,
        quantization=QUANTIZATION,
        rng=np.random.default_rng(0),
    )

    def ours(predictor: MaskedPredictor) -> None:
        certify_hard(SmoothedPredictor(predictor, full.masks), mask, decremental=False)

    def plainly(_: object) -> plain.Hard:
        return plain.hard(given.classify, mask, keep=KEEP, quantization=QUANTIZATION, rng=np.random.default_rng(0))

    result = _measure(f"hard, {given.name}, q {QUANTIZATION}", given, ours, plainly, repeats, bare=True)
    result.counts |= {"plain evaluations": QUANTIZATION}
    result.counts["differing decisions"] = differing(given.predictor(), drawn.masks, drawn.classes)
    return result


def measure_precision(single: Input, half: Input, mask: Mask, radius: int, repeats: int) -> Result:
    """The same certificate in bfloat16, which is another function: its decisions are counted against float32."""

    def certify(predictor: MaskedPredictor) -> None:
        certify_soft(predictor, mask, radius=radius, n_samples=N_SAMPLES, rng=np.random.default_rng(0))

    sides = {"float32": Side(certify, single.predictor), "bfloat16": Side(certify, half.predictor)}
    times = interleaved(sides, repeats)
    ratios = {"float32 / bfloat16": ("float32", "bfloat16")}
    result = summary(f"bfloat16, {single.name}, radius {radius}", times, ratios)
    masks = tried(certify, single.predictor())
    result.counts["decisions"] = len(masks)
    result.counts["differing decisions"] = differing(half.predictor(), masks, decide(single.predictor(), masks).classes)
    return result


def tried(certify: Callable[[MaskedPredictor], object], predictor: MaskedPredictor) -> Masks:
    """The masks that a certificate asks ``predictor`` for."""
    counting = Counting(predictor)
    certify(counting)
    return counting.masks


def differing(predictor: MaskedPredictor, masks: Masks, classes: np.ndarray) -> int:
    """How many of ``masks`` have another class than the given one; near ties, which claim nothing, are left out."""
    decisions = decide(predictor, masks)
    return int(((decisions.classes != classes) & ~decisions.near_tie).sum())


def _measure(
    name: str,
    given: Input,
    ours: Callable[[MaskedPredictor], object],
    plainly: Callable[[object], object],
    repeats: int,
    *,
    bare: bool,
) -> Result:
    allocator.use(kept=True)
    counted = given.predictor()
    masks = tried(ours, counted)
    first = given.bare(masks[: max(given.batch_sizes)], max(given.batch_sizes))

    def prepare() -> ModelPredictor:
        # What the default allocator gave back is not fetched again at the expense of whoever comes next.
        _forward_all(first)
        return given.predictor()

    sides = {"ours": Side(ours, prepare), "plain": Side(plainly, kept_memory=False)}
    if allocator.switchable():
        sides["plain with kept memory"] = Side(plainly, prepare)
    batch = 0
    if bare:
        distinct = np.unique(masks, axis=0)
        batch = _best_batch(given, distinct)
        passes = given.bare(distinct, batch)
        sides["bare"] = Side(lambda _: _forward_all(passes), prepare)
    result = summary(name, interleaved(sides, repeats, warm_up=False), RATIOS)
    result.counts["evaluations"] = counted.evaluations
    if bare:
        result.counts |= {"bare evaluations": len(distinct), "bare batch size": batch}
    return result


def _best_batch(given: Input, masks: Masks) -> int:
    seconds = {}
    for batch in given.batch_sizes:
        passes = given.bare(masks[: max(given.batch_sizes)], batch)
        _forward_all(passes[:1])
        start = time.perf_counter()
        _forward_all(passes)
        seconds[batch] = time.perf_counter() - start
    return min(seconds, key=lambda batch: seconds[batch])


def _forward_all(passes: list[Callable[[], torch.Tensor]]) -> None:
    with torch.inference_mode():
        for forward in passes:
            forward().argmax(dim=-1)

"""``python -m tests.bench``: everything that is said about speed and memory, measured on this machine.

Absolute times are of little use on a machine that does other things too; the ratios are medians over rounds in which
all sides take turns. Nothing of this runs with the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch

from tests.bench import allocator, timing
from tests.bench.expected_samples import LARGEST_FACTOR, RATES, expected_samples
from tests.bench.timing import Result, Side, interleaved, summary

IMAGE_RADII = (2, 4, 16, 37)
TEXT_LENGTHS = (28, 128, 512)
MIN_RATE = 0.9


@dataclass(frozen=True)
class Settings:
    repeats: int
    quick: bool


def soft_images(settings: Settings) -> Iterator[Result]:
    from tests.bench.inputs import photo
    from tests.bench.speed import measure_soft

    given = photo()
    for radius in IMAGE_RADII[1:2] if settings.quick else IMAGE_RADII:
        result = measure_soft(given, given.any_mask(), radius, settings.repeats)
        result.targets = {"plain / ours": ">= 2.5", "ours / bare": "<= 1.05"}
        yield result
    for size in () if settings.quick else (160, 320):
        given = photo(size=size)
        yield measure_soft(given, given.any_mask(), 4, settings.repeats)


def soft_texts(settings: Settings) -> Iterator[Result]:
    from tests.bench.inputs import sentence
    from tests.bench.speed import measure_soft

    for length in TEXT_LENGTHS:
        given = sentence(length)
        for radius in (2,) if settings.quick else (2, 4, 16):
            result = measure_soft(given, given.any_mask(), radius, settings.repeats)
            result.targets = {"plain / ours": ">= 2.5" if length < 100 else ">= 4"}
            yield result


def min_rate(settings: Settings) -> Iterator[Result]:
    from tests.bench.inputs import photo, sentence
    from tests.bench.speed import measure_soft

    for given, target in [(photo(), ">= 8"), *((sentence(length), ">= 15") for length in TEXT_LENGTHS)]:
        mask, rate = given.stable_mask(radius=4)
        result = measure_soft(given, mask, 4, settings.repeats, min_rate=MIN_RATE, bare=False)
        if rate >= 0.97:
            result.targets = {"plain / ours": target}
        yield result


def hard(settings: Settings) -> Iterator[Result]:
    from tests.bench.inputs import photo, sentence
    from tests.bench.speed import measure_hard

    for given in (photo(), *(sentence(length) for length in TEXT_LENGTHS)):
        yield measure_hard(given, given.any_mask(), settings.repeats)


def bfloat16(settings: Settings) -> Iterator[Result]:
    from tests.bench.inputs import photo
    from tests.bench.speed import measure_precision

    single = photo()
    result = measure_precision(single, photo(dtype="bfloat16"), single.any_mask(), 4, settings.repeats)
    if computes_in_bfloat16():
        result.targets = {"float32 / bfloat16": ">= 1.6"}
    yield result


def samples(settings: Settings) -> Iterator[Result]:
    for rate in RATES:
        expected = expected_samples(rate)
        result = Result(f"expected samples, rate {rate:g} (exact)")
        result.ratios["mean / limit"] = expected.factor
        result.targets["mean / limit"] = f"<= {LARGEST_FACTOR}"
        result.counts = {"mean": expected.mean, "limit": expected.limit}
        yield result


def startup(settings: Settings) -> Iterator[Result]:
    from tests.bench.inputs import SAMPLES
    from tests.bench.startup import measure

    yield from measure(SAMPLES / "panda.jpg", settings.repeats)


def memory(settings: Settings) -> Iterator[Result]:
    from tests.bench.memory import peak_megabytes

    many = 10**5 if settings.quick else 10**6
    for n_features, n_classes in ((100_000, 2), (1000, 1000)):
        few = peak_megabytes(10**4, n_features=n_features, n_classes=n_classes)
        most = peak_megabytes(many, n_features=n_features, n_classes=n_classes)
        result = Result(f"memory, {n_features} features, {n_classes} classes, {many} samples")
        result.ratios[f"peak / peak at {10**4} samples"] = most / few
        result.targets[f"peak / peak at {10**4} samples"] = "<= 1.1"
        result.counts["MiB"] = most
        yield result


def allocators(settings: Settings) -> Iterator[Result]:
    """Whether switching brings back the default: the plain implementation here against a process that sets nothing."""
    from tests.bench.inputs import photo
    from tests.bench.untouched import plain_seconds, seconds_elsewhere

    given = photo()
    sides = {
        "switched back to the default": Side(lambda _: plain_seconds(given, runs=1), kept_memory=False),
        "kept memory": Side(lambda _: plain_seconds(given, runs=1)),
    }
    times = interleaved(sides, settings.repeats)
    times["process that sets nothing"] = seconds_elsewhere(settings.repeats)
    ratios = {
        "switched back / nothing set": ("switched back to the default", "process that sets nothing"),
        "kept / nothing set": ("kept memory", "process that sets nothing"),
    }
    yield summary("allocator, plain implementation, photo", times, ratios)


def accelerator(settings: Settings) -> Iterator[Result]:
    """Nothing where there is no accelerator; ``STABCERT_ACCELERATOR=cpu`` measures with the processor."""
    from tests.bench.accelerator import device_name, measure

    device = os.environ.get("STABCERT_ACCELERATOR", "cuda")
    if device == "cuda" and not torch.cuda.is_available():
        return
    for result in measure(device, settings.repeats, quick=settings.quick):
        result.name += f", {device_name(device)}"
        yield result


ENTRIES: dict[str, Callable[[Settings], Iterator[Result]]] = {
    "samples": samples,
    "startup": startup,
    "soft-images": soft_images,
    "soft-texts": soft_texts,
    "min-rate": min_rate,
    "hard": hard,
    "bfloat16": bfloat16,
    "allocator": allocators,
    "memory": memory,
    "accelerator": accelerator,
}


def computes_in_bfloat16() -> bool:
    """Whether the CPU has instructions for it; elsewhere it is emulated, and slower."""
    known = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return any(bool(ask()) for ask in known if ask is not None)


def header(settings: Settings, clock: str) -> dict[str, Any]:
    """What the numbers depend on."""
    default = allocator.DEFAULT if allocator.switchable() else allocator.UNKNOWN
    return {
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "bfloat16 instructions": computes_in_bfloat16(),
        "repeats": settings.repeats,
        "quick": settings.quick,
        "clock": clock,
        "memory of ours, of bare and of plain with kept memory": allocator.KEPT if allocator.switchable() else default,
        "memory of plain": default,
    }


def line(result: Result) -> str:
    """One result as text: ratios with their targets, then medians, then counts."""
    parts = []
    for label, value in result.ratios.items():
        met = result.met(label)
        verdict = "" if met is None else f" ({'met' if met else 'NOT met'}: {result.targets[label]})"
        parts.append(f"    {label:<32} {value:8.3f}{verdict}")
    if result.seconds:
        parts.append("    seconds  " + "  ".join(f"{side} {value:.3f}" for side, value in result.seconds.items()))
    if result.counts:
        parts.append("    " + "  ".join(f"{what} {value:g}" for what, value in result.counts.items()))
    return "\n".join([result.name, *parts])


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen entries; 0 whether or not targets are met, since machines differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", choices=ENTRIES, action="append", help="this entry; may be given several times")
    parser.add_argument("--quick", action="store_true", help="two rounds, fewer radii and samples")
    parser.add_argument("--repeats", type=int, help="rounds (default 5, with --quick 2)")
    parser.add_argument(
        "--clock", choices=timing.CLOCKS, default="wall", help="processor: one thread, on busy machines"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(arguments)
    settings = Settings(max(1, options.repeats or (2 if options.quick else 5)), options.quick)
    if options.clock == "processor":
        torch.set_num_threads(1)
    timing.set_clock(options.clock)
    head = header(settings, options.clock)
    if not options.json:
        print("\n".join(f"{name}: {value}" for name, value in head.items()), flush=True)  # noqa: T201
    records = []
    for name in options.only or ENTRIES:
        for result in ENTRIES[name](settings):
            records.append({"entry": name, **result.record()})
            if not options.json:
                print("\n" + line(result), flush=True)  # noqa: T201
    if options.json:
        print(json.dumps({"header": head, "results": records}, indent=1))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What happens in the middle of a run: memory runs out, somebody interrupts, the clock jumps."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stabcert.cli.files import Replacement
from stabcert.core.statistics.sequential import SequentialTest
from stabcert.models import hub
from stabcert.models.base import ModelPredictor
from stabcert.models.evaluation import Evaluation
from stabcert.sweep.journal import Journal
from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "faults in the middle of a run"


def _interrupt() -> None:
    raise KeyboardInterrupt


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)  # the handler does not wait for this


def _no_memory() -> None:
    raise MemoryError


def _no_memory_of_torch() -> None:
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")


def _broken(
    what: Callable[[], None], owner: Any, name: str, *arguments: object, at: int = 1, only: int | None = None
) -> Build:
    """``what`` happens instead of call number ``at`` of a function, and of those after it up to ``only`` times."""

    def build(shop: Workshop) -> Sequence[object]:
        calls, whole = [0], getattr(owner, name)

        def instead(*given: Any, **named: Any) -> Any:
            calls[0] += 1
            if calls[0] >= at and (only is None or calls[0] < at + only):
                what()
            return whole(*given, **named)

        shop.monkeypatch.setattr(owner, name, instead)
        return _sentences(shop, *arguments)

    return build


def _sentences(shop: Workshop, command: object, *options: object) -> Sequence[object]:
    texts = ["-t", SENTENCE, "-t", "the movie was a great film"]
    return [command, *texts, "-m", shop.text_model, *options, "--json"]


def _small_memory(*arguments: object) -> Build:
    """Five masks at a time do not fit, four do."""

    def build(shop: Workshop) -> Sequence[object]:
        whole = Evaluation._logits

        def instead(self: Evaluation, masks: Any) -> Any:
            if len(masks) > 4:
                _no_memory_of_torch()
            return whole(self, masks)

        shop.monkeypatch.setattr(Evaluation, "_logits", instead)
        return _sentences(shop, *arguments)

    return build


def _clock(*steps: float) -> Build:
    """A wall clock that jumps at every look."""

    def build(shop: Workshop) -> Sequence[object]:
        looks, now = [0], time.time()

        def jumping() -> float:
            looks[0] += 1
            return now + steps[looks[0] % len(steps)]

        shop.monkeypatch.setattr(time, "time", jumping)
        shop.monkeypatch.setattr(time, "time_ns", lambda: int(jumping() * 1e9))
        return _sentences(shop, "certify-soft", "--method", "lime", "--n-samples", 50)

    return build


def _plausible(stdout: str, stderr: str) -> str:
    seconds = [json.loads(line)["run"]["seconds"] for line in stdout.splitlines()]
    assert all(0 < value < 60 for value in seconds)
    return "the seconds are those that passed"


def _so_far(stdout: str, stderr: str) -> str:
    (record,) = (json.loads(line) for line in stdout.splitlines())
    (rate,) = record["result"]["rates"]
    assert record["status"] == "undecided"
    assert (rate["samples"], rate["met"]) == (10, False)
    assert 0 < rate["lower"] < rate["upper"] <= 1
    return f"a bound after {rate['samples']} draws"


def _sizes_so_far(stdout: str, stderr: str) -> str:
    (record,) = (json.loads(line) for line in stdout.splitlines())
    search = record["result"]["until_stable"]
    assert record["status"] == "undecided"
    assert search["k"] is None
    assert search["tested"][-1]["samples"] == 10
    return "a bound after 10 draws"


def _first_is_there(stdout: str, stderr: str) -> str:
    lines = Path("out.jsonl").read_text().splitlines()
    assert [json.loads(line)["input"]["id"] for line in lines] == ["text-1"]
    return "the first record is in out.jsonl"


def _untouched(stdout: str, stderr: str) -> str:
    assert Path("page.html").read_text() == "an older page"
    assert not list(Path().glob(".*.part"))
    return "the older page is as it was"


def _on_page(build: Build) -> Build:
    def with_page(shop: Workshop) -> Sequence[object]:
        shop.write("page.html", "an older page")
        return [*build(shop), "--html", "page.html"]

    return with_page


_TEST = ("certify-soft", "--method", "random", "-k", 3, "-r", 6, "--min-rate", 0.95)
_SEARCH = ("explain", "--method", "random", "--until-stable", "--min-rate", 0.9, "-r", 4, "--allow-vacuous")
_EXPLAIN = ("explain", "--method", "random", "-o", "out.jsonl")

CASES = cases(
    AREA,
    ("too little memory for a batch of five", _small_memory("explain", "--method", "occlusion"), 0, "reported"),
    (
        "too little memory for one input at a time",
        _broken(_no_memory_of_torch, Evaluation, "_logits", "explain", "--method", "occlusion"),
        3,
        "out of memory on cpu even with one input at a time",
    ),
    (
        "memory runs out in Python",
        _broken(_no_memory, ModelPredictor, "relaxed", "explain", "--method", "intgrad"),
        3,
        "out of memory",
    ),
    (
        "memory runs out for gradients",
        _broken(_no_memory_of_torch, ModelPredictor, "relaxed", "explain", "--method", "intgrad"),
        3,
        "out of memory",
    ),
    (
        "memory runs out for one of two inputs",
        _broken(_no_memory, ModelPredictor, "relaxed", "explain", "--method", "intgrad", "--keep-going", only=6),
        4,
        "out of memory",
    ),
    ("memory runs out while a model is loaded", _broken(_no_memory, hub, "load_source", "explain"), 3, "out of memory"),
    ("memory runs out while records are written", _broken(_no_memory, Journal, "write", *_EXPLAIN), 3, "out of memory"),
    ("Ctrl-C while a model is loaded", _broken(_interrupt, hub, "load_source", "explain"), 130, "interrupted"),
    (
        "Ctrl-C during an attribution",
        _broken(_interrupt, ModelPredictor, "__call__", "explain", "--method", "lime", at=2),
        130,
        "interrupted",
    ),
    (
        "Ctrl-C during gradients",
        _broken(_interrupt, ModelPredictor, "relaxed", "explain", "--method", "intgrad"),
        130,
        "interrupted",
    ),
    (
        "Ctrl-C during a sequential test",
        _broken(_interrupt, SequentialTest, "add", *_TEST, at=11, only=1),
        130,
        "undecided, 3 of 9 word features kept, interrupted",
        _so_far,
    ),
    (
        "Ctrl-C during the search for a stable mask",
        _broken(_interrupt, SequentialTest, "add", *_SEARCH, at=11, only=1),
        130,
        "interrupted",
        _sizes_so_far,
    ),
    (
        "Ctrl-C during a proof",
        _broken(_interrupt, ModelPredictor, "__call__", "certify-hard", "--method", "random", at=2),
        130,
        "interrupted",
    ),
    (
        "Ctrl-C during a spectrum",
        _broken(_interrupt, ModelPredictor, "__call__", "fourier", "--method", "random", at=2),
        130,
        "interrupted",
    ),
    (
        "Ctrl-C at the second of two inputs",
        _broken(_interrupt, ModelPredictor, "alone", *_EXPLAIN, at=3),
        130,
        "interrupted",
        _first_is_there,
    ),
    (
        "Ctrl-C before anything is finished, with a page",
        _on_page(_broken(_interrupt, ModelPredictor, "alone", "explain", "--method", "random")),
        130,
        "interrupted",
        _untouched,
    ),
    (
        "Ctrl-C while a page is put into its place",
        _on_page(_broken(_interrupt, Replacement, "commit", "explain", "--method", "random")),
        130,
        "interrupted",
        _untouched,
    ),
    ("SIGTERM while a model is loaded", _broken(_terminate, hub, "load_source", "explain"), 143, "terminated"),
    (
        "SIGTERM during an attribution",
        _broken(_terminate, ModelPredictor, "__call__", "explain", "--method", "lime", at=2),
        143,
        "terminated",
    ),
    (
        "SIGTERM during a sequential test",
        _broken(_terminate, SequentialTest, "add", *_TEST, at=11, only=1),
        143,
        "undecided, 3 of 9 word features kept, interrupted",
        _so_far,
    ),
    (
        "SIGTERM during the search for a stable mask",
        _broken(_terminate, SequentialTest, "add", *_SEARCH, at=11, only=1),
        143,
        "interrupted",
        _sizes_so_far,
    ),
    (
        "SIGTERM at the second of two inputs",
        _broken(_terminate, ModelPredictor, "alone", *_EXPLAIN, at=3),
        143,
        "terminated",
        _first_is_there,
    ),
    (
        "a clock that goes backwards by a day at every look",
        _clock(*(-86400.0 * i for i in range(20))),
        0,
        "reported",
        _plausible,
    ),
    ("a clock that jumps back and forth by ten years", _clock(0.0, 3e8, -3e8), 0, "reported", _plausible),
)

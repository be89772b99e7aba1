"""Records of ``explain --json`` read again: any bytes, mutated records, and what a valid record must give back.

Wrong variants this file has been seen to kill: an index that counts from the end.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.cli.inputs import Item
from stabcert.cli.records import Recorded, read_records
from stabcert.core.types import Feature, Features
from stabcert.errors import InputError
from stabcert.records.writing import to_json
from tests.fuzz.strategies import as_json, examples, mutated_bytes, mutated_json, teaches

pytestmark = pytest.mark.slow

MASKING = {"features": "word", "baseline": "remove", "removal": "positions"}
TEXT = "a film like this"
PREDICTOR: Any = SimpleNamespace(
    n_features=4,
    n_classes=2,
    masked_input=SimpleNamespace(settings=MASKING),
    features=Features("word", tuple(Feature(word) for word in TEXT.split()[:4]), (4,)),
)
TEXT_SHA = Item("i", "text", text=TEXT).sha256()


def record(selected: list[int], scores: list[float | None], target: int = 1) -> dict[str, Any]:
    return {
        "schema": "stabcert/1",
        "command": "explain",
        "status": "reported",
        "key": "k",
        "input": {
            "id": "i",
            "kind": "text",
            "sha256": TEXT_SHA,
            "path": None,
            "text": TEXT,
            "truncated": False,
        },
        "model": {"id": "m", "revision": None, "sha256": "f" * 64, "config_sha256": None, "labels": 2},
        "prediction": {"id": 1, "label": "one", "probability": 0.7},
        "explanation": {
            "method": "lime",
            "settings": {"n_samples": 10, "kernel": [0.5, None]},
            "target": target,
            "n": 4,
            "k": len(selected),
            "baseline": "remove",
            "masking": MASKING,
            "selected": selected,
            "features": [{"index": i, "score": score} for i, score in enumerate(scores)],
        },
        "result": {},
        "run": {"seed": 0},
    }


VALID = record([0, 2], [0.5, -1.0, 0.25, 0.0])
FAILED = {
    "schema": "stabcert/1",
    "command": "explain",
    "status": "failed",
    "key": "k",
    "input": {"id": "i", "kind": "image", "path": "nowhere.png"},
    "error": {"code": 3, "message": "no such file"},
}


def selecting(selected: list[int]) -> dict[str, Any]:
    return record(selected, [0.5, -1.0, 0.25, 0.0])


def use(recorded: Recorded) -> None:
    """Everything that a command does with a record; only errors that teach may come out, and nothing untrue."""
    assert len(recorded.digest) == 64
    place = recorded.place()
    assert place.kind in ("image", "text")
    assert isinstance(recorded.model, str)
    assert recorded.revision is None or isinstance(recorded.revision, str)
    try:
        item = recorded.item()
        sha256 = item.sha256()
    except InputError:
        return
    info, explanation = recorded.record["input"], recorded.record["explanation"]
    assert item.id == info["id"]
    assert item.kind != "text" or item.text == info["text"]
    assert isinstance(recorded.truncated, bool)
    try:
        choice = recorded.choice(PREDICTOR, input_sha256=sha256, model_sha256="f" * 64, config_sha256=None)
    except InputError:
        return
    assert sha256 == TEXT_SHA
    assert recorded.record["model"]["sha256"] == "f" * 64
    assert recorded.masking == MASKING
    assert np.flatnonzero(choice.mask).tolist() == sorted(explanation["selected"])
    assert len(choice.mask) == 4
    assert choice.target in (0, 1)
    assert type(choice.target) is int
    if choice.scores is not None:
        assert choice.scores.tolist() == [feature["score"] for feature in explanation["features"]]
        assert all(math.isfinite(score) for score in choice.scores)
    to_json({"settings": choice.settings, "id": item.id})  # they go into the next record


def read(path: Path, data: bytes) -> list[Recorded]:
    path.write_bytes(data)
    try:
        return read_records(str(path))
    except InputError as error:
        teaches(error)
        return []


@examples(60)
@given(data=st.binary(max_size=60) | mutated_bytes(as_json(VALID) + b"\n" + as_json(FAILED)))
def test_any_bytes_are_records_or_refused(scratch: Path, data: bytes) -> None:
    for recorded in read(scratch / "records.jsonl", data):
        use(recorded)


@examples(150)
@given(value=mutated_json(VALID) | mutated_json(FAILED) | st.lists(st.integers(-5, 5), max_size=4).map(selecting))
def test_a_record_with_anything_in_it_is_refused_or_used_as_it_says(scratch: Path, value: Any) -> None:
    for recorded in read(scratch / "mutated.jsonl", as_json(value)):
        use(recorded)


@examples(30)
@given(
    kept=st.lists(st.booleans(), min_size=4, max_size=4),
    scores=st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    target=st.integers(0, 1),
    copies=st.integers(1, 3),
)
def test_a_valid_record_gives_back_its_mask_and_scores(
    scratch: Path, kept: list[bool], scores: list[float | None], target: int, copies: int
) -> None:
    valid = record([i for i in range(4) if kept[i]], scores, target)
    found = read(scratch / "valid.jsonl", b"\n".join([as_json(valid)] * copies))
    assert len(found) == copies
    choice = found[-1].choice(PREDICTOR, input_sha256=TEXT_SHA, model_sha256="f" * 64, config_sha256=None)
    assert choice.mask.tolist() == kept
    assert choice.target == target
    assert (choice.scores is None) == (None in scores)
    if choice.scores is not None:
        assert choice.scores.tolist() == scores
    assert found[0].item().read() == TEXT.encode()

"""Records of explain that were altered, are about another input, or come from another version."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from stabcert.cli.app import app
from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE, copy

AREA = "records of explain"

Record = dict[str, Any]


def _made(shop: Workshop) -> Record:
    """A record of a text in a file, by a copy of the tiny model."""
    shop.write("review.txt", SENTENCE)
    copy(shop.text_model, "model")
    arguments = ["explain", "review.txt", "-m", "model", "--method", "occlusion", "--json"]
    record: Record = json.loads(CliRunner().invoke(app, arguments).stdout)
    return record


def _altered(change: Callable[[Record], object], *options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        record = _made(shop)
        change(record)
        shop.write("explained.jsonl", json.dumps(record) + "\n")
        return ["certify-soft", "--from", "explained.jsonl", *options, "--json"]

    return build


def _after(change: Callable[[], object]) -> Build:
    """Something else changes after the record was made."""

    def build(shop: Workshop) -> Sequence[object]:
        shop.write("explained.jsonl", json.dumps(_made(shop)) + "\n")
        change()
        return ["certify-soft", "--from", "explained.jsonl", "--json"]

    return build


def _raw(data: bytes) -> Build:
    return lambda shop: ["certify-soft", "--from", shop.write("explained.jsonl", data), "--json"]


def _put(value: object, *path: str | int) -> Callable[[Record], object]:
    def change(record: Any) -> None:
        for name in path[:-1]:
            record = record[name]
        record[path[-1]] = value

    return change


def _drop(*path: str) -> Callable[[Record], object]:
    def change(record: Any) -> None:
        for name in path[:-1]:
            record = record[name]
        del record[path[-1]]

    return change


def _nested(record: Record) -> None:
    settings: Any = record["explanation"]["settings"]
    for _ in range(900):
        settings["deeper"] = {}
        settings = settings["deeper"]


def _moved(record: Record) -> None:
    """The words of two features are exchanged."""
    features = record["explanation"]["features"]
    for name in ("start", "end", "text"):
        features[0][name], features[1][name] = features[1][name], features[0][name]


def _other_labels() -> None:
    path = Path("model/config.json")
    config = json.loads(path.read_text())
    config["id2label"] = {"0": "positive", "1": "neutral", "2": "negative"}
    path.write_text(json.dumps(config))


def _other_words() -> None:
    """Two words change places in the vocabulary: another function, with the same weights."""
    path = Path("model/tokenizer.json")
    tokenizer = json.loads(path.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["good"], vocabulary["bad"] = vocabulary["bad"], vocabulary["good"]
    path.write_text(json.dumps(tokenizer))


def _failed(record: dict[str, Any]) -> None:
    place = {name: record["input"][name] for name in ("id", "kind", "path")}
    head = {name: record[name] for name in ("schema", "command", "key")}
    record.clear()
    record.update(head, status="failed", input=place, error={"code": 3, "message": "no"})


def _other_weights() -> None:
    path = Path("model/model.safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _overwritten(shop: Workshop) -> Sequence[object]:
    shop.write("explained.jsonl", json.dumps(_made(shop)) + "\n")
    return ["certify-soft", "--from", "explained.jsonl", "-o", "explained.jsonl", "--json"]


_INPUT, _WHY = "explanation", "is not a record of `stabcert explain --json`"

CASES = cases(
    AREA,
    ("a record as it was made", _altered(lambda record: None), 0, "reported, 2 of 9"),
    (
        "other features are selected: that is another mask, certified as such",
        _altered(_put([0, 1, 2], _INPUT, "selected")),
        0,
        "reported, 3 of 9",
    ),
    (
        "a selected feature that does not exist",
        _altered(_put([0, 99], _INPUT, "selected")),
        3,
        "distinct numbers from 0 to 8",
    ),
    (
        "a negative feature is selected",
        _altered(_put([-1], _INPUT, "selected")),
        3,
        "explanation.selected[0] is -1; it should be at least 0",
    ),
    (
        "a feature is selected twice",
        _altered(_put([1, 1], _INPUT, "selected")),
        3,
        "explanation.selected holds something twice",
    ),
    (
        "a feature true is selected",
        _altered(_put([True], _INPUT, "selected")),
        3,
        "explanation.selected[0] is true; it should be integer",
    ),
    ("another number of features", _altered(_put(8, _INPUT, "n")), 3, "the record has 8 features, the input has 9"),
    ("two features exchanged", _altered(_moved), 3, "feature 0 was at (4, 9) and is now at (0, 3)"),
    ("a class that does not exist", _altered(_put(7, _INPUT, "target")), 3, "the record explains class 7"),
    ("a class below 0", _altered(_put(-1, _INPUT, "target")), 3, "explanation.target is -1; it should be at least 0"),
    ("a class that is true", _altered(_put(True, _INPUT, "target")), 3, _WHY),
    ("a feature in words is selected", _altered(_put(["0"], _INPUT, "selected")), 3, _WHY),
    ("no masking", _altered(_put({}, _INPUT, "masking")), 3, _WHY),
    ("a path that is a number", _altered(_put(5, "input", "path")), 3, _WHY),
    ("a revision that is a number", _altered(_put(5, "model", "revision")), 3, _WHY),
    (
        "features removed in another way",
        _altered(_put("attention mask", _INPUT, "masking", "removal")),
        3,
        "features are dropped in another way",
    ),
    (
        "another baseline",
        _altered(_put("mask", _INPUT, "masking", "baseline")),
        3,
        "features are dropped in another way",
    ),
    (
        "a baseline that does not exist",
        _altered(_put("rot13", _INPUT, "masking", "baseline")),
        2,
        "baseline 'rot13' is not possible",
    ),
    (
        "scores that are NaN",
        _altered(_put(float("nan"), _INPUT, "features", 0, "score")),
        3,
        "NaN is not a finite number",
    ),
    (
        "scores that are true",
        _altered(_put(True, _INPUT, "features", 0, "score")),
        3,
        "explanation.features[0].score is true; it should be number",
    ),
    (
        "scores of 400 digits",
        _altered(_put(10**400, _INPUT, "features", 0, "score")),
        3,
        "explanation.features[0].score is huge; it should be a finite number",
    ),
    (
        "settings that are infinite",
        _altered(_put(float("inf"), _INPUT, "settings", "sigma")),
        3,
        "Infinity is not a finite number",
    ),
    ("settings 900 levels deep", _altered(_nested), 0, "reported, 2 of 9"),
    (
        "another text than was explained",
        _altered(_put("the film was bad", "input", "text")),
        3,
        "has changed since it was explained",
    ),
    ("another hash of the input", _altered(_put("0" * 64, "input", "sha256")), 3, "has changed since it was explained"),
    (
        "another hash of the weights",
        _altered(_put("0" * 64, "model", "sha256")),
        3,
        "the weights of model have changed",
    ),
    (
        "another hash of the configuration",
        _altered(_put("0" * 64, "model", "config_sha256")),
        3,
        "the configuration of model",
    ),
    (
        "no hash of the configuration, as in older versions",
        _altered(_drop("model", "config_sha256")),
        3,
        "config_sha256",
    ),
    ("another model", _altered(_put("text-model", "model", "id")), 0, "reported, 2 of 9"),
    ("a model that does not exist", _altered(_put("./nowhere", "model", "id")), 3, "./nowhere does not exist"),
    (
        "a model of the hub, offline",
        _altered(_put("nobody/nothing", "model", "id"), "--offline"),
        3,
        "forbids a download",
    ),
    (
        "a path to a device without end",
        _altered(lambda record: record["input"].update(kind="image", path="/dev/zero")),
        3,
        "/dev/zero is not a regular file",
    ),
    (
        "a path that does not exist, for an image",
        _altered(lambda record: record["input"].update(kind="image", path="gone.png")),
        3,
        "no such file",
    ),
    ("a kind that does not exist", _altered(_put("sound", "input", "kind")), 3, _WHY),
    ("an id that is a number", _altered(_put(7, "input", "id")), 3, _WHY),
    (
        "another version of records",
        _altered(_put("stabcert/2", "schema")),
        3,
        "was not made by `stabcert explain` of this version",
    ),
    (
        "a record of another command",
        _altered(_put("certify-soft", "command")),
        3,
        "was made by `stabcert certify-soft`",
    ),
    ("a record without features", _altered(_drop(_INPUT, "features")), 3, _WHY),
    (
        "a record of a failure",
        _altered(_failed),
        3,
        "could not be explained: no",
    ),
    ("the weights change afterwards", _after(_other_weights), 3, "the weights of model have changed"),
    ("the names of the classes change afterwards", _after(_other_labels), 3, "the configuration of model"),
    ("the tokenizer changes afterwards", _after(_other_words), 3, "the configuration of model"),
    ("an empty file", _raw(b""), 3, "contains no records"),
    ("a file of 100,000 brackets", _raw(b"[" * 100_000), 3, _WHY),
    ("a file that is not UTF-8", _raw(b'{"schema": "\xff"}'), 3, _WHY),
    ("a number", _raw(b"7"), 3, _WHY),
    ("half of a record", _raw(b'{"schema": "stabcert/1", "command": "explain", "stat'), 3, _WHY),
    ("results appended to the records they are made from", _overwritten, 2, "would overwrite the file of --from"),
)

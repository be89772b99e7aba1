"""Records against their JSON Schema, in both directions: nothing unknown comes out, nothing in it is dead."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from stabcert.core.prediction import Prediction
from stabcert.core.soft.certify import certify_soft
from stabcert.core.types import Feature, Features
from stabcert.models.heads import Question
from stabcert.records.findings import InputInfo
from stabcert.records.record import FailedRecord
from stabcert.records.writing import to_json
from stabcert.report.record import load_schema
from tests.doubles import Majority
from tests.report import adaptations, curves, diffs, verifications
from tests.report.examples import (
    ANGER,
    IMAGE,
    JOY,
    PATCHES,
    REPORTS,
    RUN,
    SAMPLED,
    SHA,
    TEXT,
    WORDS,
    certificate,
    explain_report,
    pair_report,
    soft_report,
)

SCHEMA = load_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PLACE = {"id": "x.jpg", "kind": "image", "path": "x.jpg"}
FAILED = FailedRecord.of("certify-soft", PLACE, 3, "no such file: x.jpg").to_dict()
RECORDS: dict[str, dict[str, Any]] = {name: report.to_dict() for name, report in REPORTS.items()} | {"failed": FAILED}
RECORDS |= curves.RECORDS
RECORDS |= adaptations.RECORDS | diffs.RECORDS
RECORDS["explain, equal scores"] = explain_report(replace(WORDS, scores=np.zeros(4))).to_dict()
RECORDS["explain, a pair of texts"] = pair_report().to_dict()
IN_PYTHON = replace(explain_report().model, id="python:my_models:classify", sha256=None, code_sha256=SHA)
COLUMNS = replace(WORDS, features=Features("column", tuple(map(Feature, "abcd")), (4,), ("column", "columns")))
RECORDS["explain, a row of a table"] = explain_report(COLUMNS, InputInfo("row 3", "table", SHA)).to_dict()
NUMBER = Question("within", 0, "value", 1, tolerance=0.2).around(3.41, "mask")
MODEL = explain_report().model
ANSWERED = replace(WORDS, full=replace(WORDS.full, output=3.5))
RECORDS["explain, a number"] = replace(
    explain_report(ANSWERED), model=replace(MODEL, question=NUMBER.record())
).to_dict()
ASKED = replace(MODEL, settings={"kind": "language model", "classes": ["yes", "no"]})
RECORDS["explain, a language model"] = replace(explain_report(), model=ASKED).to_dict()
STORED = {"dataset": "photos.parquet", "split": None, "row": 3, "column": "image"}
ROW = InputInfo("photos.parquet:3", "image", SHA, size=(40, 30), stored=STORED)
RECORDS["explain, a row of a file"] = replace(explain_report(), input=ROW).to_dict()
LABEL = Question("probability", 1, "toxic", 6, threshold=0.5)
RECORDS["explain, a label"] = replace(explain_report(), model=replace(MODEL, question=LABEL.record())).to_dict()
RECORDS["explain, a model in Python"] = replace(explain_report(), model=IN_PYTHON).to_dict()
RECORDS |= verifications.RECORDS
OPEN_OBJECTS = {"settings", "masking", "versions", "recorded", "recomputed", "statement"}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", RECORDS)
def test_every_kind_of_record_is_valid_as_written_and_as_read_again(name: str) -> None:
    VALIDATOR.validate(RECORDS[name])
    again = json.loads(to_json(RECORDS[name]))
    VALIDATOR.validate(again)
    assert again == RECORDS[name]


def test_the_record_of_an_explanation() -> None:
    assert explain_report().to_dict() == {
        "schema": "stabcert/1",
        "command": "explain",
        "status": "reported",
        "key": "",
        "input": {"id": "text-1", "kind": "text", "sha256": SHA, "path": None, "text": TEXT, "truncated": False},
        "model": {"id": "demo:text", "revision": None, "sha256": SHA, "config_sha256": None, "labels": 4},
        "prediction": {"id": 1, "label": "joy", "probability": 0.914},
        "explanation": {
            "method": "lime",
            "settings": {"n_samples": 1000, "seed": 0},
            "target": 1,
            "target_label": "joy",
            "feature_kind": "word",
            "n": 4,
            "k": 2,
            "baseline": "remove",
            "masking": {"features": "word", "baseline": "remove", "removal": "tokens removed", "truncated": False},
            "selected": [1, 3],
            "masked_prediction": {"id": 1, "label": "joy", "probability": 0.7},
            "empty_prediction": {"id": 0, "label": "anger", "probability": 0.551},
            "consistent": True,
            "vacuous": False,
            "tie": None,
            "features": [
                {"index": 0, "text": "A", "start": 0, "end": 1, "score": -0.125},
                {"index": 1, "text": "lovely,", "start": 2, "end": 9, "score": 0.5},
                {"index": 2, "text": "lovely", "start": 10, "end": 16, "score": 0.03125},
                {"index": 3, "text": "film", "start": 17, "end": 21, "score": 0.25},
            ],
        },
        "result": {
            "attributions": [
                {
                    "method": "lime",
                    "settings": {"n_samples": 1000, "seed": 0},
                    "target": {"id": 1, "label": "joy"},
                    "scores": [-0.125, 0.5, 0.03125, 0.25],
                    "standard_errors": None,
                    "selected": [1, 3],
                    "masked_prediction": {"id": 1, "label": "joy", "probability": 0.7},
                    "consistent": True,
                }
            ],
            "comparison": [],
            "neighbours": [],
            "until_stable": None,
            "interrupted": False,
        },
        "run": {
            "seed": 0,
            "default_seed": True,
            "device": "cpu",
            "dtype": "float32",
            "batch_size": 64,
            "evaluations": 152,
            "rechecked": 0,
            "drift": 0.0,
            "seconds": 1.835,
            "versions": {"stabcert": "0.1.0", "torch": "2.14.1"},
        },
    }


def test_the_record_of_a_certificate_lists_the_kept_features_with_their_boxes() -> None:
    record = soft_report(certificate(SAMPLED), PATCHES, IMAGE).to_dict()
    assert record["input"] == {
        "id": "photos/cat.jpg",
        "kind": "image",
        "sha256": SHA,
        "path": "photos/cat.jpg",
        "size": [640, 480],
        "truncated": False,
    }
    assert record["explanation"]["features"] == [{"index": 0, "box": [0, 0, 32, 32], "score": None}]
    assert record["result"] == {
        "interval": "exact",
        "sides": 2,
        "formulation": "up-to",
        "delta": 0.1,
        "simultaneous": True,
        "smoothing": None,
        "rates": [
            {
                "radius": 4,
                "samples": 150,
                "matches": 147,
                "near_ties": 0,
                "rate": 0.98,
                "lower": 0.949122932,
                "upper": 0.99452707,
                "hoeffding_epsilon": 0.0999,
                "enumerated": False,
                "population": None,
                "threshold": None,
                "met": None,
                "verdict": "reported",
                "covers_up_to": None,
            }
        ],
        "largest_radius": None,
        "near_ties": 0,
        "interrupted": False,
    }


@pytest.mark.parametrize(
    "options", [{}, {"n_samples": 20}, {"min_rate": 0.5}, {"min_rate": 0.5, "largest_radius": True}]
)
def test_certificates_that_were_really_made_give_valid_records(options: dict[str, Any]) -> None:
    mask = np.arange(9) < 6
    found = certify_soft(Majority(9), mask, radius=[1, 2], rng=np.random.default_rng(0), **options)
    VALIDATOR.validate(json.loads(to_json(soft_report(found).to_dict())))


def properties(node: dict[str, Any], value: Any) -> Iterator[str]:
    """Names of the schema's properties that ``value`` has, each after the object that declares it."""
    if "$ref" in node:
        node = {**SCHEMA["$defs"][node["$ref"].split("/")[-1]], "title": node["$ref"]}
    for branch in node.get("oneOf", []):
        if jsonschema.Draft202012Validator({**branch, "$defs": SCHEMA["$defs"]}).is_valid(value):
            yield from properties({"title": node.get("title", ""), **branch}, value)
    if isinstance(value, dict):
        for name, part in node.get("properties", {}).items():
            if name in value:
                yield f"{node.get('title', '')} {name}"
                yield from properties({"title": f"{node.get('title', '')} {name}", **part}, value[name])
    for item in value if isinstance(value, list) else []:
        yield from properties({"title": node.get("title", ""), **node.get("items", {})}, item)


def declared(node: dict[str, Any], title: str = "") -> Iterator[str]:
    for branch in node.get("oneOf", []):
        yield from declared(branch, branch.get("title", title))
    for name, part in node.get("properties", {}).items():
        yield f"{title} {name}"
        yield from declared(part, f"{title} {name}")
    if "items" in node:
        yield from declared(node["items"], title)


def test_every_property_of_the_schema_is_in_some_record() -> None:
    everything = set(declared(SCHEMA))
    for name, node in SCHEMA["$defs"].items():
        everything |= set(declared(node, f"#/$defs/{name}"))
    found = {name for record in RECORDS.values() for name in properties(SCHEMA, record)}
    assert len(everything) > 90
    assert everything - found == set()


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of objects whose keys are fixed; of a long list those in its first two places and its last."""
    if isinstance(value, dict):
        yield path
        for key, part in value.items():
            if key not in OPEN_OBJECTS:
                yield from objects(part, (*path, key))
    if isinstance(value, list):
        for index in sorted({0, 1, len(value) - 1} & set(range(len(value)))):
            yield from objects(value[index], (*path, index))


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDS)
def test_an_unknown_key_is_refused_wherever_it_is(name: str) -> None:
    paths = list(objects(RECORDS[name]))
    assert len(paths) >= 3
    for path in paths:
        changed = copy.deepcopy(RECORDS[name])
        place: Any = changed
        for step in path:
            place = place[step]
        place["unknown"] = 1
        assert not VALIDATOR.is_valid(changed), path


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("fixed", ("schema",), "stabcert/2"),
        ("fixed", ("status",), "failed"),
        ("fixed", ("input", "sha256"), "abc"),
        ("fixed", ("prediction", "probability"), 1.5),
        ("fixed", ("result", "delta"), 0),
        ("fixed", ("result", "rates"), []),
        ("fixed", ("result", "rates", 0, "lower"), -0.1),
        ("explain a text", ("explanation", "feature_kind"), 3),
        ("explain a text", ("run", "versions", "torch"), 2),
        ("failed", ("error", "code"), 1),
    ],
)
def test_a_wrong_value_is_refused(name: str, path: tuple[str | int, ...], value: Any) -> None:
    changed = copy.deepcopy(RECORDS[name])
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(changed)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_json_are_refused(bad: float) -> None:
    report = replace(REPORTS["fixed"], run=replace(RUN, seconds=bad))
    with pytest.raises(ValueError, match="finite number"):
        report.to_dict()
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"seconds": bad})


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x0b", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_record_is_one_line_whatever_the_text(character: str) -> None:
    line = to_json({"text": f"a{character}b"})
    assert line.splitlines() == [line]
    assert json.loads(line) == {"text": f"a{character}b"}


def test_a_file_name_that_is_not_utf_8_can_be_written() -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    place = {"id": name, "kind": "image", "path": name}
    line = to_json(FailedRecord.of("explain", place, 3, f"cannot read {name}").to_dict())
    assert json.loads(line.encode("utf-8"))["input"]["id"] == name


def test_text_stays_readable() -> None:
    assert to_json({"text": "Žluťoučký kůň 🙂"}) == '{"text": "Žluťoučký kůň 🙂"}'


@pytest.mark.parametrize(
    ("full", "masked", "empty", "consistent", "vacuous"),
    [
        (JOY, JOY, ANGER, True, False),
        (JOY, JOY, JOY, True, True),
        (JOY, ANGER, JOY, False, False),
        (JOY, ANGER, ANGER, False, True),
    ],
)
def test_consistent_is_about_the_full_input_and_vacuous_about_the_empty_one(
    full: Prediction, masked: Prediction, empty: Prediction, consistent: bool, vacuous: bool
) -> None:
    explanation = replace(WORDS, full=full, masked=replace(masked, probability=0.4), empty=empty)
    assert (explanation.consistent, explanation.vacuous) == (consistent, vacuous)
    record = explain_report(explanation).to_dict()["explanation"]
    assert (record["consistent"], record["vacuous"]) == (consistent, vacuous)


def test_the_most_probable_class_is_the_prediction_and_of_equals_the_first() -> None:
    assert Prediction.of(np.array([0.2, 0.4, 0.4]), ("a", "b", "c")) == Prediction(1, "b", 0.4)


def test_numbers_of_numpy_become_plain_numbers() -> None:
    record = REPORTS["explain a text"].to_dict()
    assert {type(score) for score in record["result"]["attributions"][0]["scores"]} == {float}
    assert {type(index) for index in record["explanation"]["selected"]} == {int}

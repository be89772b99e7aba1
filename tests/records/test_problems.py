"""Records of others: read strictly, given back as they were, and what is wrong is named with its place."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from stabcert.errors import InputError
from stabcert.records.kinds import KINDS
from stabcert.records.problems import check_record
from stabcert.records.reading import parse_json
from stabcert.records.writing import to_json
from tests.report.test_record import RECORDS

OLD = Path(__file__).parents[1] / "golden" / "records-before-stream-rules.jsonl"


def _title(name: str) -> str:
    record = RECORDS[name]
    if record["status"] == "failed":
        return "verify, failed" if record["command"] == "verify" else "failed"
    if record["command"] == "smooth-eval" and record["input"] is None:
        return "smooth-eval, all inputs together"
    return str(record["command"])


@pytest.mark.parametrize("name", RECORDS)
def test_a_model_gives_back_the_record_it_was_made_of(name: str) -> None:
    line = to_json(RECORDS[name])
    check_record(parse_json(line), _title(name))
    model = KINDS[_title(name)].model_validate(parse_json(line), by_alias=True, by_name=False)
    assert to_json(model.to_dict()) == line


def test_records_of_earlier_versions_are_read_and_given_back() -> None:
    lines = OLD.read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        record = parse_json(line)
        check_record(record, record["command"])
        assert KINDS[record["command"]].model_validate(record, by_alias=True, by_name=False).to_dict() == record


@pytest.mark.parametrize(
    ("name", "path", "value", "problem"),
    [
        ("fixed", ("result", "rates", 0, "samples"), 44.0, "result.rates[0].samples is 44.0; it should be integer"),
        ("fixed", ("result", "rates", 0, "samples"), True, "result.rates[0].samples is true; it should be integer"),
        ("fixed", ("result", "rates", 0, "lower"), 1.5, "result.rates[0].lower is 1.5; it should be at most 1"),
        ("fixed", ("result", "delta"), 0, "result.delta is 0; it should be above 0"),
        ("fixed", ("result", "delta"), "0.1", "result.delta is '0.1'; it should be number"),
        ("fixed", ("result", "rates"), [], "result.rates has 0 items; the minimum is 1"),
        ("fixed", ("result", "sides"), True, "result.sides is true; it should be integer"),
        ("fixed", ("result", "sides"), 3, "result.sides is 3; it can be 1, 2"),
        ("fixed", ("result", "interval"), "wide", "result.interval is 'wide'; it can be exact, hoeffding, anytime"),
        ("fixed", ("result", "interval"), "\udce9", "is '\\udce9'; it should be text that UTF-8 can encode"),
        ("fixed", ("result", "rates", 0, "rate"), 10**400, "rates[0].rate is huge; it should be a finite number"),
        ("fixed", ("input", "sha256"), "f" * 64 + "\n", "; it should look like ^[0-9a-f]{64}$"),
        ("fixed", ("input", "sha256"), "f" * 64 + "\0", "; it should look like ^[0-9a-f]{64}$"),
        ("fixed", ("input", "id"), 5, "input.id is 5; it should be string"),
        ("fixed", ("explanation",), [], "explanation is []; it should be object"),
        ("fixed", ("explanation", "selected"), [1, 1], "explanation.selected holds something twice"),
        ("fixed", ("explanation", "settings"), None, "explanation.settings is null; it should be object"),
        ("fixed", ("explanation", "masking"), {"features": "word"}, "explanation.masking lacks baseline"),
        (
            "fixed",
            ("explanation", "masking"),
            {"features": 1, "baseline": "remove"},
            "explanation.masking.features is 1; it should be string",
        ),
        ("fixed", ("result", "more"), 1, "result has 'more', which this version does not know"),
        ("fixed", ("result", "\udce9"), 1, "result has '\\udce9', which this version does not know"),
        ("fixed", ("version",), "stabcert/1", "the record has 'version', which this version does not know"),
        ("fixed", ("run", "versions"), {"torch": 2}, "run.versions.torch is 2; it should be string"),
        ("fixed", ("run", "default_seed"), None, "run.default_seed is null; it should be boolean"),
        ("smooth-eval, all", ("input",), {}, "input is {}; it should be null"),
    ],
)  # fmt: skip
def test_the_first_thing_that_is_wrong_is_named(
    name: str, path: tuple[str | int, ...], value: Any, problem: str
) -> None:
    name = next(one for one in RECORDS if one.startswith(name) and (name == "fixed" or RECORDS[one]["input"] is None))
    record = copy.deepcopy(json.loads(to_json(RECORDS[name])))
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InputError) as error:
        check_record(record, _title(name))
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_that_is_missing_is_named_with_its_place() -> None:
    record = json.loads(to_json(RECORDS["fixed"]))
    del record["result"]["rates"][0]["lower"]
    with pytest.raises(InputError, match=r"^result\.rates\[0\] lacks lower$"):
        check_record(record, "certify-soft")


@pytest.mark.parametrize("value", [[], "certify-soft", None, 1])
def test_a_record_is_an_object(value: Any) -> None:
    with pytest.raises(InputError, match=r"^the record is .*; it should be object$"):
        check_record(value, "certify-soft")

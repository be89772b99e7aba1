"""`--verify`: files that hold something else, options that do not go with it, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import VALIDATOR
from tests.cli.verify_cases import Record, call, changed, lines

pytestmark = pytest.mark.slow


@pytest.fixture
def record(soft_records: dict[str, Record]) -> Record:
    return soft_records["fixed"]


@pytest.mark.parametrize("fast", [(), ("--fast",)])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "contains no records"),
        ("\n\n", "contains no records"),
        ("not json", "is not JSON"),
        ('{"schema": "stabcert/1"', "is not JSON"),
        ("[1, 2]", "is not a record of stabcert"),
        ("null", "is not a record of stabcert"),
        ("NaN", "NaN is not a finite number"),
        ('{"schema": "stabcert/2", "command": "certify-soft"}', "is not a record of stabcert"),
        ('{"schema": "stabcert/1", "schema": "stabcert/1"}', "stands twice"),
        ('{"schema": "stabcert/1", "command": "certify-hard"}', "stabcert certify-hard --verify FILE"),
        ('{"schema": "stabcert/1", "command": "explain"}', "made by `stabcert explain`"),
        ('{"schema": "stabcert/1", "command": ["x"]}', "names no command"),
        ('{"schema": "stabcert/1", "command": "certify-soft"}', "the record lacks"),
        ('{"schema": "stabcert/1", "command": "certify-soft", "status": {}}', "status is {}"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a": ' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ('{"schema": 1e999}', "is not a finite number"),
        ('{"schema": ' + "9" * 5000 + "}", "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"\x00", "is not JSON"),
    ],
)
def test_what_is_no_record_is_refused(text: str | bytes, said: str, fast: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    code, out, err = call("certify-soft", "--verify", file, *fast)
    assert (code, out) == (3, ""), err
    assert said in err
    assert "Traceback" not in err


def test_a_missing_file_is_no_record(tmp_path: Path) -> None:
    code, _, err = call("certify-soft", "--verify", tmp_path / "none.jsonl")
    assert (code, "no such file: " in err) == (3, True)


@pytest.mark.parametrize("fast", [(), ("--fast",)])
def test_findings_are_not_appended_to_the_records_they_are_about(
    record: Record, fast: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "records.jsonl"
    before = json.dumps(record) + "\n"
    file.write_text(before)
    code, _, err = call("certify-soft", "--verify", file, *fast, "-o", tmp_path / "." / "records.jsonl")
    assert (code, "would overwrite the file of --verify" in err) == (2, True)
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("result", "delta"), "0.1", "result.delta is '0.1'; it should be number"),
        (("result", "rates", 0, "samples"), 4.0, "result.rates[0].samples is 4.0; it should be integer"),
        (("result", "rates", 0, "samples"), True, "it should be integer"),
        (("result", "rates", 0, "lower"), 1.5, "should be at most 1"),
        (("result", "rates"), [], "the minimum is 1"),
        (("result", "rates"), None, "result.rates is null"),
        (("input", "sha256"), "xyz", "should look like"),
        (("explanation", "selected"), [1, 1], "holds something twice"),
        (("explanation", "selected"), ["1"], "explanation.selected[0]"),
        (("result", "request", "dtype"), "float8", "it can be float32"),
        (("result", "unknown"), 1, "which this version does not know"),
    ],
)
def test_a_record_that_is_not_as_the_schema_says_is_refused(
    record: Record, path: tuple[str | int, ...], value: object, said: str
) -> None:
    broken = changed(record, path, value)
    # The schema in the package says the same, but that JSON Schema takes 4.0 for an integer.
    assert value == 4.0 or not VALIDATOR.is_valid(broken)
    code, _, err = call("certify-soft", "--verify", "-", "--fast", stdin=lines(broken))
    assert (code, said in err) == (3, True), err


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("explanation", "n"), 10**30),
        (("explanation", "n"), 1),
        (("explanation", "selected"), [10**30]),
        (("explanation", "target"), 10**9),
        (("result", "rates", 0, "samples"), 10**30),
        (("result", "rates", 0, "population"), 10**30),
        (("result", "rates", 0, "radius"), 10**30),
        (("result", "request", "radius"), "4-5"),
        (("result", "request", "radius"), "1:9999"),
        (("result", "request", "epsilon"), 1e-300),
        (("result", "request", "delta"), 5e-324),
        (("result", "request", "n_samples"), 10**30),
        (("result", "request", "seed"), 10**400),
        (("result", "request", "smooth"), 0.5),
        (("input", "text"), "\ud800"),
        (("input", "path"), "a\0b"),
    ],
)
def test_extreme_values_end_with_an_answer(record: Record, path: tuple[str | int, ...], value: object) -> None:
    for fast in ((), ("--fast",)):
        code, out, err = call("certify-soft", "--verify", "-", *fast, stdin=lines(changed(record, path, value)))
        stands_by_arithmetic = path == ("input", "path") and fast
        assert code in ((0,) if stands_by_arithmetic else (1, 3)), (out, err)
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("result", "quantization"), 10**9),
        (("result", "draws"), 10**30),
        (("result", "lambda"), "1/0"),
        (("result", "lambda"), "9" * 4000 + "/7"),
        (("result", "votes", 0, "votes"), 10**30),
        (("result", "votes"), []),
        (("result", "refinement"), None),
        (("result", "full_votes"), None),
        (("explanation", "n"), 10**6),
    ],
)
def test_extreme_values_of_hard_records_end_with_an_answer(
    hard_records: dict[str, Record], path: tuple[str | int, ...], value: object
) -> None:
    for name in ("refined", "bernoulli"):
        broken = changed(hard_records[name], path, value)
        if broken == hard_records[name]:
            continue
        code, out, err = call("certify-hard", "--verify", "-", "--fast", stdin=lines(broken))
        assert code in (1, 3), (out, err)
        assert "Traceback" not in err


def test_a_record_from_before_there_were_requests_says_so(record: Record, hard_records: dict[str, Record]) -> None:
    for command, one in (("certify-soft", record), ("certify-hard", hard_records["defaults"])):
        old = changed(one, ("result",), {k: v for k, v in one["result"].items() if k != "request"})
        VALIDATOR.validate(old)
        for fast in ((), ("--fast",)):
            code, _, err = call(command, "--verify", "-", *fast, stdin=lines(old))
            assert (code, "has no result.request" in err) == (3, True)


def test_a_failed_record_is_reported_as_such(bert: Path) -> None:
    options = ("-m", bert, "--method", "random", "--json", "--keep-going")
    _, out, _ = call("certify-soft", "none.txt", "-t", "a good film", *options)
    code, _, err = call("certify-soft", "--verify", "-", "--fast", stdin=out)
    assert (code, "none.txt failed when it was made (no such file" in err) == (3, True)
    code, out, err = call("certify-soft", "--verify", "-", "--fast", "--keep-going", "--json", stdin=out)
    found = [json.loads(line) for line in out.splitlines()]
    for one in found:
        VALIDATOR.validate(one)
    assert (code, [one["status"] for one in found]) == (4, ["failed", "stands"])


def test_an_interrupted_record_is_checked_by_arithmetic_alone(soft_records: dict[str, Record]) -> None:
    one = changed(soft_records["sequential"], ("result", "interrupted"), True)
    code, _, err = call("certify-soft", "--verify", "-", stdin=lines(one))
    assert (code, "--fast" in err) == (3, True)


def test_results_go_to_a_file_too_and_some_inputs_may_not_stand(record: Record, tmp_path: Path) -> None:
    file, wrong = tmp_path / "checked.jsonl", changed(record, ("status",), "certified")
    options = ("--fast", "--json", "-o", file, "--limit", 2)
    code, out, _ = call("certify-soft", "--verify", "-", *options, stdin=lines(record, wrong, record))
    assert (code, file.read_text()) == (1, out)
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["status"] for one in found] == ["stands", "does-not-stand"]
    assert [one["record"]["line"] for one in found] == [1, 2]
    assert [(c["name"], c["recorded"], c["recomputed"]) for c in found[1]["checks"] if not c["ok"]] == [
        ("status", "certified", "reported")
    ]
    assert len({one["key"] for one in found}) == 2


def test_the_screen_says_what_differs_and_what_was_not_checked(record: Record) -> None:
    wrong = changed(record, ("result", "rates", 0, "matches"), 1)
    code, out, _ = call("certify-soft", "--verify", "-", "--fast", stdin=lines(record, wrong))
    assert code == 1
    assert out.count("   VERIFIED") == 1
    assert "result.rates[0].lower" in out
    assert out.count("not checked: the counts themselves") == 1
    code, out, _ = call("certify-soft", "--verify", "-", stdin=lines(wrong))
    assert "result.rates[0].matches  recorded 1, should be" in out


def test_a_model_from_the_environment_is_not_an_option(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STABCERT_MODEL", "demo:text")
    assert call("certify-soft", "--verify", "-", "--fast", stdin=lines(record))[0] == 0

"""Where masks come from: methods, files, and records of `explain`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stabcert.cli.records import read_records
from stabcert.errors import InputError
from tests.cli.conftest import SENTENCE, Run, without_run


def test_the_target_is_recorded(run: Run, bert: Path) -> None:
    record = run("explain", "-t", SENTENCE, "-m", bert, "--method", "random", "--target", "Positive", "--json").record
    assert (record["explanation"]["target"], record["explanation"]["target_label"]) == (2, "positive")


def test_explain_lists_every_feature_with_its_place_in_the_text(run: Run, bert: Path) -> None:
    record = run("explain", "-t", SENTENCE, "-m", bert, "--json").record
    features = record["explanation"]["features"]
    assert [SENTENCE[f["start"] : f["end"]] for f in features] == [f["text"] for f in features]
    assert [f["score"] for f in features] == record["result"]["attributions"][0]["scores"]
    order = np.argsort([-f["score"] for f in features], kind="stable")[: record["explanation"]["k"]]
    assert record["explanation"]["selected"] == sorted(order)


@pytest.mark.slow
def test_explain_pipes_into_certify_soft(run: Run, bert: Path) -> None:
    explained = run("explain", "-t", SENTENCE, "-t", "a bad film", "-m", bert, "--json")
    piped = run("certify-soft", "--from", "-", "--json", stdin=explained.stdout)
    direct = run("certify-soft", "-t", SENTENCE, "-t", "a bad film", "-m", bert, "--json")
    assert piped.code == direct.code == 0
    # Something else was asked for, so the keys differ; what was found is the same.
    assert [without_run(r) | {"key": ""} for r in piped.records] == [
        without_run(r) | {"key": ""} for r in direct.records
    ]


def test_features_and_baseline_come_from_the_record(run: Run, bert: Path) -> None:
    explained = run("explain", "-t", SENTENCE, "-m", bert, "--features", "token", "--baseline", "mask", "--json")
    record = run("certify-soft", "--from", "-", "--json", stdin=explained.stdout).record
    assert (record["explanation"]["feature_kind"], record["explanation"]["baseline"]) == ("token", "mask")
    assert record["explanation"]["masking"] == explained.record["explanation"]["masking"]


def test_from_and_other_sources_exclude_one_another(run: Run, bert: Path, tmp_path: Path) -> None:
    stream = run("explain", "-t", SENTENCE, "-m", bert, "--json").stdout
    mask = tmp_path / "m.npy"
    for more in (["-t", "x"], ["-m", bert], ["-k", 2], ["--method", "lime"], ["--mask", mask], ["--revision", "x"]):
        ran = run("certify-soft", "--from", "-", *more, stdin=stream)
        assert ran.code == 2, more


def _changed(stream: str, *path: str, value: object) -> str:
    record = json.loads(stream)
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(record)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("input", "text"), "another film", "has changed"),
        (("input", "sha256"), "0" * 64, "has changed"),
        (("model", "sha256"), "0" * 64, "weights"),
        (("explanation", "n"), 4, "features"),
        (("explanation", "selected"), [0, 99], "features"),
        (("explanation", "selected"), [0, 0], "explanation.selected holds something twice"),
        (("explanation", "selected"), ["0"], "not a record"),
        (("explanation", "masking", "removal"), "attention mask", "in another way"),
        (("explanation", "masking"), {}, "not a record"),
        (("explanation", "target"), 999, "class 999"),
        (("explanation", "target"), -1, "explanation.target is -1; it should be at least 0"),
        (("input", "path"), 5, "not a record"),
        (("model", "revision"), 5, "not a record"),
        (("schema",), "stabcert/9", "not made by"),
        (("command",), "certify-soft", "made by `stabcert certify-soft`; masks come from"),
        (("input", "kind"), "sound", "not a record"),
    ],
)
def test_an_altered_record_is_refused(run: Run, bert: Path, path: tuple[str, ...], value: object, message: str) -> None:
    stream = run("explain", "-t", SENTENCE, "-m", bert, "--method", "random", "--json").stdout
    ran = run("certify-soft", "--from", "-", stdin=_changed(stream, *path, value=value))
    assert ran.code == 3
    assert message in ran.stderr


@pytest.mark.parametrize("content", ["", "\n", "{}", "[1]", "1", "not json", '{"status": "failed"}'])
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"record"):
        read_records(str(path))


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_mask_of_ones_own_is_used(run: Run, bert: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mask{suffix}"
    values = [0, 1, 0, 0, 1, 0, 0, 0, 1]
    path.write_text(json.dumps(values)) if suffix == ".json" else np.save(path, np.array(values))
    record = run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", path, "--json").record
    assert record["explanation"]["selected"] == [1, 4, 8]
    assert record["explanation"]["method"] == "mask"
    assert record["explanation"]["features"][0]["score"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [([1, 0], "shape (2,)"), ([0.5] * 9, "only 0 and 1"), ([[1] * 9], "shape (1, 9)"), ("abc", "shape ()"), (None, "")],
)
def test_a_mask_that_does_not_fit_is_refused(
    run: Run, bert: Path, tmp_path: Path, values: object, message: str
) -> None:
    path = tmp_path / "mask.json"
    path.write_text(json.dumps(values))
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", path)
    assert ran.code == 3
    assert message in ran.stderr


def test_a_mask_of_ones_own_explains_no_other_class(run: Run, bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "mask.json"
    path.write_text(json.dumps([1] + [0] * 8))
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", path, "--target", "negative")
    assert (ran.code, "--target" in ran.stderr) == (2, True)


def test_the_empty_and_the_full_mask_can_be_certified(run: Run, bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "mask.json"
    path.write_text(json.dumps([0] * 9))
    empty = run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", path, "-r", 2, "--json").record
    assert (empty["explanation"]["k"], empty["explanation"]["vacuous"]) == (0, True)
    path.write_text(json.dumps([1] * 9))
    full = run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", path, "-r", "all", "--json").record
    assert full["explanation"]["consistent"]
    assert [(r["radius"], r["rate"]) for r in full["result"]["rates"]] == [(0, 1.0)]

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


def _changed(stream: str, *path: str, value: object) -> str:
    record = json.loads(stream)
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(record)


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

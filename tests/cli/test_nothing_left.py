"""An explanation of everything meets no threshold: nothing is left to add, so that any rate would be met."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import SENTENCE, Run


@pytest.fixture
def command(bert: Path) -> list[object]:
    return ["certify-soft", "-m", bert, "--method", "random", "-q"]


@pytest.mark.slow
@pytest.mark.parametrize("radius", [[], ["-r", 0], ["-r", "all"], ["--largest-radius"], ["--n-samples", 10]])
@pytest.mark.parametrize("given", [["-t", "film"], ["-t", SENTENCE, "-k", "100%"]])
def test_a_rate_of_nothing_is_refused(
    run: Run, command: list[object], given: list[object], radius: list[object]
) -> None:
    ran = run(*command, *given, *radius, "--min-rate", 0.5)
    assert (ran.code, ran.stdout) == (2, "")
    assert "--min-rate cannot be tested" in ran.stderr
    assert "nothing is left to add" in ran.stderr
    assert ("--top-k" if "-k" in given else "--features") in ran.stderr


def test_without_a_threshold_it_is_reported(run: Run, command: list[object]) -> None:
    ran = run(*command, "-t", "film", "--json")
    assert (ran.code, ran.record["status"]) == (0, "reported")


def test_it_is_one_failure_among_others(run: Run, command: list[object]) -> None:
    ran = run(*command, "-t", "film", "-t", SENTENCE, "--min-rate", 0.01, "--keep-going", "--json")
    assert ran.records[0]["status"] == "failed"
    assert ran.code == 4


def test_a_record_of_before_can_still_be_checked(run: Run, command: list[object], tmp_path: Path) -> None:
    """Such records were made with ``"radius": "0"``; what they state is true."""
    path = tmp_path / "old.jsonl"
    record = run(*command, "-t", "film", "--json", "-r", 0).record
    tested = run(*command, "-t", SENTENCE, "--json", "-r", 0, "--min-rate", 0.5).record
    record["status"] = "certified"
    record["result"] = tested["result"]
    path.write_text(json.dumps(record) + "\n")
    ran = run("certify-soft", "--verify", path, "-q")
    assert "cannot be tested" not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_a_search_never_ends_with_everything(run: Run, bert: Path) -> None:
    arguments = ["explain", "-m", bert, "--method", "random", "--until-stable", "--min-rate", 1, "-r", 2]
    ran = run(*arguments, "-t", "film", "-q")
    assert (ran.code, "--until-stable cannot be tested" in ran.stderr) == (2, True)
    for text in ("not bad", "a great film", "the movie was bad"):
        for options in ([], ["-k", "100%"]):
            record = run(*arguments, "-t", text, *options, "--json").record
            found = record["result"]["until_stable"]
            assert found["k"] is None or found["k"] < record["explanation"]["n"]
            assert record["status"] != "certified" or record["explanation"]["k"] < record["explanation"]["n"]


@pytest.mark.slow
def test_a_mean_rate_of_nothing_is_refused(run: Run, bert: Path) -> None:
    cheap = ["--lambdas", "1", "--radii", "1", "--n-samples", 2, "-m", bert, "--method", "random", "-q"]
    ran = run("smooth-eval", "-t", "film", "-t", "bad", *cheap, "--min-rate", 0.01)
    assert (ran.code, "nothing is left to add" in ran.stderr) == (2, True)
    assert run("smooth-eval", "-t", "film", "-t", SENTENCE, *cheap, "--min-rate", 0.0).code == 0

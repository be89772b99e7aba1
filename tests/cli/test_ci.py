"""Annotations and JUnit files: what a service for continuous integration is told."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stabcert.core.soft.certify import Interrupted
from stabcert.core.soft.certify import answer_soft as certify
from tests.cli.conftest import SENTENCE, Run


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    """Two sentences, of which the second is missing as a file, and a third."""
    path = tmp_path / "list.txt"
    path.write_text(f"{SENTENCE}\nmissing.txt\nnot good , 100% : bad\n")
    return path


@pytest.fixture
def refuted(bert: Path, tmp_path: Path) -> list[object]:
    """A command that finds a threshold not met."""
    mask = tmp_path / "mask.json"
    mask.write_text(json.dumps([1, 0, 1, 0, 0, 0, 0, 0, 0]))
    return ["certify-soft", "-m", bert, "--mask", mask, "-r", 7, "--min-rate", 0.999]


def _cases(path: Path) -> list[ElementTree.Element]:
    root = ElementTree.parse(path).getroot()
    cases = list(root.iter("testcase"))
    assert root.get("tests") == str(len(cases))
    for outcome, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert root.get(count) == str(sum(case.find(outcome) is not None for case in cases))
    return cases


def _outcomes(path: Path) -> list[str]:
    return [case[0].tag if len(case) else "passed" for case in _cases(path)]


def test_an_input_that_is_not_certified_is_an_error_in_its_line_and_a_failure(
    run: Run, refuted: list[object], listing: Path, tmp_path: Path
) -> None:
    ran = run(*refuted, "--inputs", listing, "--limit", 1, "--format", "github", "--junit", tmp_path / "j.xml")
    error, notice = (line for line in ran.stdout.splitlines() if line.startswith("::"))
    assert ran.code == 1
    assert error.startswith(f"::error file={listing.as_posix()},line=1,title=stabcert certify-soft%3A ")
    assert "::not-certified: the rate is " in error
    assert "at radius 7 (" in error
    assert "; the threshold is 0.999%0A" in error
    assert "%0A[the] movie [was] not bad, a great film" in error
    assert notice.endswith("::1 of 1 inputs: 1 not-certified")
    (case,) = _cases(tmp_path / "j.xml")
    assert (case.get("name"), case.get("line")) == (f"{listing}:1", "1")
    assert "the threshold is 0.999" in (case[0].get("message") or "")
    assert "[the] movie [was] not bad" in (case[0].text or "")


def test_failed_inputs_are_errors_and_what_was_not_reached_is_skipped(
    run: Run, bert: Path, listing: Path, tmp_path: Path
) -> None:
    junit = tmp_path / "j.xml"
    arguments = ["explain", "-m", bert, "--method", "random", "--inputs", listing]
    arguments += ["--junit", junit, "--format", "github"]
    going_on = run(*arguments, "--keep-going")
    assert going_on.code == 4
    assert _outcomes(junit) == ["passed", "error", "passed"]
    (error,) = (line for line in going_on.stdout.splitlines() if line.startswith("::error"))
    assert f"{listing.as_posix()},line=2," in error
    assert "::failed: no such file: missing.txt" in error
    assert "::3 of 3 inputs: 2 reported, 1 failed" in going_on.stdout.splitlines()[-1]


def test_the_file_is_whole_after_an_interruption_and_after_an_error(
    run: Run, bert: Path, listing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing.write_text(f"{SENTENCE}\nnot good\nbad film\n")
    junit, arguments = tmp_path / "j.xml", ["certify-soft", "-m", bert, "--method", "random", "--inputs", listing]
    arguments += ["--junit", junit, "--min-rate", 0.5]
    assert run(*arguments, "-r", 3).code == 2  # more than the second sentence has
    assert _outcomes(junit)[1:] == ["error", "skipped"]

    def interrupted(*given: object, **options: object) -> None:
        raise Interrupted(certify(*given, **options))  # type: ignore[arg-type]

    monkeypatch.setattr("stabcert.cli.commands.certify_soft_work.answer_soft", interrupted)
    assert run(*arguments).code == 130
    assert _outcomes(junit)[1:] == ["skipped", "skipped"]


def test_skipped_inputs_count_as_they_do_for_the_exit_code(run: Run, refuted: list[object], tmp_path: Path) -> None:
    arguments = [*refuted, "-t", SENTENCE, "-o", tmp_path / "r.jsonl", "--junit", tmp_path / "j.xml"]
    assert run(*arguments).code == 1
    assert run(*arguments, "--resume").code == 1
    assert _outcomes(tmp_path / "j.xml") == ["failure"]


@pytest.mark.slow
def test_formats_change_no_record_and_json_is_a_format(run: Run, bert: Path, tmp_path: Path) -> None:
    arguments = ["explain", "-t", SENTENCE, "-m", bert, "--method", "random"]
    keys = {
        run(*arguments, *more).record["key"]
        for more in (["--json"], ["--format", "json"], ["--json", "--junit", tmp_path / "j.xml"])
    }
    assert len(keys) == 1
    github = run(*arguments, "--format", "github", "-o", tmp_path / "r.jsonl")
    assert github.stdout.startswith("reported: text-1: ")
    assert json.loads((tmp_path / "r.jsonl").read_text())["key"] in keys
    contradiction = run(*arguments, "--json", "--format", "github")
    assert (contradiction.code, "Leave it out for --format github" in contradiction.stderr) == (2, True)


def test_a_path_is_given_from_the_top_of_the_repository(
    run: Run, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("not good")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "texts")
    ran = run("certify-soft", "a.txt", "-m", bert, "-k", 1, "--method", "random", "--format", "github", "--seed", 1)
    assert "file=texts/a.txt,line=1," in ran.stdout  # a warning: vacuous or not consistent


def test_a_junit_file_never_takes_the_place_of_an_input(run: Run, bert: Path, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text(SENTENCE)
    ran = run("explain", text, "-m", bert, "--method", "random", "--junit", text)
    assert (ran.code, "--junit" in ran.stderr, "would overwrite the input" in ran.stderr) == (2, True, True)
    assert text.read_text() == SENTENCE


def test_what_smooth_eval_says_of_all_inputs_is_a_test_of_its_own(run: Run, bert: Path, tmp_path: Path) -> None:
    ran = run(
        *("smooth-eval", "-t", SENTENCE, "-t", "not good", "-m", bert, "--method", "random", "-k", 1),
        *("--lambdas", "1,0.5", "--radii", 1, "--draws", 4, "--n-samples", 2, "--min-rate", 0.99),
        *("--junit", tmp_path / "j.xml", "--format", "github"),
    )
    assert ran.code == 1
    assert _outcomes(tmp_path / "j.xml") == ["passed", "passed", "failure"]
    assert "all inputs together::undecided: rate: " in ran.stdout


def test_certify_hard_and_until_stable_say_what_is_missing(run: Run, bert: Path) -> None:
    arguments = ["-t", SENTENCE, "-m", bert, "--method", "random", "--format", "github"]
    hard = run("certify-hard", *arguments, "--min-radius", 6, "--refine", 0)
    assert (hard.code, "radius 6 is required" in hard.stdout) == (1, True)
    found = run("explain", *arguments, "--until-stable", "-k", 9, "--min-rate", 0.5, "--allow-vacuous")
    assert "rate >= 0.5 at radius 1" in found.stdout

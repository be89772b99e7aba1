"""Language models on the command line: prompts in files, records, their keys and their verification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stabcert.cli.exit_codes import COULD_NOT_RUN
from tests.cli.conftest import Run
from tests.tiny_language_models import save_language_model

TEXT = "A goood film, bad and good a"
PASSAGES = ["A film.", "Good a.\nIt is bad.", "So good."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = save_language_model(tmp_path_factory.mktemp("models") / "lm", "llama", begins=True, seed=3)
    (directory.parent / "prompt.txt").write_text("Is it? {input}\n:\n")
    return directory


def asked(model: Path, *more: object, prompt: str = "prompt.txt") -> tuple[object, ...]:
    common = ("--classes", "xa, yb,zc", "--method", "occlusion", "-k", 2)
    return ("-m", model, "--prompt", model.parent / prompt, *common, *more)


def test_equal_passages_have_numbers_and_a_single_passage_a_note(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "passages.jsonl").write_text(json.dumps({"text": ["A film.", "So good.", "A film."]}) + "\n")
    options = ("--features", "passage", "--quiet")
    shown = run("explain", "--inputs", tmp_path / "passages.jsonl", *asked(model, *options)).stdout
    assert "A film. #1" in shown
    assert "A film. #3" in shown
    assert "So good. #" not in shown
    given = ("-m", model, "--prompt", model.parent / "prompt.txt", "--classes", "xa,yb", "--method", "occlusion")
    assert "Separate passages by blank lines" in run("explain", "-t", TEXT, *given, "--features", "passage").stderr


def test_the_record_contains_the_prompt_and_the_answers(run: Run, model: Path) -> None:
    record = run("explain", "-t", TEXT, *asked(model), "--json").record
    settings = record["model"]["settings"]
    assert settings["classes"] == ["xa", "yb", "zc"]
    assert settings["prompt"] == "Is it? {input}\n:"
    assert [one["text"] for one in settings["answers"]] == [" xa", " yb", " zc"]
    assert record["prediction"]["label"] in settings["classes"]
    assert record["model"]["labels"] == 3


@pytest.mark.slow
def test_records_are_reproduced_without_the_file_of_the_prompt(run: Run, model: Path, tmp_path: Path) -> None:
    inputs, masks, certificates = (tmp_path / name for name in ("inputs.jsonl", "masks.jsonl", "certificates.jsonl"))
    inputs.write_text(json.dumps({"id": "several", "text": PASSAGES}))
    prompt = tmp_path / "own.txt"
    prompt.write_text("{input}\n\nWhich?")
    run("explain", "--inputs", inputs, *asked(model, prompt=str(prompt)), "--features", "passage", "-o", masks)
    prompt.unlink()
    made = run("certify-soft", "--from", masks, "-r", 1, "-o", certificates)
    assert made.code == 0, made.stderr
    record = json.loads(certificates.read_text())
    assert record["explanation"]["feature_kind"] == "passage"
    assert [feature["text"] for feature in record["explanation"]["features"]] == [
        passage for number, passage in enumerate(PASSAGES) if number in record["explanation"]["selected"]
    ]
    for mode in ((), ("--fast",)):
        verified = run("certify-soft", "--verify", certificates, *mode, "--json").record
        assert verified["status"] == "stands", verified
    for change in ({"prompt": "{input}\n\nWhat?"}, {"classes": ["xa", "yb", "zd"]}):
        changed = tmp_path / "changed.jsonl"
        settings = record["model"]["settings"] | change
        changed.write_text(json.dumps(record | {"model": record["model"] | {"settings": settings}}))
        assert run("certify-soft", "--verify", changed, "--json").record["status"] != "stands"


@pytest.mark.slow
def test_another_prompt_is_another_function_with_other_draws_and_another_key(
    run: Run, model: Path, tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = []
    for number, prompt in enumerate(("Is it? {input}\n:", "Is it? {input}\n:", "Is it so? {input}\n:")):
        file = tmp_path / "prompt.txt"
        file.write_text(prompt)
        limits = ("-r", 3, "--n-samples", 5, "-o", tmp_path / f"{number}.jsonl")
        run("certify-soft", "-t", TEXT, *asked(model, prompt=str(file)), *limits)
        records.append(json.loads((tmp_path / f"{number}.jsonl").read_text()))
    assert records[0]["key"] == records[1]["key"] != records[2]["key"]


@pytest.mark.slow
def test_a_regular_expression_divides_a_text_of_any_model(run: Run, bert: Path, tmp_path: Path) -> None:
    certificates = tmp_path / "certificates.jsonl"
    spec = ("--features", r"regex:\w+ \w+", "--method", "occlusion", "-k", 1, "-r", 1, "-o", certificates)
    assert run("certify-soft", "-t", "the movie was not bad", "-m", bert, *spec).code == 0
    record = json.loads(certificates.read_text())
    assert record["explanation"]["n"] == 2
    for mode in ((), ("--fast",)):
        assert run("certify-soft", "--verify", certificates, *mode, "--json").record["status"] == "stands"


@pytest.mark.slow
def test_what_is_refused_names_what_to_type(run: Run, model: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (("-m", model), "Name the words that it answers with, such as --classes yes,no"),
        (("-m", model, "--classes", "xa,x"), "--classes must not begin with one another"),
        (asked(model, "--target", "no"), "xa"),
    ):
        ran = run("explain", "-t", TEXT, *arguments)
        assert ran.code != 0
        assert message in ran.stderr
    wrong = tmp_path / "wrong.jsonl"
    record = run("certify-soft", "-t", TEXT, *asked(model), "-r", 1, "--json").record
    record["model"]["settings"]["classes"] = 3
    wrong.write_text(json.dumps(record))
    ran = run("certify-soft", "--verify", wrong, "--keep-going", "--json")
    assert ran.record["error"]["code"] == COULD_NOT_RUN
    assert "neither classes nor a prompt" in ran.record["error"]["message"]

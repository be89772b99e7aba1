"""--scorecard: one page on all inputs of a run, in Markdown or as a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta

from stabcert.core.types import MaskedPredictor
from stabcert.errors import InputError
from stabcert.report.markdown import markdown
from stabcert.report.says.scorecard import scorecard
from tests.cli.conftest import Run
from tests.cli.test_mask_flags import CORE, FUNCTIONS, N
from tests.known_model import loaded, write_mask

SECTIONS = ["Consistency", "Fidelity", "Stability", "What was asked", "What is not covered", "What is guaranteed"]
SOFT = ["certify-soft", "-r", 2, "--min-rate", 0.9]
HARD = ["certify-hard", "--min-radius", 1, "--quantization", 16, "-l", "3/8", "--refine", 0]
EVAL = ["smooth-eval", "--lambdas", "1,0.5", "--radii", "1,2", "--n-samples", 5]


def _function(text: str) -> MaskedPredictor:
    """The first word of a text names its function."""
    if text == "unreadable":
        raise InputError("the model cannot read it")
    return FUNCTIONS[text.split()[0]]


@pytest.fixture
def inputs(tmp_path: Path) -> list[object]:
    path = tmp_path / "inputs.jsonl"
    texts = ["certified one", "certified two", "certified three", "inconsistent one", "vacuous one"]
    path.write_text("".join(json.dumps({"id": text.replace(" ", "-"), "text": text}) + "\n" for text in texts))
    mask = write_mask(tmp_path, [i < CORE - 1 for i in range(N)])
    return ["--inputs", path, "--mask", mask, "-m", "known"]


def _cells(card: str, first: str) -> list[str]:
    """The cells of the first row of a table that begins with a cell."""
    row = next(line for line in card.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def _interval(matches: int, samples: int) -> tuple[float, float]:
    """Clopper and Pearson, from the definition by quantiles of the Beta distribution."""
    lower = 0.0 if matches == 0 else float(beta.ppf(0.025, matches, samples - matches + 1))
    upper = 1.0 if matches == samples else float(beta.ppf(0.975, matches + 1, samples - matches))
    return lower, upper


@pytest.mark.parametrize("command", [SOFT, HARD, EVAL], ids=lambda command: str(command[0]))
def test_a_card_has_every_section(command: list[object], run: Run, inputs: list[object], tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    with loaded(_function, 3):
        ran = run(*command, *inputs, "--scorecard", card, "--quiet")
    assert ran.code in (0, 1), ran.stderr
    text = card.read_text("utf-8")
    assert re.findall(r"^#### (.*)$", text, re.M) == SECTIONS
    assert text.startswith(f"### Scorecard of {command[0]}: 5 of 5 inputs\n")
    assert _cells(text, "model")[1] == "known"
    assert _cells(text, "inputs")[1] == "5"
    assert "the reasons of the model" in text


def test_the_numbers_are_those_of_the_definition(run: Run, inputs: list[object], tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    with loaded(_function, 3):
        assert run(*SOFT, *inputs, "--scorecard", card, "--quiet").code == 1
    text = card.read_text("utf-8")
    lower, upper = _interval(4, 5)  # every mask but the inconsistent one alone has the class of the full input
    name, consistent, interval, _ = _cells(text, "unsmoothed model")
    assert (name, consistent) == ("unsmoothed model", "4 of 5")
    assert [float(end) for end in interval.split(" .. ")] == pytest.approx([lower, upper], abs=1e-4)
    lower, upper = _interval(3, 5)
    found = re.search(r"Certified: 3 of 5 inputs \(95% over inputs: (\S+) \.\. (\S+)\)", text)
    assert found is not None
    assert [float(end) for end in found.groups()] == pytest.approx([lower, upper], abs=1e-4)
    assert "inconsistent-one" in _cells(text, "inconsistent masks, whose stability is about another class")[1]
    assert _cells(text, "vacuous masks, which have the class of the empty input")[1] == "vacuous-one"
    # On a mask of another class, the class of the full input has probability 0: four masks of five have it.
    assert _cells(text, "the mask alone")[1] == "0.8000"


def test_a_resumed_run_has_the_same_card(run: Run, inputs: list[object], tmp_path: Path) -> None:
    cards, records = [tmp_path / "first.md", tmp_path / "again.md"], tmp_path / "records.jsonl"
    with loaded(_function, 3):
        run(*SOFT, *inputs, "-o", records, "--scorecard", cards[0], "--quiet")
        lines = records.read_text().splitlines(keepends=True)
        records.write_text("".join(lines[:2]))
        run(*SOFT, *inputs, "-o", records, "--resume", "--scorecard", cards[1], "--quiet")
    assert cards[1].read_text("utf-8") == cards[0].read_text("utf-8")


def test_failed_and_repeated_inputs_are_named(run: Run, tmp_path: Path) -> None:
    card, mask = tmp_path / "card.md", write_mask(tmp_path, [i < CORE for i in range(N)])
    path = tmp_path / "inputs.jsonl"
    rows = [("a", "certified one"), ("b", "unreadable"), ("c", "certified one"), ("<d>", "certified two")]
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in rows))
    with loaded(_function, 3):
        ran = run("certify-soft", "--inputs", path, "--mask", mask, "-m", "known", "--keep-going", "--scorecard", card)
    assert ran.code == 4
    text = card.read_text("utf-8")
    assert text.startswith("### Scorecard of certify-soft: 2 of 4 inputs\n")
    assert _cells(text, "failed inputs, without a result")[1] == "b"
    assert _cells(text, "repeated inputs, of which only the first record counts")[1] == "c"
    assert _cells(text, "unsmoothed model")[1] == "2 of 2"


def test_a_run_that_ends_early_names_the_other_inputs(run: Run, inputs: list[object], tmp_path: Path) -> None:
    card = tmp_path / "card.md"

    def fail(text: str) -> MaskedPredictor:
        return _function("unreadable" if text == "certified two" else text)

    with loaded(fail, 3):
        assert run(*SOFT, *inputs, "--scorecard", card, "--quiet").code == 3
    text = card.read_text("utf-8")
    assert text.startswith("### Scorecard of certify-soft: 1 of 5 inputs\n")
    assert "One input only" in text
    assert "% over inputs:" not in text
    assert _cells(text, "inputs that the run did not reach")[1].startswith("certified-three, ")


def test_means_over_inputs_that_were_not_reached_are_not_made_up(
    run: Run, inputs: list[object], tmp_path: Path
) -> None:
    card = tmp_path / "card.md"
    with loaded(lambda text: _function("unreadable" if text == "certified three" else text), 3):
        assert run(*EVAL, *inputs, "--scorecard", card, "--quiet").code == 3
    text = card.read_text("utf-8")
    assert "The run ended before the means" in text
    assert text.startswith("### Scorecard of smooth-eval: 2 of 5 inputs\n")


def test_several_methods_of_smooth_eval_are_named(run: Run, tmp_path: Path) -> None:
    card, texts = tmp_path / "card.md", ["-t", "certified one", "-t", "certified one", "-t", "vacuous one"]
    with loaded(_function, 3):
        assert run(*EVAL, *texts, "-m", "known", "--method", "random,occlusion", "--scorecard", card).code == 0
    text = card.read_text("utf-8")
    assert _cells(text, "method")[1] == "random, occlusion"
    assert "first method, random" in text
    assert _cells(text, "repeated inputs, which count again although intervals need independent inputs")[1]


def test_a_page_replaces_an_older_one(run: Run, inputs: list[object], tmp_path: Path) -> None:
    card = tmp_path / "card.html"
    card.write_text("old")
    with loaded(_function, 3):
        run(*HARD, *inputs, "--scorecard", card, "--quiet")
    text = card.read_text("utf-8")
    assert text.rstrip().endswith("</html>")
    assert re.findall(r"<h3>(.*?)</h3>", text) == SECTIONS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.html", "inputs.jsonl", "mask.json"]


def test_masks_of_several_methods_are_apart(run: Run, tmp_path: Path) -> None:
    explained, card = tmp_path / "masks.jsonl", tmp_path / "card.md"
    texts = ["-t", "certified one", "-t", "certified two", "-m", "known"]
    with loaded(_function, 3):
        for method in ("occlusion", "random"):
            run("explain", *texts, "--method", method, "-o", explained, "--append", "--quiet")
        assert run("certify-soft", "--from", explained, "--scorecard", card, "--quiet").code == 0
    titles = re.findall(r"^#### (.*)$", card.read_text("utf-8"), re.M)
    assert titles == ["known, occlusion", *SECTIONS[:3], "known, random", *SECTIONS[:3], *SECTIONS[3:]]


def test_a_run_without_any_result_says_so() -> None:
    failed: dict[str, Any] = {"status": "failed", "input": {"id": "x"}, "error": {"message": "no"}}
    blocks = scorecard("certify-soft", [failed]).blocks
    assert "nothing is known" in getattr(blocks[0], "text", "")


@pytest.mark.slow
def test_every_kind_of_record_has_a_card(
    soft_records: dict[str, dict[str, Any]], hard_records: dict[str, dict[str, Any]]
) -> None:
    """Alone and together: smoothed, sequential, interrupted, swept, Bernoulli, without a request."""
    for command, records in (("certify-soft", soft_records), ("certify-hard", hard_records)):
        for made in [*([record] for record in records.values()), list(records.values())]:
            text = markdown(scorecard(command, made))
            if command == "certify-hard" and made[0]["result"]["full_prediction"] is None:
                assert "of the unsmoothed model" not in text.split("#### Stability")[0], "it was not evaluated"
            assert "None" not in text
            assert "#### What is guaranteed" in text
        question = {"kind": "value", "output": 0, "answers": ["at least 1", "less than 1"]}
        number = made[0] | {"model": made[0]["model"] | {"question": question}}
        text = markdown(scorecard(command, [number]))
        assert _cells(text, "question")[1] == "at least 1 / less than 1"
        assert "| the full input |" not in text, "the probability of an answer is not one of the model"
        old = {name: value for name, value in made[0]["result"].items() if name != "request"}
        assert "#### What was asked" in markdown(scorecard(command, [made[0] | {"result": old}]))

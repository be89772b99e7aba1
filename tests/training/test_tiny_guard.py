"""The script that trains a tiny language model: the commands of the README work with what it writes."""

from __future__ import annotations

import random
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.conftest import Ran

ROOT = Path(__file__).parents[2]
(BLOCK,) = re.findall(
    r"^```sh\n(python sample_inputs/train_tiny_guard.py guard\n.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S
)


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "sample_inputs" / "train_tiny_guard.py"))


def test_its_sentences_have_the_answers_that_they_should_have(script: dict[str, Any]) -> None:
    draw = random.Random(3)
    for _ in range(50):
        text, answer = script["message"](draw)
        insults = any(f"you are {word}" in text for word in script["INSULTS"])
        assert answer == ("yes" if insults else "no")
        found, room = script["passages"](draw, 3, 1, 8)
        assert len(found) == 12
        assert sum(room in passage for passage in found) == 3


@pytest.mark.slow
def test_the_commands_of_the_readme_certify_its_answers(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from stabcert.cli.app import app

    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng(devices=[]):
        assert script["train"](Path("guard"), steps=350) > 0.8
    answers = []
    for command in BLOCK.replace("\\\n", " ").splitlines()[1:]:
        result = CliRunner().invoke(app, [*shlex.split(command)[1:], "--json"], catch_exceptions=False)
        record = Ran(result.exit_code, result.stdout, result.stderr).record
        answers.append(record["prediction"]["label"])
        assert record["explanation"]["consistent"]
    assert answers == ["yes", "garden"]

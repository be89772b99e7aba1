"""What options and files alone make impossible is refused before anything heavy is imported, by every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stabcert.cli import beforehand
from tests.cli.conftest import SENTENCE, Run
from tests.cli.refusals import TEXT, Row, rows

HEAVY = ("torch", "transformers", "timm", "captum", "shap", "lime", "matplotlib", "ray")

_SCRIPT = """
import json, sys
from importlib.abc import MetaPathFinder
heavy, rows = json.load(sys.stdin)

class Forbid(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            raise RuntimeError(f"{name} must not be imported")

sys.meta_path.insert(0, Forbid())
from typer.testing import CliRunner
from stabcert.cli.app import app
for row in rows:
    ran = CliRunner().invoke(app, row)
    print(json.dumps([ran.exit_code, ran.stdout, ran.stderr]))
"""


def folder_of(path: Path, run: Run) -> None:
    """The files that the rows name."""
    from PIL import Image

    Image.new("RGB", (8, 8)).save(path / "picture.png")
    (path / "mask.json").write_text("[1, 0, 0, 0]")
    (path / "large.json").write_text(json.dumps([1] + [0] * 60))
    (path / "twos.json").write_text("[1, 2, 0, 0]")
    (path / "empty.jsonl").write_text("")
    (path / "prompt.txt").write_text("Is it kind?")
    np.save(path / "rows.npy", np.zeros((2, 4), dtype=np.int64))
    record = run("explain", "-t", SENTENCE, "--method", "random", "-k", 1, "--json").stdout
    (path / "records.jsonl").write_text(record)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[Row, tuple[int, str, str]]:
    """All rows in one process, in which nothing heavy can be imported."""
    from typer.testing import CliRunner

    from stabcert.cli.app import app
    from tests.cli.conftest import Ran

    def run(*arguments: object, stdin: bytes | str | None = None) -> Ran:
        result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)
        return Ran(result.exit_code, result.stdout, result.stderr)

    path = tmp_path_factory.mktemp("beforehand")
    folder_of(path, run)
    given = rows()
    arguments = [[command, *map(str, options)] for command, options, _, _ in given]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STABCERT_")}
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps([HEAVY, arguments]),
        cwd=path,
        env=environment | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {row: (code, out, err) for row, (code, out, err) in zip(given, lines, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]} {' '.join(map(str, row[1]))}"[:90])
def test_it_is_refused_before_anything_heavy_is_imported(row: Row, outcomes: dict[Row, tuple[int, str, str]]) -> None:
    _, _, expected, message = row
    code, out, err = outcomes[row]
    assert "Traceback" not in err, err
    said = " ".join(err.replace("│", " ").split())
    assert (code, out) == (expected, ""), said
    assert message in said


@pytest.mark.slow
def test_a_good_request_goes_on_to_the_model(tmp_path: Path) -> None:
    """The hook does what the test relies on: a request that can be met needs torch."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps([HEAVY, [["certify-soft", *TEXT]]]),
        capture_output=True,
        text=True,
        check=True,
    )
    code, _, err = json.loads(ran.stdout)
    assert (code, "must not be imported" in err) == (3, True)


def test_the_words_are_those_of_the_models() -> None:
    from stabcert.models import image, text_baselines

    assert beforehand.TEXT_BASELINES == text_baselines.BASELINES
    assert beforehand.IMAGE_BASELINES == image.BASELINES


def test_some_of_several_inputs_are_left_for_their_turn(run: Run, bert: Path, picture: Path) -> None:
    arguments = ("explain", picture, "-t", SENTENCE, "-m", bert, "--method", "random", "--features", "word")
    assert run(*arguments).code == 2
    ran = run(*arguments, "--keep-going", "--json")
    assert (ran.code, [record["status"] for record in ran.records]) == (4, ["failed", "reported"])

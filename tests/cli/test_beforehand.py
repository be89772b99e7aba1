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

HEAVY = ("torch", "transformers", "timm", "captum", "shap", "lime", "matplotlib", "ray")
COMMANDS = ("explain", "certify-soft", "certify-hard", "fourier", "smooth-eval")
Row = tuple[str, tuple[object, ...], int, str]

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

TEXT = ("-t", SENTENCE)
EVERY: list[tuple[tuple[object, ...], int, str]] = [
    ((), 2, "nothing to do"),
    (("none.txt",), 3, "no such file: none.txt"),
    (("none.png",), 3, "no such file: none.png"),
    (("--inputs", "none.csv"), 3, "no such file: none.csv"),
    (("--inputs", "empty.jsonl"), 2, "nothing to do"),
    (("-t", ""), 3, "the text is empty"),
    ((*TEXT, "--limit", 0), 2, "Invalid value for '--limit'"),
    ((*TEXT, "--features", "pixel"), 2, "use --features word|token|sentence"),
    ((*TEXT, "--features", "grid:7"), 2, "use --features word|token|sentence"),
    (("picture.png", "--features", "word"), 2, "image features 'word' do not exist"),
    (("picture.png", "--features", "grid:0"), 2, "N must be a whole number from 1"),
    (("picture.png", "--features", "slic:many"), 2, "N must be a whole number from 1"),
    (("picture.png", "--features", "none.npy"), 3, "none.npy: no such file"),
    ((*TEXT, "--baseline", "nothing"), 2, "baseline 'nothing' does not exist"),
    ((*TEXT, "--baseline", "zero"), 2, "use --baseline remove|mask|pad|unk"),
    (("picture.png", "--baseline", "pad"), 2, "image baseline 'pad' does not exist"),
    ((*TEXT, "-m", ""), 2, "--model is empty"),
    ((*TEXT, "-m", "demo:texts"), 3, "Use demo:image, demo:image-masked or demo:text"),
    ((*TEXT, "-m", "./none"), 3, "./none does not exist"),
    ((*TEXT, "-m", "mask.json"), 3, "mask.json is a file"),
    ((*TEXT, "-m", "demo:text", "--revision", "main"), 2, "demo:text has no revisions"),
    ((*TEXT, "-m", "demo:image"), 3, "use --model demo:text"),
    (("picture.png", "-m", "demo:text"), 3, "use --model demo:image"),
    ((*TEXT, "-m", "demo:image-masked"), 3, "use --model demo:text"),
    ((*TEXT, "--device", "gpu"), 2, "use auto, cpu, cuda"),
    ((*TEXT, "--device", "cuda:x"), 2, "use auto, cpu, cuda"),
    ((*TEXT, "--dtype", "int8"), 2, "float32"),
    ((*TEXT, "-b", 0), 2, "auto or a number from 1"),
    ((*TEXT, "--method", "lim"), 2, "Did you mean lime?"),
    ((*TEXT, "--method", "lime,lime"), 2, "names lime twice"),
    ((*TEXT, "--method", "lime,"), 2, "has no name at a comma"),
    ((*TEXT, "-k", 0), 2, "a whole number from 1"),
    ((*TEXT, "-k", "2.5"), 2, "a whole number from 1"),
    ((*TEXT, "-k", "0%"), 2, "above 0% and at most 100%"),
    ((*TEXT, "-k", "150%"), 2, "above 0% and at most 100%"),
    ((*TEXT, "-k", "many"), 2, "is not a number"),
    ((*TEXT, "-k", "Infinity"), 2, "is not a number"),
    ((*TEXT, "--target", " "), 2, "--target is empty"),
    ((*TEXT, "--plot", "figure.gif"), 2, "end its name in .png, .svg or .pdf"),
    ((*TEXT, "--plot", "none/figure.png"), 3, "none/figure.png"),
    ((*TEXT, "--html", "none/page.html"), 3, "none/page.html"),
    ((*TEXT, "--junit", "none/junit.xml"), 3, "none/junit.xml"),
    ((*TEXT, "-o", "none/records.jsonl"), 3, "none/records.jsonl"),
    ((*TEXT, "-o", "x.jsonl", "--html", "x.jsonl"), 2, "a file of its own"),
    (("picture.png", "--html", "picture.png"), 2, "would overwrite"),
    ((*TEXT, "--json", "--format", "github"), 2, "--json is --format json"),
    ((*TEXT, "--resume"), 2, "--output FILE"),
    ((*TEXT, "--resume", "-o", "x.jsonl", "--html", "x.html"), 2, "leave out --resume"),
    ((*TEXT, "--shard", "3/2"), 2, "--shard must be I/N"),
    ((*TEXT, "--workers", 0), 2, "Invalid value for '--workers'"),
    ((*TEXT, "--workers", 2, "--device", "cuda:1"), 2, "write --device cuda"),
    ((*TEXT, "--ray-address", "a:1"), 2, "--workers N"),
    ((*TEXT, "--seed", -1), 2, "Invalid value for '--seed'"),
    ((*TEXT, "--config", "none.toml"), 3, "none.toml"),
    ((*TEXT, "--config", "mask.json"), 3, "is not TOML"),
]
MASKS: list[tuple[tuple[object, ...], int, str]] = [
    ((*TEXT, "--mask", "none.json"), 3, "no such file: none.json"),
    ((*TEXT, "--mask", "rows.npy"), 3, "give one row of values"),
    ((*TEXT, "--mask", "twos.json"), 3, "must contain only 0 and 1"),
    ((*TEXT, "--mask", "empty.jsonl"), 3, "is not a JSON array"),
    ((*TEXT, "--mask", "mask.json", "--method", "lime"), 2, "exclude one another"),
    ((*TEXT, "--mask", "mask.json", "-k", 2), 2, "leave out --top-k"),
    (("--from", "none.jsonl"), 3, "none.jsonl"),
    (("--from", "empty.jsonl"), 3, "contains no records"),
    (("--from", "records.jsonl", "-m", "demo:text"), 2, "leave out --model"),
]
ONE_METHOD = ("certify-soft", "certify-hard", "fourier")
OWN: dict[str, list[tuple[tuple[object, ...], int, str]]] = {
    "explain": [
        ((*TEXT, "--n-samples", 0), 2, "--n-samples"),
        ((*TEXT, "--steps", 10), 2, "--steps must be left out for lime"),
        (
            (*TEXT, "--method", "occlusion,random", "--n-samples", 10),
            2,
            "--n-samples must be left out for occlusion, random",
        ),
        ((*TEXT, "--method", "clime", "--sigma", 0), 2, "--sigma must be above 0 and finite"),
        ((*TEXT, "--method", "clime", "--sigma", "nan"), 2, "--sigma must be above 0 and finite"),
        ((*TEXT, "--neighbour-sigma", 1), 2, "add --neighbours"),
        ((*TEXT, "--neighbours", 2, "--neighbour-sigma", -1), 2, "--neighbour-sigma must be above 0, got -1"),
        ((*TEXT, "--min-rate", 0.9), 2, "add --until-stable"),
        ((*TEXT, "--until-stable", "--min-rate", 90), 2, "--min-rate must be above 0 and at most 1, got 90"),
        ((*TEXT, "--until-stable", "--delta", 0), 2, "between 0 and 1"),
        ((*TEXT, "--until-stable", "-r", -1), 2, "--radius"),
        ((*TEXT, "--until-stable", "--max-samples", 0), 2, "--max-samples"),
    ],
    "certify-soft": [
        ((*TEXT, "--min-rate", 90), 2, "--min-rate must be above 0 and at most 1, got 90. For 90% use --min-rate 0.9"),
        ((*TEXT, "--min-rate", 0), 2, "--min-rate must be above 0 and at most 1"),
        ((*TEXT, "--min-rate", "nan"), 2, "--min-rate must be above 0 and at most 1"),
        ((*TEXT, "--largest-radius"), 2, "--largest-radius needs a rate to reach; add --min-rate"),
        ((*TEXT, "--max-samples", 50), 2, "--max-samples needs a rate to reach; add --min-rate"),
        ((*TEXT, "--min-rate", 0.9, "--n-samples", 50, "--max-samples", 50), 2, "Give parameters of one kind only"),
        ((*TEXT, "--min-rate", 0.9, "--epsilon", 0.1, "--largest-radius"), 2, "Give parameters of one kind only"),
        ((*TEXT, "--min-rate", 0.9, "--interval", "hoeffding"), 2, "a fixed number of samples"),
        ((*TEXT, "--n-samples", 0), 2, "--n-samples must be 1 or more"),
        ((*TEXT, "--epsilon", 0), 2, "between 0 and 1"),
        ((*TEXT, "--epsilon", 2), 2, "between 0 and 1"),
        ((*TEXT, "--epsilon", "1e-9"), 2, "Use a larger epsilon"),
        ((*TEXT, "--epsilon", 0.1, "--n-samples", 5), 2, "give one of them"),
        ((*TEXT, "--delta", 0), 2, "between 0 and 1"),
        ((*TEXT, "--delta", "1e-300"), 2, "got 1e-300"),
        ((*TEXT, "-r", "some"), 2, "1:10 or all"),
        ((*TEXT, "-r", "5:3"), 2, "1:10 or all"),
        ((*TEXT, "-r", "1:99999"), 2, "write all"),
        ((*TEXT, "--smooth", 2), 2, "--smooth"),
        ((*TEXT, "--smooth-draws", 8), 2, "needs --smooth"),
        ((*TEXT, "--save-flips", "mask.json"), 3, "mask.json"),
        ((*TEXT, "--mask", "mask.json", "-r", 4), 2, "radius must be from 0 to 3"),
        ((*TEXT, "--mask", "large.json", "-r", 12, "--min-rate", 0.99, "--max-samples", 5), 2, "--max-samples"),
        ((*TEXT, "--mask", "large.json", "-r", 12, "--min-rate", 0.99, "--n-samples", 5), 2, "--n-samples"),
        (("--from", "records.jsonl", "-r", 9), 2, "records.jsonl, line 1: radius must be from 0 to"),
        (("--verify", "none.jsonl"), 3, "none.jsonl"),
        (("--verify", "empty.jsonl"), 3, "contains no records"),
        (("--verify", "records.jsonl", "-r", 2), 2, "leave out --radius"),
        (("--verify", "records.jsonl"), 3, "made by `stabcert explain`"),
        (("--fast",), 2, "--verify FILE"),
    ],
    "certify-hard": [
        ((*TEXT, "-l", "half"), 2, "write 15/64 or 0.25"),
        ((*TEXT, "-l", 2), 2, "above 0 and at most 1"),
        ((*TEXT, "-l", 0.3), 2, "must be a multiple of 1/64"),
        ((*TEXT, "--quantization", 1), 2, "--quantization"),
        ((*TEXT, "--delta", 0.1), 2, "add --noise bernoulli"),
        ((*TEXT, "--noise", "bernoulli", "--delta", 0), 2, "between 0 and 1"),
        ((*TEXT, "--noise", "bernoulli", "--n-samples", 5), 2, "use more than 8"),
        ((*TEXT, "--noise", "bernoulli", "-l", 1), 2, "--lambda must be between 0 and 1"),
        ((*TEXT, "--noise", "bernoulli", "--sweep"), 2, "leave out --sweep"),
        ((*TEXT, "--sweep", "-l", "1/4"), 2, "leave out --lambda"),
        ((*TEXT, "--direction", "decremental", "--refine", 5), 2, "leave out --refine"),
        ((*TEXT, "--attack", 5), 2, "use --attack 256 or more"),
        ((*TEXT, "--min-radius", 0), 2, "--min-radius"),
        ((*TEXT, "--check", "none.json"), 3, "no such file: none.json"),
        ((*TEXT, "--check", "twos.json"), 3, "must contain only 0 and 1"),
        ((*TEXT, "--mask", "mask.json", "--min-radius", 4), 2, "Use 1 to 3"),
        ((*TEXT, "--mask", "mask.json", "--enumerate", 2), 2, "use --enumerate 4 or more"),
        (("--from", "records.jsonl", "--min-radius", 9), 2, "records.jsonl, line 1"),
        (("--verify", "none.jsonl"), 3, "none.jsonl"),
    ],
    "fourier": [
        ((*TEXT, "--basis", "cosine"), 2, "use standard, monotone or biased:P"),
        ((*TEXT, "--basis", "biased:2"), 2, "biased:0.3"),
        ((*TEXT, "--lambdas", "1,2"), 2, "up to 1"),
        ((*TEXT, "--lambdas", "all"), 2, "write 1,0.9,0.5"),
        ((*TEXT, "--degree", -1), 2, "--degree"),
        ((*TEXT, "--n-samples", 1), 2, "--n-samples"),
        ((*TEXT, "--restrict", 60), 2, "--restrict"),
        ((*TEXT, "--top", -1), 2, "--top"),
        ((*TEXT, "--delta", "nan"), 2, "between 0 and 1"),
        ((*TEXT, "-r", "some"), 2, "1:10 or all"),
        ((*TEXT, "--max-evaluations", 0), 2, "--max-evaluations"),
        ((*TEXT, "--mask", "mask.json", "-r", 4), 2, "use a radius from 0 to 3"),
    ],
    "smooth-eval": [
        ((*TEXT, "--lambdas", "0"), 2, "above 0"),
        ((*TEXT, "--lambdas", "0.5", "--noise", "quantized", "--draws", 3), 2, "must be a multiple of 1/3"),
        ((*TEXT, "--radii", "all"), 2, "write 4, 1,2,5 or 1:10"),
        ((*TEXT, "--draws", 0), 2, "--draws"),
        ((*TEXT, "--n-samples", 0), 2, "--n-samples"),
        ((*TEXT, "--delta", 1), 2, "between 0 and 1"),
        ((*TEXT, "--min-rate", 90), 2, "--min-rate"),
        ((*TEXT, "--min-accuracy", 90), 2, "--min-accuracy"),
        ((*TEXT, "--labels", "none.csv"), 3, "none.csv"),
        ((*TEXT, "--labels", "empty.jsonl"), 3, "empty.jsonl"),
    ],
}


def rows() -> list[Row]:
    found = [(command, *row) for command in COMMANDS for row in EVERY + OWN[command]]
    found += [(command, *row) for command in COMMANDS[1:] for row in MASKS]
    return found + [(command, (*TEXT, "--method", "lime,random"), 2, "use --method lime") for command in ONE_METHOD]


def folder_of(path: Path, run: Run) -> None:
    """The files that the rows name."""
    from PIL import Image

    Image.new("RGB", (8, 8)).save(path / "picture.png")
    (path / "mask.json").write_text("[1, 0, 0, 0]")
    (path / "large.json").write_text(json.dumps([1] + [0] * 60))
    (path / "twos.json").write_text("[1, 2, 0, 0]")
    (path / "empty.jsonl").write_text("")
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
    from stabcert.models import image, text

    assert beforehand.TEXT_BASELINES == text.BASELINES
    assert beforehand.IMAGE_BASELINES == image.BASELINES


def test_some_of_several_inputs_are_left_for_their_turn(run: Run, bert: Path, picture: Path) -> None:
    arguments = ("explain", picture, "-t", SENTENCE, "-m", bert, "--method", "random", "--features", "word")
    assert run(*arguments).code == 2
    ran = run(*arguments, "--keep-going", "--json")
    assert (ran.code, [record["status"] for record in ran.records]) == (4, ["failed", "reported"])

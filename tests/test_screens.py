"""Whole screens, with the records that were written beside them: each is compared with its file in golden/screens.

They are the one place where wording and layout are compared; other tests assert facts. A copy proves nothing about
numbers: it shows what a change of the code changes. ``pytest tests/test_screens.py --update-golden`` writes them
anew; read the difference.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stabcert.cli.app import app
from tests.printed import assert_same, page_lines, record_lines

STORED = Path(__file__).parent / "golden" / "screens"
SAMPLES = Path(__file__).parents[1] / "sample_inputs"
RECORDS, PAGE = Path("records.jsonl"), Path("page.html")

LATE, DANCE = '-t "My train is late again."', '-t "I am not sad at all today, I could dance the whole way home."'
PAIR = '-t "Are you happy with your room?" --text-pair "The bed was broken and nobody came. I am furious."'
RANDOM, OCCLUSION = "--method random", "--method occlusion"

# What a command prints, and its records where it is given -o, are stored below its name.
SCREENS: dict[str, tuple[str, ...]] = {
    "soft-image": (f"certify-soft sample_inputs/castle.jpg {RANDOM} -k 6 -r 1,3 --n-samples 12 -o {RECORDS}",),
    "soft-text": (f"certify-soft {DANCE} {RANDOM} -r 1:3 --epsilon 0.2 -o {RECORDS}",),
    "soft-options": (
        f"certify-soft {DANCE} {RANDOM} -r 1,5 --per-radius --interval hoeffding --family 4 --epsilon 0.2",
        f"certify-soft {LATE} {RANDOM} -r 2 --smooth 0.5 --smooth-draws 8 --formulation worst",
        f"certify-soft {DANCE} {OCCLUSION} --min-rate 0.6 --largest-radius",
    ),
    "soft-min-rate": (
        f"certify-soft {DANCE} {OCCLUSION} --min-rate 0.8 -r 2,4 -o {RECORDS}",
        f"certify-soft {LATE} {OCCLUSION} -k 1 --min-rate 0.9 -r 3 -o {RECORDS} --append",
    ),
    "soft-several": (f"certify-soft {DANCE} -t ' ' {LATE} {RANDOM} -k 2 --keep-going -o {RECORDS}",),
    "soft-markdown": (f"certify-soft {DANCE} {LATE} {RANDOM} --min-rate 0.8 --format markdown",),
    "soft-page": (f"certify-soft {LATE} {RANDOM} -r 1:2 --html {PAGE}",),
    "hard-image": (
        f"certify-hard sample_inputs/castle.jpg {RANDOM} -l 4/16 --quantization 16 --refine 0 --enumerate 0 "
        f"-o {RECORDS}",
    ),
    "hard-text": (f"certify-hard {LATE} {OCCLUSION} --refine 200 --attack 256 -l 31/64 -o {RECORDS}",),
    "hard-options": (
        f"certify-hard {LATE} {OCCLUSION} --noise bernoulli --n-samples 200 -l 1/8 --direction incremental",
        f"certify-hard {LATE} {RANDOM} --attack 300 --refine 0 -l 60/64",
        f"certify-hard {LATE} {OCCLUSION} --check addition.json -l 8/64",
    ),
    "hard-sweep": (f"certify-hard {DANCE} {OCCLUSION} --sweep --min-radius 2 -o {RECORDS}",),
    "explain-image": (f"explain sample_inputs/castle.jpg --features grid:4 {RANDOM} --show 5 -o {RECORDS}",),
    "explain-text": (
        f"explain {LATE} --method occlusion,saliency,inputxgrad --neighbours 2 -o {RECORDS}",
        f"explain {DANCE} {OCCLUSION} --until-stable --show 0 -o {RECORDS} --append",
    ),
    "pair": (
        f"explain {PAIR} {OCCLUSION} --show 4 -o {RECORDS}",
        f"certify-soft {PAIR} {OCCLUSION} --explain-side second --min-rate 0.9 -r 3 -k 4 -o {RECORDS} --append",
    ),
    "smooth-eval": (
        f"smooth-eval --inputs sample_inputs/sentences.jsonl {RANDOM} --lambdas 1,0.5 --draws 8 --n-samples 3 "
        f"--limit 3 --radii 1,2 --min-rate 0.3 -o {RECORDS}",
    ),
    "fourier": (f"fourier {LATE} {RANDOM} -r 1:2 --lambdas 1,0.5 --top 5 -o {RECORDS}",),
    "verify": (
        f"certify-soft {DANCE} {LATE} {OCCLUSION} --min-rate 0.8 -r 2 --json -q > {RECORDS}",
        f"certify-soft --verify {RECORDS}",
        f"certify-hard --verify {RECORDS}",
    ),
    "verify-hard": (
        f"certify-hard {LATE} {OCCLUSION} -l 31/64 --attack 256 --json -q > hard.jsonl",
        "certify-hard --verify hard.jsonl",
        f"certify-hard {LATE} {OCCLUSION} --noise bernoulli --n-samples 100 --json -q > hard.jsonl",
        "certify-hard --verify hard.jsonl --fast",
    ),
    "diff": (
        f"certify-soft {DANCE} {LATE} {OCCLUSION} --min-rate 0.8 -r 2 --json -q > old.jsonl",
        f"certify-soft {DANCE} {LATE} -t 'a new one' {RANDOM} --min-rate 0.8 -r 2 --json -q > new.jsonl",
        "diff old.jsonl new.jsonl --max-lost 0",
        "diff new.jsonl old.jsonl --all",
        f"diff old.jsonl new.jsonl --json > {RECORDS}",
    ),
    "refused": (
        f"certify-soft {LATE} --min-rate 90",
        f"certify-soft {LATE} -k 20",
        "certify-soft castel.jpg",
        f"certify-hard {LATE} --method lime,shap",
        "fourier --lambda",
    ),
}
SLOW = (
    "diff",
    "pair",
    "fourier",
    "hard-text",
    "explain-text",
    "verify",
    "smooth-eval",
    "soft-markdown",
    "explain-image",
    "hard-image",
    "hard-options",
    "hard-sweep",
    "soft-image",
    "soft-min-rate",
    "soft-options",
    "soft-page",
    "soft-several",
)


def _printed(commands: tuple[str, ...]) -> str:
    """Return what the commands printed one after the other, and the records and the page that they wrote."""
    lines = []
    for command in commands:
        arguments, _, file = command.partition(" > ")
        ran = CliRunner().invoke(app, shlex.split(arguments), catch_exceptions=False)
        if file:
            Path(file).write_text(ran.stdout, encoding="utf-8")
        lines += [f"$ stabcert {command}", "" if file else ran.stdout]
        lines += [f"standard error:\n{ran.stderr}"] if ran.stderr else []
        lines += [f"exit code {ran.exit_code}\n"]
    if RECORDS.exists():
        for number, line in enumerate(RECORDS.read_text("utf-8").splitlines(), 1):
            lines += [f"record {number}:", *record_lines(json.loads(line)), ""]
    if PAGE.exists():
        lines += ["page:", *page_lines(PAGE.read_text("utf-8"))]
    return "\n".join(line.rstrip() for line in "\n".join(lines).splitlines()) + "\n"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in SCREENS]
)
def test_a_screen_is_the_stored_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    (tmp_path / SAMPLES.name).symlink_to(SAMPLES)
    monkeypatch.chdir(tmp_path)
    Path("addition.json").write_text("[0, 1, 0, 0, 0, 1]")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("STABCERT_DEVICE", "cpu")
    for variable in ("STABCERT_MODEL", "STABCERT_BATCH_SIZE", "FORCE_COLOR", "COLUMNS", "TERMINAL_WIDTH"):
        monkeypatch.delenv(variable, raising=False)
    printed = _printed(SCREENS[name])
    path = STORED / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(printed, encoding="utf-8")
    assert_same(printed, path.read_text("utf-8"))


def test_every_stored_screen_is_compared() -> None:
    assert {path.stem for path in STORED.iterdir()} == set(SCREENS)


@pytest.mark.parametrize(
    ("printed", "same"),
    [
        ("rate 0.50, 3 of 9, 2.0e-04, 99.0 s", True),
        ("rate 0.51, 3 of 9, 2.1e-04, 1.5 s", True),
        ("rate 0.52, 3 of 9, 2.0e-04, 1.5 s", False),
        ("rate 0.50, 4 of 9, 2.0e-04, 1.5 s", False),
        ("rate 0.50, 3 of 9, 2.2e-04, 1.5 s", False),
        ("rates 0.50, 3 of 9, 2.0e-04, 1.5 s", False),
    ],
)
def test_numbers_are_equal_up_to_their_last_digit(printed: str, same: bool) -> None:
    stored = "rate 0.50, 3 of 9, 2.0e-04, 1.5 s"
    if same:
        assert_same(printed, stored)
    else:
        with pytest.raises(AssertionError, match="stored"):
            assert_same(printed, stored)

"""``--format markdown`` of every command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import SENTENCE, Run

COMMANDS = {
    "explain": ("explain",),
    "certify-soft": ("certify-soft", "--radius", "1"),
    "certify-hard": ("certify-hard",),
    "fourier": ("fourier", "--lambdas", "1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_writes_markdown(command: str, run: Run, bert: Path) -> None:
    ran = run(*COMMANDS[command], "-t", SENTENCE, "-m", bert, "--method", "random", "--format", "markdown")
    assert ran.code == 0
    assert ran.stdout.startswith(f'### "{SENTENCE}"\n\n')
    assert "\n| ---: |" in ran.stdout.replace(" :--- |", " ---: |")
    assert ran.stdout.endswith("\n\n"), "whatever is appended to it is not part of its last paragraph"


def test_smooth_eval_writes_an_item_for_each_input_and_then_the_tables(run: Run, bert: Path) -> None:
    inputs = ("-t", SENTENCE, "-t", "a *bad* film", "--method", "random", "--lambdas", "1,0.5")
    ran = run("smooth-eval", *inputs, "--n-samples", 2, "-m", bert, "--format", "markdown")
    assert ran.code == 0
    first, second, *others = ran.stdout.split("\n")
    assert first.startswith(f'- **"{SENTENCE}"** · ')
    assert second.startswith('- **"a \\*bad\\* film"** · ')
    assert "### 2 inputs, random, " in "\n".join(others)


def test_a_failed_input_is_in_the_summary(run: Run, bert: Path) -> None:
    inputs = ("-t", "  ", "-t", SENTENCE, "--keep-going")
    ran = run("certify-soft", *inputs, "-m", bert, "--method", "random", "--format", "markdown")
    assert ran.code == 4
    assert ran.stdout.startswith("### text-1\n\n**failed**\n\n")
    assert f'### "{SENTENCE}"' in ran.stdout


def test_records_are_checked_in_markdown(run: Run, bert: Path, tmp_path: Path) -> None:
    made = run("certify-soft", "-t", SENTENCE, "-m", bert, "--method", "random", "--json", "--quiet")
    record = made.record
    record["result"]["rates"][0]["matches"] -= 1
    path = tmp_path / "records.jsonl"
    path.write_text(made.stdout + json.dumps(record) + "\nno record\n")
    checked = run("certify-soft", "--verify", path, "--fast", "--quiet", "--keep-going", "--format", "markdown")
    assert "certify-soft, reported · **VERIFIED**" in checked.stdout
    assert "certify-soft, reported · **NOT VERIFIED**" in checked.stdout
    assert "line 3\n\n**failed**" in checked.stdout
    assert "\n- not checked: " in checked.stdout

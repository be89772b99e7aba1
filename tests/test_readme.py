"""The README is true: every command of it runs and prints what the page shows.

Numbers may differ in the last shown digit between processors; seconds are not compared.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = [block for block in re.findall(r"^```console\n(.*?)^```$", README, re.M | re.S) if block.startswith("$ ")]
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?")


def _compared(text: str) -> tuple[str, list[float]]:
    """The text without its numbers, and the numbers."""
    text = re.sub(r"\d+\.\d s,", "SECONDS,", "\n".join(line.rstrip() for line in text.strip().splitlines()))
    return NUMBER.sub("#", text), [float(number) for number in NUMBER.findall(text)]


def test_there_are_commands_to_check() -> None:
    assert len(BLOCKS) >= 6


def _run(block: str) -> subprocess.CompletedProcess[str]:
    """The command of a block, as a reader types it."""
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for name in ("STABCERT_MODEL", "STABCERT_DEVICE", "STABCERT_BATCH_SIZE", "FORCE_COLOR"):
        environment.pop(name, None)
    command = block.removeprefix("$ ").split("\n", 1)[0]
    return subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """All commands, two at a time: half of what each takes is the import of torch, on one core."""
    with ThreadPoolExecutor(2) as pool:
        yield {block: pool.submit(_run, block) for block in BLOCKS}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][2:60])
def test_a_command_prints_what_the_readme_shows(
    block: str, running: dict[str, Future[subprocess.CompletedProcess[str]]]
) -> None:
    expected = block.split("\n", 1)[1]
    ran = running[block].result()
    assert ran.returncode == 0, ran.stdout
    (shown, shown_numbers), (printed, printed_numbers) = _compared(expected), _compared(ran.stdout)
    assert printed == shown, ran.stdout
    assert printed_numbers == pytest.approx(shown_numbers, abs=0.011)


def test_the_python_of_the_readme_runs() -> None:
    (code,) = re.findall(r"<!-- python -->\n```python\n(.*?)^```$", README, re.M | re.S)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "joy 1.0\n"


def test_the_readme_never_sends_to_another_project_of_the_same_name() -> None:
    assert not re.search(r"pip install (-\S+ )*[\"']?stabcert", README)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "<!-- test command -->" in script
    (block,) = re.findall(r"<!-- test command -->\n```console\n(.*?)^```$", README, re.M | re.S)
    assert block.strip().splitlines()[-1].endswith("pytest")
    assert "$" not in block


def test_every_option_of_the_readme_exists() -> None:
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    helps = "".join(
        subprocess.run([sys.executable, "-m", "stabcert", *command, "--help"], capture_output=True, text=True).stdout
        for command in ([], ["explain"], ["certify-soft"], ["certify-hard"], ["smooth-eval"], ["fourier"])
    )
    others = {"--data", "--out"}
    assert {option for option in options if option not in helps} <= others

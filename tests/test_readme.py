"""The pages are true: every command of them runs and prints what the page shows.

Numbers may differ in the last shown digit (`tests.printed`). Commands run in a folder that
holds nothing but ``sample_inputs``, so that what they write is nowhere else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from stabcert.cli.app import app
from tests.printed import assert_same
from tests.warm import Warm

ROOT = Path(__file__).parents[1]
README, TUTORIAL = ((ROOT / page).read_text("utf-8") for page in ("README.md", "sample_inputs/TUTORIAL.md"))
PICTURE = ROOT / "sample_inputs" / "pictures" / "macaw.png"


def _blocks(page: str) -> list[str]:
    return [block for block in re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S) if block.startswith("$ ")]


# Commands of a part of the tutorial build on what those before them wrote; those of the README stand for themselves.
PARTS = [_blocks(part) for part in re.split(r"^# ", TUTORIAL, flags=re.M)[1:]]
CHAINS = [*PARTS, *([block] for block in _blocks(README))]
BLOCKS = [block for chain in CHAINS for block in chain]
Ran = subprocess.CompletedProcess[str]


def test_there_are_commands_to_check() -> None:
    assert [len(part) for part in PARTS] == [8, 2]
    assert len(_blocks(README)) >= 12
    assert len(set(BLOCKS)) == len(BLOCKS)


def _run(chain: list[str], folder: Path, environment: dict[str, str]) -> dict[str, Ran]:
    """The commands of a chain, one after the other, as a reader types them."""
    return {
        block: subprocess.run(
            ["bash", "-c", block.removeprefix("$ ").split("\n", 1)[0]],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for block in chain
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "sample_inputs").symlink_to(ROOT / "sample_inputs")
    return folder


@pytest.fixture(scope="module")
def running(folder: Path, warm: Warm) -> Iterator[dict[str, Future[dict[str, Ran]]]]:
    """All commands, two chains at a time."""
    environment = warm.environment()
    environment.pop("FORCE_COLOR", None)
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(_run, chain, folder, environment) for chain in CHAINS]
        yield {block: future for chain, future in zip(CHAINS, futures, strict=True) for block in chain}
        pool.shutdown(cancel_futures=True)


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][2:60])
def test_a_command_prints_what_the_page_shows(block: str, running: dict[str, Future[dict[str, Ran]]]) -> None:
    expected = block.split("\n", 1)[1]
    ran = running[block].result()[block]
    assert ran.returncode == 0, ran.stdout
    assert_same(ran.stdout, expected)


@pytest.mark.slow
def test_the_picture_is_what_its_command_draws(folder: Path, running: dict[str, Future[dict[str, Ran]]]) -> None:
    assert PICTURE.stat().st_size < 150_000
    (block,) = [block for block in BLOCKS if f"--plot {PICTURE.name}" in block]
    running[block].result()
    with Image.open(PICTURE) as kept, Image.open(folder / PICTURE.name) as drawn:
        assert kept.size == drawn.size
        # Fonts differ between versions of matplotlib, and the kept file has fewer colours.
        difference = np.abs(np.subtract(*(np.asarray(image.convert("RGB"), dtype=float) for image in (kept, drawn))))
    assert difference.mean() < 5


@pytest.mark.slow
def test_the_python_of_the_readme_runs() -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    examples = re.findall(r"<!-- python -->\n```python\n(.*?)^```$", README, re.M | re.S)
    assert len(examples) == 5
    printed = "".join(
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for code in examples
    )
    in_memory = "56 1.0\n['alcohol', 'alcalinity_of_ash', 'od280/od315_of_diluted_wines', 'proline'] 1.0\n"
    pair = "['nobody', '.', 'am', 'furious'] 8\n"
    assert printed == "joy 1.0\nTrue False\n" + pair + in_memory + "0.75\n"


def test_links_lead_to_files_and_headings() -> None:
    for page, place in ((README, ROOT), (TUTORIAL, ROOT / "sample_inputs")):
        headings = {
            re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", page, re.M)
        }
        for link in re.findall(r"\]\((?!https?://)([^)]+)\)", page):
            assert link[1:] in headings if link.startswith("#") else (place / link.split("#")[0]).exists(), link


@pytest.mark.slow
def test_troubles_are_named_in_the_words_of_the_program() -> None:
    """Each message of the list is one that the table of robustness has seen; what varies is … there."""
    section = README.split("\n## Troubleshooting\n")[1].split("\n## ")[0]
    messages = re.findall(r"^\| `([^`]+)`", section, re.M)
    assert len(messages) >= 10
    seen = (ROOT / "tests" / "robustness" / "TABLE.md").read_text("utf-8")
    for message in messages:
        assert re.search(re.escape(message).replace("…", ".+?"), seen), message


def test_the_readme_never_sends_to_another_project_of_the_same_name() -> None:
    assert not re.search(r"pip install (-\S+ )*[\"']?stabcert", README)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "<!-- test command -->" in script
    (block,) = re.findall(r"<!-- test command -->\n```console\n(.*?)^```$", README, re.M | re.S)
    assert block.strip().splitlines()[-1] == "python -m pytest -n 2 --dist loadfile", "all tests, none left out"
    assert "$" not in block


def test_every_option_of_the_pages_exists() -> None:
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README + TUTORIAL))
    helps = "".join(
        CliRunner().invoke(app, [*command, "--help"]).stdout
        for command in (
            [],
            ["explain"],
            ["certify-soft"],
            ["certify-hard"],
            ["smooth-eval"],
            ["fourier"],
            ["adapt"],
            ["diff"],
        )
    )
    others = {"--data", "--out", "--check", "--update-golden", "--quick", "--only", "--clock", "--dist"}
    assert {option for option in options if option not in helps} <= others

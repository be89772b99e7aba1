"""The worked example of continuous integration does what its page shows."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import Warm

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "sample_inputs" / "ci"
BLOCKS = dict(re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", (EXAMPLE / "README.md").read_text("utf-8"), re.M | re.S))
NUMBER = re.compile(r"\d+(?:\.\d+)?")
JOBS = [command for command in BLOCKS if "run.sh" in command]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the changed model; in this process, that has torch already."""
    folder = tmp_path_factory.mktemp("ci")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["change_model.py", str(folder / "changed")])
        runpy.run_path(str(EXAMPLE / "change_model.py"), run_name="__main__")
    return folder


def _bash(command: str, folder: Path, warm: Warm) -> subprocess.CompletedProcess[str]:
    """A command of the page, as a reader types it; what it calls ``changed`` lies elsewhere, and records are kept."""
    environment = warm.environment()
    for name in ("GITHUB_WORKSPACE", "FORCE_COLOR"):
        environment.pop(name, None)
    found = re.fullmatch(r"(.*run\.sh) (\S+?)(;.*)?", command)
    assert found is not None
    model = str(folder / "changed") if found[2] == "changed" else found[2]
    command = f"{found[1]} '{model}' --output '{_records(folder, found[2])}'{found[3] or ''}"
    return subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)


def _compared(text: str) -> tuple[str, list[float]]:
    """The text without its numbers, and the numbers: their last digit may differ between processors."""
    return NUMBER.sub("#", text), [float(number) for number in NUMBER.findall(text)]


def _records(folder: Path, model: str) -> Path:
    return folder / f"{model.replace(':', '-')}.jsonl"


@pytest.mark.parametrize("command", JOBS)
def test_the_job_passes_with_the_model_in_use_and_fails_with_the_changed_one(
    command: str, folder: Path, warm: Warm
) -> None:
    ran = _bash(command, folder, warm)
    (shown, shown_numbers), (printed, printed_numbers) = (
        _compared(text.replace(str(folder / "changed"), "changed")) for text in (BLOCKS[command], ran.stdout)
    )
    assert printed == shown, ran.stderr
    assert printed_numbers == pytest.approx(shown_numbers, abs=0.011)
    assert ran.returncode == 0, ran.stderr  # the page shows the exit code of the job that fails


def test_predictions_alone_would_not_have_told(folder: Path, warm: Warm) -> None:
    """The example is about explanations: the changed model says the same of every sentence."""
    said = []
    for model in ("demo:text", "changed"):
        if not _records(folder, model).exists():  # this test by itself
            _bash(next(command for command in JOBS if model in command), folder, warm)
        records = map(json.loads, _records(folder, model).read_text("utf-8").splitlines())
        said.append([record["prediction"]["label"] for record in records])
    assert len(said[0]) == 4
    assert said[0] == said[1]
    assert "exit code 1\n" in BLOCKS[JOBS[1]]

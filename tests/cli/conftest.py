"""A command line without a process: tiny models on disk, the exit code and both streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from stabcert.cli.app import app
from stabcert.report.record import load_schema
from tests.tiny_models import save_tiny_bert

SENTENCE = "the movie was not bad, a great film"
VALIDATOR = jsonschema.Draft202012Validator(load_schema())


@dataclass(frozen=True)
class Ran:
    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of stdout, each checked against the schema."""
        records = [json.loads(line) for line in self.stdout.splitlines()]
        for record in records:
            VALIDATOR.validate(record)
        return records

    @property
    def record(self) -> dict[str, Any]:
        (record,) = self.records
        return record


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("STABCERT_MODEL", "STABCERT_DEVICE", "STABCERT_BATCH_SIZE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object, stdin: bytes | str | None = None) -> Ran:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False)
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete directory of a tiny text classifier."""
    directory = tmp_path_factory.mktemp("models") / "bert"
    save_tiny_bert(directory)
    return directory


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def soft_records(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """One record of every kind of soft certificate."""
    from tests.cli.verify_cases import SOFT, make

    folder = tmp_path_factory.mktemp("soft")
    return {name: make("certify-soft", bert, folder, *options) for name, options in SOFT.items()}


@pytest.fixture(scope="session")
def hard_records(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """One record of every kind of hard certificate."""
    from tests.cli.verify_cases import HARD, make

    folder = tmp_path_factory.mktemp("hard")
    return {name: make("certify-hard", bert, folder, *options) for name, options in HARD.items()}


def without_run(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "run"}

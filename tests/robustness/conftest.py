"""Where cases run: an empty directory with the tiny models, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.case import Workshop
from tests.robustness.workshop import IMAGE, TEXT, save_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("robustness")
    save_models(directory)
    return directory


@pytest.fixture
def workshop(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    for name in (TEXT, IMAGE):
        (tmp_path / name).symlink_to(models / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for variable in ("STABCERT_MODEL", "STABCERT_DEVICE", "STABCERT_BATCH_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    return Workshop(monkeypatch, TEXT, IMAGE)

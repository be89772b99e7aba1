"""Commands on the accelerator: the certificate of the CPU, and a record that is verified on either."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.accelerator.networks import DEVICE, TEXT, picture


def stabcert(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    command = [sys.executable, "-m", "stabcert", *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")], ran.stderr


@pytest.mark.parametrize("family", ["vit", "bert"])
def test_counts_are_those_of_the_cpu(networks: dict[str, Path], tmp_path: Path, family: str) -> None:
    picture().save(tmp_path / "picture.png")
    given = ["-t", TEXT] if family == "bert" else [tmp_path / "picture.png"]
    found = []
    for device in (DEVICE, "cpu"):
        arguments = [*given, "-m", networks[family], "--method", "occlusion", "--top-k", 3, "--radius", 4, "--json"]
        code, records, errors = stabcert("certify-soft", *arguments, "--device", device)
        assert code == 0, errors
        found.append(records[0])
    on_device, on_cpu = found
    assert on_device["result"] == on_cpu["result"]
    assert on_device["explanation"]["selected"] == on_cpu["explanation"]["selected"]
    assert on_device["run"]["device"].startswith(DEVICE)


def test_a_record_is_verified_on_the_cpu(networks: dict[str, Path], tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    code, _, errors = stabcert("certify-soft", "-t", TEXT, "-m", networks["bert"], "-o", records, "--device", DEVICE)
    assert code == 0, errors
    code, _, errors = stabcert("certify-soft", "--verify", records, "--device", "cpu")
    assert code == 0, errors

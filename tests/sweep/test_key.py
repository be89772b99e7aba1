"""Keys: equal for equal requests in every process, different for everything that can change a record."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from stabcert.core.streams import digest
from stabcert.sweep.key import record_key, request_key

REQUEST: dict[str, Any] = {
    "schema": "stabcert/1",
    "command": "certify-soft",
    "parameters": {"radius": "1:3", "delta": 0.1, "seed": 0, "min_rate": None},
    "model": "demo:text",
    "revision": None,
    "identity": "caf\u00e9.txt",
    "occurrence": 1,
    "recorded": None,
}
FOUND: dict[str, Any] = {
    "input_sha256": "a" * 64,
    "model_revision": None,
    "model_sha256": "b" * 64,
    "model_config_sha256": None,
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_keys_are_the_same_in_every_process(seed: str) -> None:
    code = (
        "from stabcert.sweep.key import record_key, request_key\n"
        f"print(record_key(request_key(**{REQUEST!r}), **{FOUND!r}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert printed.stdout.strip() == record_key(request_key(**REQUEST), **FOUND)


def test_the_order_of_parameters_is_nothing() -> None:
    turned = dict(reversed(list(REQUEST["parameters"].items())))
    assert list(turned) != list(REQUEST["parameters"])
    assert request_key(**REQUEST | {"parameters": turned}) == request_key(**REQUEST)


@pytest.mark.parametrize(
    "other",
    [
        {"schema": "stabcert/2"},
        {"command": "explain"},
        {"parameters": REQUEST["parameters"] | {"delta": 0.05}},
        {"parameters": REQUEST["parameters"] | {"min_rate": 0.9}},
        {"model": "demo:image"},
        {"revision": "main"},
        {"identity": "tea.txt"},
        {"occurrence": 2},
        {"recorded": "c" * 64},
    ],
)
def test_everything_that_is_asked_is_in_the_key(other: dict[str, Any]) -> None:
    assert request_key(**REQUEST | other) != request_key(**REQUEST)


@pytest.mark.parametrize("other", [{"input_sha256": "0" * 64}, {"model_revision": "1"}, {"model_sha256": None}])
def test_everything_that_is_found_is_in_the_key(other: dict[str, Any]) -> None:
    assert record_key("r", **FOUND | other) != record_key("r", **FOUND)


def test_text_that_is_no_unicode_has_a_digest() -> None:
    assert digest("caf\udce9") != digest("caf\u00e9")

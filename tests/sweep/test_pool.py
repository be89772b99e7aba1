"""The pool of workers without a cluster; with one: `tests.cli.test_ray`."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import pytest

from stabcert.errors import ParameterError
from stabcert.sweep.pool import threads_per_worker
from tests.sweep.squares import Square, squares


def test_without_ray_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def missing(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ParameterError, match=r'pip install "stabcert-attributions\[ray\]"'):
        list(squares(Square(tmp_path), [], range(2)))


def test_cores_are_shared_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads_per_worker(workers) for workers in (1, 4, 5, 32)] == [16, 4, 3, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads_per_worker(4) == 2

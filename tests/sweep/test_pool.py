"""Ray workers on a real local cluster: every result once, the dead replaced, what waits is bounded."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stabcert.errors import ModelError, ParameterError
from stabcert.sweep.pool import ATTEMPTS, Pool, threads_per_worker
from tests.waiting import wait_until


@dataclass(frozen=True)
class Square:
    """Squares numbers; some of them kill the worker or take their time."""

    folder: Path
    deadly: tuple[int, ...] = ()
    lives: int = 1
    slow: dict[int, int] = field(default_factory=dict)
    """Numbers that take until another one has begun."""

    def __call__(self, number: int) -> tuple[int, int]:
        mark = self.folder / f"{number}-{time.time_ns()}"
        mark.touch()
        if number in self.deadly and len(list(self.folder.glob(f"{number}-*"))) <= self.lives:
            os._exit(1)
        if number in self.slow:
            begun = f"{self.slow[number]}-*"
            wait_until(lambda: any(self.folder.glob(begun)), f"the beginning of {begun}")
        return number * number, os.getpid()


def gave_up(number: int, error: ModelError) -> tuple[int, int]:
    return -1, len(str(error))


@pytest.fixture
def notes() -> list[str]:
    return []


def squares(square: Square, notes: list[str], numbers: range, workers: int = 2) -> Iterator[tuple[int, Any]]:
    with Pool(square, gave_up, workers=workers, notify=notes.append) as pool:
        yield from pool.run(numbers)


@pytest.mark.slow
def test_every_result_comes_once_with_its_position(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    found = list(squares(Square(tmp_path), notes, range(10, 30)))
    assert sorted((position, value) for position, (value, _) in found) == [(i - 10, i * i) for i in range(10, 30)]
    assert len({process for _, (_, process) in found}) == 2


@pytest.mark.slow
def test_a_dead_worker_is_replaced_and_its_input_done(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    found = dict(squares(Square(tmp_path, deadly=(1, 4)), notes, range(6)))
    assert [found[i][0] for i in range(6)] == [0, 1, 4, 9, 16, 25]
    assert sum("a worker died" in note for note in notes) == 2


@pytest.mark.slow
def test_nothing_of_ray_reaches_stdout(ray_cluster: str, tmp_path: Path) -> None:
    """Ray prints the death of a worker to sys.stdout, from a thread."""
    code = (
        "from pathlib import Path\nfrom tests.sweep.test_pool import *\n"
        f"with Pool(Square(Path({str(tmp_path)!r}), deadly=(0,)), gave_up, workers=1, notify=lambda note: None,\n"
        f"          address={ray_cluster!r}) as pool:\n    assert [v for _, (v, _) in pool.run([0, 1])] == [0, 1]\n"
        "    time.sleep(1)\nprint('mine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("mine\n", "")


@pytest.mark.slow
def test_an_input_that_kills_every_worker_is_given_up(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    found = dict(squares(Square(tmp_path, deadly=(1,), lives=99), notes, range(4)))
    assert [found[i][0] for i in range(4)] == [0, -1, 4, 9]
    assert len(list(tmp_path.glob("1-*"))) == ATTEMPTS


@pytest.mark.slow
def test_nobody_runs_far_ahead_of_a_slow_input(ray_cluster: str, tmp_path: Path, notes: list[str]) -> None:
    """The first input ends when the last that may overtake it has begun: 4 for each of the 2 workers."""
    positions = [position for position, _ in squares(Square(tmp_path, slow={0: 7}), notes, range(40))]
    assert sorted(positions) == list(range(40))
    assert 6 <= positions.index(0) < 8


@pytest.mark.slow
def test_more_workers_than_the_cluster_has_room_for_are_refused(
    ray_cluster: str, tmp_path: Path, notes: list[str]
) -> None:
    with pytest.raises(ParameterError, match="Use --workers 2"):
        list(squares(Square(tmp_path), notes, range(2), workers=3))


def test_without_ray_the_message_says_how_to_install_it(
    tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = builtins.__import__

    def missing(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ParameterError, match=r'pip install "stabcert-attributions\[ray\]"'):
        list(squares(Square(tmp_path), notes, range(2)))


def test_cores_are_shared_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads_per_worker(workers) for workers in (1, 4, 5, 32)] == [16, 4, 3, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads_per_worker(4) == 2

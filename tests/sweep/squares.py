"""Work for the pool that can kill its worker."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stabcert.errors import ModelError
from stabcert.sweep.pool import Pool
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


def squares(square: Square, notes: list[str], numbers: range, workers: int = 2) -> Iterator[tuple[int, Any]]:
    with Pool(square, gave_up, workers=workers, notify=notes.append) as pool:
        yield from pool.run(numbers)

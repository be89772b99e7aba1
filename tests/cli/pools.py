"""Stand-ins for a pool of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Backwards:
    """In place of `Pool`: everything is done in this process, the last input first."""

    def __init__(self, do: Callable[[Any], Any], gave_up: object, **options: object) -> None:
        self._do = do

    def __enter__(self) -> Backwards:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def run(self, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for position, task in reversed(list(enumerate(tasks))):
            yield position, self._do(task)

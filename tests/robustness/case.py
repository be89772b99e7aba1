"""One thing that was tried: what is given, how it is built, and what has to come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Workshop:
    """An empty working directory with two tiny models in it, in which a case makes what it needs.

    Every path in it is relative to the working directory, so that messages are the same everywhere.
    """

    monkeypatch: pytest.MonkeyPatch
    text_model: str
    image_model: str
    stdin: bytes | None = None

    def write(self, name: str, data: bytes | str) -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return name


Build = Callable[[Workshop], Sequence[object]]


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    area: str
    given: str
    """In words."""
    build: Build = field(repr=False)
    """Makes it, and returns the arguments of the command."""
    code: int
    says: str
    """A part of the message, or of the note or result where the command succeeds."""
    after: Callable[[str, str], str] | None = field(default=None, repr=False)
    """Looks at standard output, standard error and the files that were made; says what it found, for the table."""

    @property
    def name(self) -> str:
        return f"{self.area}-{self.given}".replace(" ", "_")


Row = tuple[str, Build, int, str] | tuple[str, Build, int, str, Callable[[str, str], str]]


def cases(area: str, *rows: Row) -> tuple[Case, ...]:
    """Rows of one area: what is given, how it is built, exit code, a part of what is said, what is looked at then."""
    return tuple(Case(area, *row) for row in rows)

"""Sinks: the places where results go, and the results that they are told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from stabcert.records.writing import to_json

if TYPE_CHECKING:
    from stabcert.cli.items import Item
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document


@dataclass(frozen=True)
class Done:
    """One item of a run that is done."""

    state: Literal["new", "failed", "known"]
    """A new result, a failure, or a result of an earlier run."""
    record: dict[str, Any]
    item: Item | None
    """None for a line of records that is verified."""
    name: str
    """The names of its files begin with it."""
    made: Callable[[], Document]
    """Makes the document."""
    exhibit: Exhibit | None = None
    """The source of pictures; None except for a new result."""
    notes: list[str] = field(default_factory=list)
    """Notes of sinks on what they saved."""

    @cached_property
    def document(self) -> Document:
        """The document of the item, for every medium."""
        return self.made()

    @cached_property
    def line(self) -> str:
        """The record as the file and the stream contain it."""
        return to_json(self.record)


@dataclass(frozen=True)
class Whole:
    """The statement on all items together."""

    record: dict[str, Any] | None = None
    document: Document | None = None
    not_checked: tuple[str, ...] = ()
    """Parts of records that a verification leaves open."""


class Sink:
    """Does nothing with what it is told.

    Entered before any work, so that a file that cannot be written is refused in time, and closed after the last item,
    also after an error or an interruption.
    """

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def save(self, done: Done) -> None:
        """Save what must not be lost, as soon as it is there, in whatever order items are finished."""

    def add(self, done: Done) -> None:
        """Take a new result, in the order of the items."""

    def fail(self, done: Done) -> None:
        """Take a failure, in the order of the items."""

    def skip(self, done: Done) -> None:
        """Take a result of an earlier run, in the order of the items."""

    def abort(self, done: Done) -> None:
        """Take a failure that ends the run."""

    def summarise(self, whole: Whole) -> None:
        """Take what is found of all items together, after the last of them."""

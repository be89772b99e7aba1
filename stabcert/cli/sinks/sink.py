"""Sinks, which are the destinations of results, and the results that they receive."""

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
    """One finished item of a run."""

    state: Literal["new", "failed", "known"]
    """A new result, a failure, or a result of an earlier run."""
    record: dict[str, Any]
    item: Item | None
    """The input, or None for a verified line of records."""
    name: str
    """The beginning of the names of the item's files."""
    made: Callable[[], Document]
    """The function that makes the document."""
    exhibit: Exhibit | None = None
    """The source of pictures for a new result, or None."""
    notes: list[str] = field(default_factory=list)
    """Notes of sinks on saved files."""

    @cached_property
    def document(self) -> Document:
        """The document of the item, which all media share."""
        return self.made()

    @cached_property
    def line(self) -> str:
        """The record in the form in which it is written."""
        return to_json(self.record)


@dataclass(frozen=True)
class Whole:
    """The summary of all items."""

    record: dict[str, Any] | None = None
    document: Document | None = None
    not_checked: tuple[str, ...] = ()
    """Parts of records that a verification does not check."""


class Sink:
    """A sink that ignores all results, as a base for others.

    A sink is entered before any work, so that a file that cannot be written is refused early. It is closed after the
    last item, also after an error or an interruption.
    """

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def save(self, done: Done) -> None:
        """Save a result that must not be lost as soon as it is complete. Items can finish in any order."""

    def add(self, done: Done) -> None:
        """Process a new result. Results come in the order of the items."""

    def fail(self, done: Done) -> None:
        """Process a failure. Results come in the order of the items."""

    def skip(self, done: Done) -> None:
        """Process a result of an earlier run. Results come in the order of the items."""

    def abort(self, done: Done) -> None:
        """Process a failure that ends the run."""

    def summarise(self, whole: Whole) -> None:
        """Process the summary of all items after the last item."""

"""Records of two files matched by their inputs, and the change of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from stabcert.cli.diff.read import Entry, Side
from stabcert.cli.diff.statement import Settings, canonical, differences, statement_of
from stabcert.records.diff import Change

CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True)
class Match:
    """The records of one input in both files; one of them may be missing."""

    old: Entry | None
    new: Entry | None

    @cached_property
    def differs(self) -> list[tuple[str, Any, Any]]:
        """Settings in which the statements differ; empty if there is nothing to compare."""
        if self.old is None or self.new is None or self.old.failed or self.new.failed:
            return []
        return differences(statement_of(self.old.record), statement_of(self.new.record))

    @cached_property
    def change(self) -> Change:
        """The change of the input."""
        old, new = self.old, self.new
        if old is None or new is None:
            return "only-new" if old is None else "only-old"
        if old.failed or new.failed:
            return "failed"
        if old.interrupted or new.interrupted:
            return "interrupted"
        if self.differs:
            return "other-statement"
        if threshold_of(old.record) is None:
            return "no-threshold"
        if old.certified:
            return "kept" if new.certified and class_of(old.record) == class_of(new.record) else "lost"
        return "gained" if new.certified else "not-certified"

    @property
    def compared(self) -> bool:
        """True if means and differences include the input."""
        return self.change in ("lost", "gained", "not-certified", "no-threshold", "kept")

    @cached_property
    def statement(self) -> Settings:
        """The statement of the first record that there is."""
        return statement_of((self.old or self.new).record)  # type: ignore[union-attr]


def matched(old: Side, new: Side) -> list[Match]:
    """Return all records of two files, matched, in the order of `CHANGES` and then of OLD and of NEW.

    Records are matched by command and SHA-256 of the input, first those with the same statement, then the others.
    Among several the order in the file decides: the first copy of an input belongs to the first one of the other file.
    A failed record does not contain a hash, and is matched by the id of the input with what is left.
    """
    pairs, olds, news = _paired(old.entries, new.entries, _with_statement)
    more, olds, news = _paired(olds, news, _of_input)
    # Where neither record failed, equal ids are not enough: the input has changed.
    failed, olds, news = _paired(olds, news, lambda one: _of_id(one) if one.failed else None, _of_id)
    also_failed, olds, news = _paired(olds, news, _of_id, lambda one: _of_id(one) if one.failed else None)
    pairs += [*more, *failed, *also_failed]
    found = [Match(*pair) for pair in pairs] + [Match(one, None) for one in olds] + [Match(None, one) for one in news]
    return sorted(found, key=lambda one: (CHANGES.index(one.change), *_place(one)))


def threshold_of(record: dict[str, Any]) -> float | int | None:
    """Return the threshold that a record was to meet."""
    if record["command"] == "certify-hard":
        radius: int | None = record["result"]["threshold"]
        return radius
    return next((rate["threshold"] for rate in record["result"]["rates"] if rate["threshold"] is not None), None)


def class_of(record: dict[str, Any]) -> str:
    """Return the class that the certificate is about, by name: models number their classes differently."""
    hard = record["command"] == "certify-hard"
    label: str = (record["result"]["prediction"] if hard else record["explanation"]["masked_prediction"])["label"]
    return label


Key = Callable[[Entry], str | None]


def _place(match: Match) -> tuple[bool, int]:
    return (True, match.new.line) if match.old is None and match.new is not None else (False, match.old.line)  # type: ignore[union-attr]


def _with_statement(one: Entry) -> str | None:
    if one.failed:
        return None
    return f"{one.command} {one.sha256} {canonical(statement_of(one.record))}"


def _of_input(one: Entry) -> str | None:
    return None if one.failed else f"{one.command} {one.sha256}"


def _of_id(one: Entry) -> str:
    return canonical([one.command, one.record["input"]["kind"], one.record["input"]["id"]])


def _paired(
    olds: Iterable[Entry], news: Iterable[Entry], key: Key, key_of_new: Key | None = None
) -> tuple[list[tuple[Entry, Entry]], list[Entry], list[Entry]]:
    """Return pairs of entries with the same key in the order of both files, and what is left of either.

    Args:
        key: the key of an entry, or None for an entry that is not to be matched.
        key_of_new: the key of entries of NEW, if it is another one.
    """
    olds, news = list(olds), list(news)
    groups: dict[str, list[Entry]] = {}
    for one in news:
        name = (key_of_new or key)(one)
        if name is not None:
            groups.setdefault(name, []).append(one)
    waiting = {name: iter(group) for name, group in groups.items()}
    pairs, left, taken = [], [], set[int]()
    for one in olds:
        name = key(one)
        other = None if name is None else next(waiting.get(name, iter(())), None)
        if other is None:
            left.append(one)
            continue
        taken.add(id(other))
        pairs.append((one, other))
    return pairs, left, [one for one in news if id(one) not in taken]

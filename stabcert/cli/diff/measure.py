"""Means over the inputs of both files, and their paired differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stabcert.cli.diff.match import Match, threshold_of
from stabcert.cli.diff.statement import PER_INPUT, Settings, canonical
from stabcert.core.curve.estimates import Ends, ends_of
from stabcert.core.paired import PairedMeasure, PairedQuantity, paired_measure

Value = Callable[[dict[str, Any]], Ends]


@dataclass(frozen=True)
class Group:
    """All compared inputs whose certificates state the same."""

    command: str
    statement: Settings
    """The statement without what depends on the input."""
    inputs: int
    distinct: int
    """Number of different inputs; fewer than ``inputs`` if some are repeated."""
    measures: tuple[PairedMeasure, ...]


def groups_of(matches: Sequence[Match], *, delta: float) -> list[Group]:
    """Return the compared inputs by statement, in the order of their first records in OLD.

    Args:
        delta: probability that an interval may be wrong.
    """
    found: dict[str, list[Match]] = {}
    for match in sorted((one for one in matches if one.compared), key=lambda one: one.old.line if one.old else 0):
        shared = {name: value for name, value in match.statement.items() if name not in PER_INPUT}
        found.setdefault(canonical([match.old and match.old.command, shared]), []).append(match)
    return [_group(one, delta) for one in found.values()]


def _group(matches: list[Match], delta: float) -> Group:
    olds = [one.old.record for one in matches if one.old is not None]
    news = [one.new.record for one in matches if one.new is not None]
    first = olds[0]
    return Group(
        command=first["command"],
        statement={name: value for name, value in matches[0].statement.items() if name not in PER_INPUT},
        inputs=len(matches),
        distinct=len({one["input"]["sha256"] for one in olds}),
        measures=tuple(
            paired_measure(quantity, [*map(value, olds)], [*map(value, news)], delta=delta, radius=radius)
            for quantity, radius, value in _wanted(first)
        ),
    )


def _wanted(record: dict[str, Any]) -> Iterator[tuple[PairedQuantity, int | None, Value]]:
    """Yield what is averaged. It depends on the statement alone: a choice by the values would undo the guarantee."""
    if threshold_of(record) is not None:
        yield "certified", None, lambda one: ends_of(one["status"] == "certified")
    result = record["result"]
    if record["command"] == "certify-hard":
        if result["direction"] != "decremental":
            yield "proved share", None, lambda one: _share(one, "radius_incremental")
        if result["direction"] != "incremental":
            yield "proved removals", None, lambda one: _share(one, "radius_decremental")
        return
    if result.get("request", {}).get("largest_radius"):
        return  # the tested radii depend on the result
    for number, rate in enumerate(result["rates"]):
        yield "proved rate", rate["radius"], lambda one, number=number: _lower(one, number)  # type: ignore[misc]
        # Neither a test that ends when it has decided nor the worst of several sizes has an unbiased share of matches.
        if result["interval"] != "anytime" and result["formulation"] != "worst":
            yield "rate", rate["radius"], lambda one, number=number: _rate(one, number)  # type: ignore[misc]


def _lower(record: dict[str, Any], number: int) -> Ends:
    lower: float = record["result"]["rates"][number]["lower"]
    return lower, lower


def _rate(record: dict[str, Any], number: int) -> Ends:
    """Return the share of matches, where a near tie may be one or not."""
    rate = record["result"]["rates"][number]
    samples = rate["samples"]
    if samples == 0:  # of a record that could not be checked
        return 0.0, 1.0
    return min(rate["matches"], samples) / samples, min(rate["matches"] + rate["near_ties"], samples) / samples


def _share(record: dict[str, Any], name: str) -> Ends:
    """Return the proved radius as a share of the features outside of the mask; 0 where no radius is proved."""
    free, radius = record["explanation"]["n"] - record["explanation"]["k"], record["result"][name]
    everything = name == "radius_incremental" and record["result"]["stable_for_all_supersets"]
    if radius is None and not everything:
        return 0.0, 0.0
    share = 1.0 if everything or radius >= free else radius / free
    return share, share

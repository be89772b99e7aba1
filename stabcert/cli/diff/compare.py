"""The record of a comparison of two files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from stabcert.cli.diff.check import check_side
from stabcert.cli.diff.match import CHANGES, Match, class_of, matched
from stabcert.cli.diff.measure import groups_of
from stabcert.cli.diff.read import Entry, Side, side_of
from stabcert.cli.diff.statement import canonical, circumstances_of
from stabcert.cli.reporting import versions
from stabcert.core.streams import digest
from stabcert.errors import InputError, ParameterError
from stabcert.records.common import Model
from stabcert.records.diff import (
    DiffCounts,
    DiffEntry,
    Difference,
    DiffGroup,
    DiffInput,
    DiffMeasure,
    DiffRecord,
    DiffResult,
    DiffRun,
    DiffSide,
    MaxLost,
)
from stabcert.records.writing import SCHEMA


def compare_files(old: str, new: str, *, delta: float, max_lost: int | None) -> dict[str, Any]:
    """Return the record of the comparison of two files of certificates.

    Args:
        old, new: paths, or ``"-"`` for standard input for one of them.
        delta: probability that an interval over the inputs may be wrong.
        max_lost: most certificates of OLD that NEW may lack; None without a threshold.

    Raises:
        InputError: a file cannot be read, or contains something other than consistent records of certificates.
        ParameterError: ``max_lost`` is requested where no record of OLD was to meet a threshold.
    """
    start = time.perf_counter()
    sides = side_of(old), side_of(new)
    for side in sides:
        check_side(side)
    try:
        return compare_sides(*sides, delta=delta, max_lost=max_lost, start=start)
    except RecursionError:
        raise InputError(f"a record in {old} or {new} is nested too deeply. Certify the inputs again") from None


def compare_sides(old: Side, new: Side, *, delta: float, max_lost: int | None, start: float) -> dict[str, Any]:
    """Return the record of the comparison of the records of two files, see `compare_files`.

    Args:
        start: the time of `time.perf_counter` at the beginning of the command.

    Raises:
        ParameterError: ``max_lost`` is requested where no record of OLD was to meet a threshold.
    """
    matches = matched(old, new)
    threshold = None if max_lost is None else _threshold(matches, old, max_lost)
    counts = Counter(one.change for one in matches)
    result = DiffResult(
        old=_side(old),
        new=_side(new),
        counts=DiffCounts(**{change.replace("-", "_"): counts[change] for change in CHANGES}),
        delta=delta,
        groups=[
            DiffGroup(
                command=one.command,  # type: ignore[arg-type]
                statement=one.statement,
                inputs=one.inputs,
                distinct=one.distinct,
                measures=[DiffMeasure.of(measure) for measure in one.measures],
            )
            for one in groups_of(matches, delta=delta)
        ],
        circumstances=_circumstances(matches),
        max_lost=threshold,
        inputs=[_input(one) for one in matches],
    )
    # Keys, not whole records: seconds and last digits of probabilities differ from run to run.
    records = [[(one.record["key"], one.record["status"]) for one in side.entries] for side in (old, new)]
    record = DiffRecord(
        version=SCHEMA,
        command="diff",
        status="reported" if threshold is None else "met" if threshold.met else "not-met",
        key=digest({"command": "diff", "records": records, "delta": delta, "max_lost": max_lost}),
        result=result,
        run=DiffRun(seconds=round(time.perf_counter() - start, 3), versions=versions()),
    )
    return record.to_dict()


def _threshold(matches: Iterable[Match], old: Side, most: int) -> MaxLost:
    """Return how many certificates of OLD are missing in NEW: lost, failed, interrupted, with another statement, ..."""
    before = sum(one.certified for one in old.entries)
    if all(one.failed or one.record["status"] == "reported" for one in old.entries):
        raise ParameterError(
            f"max_lost needs certificates that were to meet a threshold, got none in {old.source}. Certify the inputs "
            "with --min-rate RATE or --min-radius R"
        )
    kept = sum(one.change == "kept" for one in matches)
    return MaxLost(threshold=most, certified_before=before, missing=before - kept, met=before - kept <= most)


def _side(side: Side) -> DiffSide:
    done = [one.record for one in side.entries if not one.failed]
    models = _distinct([{k: v for k, v in one["model"].items() if k != "question"} for one in done])
    return DiffSide(
        source=side.source,
        records=len(side.entries),
        commands=_distinct([one.command for one in side.entries]),
        models=[Model.model_validate(one) for one in models],
        methods=_distinct([one["explanation"]["method"] for one in done]),
        failed=len(side.entries) - len(done),
        unchecked=side.unchecked,
    )


def _input(match: Match) -> DiffInput:
    either = [one for one in (match.old, match.new) if one is not None]
    return DiffInput(
        change=match.change,
        command=either[0].command,  # type: ignore[arg-type]
        sha256=next((one.sha256 for one in either if one.sha256 is not None), None),
        old=_entry(match.old),
        new=_entry(match.new),
        differs=[Difference(name=name, old=old, new=new) for name, old, new in match.differs],
    )


def _entry(one: Entry | None) -> DiffEntry | None:
    return None if one is None else DiffEntry.of(one.line, one.record, None if one.failed else class_of(one.record))


def _circumstances(matches: Iterable[Match]) -> list[Difference]:
    """Return what else differs between the two records of a compared input, with all values of each file.

    A setting that only one of them has belongs to something that is already named, such as another method.
    """
    pairs = [
        (circumstances_of(one.old.record), circumstances_of(one.new.record))
        for one in matches
        if one.compared and one.old is not None and one.new is not None
    ]
    names = _distinct([name for pair in pairs for settings in pair for name in settings])
    found = []
    for name in names:
        both = [(old[name], new[name]) for old, new in pairs if name in old and name in new]
        if any(canonical(old) != canonical(new) for old, new in both):
            values = [_distinct([pair[side] for pair in both]) for side in (0, 1)]
            old, new = (one[0] if len(one) == 1 else one for one in values)
            found.append(Difference(name=name, old=old, new=new))
    return found


def _distinct(values: list[Any]) -> list[Any]:
    """Return the different values in the order of their first occurrence."""
    return list({canonical(one): one for one in values}.values())

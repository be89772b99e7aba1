"""The scorecard of a run: one page for a model card or an audit, over all of its inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stabcert.report.document import Block, Column, Document, Heading, Line, line, table, title
from stabcert.report.finding import found_of
from stabcert.report.numbers import confidence, rounded_down
from stabcert.report.scorecard.by_lambda import consistency_by_lambda, stability_by_lambda
from stabcert.report.scorecard.estimates import (
    DELTA,
    mean,
    probability_of_class,
    rates_by_radius,
    share,
    some,
)
from stabcert.report.scorecard.groups import Divided, Group, divided
from stabcert.report.scorecard.guarantees import guarantees
from stabcert.report.scorecard.limits import limits
from stabcert.report.scorecard.radii import proved, radius_row, reached, steps
from stabcert.report.scorecard.settings import asked, threshold_of

_PERCENT = confidence(DELTA)
_OVER = f"{_PERCENT} over inputs"
_FLAGS = (("consistent", True), ("not consistent", False), ("too close to call", None))


def scorecard(
    command: str,
    records: Sequence[dict[str, Any]],
    *,
    summary: dict[str, Any] | None = None,
    unreached: Sequence[str] = (),
) -> Document:
    """Return the scorecard of a run.

    Args:
        command: the command that made the records.
        records: a record of each input, valid against the schema, in the order of the inputs.
        summary: the record of all inputs of ``smooth-eval``.
        unreached: names of the inputs that the run did not reach.
    """
    found = divided(records)
    number = len(records) + len(unreached)
    heading = Heading(f"Scorecard of {command}: {found.finished} of {number} {'input' if number == 1 else 'inputs'}")
    blocks: list[Block] = [*_first(found, summary)]
    for group in found.groups:
        blocks += [title(group.name)] if len(found.groups) > 1 else []
        blocks += _consistency(group, summary)
        blocks += _fidelity(group)
        blocks += _stability(group, summary)
    if found.records:
        blocks += [title("What was asked"), _pairs(asked(found.records, summary))]
    blocks.append(title("What is not covered"))
    blocks.append(
        table(
            [Column("not covered", "left"), Column("why, or which", "left")],
            limits(found, unreached, counted=summary is not None),
        )
    )
    if found.records:
        blocks.append(title("What is guaranteed"))
        blocks += map(line, guarantees(found, summary))
    return Document(heading, tuple(blocks))


def _first(found: Divided, summary: dict[str, Any] | None) -> list[Line]:
    """Return how many inputs are certified, and whether one input is too few for intervals."""
    lines = []
    if summary is not None and summary["status"] != "reported":
        met = summary["status"] == "certified"
        lines.append(line(f"{summary['status']}: {found_of(summary)}.", "good" if met else "bad", strong=True))
    for group in found.groups:
        threshold, certified = threshold_of(group.first), _certified(group)
        where = f"{group.name}: " if len(found.groups) > 1 else ""
        if threshold:
            met = all(one is True for one in certified)
            said = f"{where}{share(certified).number} inputs certified, which needs {threshold}."
            lines.append(line(said, "good" if met else "bad", strong=True))
        elif summary is None or summary["status"] == "reported":
            lines.append(line(f"{where}No threshold was given, so that no input is certified or refused."))
        if len(group.records) == 1:
            lines.append(line(f"{where}One input only, which does not give any interval over inputs.", "doubtful"))
    return lines or [line("No input has a result, and so nothing is known.", "bad", strong=True)]


def _certified(group: Group) -> list[bool | None]:
    return [one["status"] == "certified" for one in group.records]


def _consistency(group: Group, summary: dict[str, Any] | None) -> list[Block]:
    blocks: list[Block] = [title("Consistency")]
    blocks.append(line("The share of inputs whose mask alone has the class of the full input."))
    if summary is not None:
        return [*blocks, *consistency_by_lambda(summary["result"])]
    rows = []
    for name, flags in _flags(group):
        found = share(flags)
        counts = Counter(flags)
        said = ", ".join(f"{counts[value]} {shown}" for shown, value in _FLAGS if counts[value])
        rows.append([name, found.number, found.interval, said])
    columns = [Column("function", "left"), Column("consistent"), Column(_OVER), Column("counts", "left")]
    return [*blocks, table(columns, rows)]


def _flags(group: Group) -> list[tuple[str, list[bool | None]]]:
    shown = [one["explanation"]["consistent"] for one in group.records]
    found: list[tuple[str, list[bool | None]]] = [(f"{_shown(group)} model", shown)]
    result = group.first["result"]
    if result.get("noise") == "bernoulli" and result.get("full_prediction") is not None:
        found.append(("smoothed model", [one["result"]["consistent"] for one in group.records]))
    return found


def _shown(group: Group) -> str:
    """Return which function the predictions of the records belong to."""
    if group.first["command"] == "certify-soft":
        smoothed = [bool(one["result"]["smoothing"]) for one in group.records]
        return "smoothed" if all(smoothed) else "chosen" if any(smoothed) else "unsmoothed"
    quantized = group.first["command"] == "certify-hard" and group.first["result"]["noise"] == "quantized"
    return "smoothed" if quantized else "unsmoothed"


def _fidelity(group: Group) -> list[Block]:
    """Return the probability of the class of the full input, on the full input and on the mask alone."""
    if group.first["model"].get("question"):
        said = "The classes are the two answers to a question about one output. Their agreement is under Consistency."
        return [title("Fidelity"), line(said)]
    full = [float(one["prediction"]["probability"]) for one in group.records]
    on_full, on_mask = mean([(one, one) for one in full]), mean([probability_of_class(one) for one in group.records])
    votes = "" if _shown(group) == "unsmoothed" else " Of a smoothed model it is the share of votes."
    if group.first["result"].get("scores") == "probability":
        votes = " Of a smoothed model it is the mean over the noise masks."
    rows = [
        ["the full input", on_full.number, on_full.interval],
        ["the mask alone", on_mask.number, on_mask.interval],
    ]
    blocks: list[Block] = [
        title("Fidelity"),
        line(f"The mean probability that the {_shown(group)} model gives to its class of the full input.{votes}"),
        table([Column("on", "left"), Column("mean"), Column(_OVER)], rows),
    ]
    if len({mask["method"] for mask in group.first["result"].get("masks", ())}) > 1:
        blocks.append(line(f"The mask is that of the first method, {group.first['explanation']['method']}.", "faint"))
    if any(low < high for low, high in map(probability_of_class, group.records)):
        said = "Where the mask alone has another class, only bounds of this probability are known."
        blocks.append(line(said, "faint"))
    if group.first["command"] == "certify-hard" and group.first["result"]["full_prediction"] is not None:
        agreed = share([one["result"]["agrees_with_unsmoothed"] for one in group.records])
        said = "The smoothed model has the class of the unsmoothed model on the full input"
        ends = "" if len(group.records) == 1 else f" ({_OVER}: {agreed.interval})"
        blocks.append(line(f"{said}: {agreed.number} inputs{ends}."))
    return blocks


def _stability(group: Group, summary: dict[str, Any] | None) -> list[Block]:
    blocks: list[Block] = [title("Stability")]
    if threshold_of(group.first):
        found = share(_certified(group))
        ends = "" if len(group.records) == 1 else f" ({_OVER}: {found.interval})"
        counts = Counter(one["status"] for one in group.records)
        statuses = ", ".join(f"{number} {status}" for status, number in counts.most_common())
        blocks.append(line(f"Certified: {found.number} inputs{ends}. By verdict: {statuses}."))
    if summary is not None:
        return [*blocks, *stability_by_lambda(summary["result"])]
    if group.first["command"] == "smooth-eval":
        return [*blocks, line("The run ended before the means over its inputs.", "bad")]
    if not group.open:
        return [*blocks, line("Every mask keeps everything, and so nothing can be added.")]
    if group.first["command"] == "certify-hard":
        return [*blocks, *_hard(group)]
    return [*blocks, *_soft(group)]


def _soft(group: Group) -> list[Block]:
    radii = [one["result"]["largest_radius"] for one in group.open]
    if radii[0] is not None:
        said = "The share of inputs whose rate reaches the threshold at every tested radius up to r."
        largest = some(range(1, max(1, *radii) + 1))
        reach = [(str(r), share([radius >= r for radius in radii])) for r in largest]
        rows = [[radius, found.number, found.interval] for radius, found in reach]
        return [line(said), table(["radius", "inputs", _OVER], rows)]
    by_radius = rates_by_radius(group.open)
    rows = [
        [str(one.radius), str(one.inputs), one.mean.number, one.mean.interval, rounded_down(one.least)]
        for one in by_radius
    ]
    blocks: list[Block] = [
        line("The mean stability rate by radius, over the inputs that have so many features to add."),
        table(["radius", "inputs", "mean rate", _OVER, "least lower bound"], rows),
    ]
    if any(row[2] == "-" for row in rows):
        blocks.append(
            line(
                "A test that stops early, or that takes the smallest rate, has no unbiased estimate. "
                "The interval then follows from the bounds of the inputs.",
                "faint",
            )
        )
    return blocks


def _hard(group: Group) -> list[Block]:
    ways = proved(group.open)
    rows = []
    for way, radii in ways.items():
        least, average, most, shares = radius_row(radii)
        rows.append([way, str(len(radii)), least, average, most, shares.number, shares.interval])
    columns = [
        Column("proved radius", "left"),
        *map(Column, ("inputs", "min", "mean", "max", "mean share of free features", _OVER)),
    ]
    reach = [
        [str(step), *(cell for radii in ways.values() for cell in _cells(reached(radii, step)))] for step in steps(ways)
    ]
    header = [Column("radius at least"), *(Column(name, over=way) for way in ways for name in ("inputs", _OVER))]
    return [
        table(columns, rows),
        line("The share of inputs whose proof reaches a radius, or all of their free features."),
        table(header, reach),
    ]


def _cells(found: Any) -> tuple[str, str]:
    return found.number, found.interval


def _pairs(rows: Sequence[tuple[str, str]]) -> Block:
    return table([Column("setting", "left"), Column("value", "left")], rows)

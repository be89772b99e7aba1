"""The screen of ``smooth-eval``: a line for each input, then the tables of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from stabcert.report.curve.record import CurveFinding
from stabcert.report.curve.wording import (
    differences_of,
    gained,
    gained_interval,
    heading,
    interval_shown,
    lambda_text,
    meanings,
    share_columns,
    thresholds,
    verdict,
)
from stabcert.report.numbers import confidence, rounded, seed_shown
from stabcert.report.record import Report
from stabcert.report.terminal import Line, name_of, short
from stabcert.report.visible import visible

_WIDTH = 80
_STYLES = {"higher": "green", "lower": "red"}


@dataclass(frozen=True)
class Column:
    name: str
    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        return max(map(len, (self.name, *self.cells)))


def render_input(report: Report) -> list[Line]:
    """One line: what the model says, whether that is right, and where smoothing changes it."""
    full, result = report.explanation.full, report.result
    line = Text(name_of(report.input), style="bold")
    line.append(f"   {short(full.label)} ({full.probability:.2f})", style="not bold")
    if result["label"] is not None:
        right = result["label"]["id"] == full.id
        line.append(
            ", right" if right else f", WRONG: {short(result['label']['label'])}", "not bold" if right else "yellow"
        )
    line.append(f"   {changes(result, full.id)}", style="not bold")
    return [line]


def changes(result: dict[str, Any], full: int) -> str:
    """At which lambda which other class is predicted; ``full`` is the class of the model itself."""
    found: dict[str, list[str]] = {}
    for one in result["lambdas"]:
        if one["near_tie"]:
            found.setdefault("too close to call", []).append(f"{one['lambda']:g}")
        elif one["prediction"]["id"] != full:
            found.setdefault(short(one["prediction"]["label"]), []).append(f"{one['lambda']:g}")
    if not found:
        return "the same at every lambda"
    return "; ".join(f"{label} at lambda {', '.join(shares)}" for label, shares in found.items())


def render_curve(finding: CurveFinding) -> list[Line]:
    """Tables by lambda, paired differences, what all that means, and what it cost."""
    curve = finding.curve
    interval = f"{confidence(curve.delta)} interval"
    shares = Column("lambda", tuple(lambda_text(level.keep_probability) for level in curve.levels))
    groups = []
    if curve.labelled:
        found = [level.accuracy for level in curve.levels if level.accuracy is not None]
        groups.append(_estimates("accuracy", interval, found))
    groups.append(_estimates("agreement", interval, [level.agreement for level in curve.levels]))
    lines: list[Line] = [Text(visible(heading(finding)), style="bold"), *_tables(shares, groups)]
    for number, name in enumerate(finding.methods):
        of = [level.methods[number] for level in curve.levels]
        rates = [
            _estimates(f"rate r={rate.radius}", interval, [method.rates[i] for method in of])
            for i, rate in enumerate(of[0].rates)
        ]
        cells = [
            share_columns(method, level.certified_accuracy if number == 0 else ())
            for method, level in zip(of, curve.levels, strict=True)
        ]
        columns = [Column(column[0][0], tuple(cell for _, cell in column)) for column in zip(*cells, strict=True)]
        lines += [Text(f"  {visible(name)}", style="bold")] if len(finding.methods) > 1 else []
        lines += [*_tables(shares, rates), *_share_tables(shares, columns)]
    lines += _differences(finding, interval)
    lines += [Text(f"  {said}", style="green" if met else "yellow") for said, met in thresholds(finding)]
    lines += [Text(f"  {said}", style="dim") for said in meanings(finding)]
    return [*lines, _footer(finding)]


def _estimates(name: str, interval: str, estimates: Sequence[Any]) -> list[Column]:
    return [
        Column(name, tuple(rounded(one.mean) for one in estimates)),
        Column(interval, tuple(interval_shown(one) for one in estimates)),
    ]


def _share_tables(first: Column, columns: Sequence[Column]) -> list[Text]:
    """Columns of one kind stay together."""
    kinds = [[column for column in columns if column.name.startswith("certified") is kind] for kind in (False, True)]
    if _needed([first, *columns]) <= _WIDTH:
        return _table([first, *columns])
    return [line for kind in kinds for line in _tables(first, [[column] for column in kind])]


def _tables(first: Column, groups: Sequence[Sequence[Column]]) -> list[Text]:
    """Tables that all begin with ``first``; groups of columns that do not fit beside the others go into the next."""
    lines: list[Text] = []
    row: list[Column] = []
    for group in groups:
        if row and _needed([first, *row, *group]) > _WIDTH:
            lines += _table([first, *row])
            row = []
        row += group
    return lines + (_table([first, *row]) if row else [])


def _needed(columns: Sequence[Column]) -> int:
    return sum(2 + column.width for column in columns)


def _table(columns: Sequence[Column]) -> list[Text]:
    header = "".join("  " + column.name.rjust(column.width) for column in columns)
    rows = zip(*(column.cells for column in columns), strict=True)
    widths = [column.width for column in columns]
    body = ["".join("  " + cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [Text(header, style="dim"), *map(Text, body)]


def _differences(finding: CurveFinding, interval: str) -> list[Text]:
    if not finding.curve.differences:
        return []
    rows = [
        (lambda_text(one.keep_probability), name, gained(estimate), gained_interval(estimate), verdict(estimate))
        for one in finding.curve.differences
        for name, estimate in differences_of(one, finding.methods)
    ]
    if not rows:
        return []
    reference = lambda_text(finding.curve.differences[0].reference)
    names = ("lambda", "", "difference", interval)
    columns = [Column(name, cells) for name, cells in zip(names, tuple(zip(*rows, strict=True))[:4], strict=True)]
    columns[1] = Column("", tuple(cell.ljust(columns[1].width) for cell in columns[1].cells))
    header, *body = _table(columns)
    for line, row in zip(body, rows, strict=True):
        line.append(f"  {row[4]}", style=_STYLES.get(row[4], ""))
    title = Text(f"  differences to lambda {reference} on the same inputs, noise and additions", style="bold")
    return [title, header, *body]


def _footer(finding: CurveFinding) -> Text:
    run = finding.run
    cost = f"{run['evaluations']} evaluations, {run['seconds']:.1f} s"
    seed = seed_shown(run["seed"], default=run.get("default_seed", True))
    where = f"{visible(finding.model['id'])}, {run['device']} {run['dtype']}, {seed}"
    return Text(f"  {cost}, {where}", style="dim")

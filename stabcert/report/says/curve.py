"""The documents of ``smooth-eval``: one line and a table for each input, and the tables of all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from stabcert.records.findings import CurveFinding
from stabcert.report.canvas import Exhibit
from stabcert.report.charts.curve import curve_charts
from stabcert.report.curve.wording import (
    GAIN_TONES,
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
from stabcert.report.document import (
    EVERYWHERE,
    WIDTH,
    Block,
    Cell,
    Column,
    Document,
    Heading,
    Line,
    Table,
    Word,
    line,
    table,
)
from stabcert.report.numbers import confidence, lambda_shown, rounded, seed_shown
from stabcert.report.says.common import evidence, facts, naming_of
from stabcert.report.says.question import lines_of
from stabcert.report.wording import name_of, predicted, ranges, short


def input_document(exhibit: Exhibit) -> Document:
    """Return what is said of one input of many: the prediction of the model, and where smoothing changes it."""
    report = exhibit.report
    full, result = report.explanation.full, report.result
    said = [Word(predicted(full))]
    if result["label"] is not None:
        right = result["label"]["id"] == full.id
        wrong = Word(f", WRONG: {short(result['label']['label'])}", "doubtful", strong=True)
        said.append(Word(", right") if right else wrong)
    parts = (tuple(said), (Word(changes(result, full.id)),))
    blocks: tuple[Block, ...] = (*evidence(exhibit), _by_lambda(result))
    named = Heading(name_of(report.input), parts, naming=naming_of(report.input))
    return Document(named, blocks, facts(report), folded=True)


def changes(result: dict[str, Any], full: int) -> str:
    """Return at which lambda which other class is predicted; ``full`` is the class of the unsmoothed model."""
    found: dict[str, list[str]] = {}
    for one in result["lambdas"]:
        if one["near_tie"]:
            found.setdefault("too close to call", []).append(_lambda(one))
        elif one["prediction"]["id"] != full:
            found.setdefault(short(one["prediction"]["label"]), []).append(_lambda(one))
    if not found:
        return "the same at every lambda"
    return "; ".join(f"{label} at lambda {', '.join(shares)}" for label, shares in found.items())


def _lambda(one: dict[str, Any]) -> str:
    """Return the lambda of a level, exactly: as the number nearest to it only if that is equal."""
    nearest, exact = lambda_shown(one["lambda"]), one["fraction"]
    return nearest if Fraction(nearest) == Fraction(exact) else str(exact)


def _by_lambda(result: dict[str, Any]) -> Table:
    several = len(result["masks"]) > 1
    header = ["lambda", "predicts", *(["right"] if result["label"] is not None else []), "as unsmoothed", "removing"]
    for mask in result["lambdas"][0]["masks"]:
        prefix = f"{mask['method']}: " if several else ""
        header += [f"{prefix}mask alone", "consistent"]
        header += [*(f"rate r={rate['radius']}" for rate in mask["rates"]), "hard radius"]
    rows = []
    for one in result["lambdas"]:
        row = [_lambda(one), _class(one["prediction"], one["near_tie"])]
        row += [_yes(one["correct"])] if result["label"] is not None else []
        row += [_yes(one["agrees"]), _radius(one["decremental_radius"])]
        for mask in one["masks"]:
            row += [_class(mask["masked_prediction"], mask["near_tie"]), _yes(mask["consistent"])]
            row += [f"{rate['matches']} of {rate['samples']}" for rate in mask["rates"]]
            row.append(_radius(mask["hard_radius"]))
        rows.append(row)
    return table([Column(header[0]), Column(header[1], "left"), *header[2:]], rows)


def curve_document(finding: CurveFinding) -> Document:
    """Return what is said of all inputs: tables by lambda, paired differences, what that means, and what it cost."""
    curve = finding.curve
    interval = f"{confidence(curve.delta)} interval"
    first = [lambda_text(level.keep_probability) for level in curve.levels]
    groups = []
    if curve.labelled:
        found = [level.accuracy for level in curve.levels if level.accuracy is not None]
        groups.append(("accuracy", found))
    groups.append(("agreement", [level.agreement for level in curve.levels]))
    blocks: list[Block] = [*curve_charts(finding), _estimates(first, groups, interval)]
    for number, name in enumerate(finding.methods):
        of = [level.methods[number] for level in curve.levels]
        rates = [(f"rate r={rate.radius}", [method.rates[i] for method in of]) for i, rate in enumerate(of[0].rates)]
        shares = [
            share_columns(method, level.certified_accuracy if number == 0 else ())
            for method, level in zip(of, curve.levels, strict=True)
        ]
        blocks += [line(name, strong=True)] if len(finding.methods) > 1 else []
        blocks += [*([_estimates(first, rates, interval)] if rates else []), *_shares(first, shares)]
    blocks += _differences(finding, interval)
    blocks += [line(said, "good" if met else "doubtful", on=EVERYWHERE) for said, met in thresholds(finding)]
    blocks += lines_of(finding.model.get("question"), votes=True)
    blocks += [line(said, "faint", on=EVERYWHERE) for said in meanings(finding)]
    named = Heading(heading(finding), title="What smoothing costs and gains")
    return Document(named, (*blocks, _footer(finding)), _facts(finding))


def _estimates(first: list[str], groups: Sequence[tuple[str, Sequence[Any]]], interval: str) -> Table:
    columns, cells = [Column("lambda")], [first]
    for name, estimates in groups:
        columns += [Column(name), Column(interval, beside=True)]
        cells += [[rounded(one.mean) for one in estimates], [interval_shown(one) for one in estimates]]
    return table(columns, list(zip(*cells, strict=True)), breaks=True)


def _shares(first: list[str], levels: Sequence[Sequence[tuple[str, str]]]) -> list[Table]:
    """Return one table, or two where it would be too wide: columns of one kind stay together."""
    names = [name for name, _ in levels[0]]
    rows = [[share, *(cell for _, cell in level)] for share, level in zip(first, levels, strict=True)]
    whole = table(["lambda", *names], rows, breaks=True)
    if whole.width <= WIDTH:
        return [whole]
    kinds = [
        [number for number, name in enumerate(names, start=1) if name.startswith("certified") is kind]
        for kind in (False, True)
    ]
    return [whole.only([0, *kind]) for kind in kinds if kind]


def _differences(finding: CurveFinding, interval: str) -> list[Block]:
    rows: list[list[Cell]] = [
        [
            lambda_text(one.keep_probability),
            name,
            gained(estimate),
            gained_interval(estimate),
            Word(verdict(estimate), GAIN_TONES.get(verdict(estimate), "plain")),
        ]
        for one in finding.curve.differences
        for name, estimate in differences_of(one, finding.methods)
    ]
    if not rows:
        return []
    reference = lambda_text(finding.curve.differences[0].reference)
    columns: list[Column | str] = ["lambda", Column("", "left"), "difference", interval, Column("", "left")]
    title = f"differences to lambda {reference} on the same inputs, noise and additions"
    return [line(title, strong=True), table(columns, rows)]


def _facts(finding: CurveFinding) -> str:
    radii = [rate.radius for rate in finding.curve.levels[0].methods[0].rates]
    seed = seed_shown(finding.run["seed"], default=finding.run.get("default_seed", True))
    return f"r = {ranges(radii)}, δ = {finding.curve.delta:g}. Model {finding.model['id']}, {seed}."


def _footer(finding: CurveFinding) -> Line:
    run = finding.run
    cost = f"{run['evaluations']} evaluations, {run['seconds']:.1f} s"
    seed = seed_shown(run["seed"], default=run.get("default_seed", True))
    return line(f"{cost}, {finding.model['id']}, {run['device']} {run['dtype']}, {seed}", "faint")


def _class(prediction: dict[str, Any], near_tie: bool) -> str:
    return "too close to call" if near_tie else short(prediction["label"])


def _yes(flag: bool | None) -> str:
    return "?" if flag is None else "yes" if flag else "NO"


def _radius(radius: int | None) -> str:
    return "?" if radius is None else str(radius)

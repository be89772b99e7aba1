"""The pages of ``smooth-eval``: all inputs together at the top, then one row for each that opens."""

from __future__ import annotations

from typing import Any

from stabcert.records.findings import CurveFinding
from stabcert.report.canvas import Exhibit
from stabcert.report.curve.chart import Panel, legend, panels
from stabcert.report.curve.svg import legend_html, panel_chart
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
from stabcert.report.html_parts import escaped, picture, sentence, table
from stabcert.report.numbers import confidence, rounded, seed_shown
from stabcert.report.says.curve import changes
from stabcert.report.wording import name_of, predicted, short


def curve_section(finding: CurveFinding) -> str:
    """Diagrams, tables and what they mean."""
    run, model = finding.run, finding.model
    seed = seed_shown(run["seed"], default=run.get("default_seed", True))
    parts = [f"<p>{escaped(heading(finding))}</p>"]
    parts += [
        f'<p class="{"good" if met else "bad"}">{escaped(said.replace(">=", "≥"))}</p>'
        for said, met in thresholds(finding)
    ]
    for row in panels(finding):
        parts.append(f'<div class="row">{"".join(map(_figure, row))}</div>')
    parts += [
        f"<p>{legend_html(legend(finding))}</p>",
        _estimates(finding),
        *_by_method(finding),
        _differences(finding),
        *(f"<p>{escaped(said)}</p>" for said in meanings(finding)),
        f'<p class="faint">δ = {finding.curve.delta:g}. Model {escaped(model["id"])}, {seed}, '
        f"{run['evaluations']} evaluations.</p>",
    ]
    return "".join(parts)


def input_row(exhibit: Exhibit) -> tuple[str, str]:
    """What is seen of one input, and what is seen when it is opened."""
    report = exhibit.report
    explanation, result = report.explanation, report.result
    said = [f"<b>{escaped(name_of(report.input))}</b>", escaped(predicted(explanation.full))]
    if result["label"] is not None:
        right = result["label"]["id"] == explanation.full.id
        wrong = f'<span class="bad">WRONG: {escaped(short(result["label"]["label"]))}</span>'
        said.append("right" if right else wrong)
    said.append(escaped(changes(result, explanation.full.id)))
    parts = []
    if exhibit.canvas is not None:
        canvas, mask = exhibit.canvas, explanation.mask
        shown = f"Kept by {explanation.method}, in colour: {predicted(explanation.masked)}"
        parts.append(picture(canvas.kept(mask), shown, [("kept", canvas.outline(mask))]))
    elif report.input.text is not None:
        parts.append(sentence(report.input.text, explanation.features, explanation.mask))
    parts.append(_lambdas(result))
    return " · ".join(said), "".join(parts)


def _lambdas(result: dict[str, Any]) -> str:
    several = len(result["masks"]) > 1
    header = ["λ", "says", *(["right"] if result["label"] is not None else []), "as the model itself", "removing"]
    for mask in result["lambdas"][0]["masks"]:
        prefix = f"{mask['method']}: " if several else ""
        header += [f"{prefix}mask alone", "consistent"]
        header += [*(f"rate r={rate['radius']}" for rate in mask["rates"]), "hard radius"]
    rows = []
    for one in result["lambdas"]:
        row = [f"{one['lambda']:g}", _class(one["prediction"], one["near_tie"])]
        row += [_yes(one["correct"])] if result["label"] is not None else []
        row += [_yes(one["agrees"]), _radius(one["decremental_radius"])]
        for mask in one["masks"]:
            row += [_class(mask["masked_prediction"], mask["near_tie"]), _yes(mask["consistent"])]
            row += [f"{rate['matches']} of {rate['samples']}" for rate in mask["rates"]]
            row.append(_radius(mask["hard_radius"]))
        rows.append(row)
    return table(header, rows, left=2)


def _figure(panel: Panel) -> str:
    subtitle = f": {panel.subtitle}" if panel.subtitle else ""
    names = "" if panel.by_lambda else f"<br>{legend_html([(one.name, one.style) for one in panel.series])}"
    caption = f"<figcaption>{escaped(panel.title + subtitle)}{names}</figcaption>"
    return f'<figure class="wide">{panel_chart(panel)}{caption}</figure>'


def _estimates(finding: CurveFinding) -> str:
    curve, interval = finding.curve, f"{confidence(finding.curve.delta)} interval"
    header = ["λ", *(["accuracy", interval] if curve.labelled else []), "agreement", interval]
    rows = []
    for level in curve.levels:
        found = [one for one in (level.accuracy, level.agreement) if one is not None]
        cells = [cell for one in found for cell in (rounded(one.mean), interval_shown(one))]
        rows.append([lambda_text(level.keep_probability), *cells])
    return table(header, rows, left=0)


def _by_method(finding: CurveFinding) -> list[str]:
    curve, interval = finding.curve, f"{confidence(finding.curve.delta)} interval"
    parts = []
    for number, name in enumerate(finding.methods):
        header, rows = ["λ"], []
        for rate in curve.levels[0].methods[number].rates:
            header += [f"rate r={rate.radius}", interval]
        for level in curve.levels:
            method = level.methods[number]
            shares = share_columns(method, level.certified_accuracy if number == 0 else ())
            cells = [cell for rate in method.rates for cell in (rounded(rate.mean), interval_shown(rate))]
            rows.append([lambda_text(level.keep_probability), *cells, *(share for _, share in shares)])
        header += [title for title, _ in shares]
        parts += [f"<p><b>{escaped(name)}</b></p>"] if len(finding.methods) > 1 else []
        parts.append(table(header, rows, left=0))
    return parts


def _differences(finding: CurveFinding) -> str:
    rows = [
        [lambda_text(one.keep_probability), name, gained(estimate), gained_interval(estimate), verdict(estimate)]
        for one in finding.curve.differences
        for name, estimate in differences_of(one, finding.methods)
    ]
    if not rows:
        return ""
    reference = lambda_text(finding.curve.differences[0].reference)
    header = ["λ", "", f"less λ = {reference}", f"{confidence(finding.curve.delta)} interval", ""]
    return (
        f"<p>Differences to λ = {escaped(reference)} on the same inputs, noise and additions:</p>"
        f"{table(header, rows, left=2)}"
    )


def _class(prediction: dict[str, Any], near_tie: bool) -> str:
    return "too close to call" if near_tie else short(prediction["label"])


def _yes(flag: bool | None) -> str:
    return "?" if flag is None else "yes" if flag else "NO"


def _radius(radius: int | None) -> str:
    return "?" if radius is None else str(radius)

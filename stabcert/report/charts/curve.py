"""The diagrams of ``smooth-eval``: accuracy over lambda, then stability, hard radii and certified accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stabcert.core.curve.result import EstimateAtRadius, SmoothingLevel
from stabcert.records.findings import CurveFinding
from stabcert.report.charts.lines import Panel, Series, panel_charts
from stabcert.report.curve.wording import Share, lambda_text
from stabcert.report.document import Chart


def curve_charts(finding: CurveFinding) -> list[Chart]:
    """Return all diagrams of a run; the last one names the lines of those by lambda."""
    return panel_charts(panels(finding), [f"λ = {lambda_text(one.keep_probability)}" for one in finding.curve.levels])


def panels(finding: CurveFinding) -> list[list[Panel]]:
    """Return rows of diagrams: over lambda and of single features removed, then two for each method."""
    curve, several = finding.curve, len(finding.methods) > 1
    first = [_over_lambda(finding)]
    if curve.labelled:
        first.append(
            _by_radius(curve.levels, "certified accuracy", "right, whichever r are removed", "removed", _certified)
        )
    rows = [first]
    for number, method in enumerate(finding.methods):
        of = f", {method}" if several else ""

        def rates(level: SmoothingLevel, number: int = number) -> Sequence[EstimateAtRadius]:
            return level.methods[number].rates

        def hard(level: SmoothingLevel, number: int = number) -> Sequence[EstimateAtRadius]:
            return level.methods[number].hard_rates

        rows.append(
            [
                _by_radius(curve.levels, f"stability rate{of}", "mean over inputs", "added", rates),
                _by_radius(curve.levels, f"hard radius{of}", "share of inputs that reach r", "added", hard),
            ]
        )
    return rows


def _certified(level: SmoothingLevel) -> Sequence[EstimateAtRadius]:
    return level.certified_accuracy


def _over_lambda(finding: CurveFinding) -> Panel:
    levels = sorted(finding.curve.levels, key=lambda level: level.keep_probability)
    xs = [float(level.keep_probability) for level in levels]
    named: list[tuple[str, list[Share]]] = []
    if finding.curve.labelled:
        named.append(("accuracy", [level.accuracy for level in levels if level.accuracy is not None]))
    named.append(("agreement", [level.agreement for level in levels]))
    for number, method in enumerate(finding.methods):
        name = f"consistent, {method}" if len(finding.methods) > 1 else "consistent"
        named.append((name, [level.methods[number].consistency for level in levels]))
    series = [Series(name, i, tuple(zip(xs, found, strict=True))) for i, (name, found) in enumerate(named)]
    ticks = tuple((float(level.keep_probability), lambda_text(level.keep_probability)) for level in levels)
    title = "accuracy, agreement" if finding.curve.labelled else "agreement"
    return Panel(title, "share of inputs", "λ", ticks, tuple(series), False)


def _by_radius(
    levels: Sequence[SmoothingLevel],
    title: str,
    subtitle: str,
    change: str,
    found: Callable[[SmoothingLevel], Sequence[EstimateAtRadius]],
) -> Panel:
    series = [
        Series(f"λ = {lambda_text(level.keep_probability)}", i, tuple((float(one.radius), one) for one in found(level)))
        for i, level in enumerate(levels)
    ]
    ticks = tuple((x, str(one.radius)) for x, one in ((float(one.radius), one) for one in found(levels[0])))
    return Panel(title, subtitle, f"features {change}, r", ticks, tuple(series), True)

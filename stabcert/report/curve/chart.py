"""What the diagrams of ``smooth-eval`` show, whatever draws them: shares between 0 and 1 with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stabcert.core.curve.result import EstimateAtRadius, SmoothingLevel
from stabcert.records.findings import CurveFinding
from stabcert.report.curve.wording import Share, lambda_text

MOST_BARS = 12
"""Intervals of more points are drawn as bands."""
MOST_BANDS = 3
"""Bands that can be told apart where they overlap."""


@dataclass(frozen=True)
class Series:
    name: str
    style: int
    """Number of its colour, marker and dashes."""
    points: tuple[tuple[float, Share], ...]


@dataclass(frozen=True)
class Panel:
    """One diagram."""

    title: str
    subtitle: str
    x_name: str
    ticks: tuple[tuple[float, str], ...]
    series: tuple[Series, ...]
    by_lambda: bool
    """Whether each line is a lambda, as the common legend says; otherwise the panel names its lines."""

    @property
    def banded(self) -> bool:
        """Intervals as bands rather than bars."""
        few = not self.by_lambda and len(self.series) <= MOST_BANDS
        return few or len(self.series[0].points) > MOST_BARS


def panels(finding: CurveFinding) -> list[list[Panel]]:
    """Rows of diagrams: over lambda and of single features removed, then two for each method."""
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


def legend(finding: CurveFinding) -> list[tuple[str, int]]:
    """Names and styles of the lines of all diagrams by lambda."""
    return [(f"λ = {lambda_text(level.keep_probability)}", i) for i, level in enumerate(finding.curve.levels)]


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


def spread(panel: Panel) -> tuple[float, float, float]:
    """Ends of the x axis with some room, and how far lines with bars are moved aside so that bars do not overlap."""
    xs = [x for x, _ in panel.ticks]
    first, last = min(xs), max(xs)
    gap = min((b - a for a, b in zip(sorted(xs), sorted(xs)[1:], strict=False)), default=1.0)
    step = 0.0 if panel.banded else min(gap * 0.6, max(last - first, gap) * 0.12) / max(1, len(panel.series) - 1)
    room = max((last - first) * 0.05, gap * 0.3 if len(xs) < 3 else 0.0) + step * (len(panel.series) - 1) / 2
    return first - room, last + room, step


def shown_ticks(panel: Panel, most: int) -> list[tuple[float, str]]:
    """The ticks that there is room for: no more than ``most`` evenly spaced ones would be; the last always."""
    ticks = sorted(panel.ticks)
    least = 0.999 * (ticks[-1][0] - ticks[0][0]) / max(1, most - 1)  # 1 - 0.9 is a little less than 0.1
    shown = ticks[-1:]
    for tick in ticks[-2::-1]:
        if shown[0][0] - tick[0] >= least:
            shown.insert(0, tick)
    return shown

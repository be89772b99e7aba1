"""The diagrams of ``smooth-eval`` as SVG for pages."""

from __future__ import annotations

from collections.abc import Sequence

from stabcert.report.curve.chart import Panel, Series, shown_ticks, spread
from stabcert.report.curve.wording import interval_shown
from stabcert.report.html_parts import escaped

_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 350, 8, 150
_COLOURS = 6
_MOST_TICKS = 8


def panel_chart(panel: Panel) -> str:
    """Lines of shares between 0 and 1; intervals are bars or bands."""
    first, last, step = spread(panel)

    def x(value: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (value - first) / ((last - first) or 1.0), 1)

    parts = [
        f'<line class="{kind}" x1="{_LEFT}" x2="{_RIGHT}" y1="{_y(share)}" y2="{_y(share)}"/>'
        for share, kind in ((0, "axis"), (0.25, "grid"), (0.5, "grid"), (0.75, "grid"), (1, "grid"))
    ]
    parts += [f'<text x="{_LEFT - 6}" y="{_y(r) + 4}" text-anchor="end">{r:g}</text>' for r in (0, 0.5, 1)]
    parts += [
        f'<text x="{x(at)}" y="{_BOTTOM + 15}" text-anchor="middle">{escaped(name)}</text>'
        for at, name in shown_ticks(panel, _MOST_TICKS)
    ]
    middle = (_LEFT + _RIGHT) / 2
    parts.append(f'<text x="{middle:g}" y="{_BOTTOM + 32}" text-anchor="middle">{escaped(panel.x_name)}</text>')
    described = []
    for number, series in enumerate(panel.series):
        shift = step * (number - (len(panel.series) - 1) / 2)
        parts.append(_drawn(series, [x(at + shift) for at, _ in series.points], panel.banded))
        values = "; ".join(f"{at:g}: {interval_shown(one)}" for at, one in series.points)
        described.append(f"{series.name}: {values}")
    label = escaped(f"{panel.title} by {panel.x_name}. " + ". ".join(described))
    return f'<svg class="chart" viewBox="0 0 360 190" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def legend_html(names: Sequence[tuple[str, int]]) -> str:
    """A piece of line and a name for each style."""
    return "".join(
        f'<span class="key"><svg class="chart" viewBox="0 0 26 12" aria-hidden="true">'
        f'<path {_line(style)} d="M1 6H25"/><circle class="l{style % _COLOURS} fill" cx="13" cy="6" r="3.5"/></svg>'
        f"{escaped(name)}</span> "
        for name, style in names
    )


def _drawn(series: Series, xs: list[float], banded: bool) -> str:
    colour = f"l{series.style % _COLOURS}"
    estimates = [one for _, one in series.points]
    lows, highs = [_y(one.lower) for one in estimates], [_y(one.upper) for one in estimates]
    if banded and len(xs) > 1:
        edge = [*zip(xs, highs, strict=True), *reversed(list(zip(xs, lows, strict=True)))]
        interval = f'<polygon class="{colour} fill faded" points="{_points(edge)}"/>'
    else:
        bars = "".join(f"M{at} {low}V{high}" for at, low, high in zip(xs, lows, highs, strict=True))
        interval = f'<path class="{colour} thin" d="{bars}"/>'
    means = [(at, _y(one.mean)) for at, one in zip(xs, estimates, strict=True)]
    size = 5.5 if banded and series.style == 0 else 3.5  # larger, for the lines above often lie on it
    dots = "".join(f'<circle class="{colour} fill" cx="{a}" cy="{b}" r="{size}"/>' for a, b in means)
    return f'{interval}<polyline {_line(series.style)} points="{_points(means)}"/>{dots}'


def _line(style: int) -> str:
    """Colours are used again with dashes."""
    dashes = ' stroke-dasharray="4 3"' if style >= _COLOURS else ""
    return f'class="l{style % _COLOURS}"{dashes}'


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a},{b}" for a, b in pairs)


def _y(share: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)

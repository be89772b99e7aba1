"""The diagrams of a spectrum as SVG for pages."""

from __future__ import annotations

from collections.abc import Callable

from stabcert.core.spectrum.result import Spectrum
from stabcert.report.html_parts import escaped
from stabcert.report.spectrum.chart import Curve, Sticks, curves, decades
from stabcert.report.spectrum.wording import number, shown

_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 350, 8, 150
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def weights_chart(spectrum: Spectrum) -> str:
    """Weight by degree on a scale of decades: a line for each keep probability, or bars for intervals."""
    scale, found = decades(spectrum), curves(spectrum)
    first, last = found[0].weights[0].degree, found[0].weights[-1].degree
    step = (_RIGHT - _LEFT) / (last - first + 1)

    def y(weight: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * scale.place(weight), 1)

    def x(degree: float) -> float:
        return round(_LEFT + step * (degree - first + 0.5), 1)

    every = max(1, -(-(scale.high - scale.low) // 4))
    parts = []
    for power in range(scale.low, scale.high + 1, every):
        at, kind = y(10.0**power), "axis" if power == scale.low else "grid"
        parts.append(f'<line class="{kind}" x1="{_LEFT}" x2="{_RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{_power(power)}</text>')
    ticks = range(first, last + 1, max(1, -(-(last - first) // 12)))
    parts += [f'<text x="{x(d)}" y="{_BOTTOM + 15}" text-anchor="middle">{d}</text>' for d in ticks]
    parts.append(_axis_names("degree", "weight"))
    for index, curve in enumerate(found):
        shift = 0.0 if spectrum.exact else 0.12 * (index - (len(found) - 1) / 2)
        parts.append(_curve(curve, index, shift, x, y, scale.shows))
        at = _LEFT + 8 + index * (_RIGHT - _LEFT) // max(3, len(found))
        parts.append(
            f'<rect class="l{index} fill" x="{at}" y="193" width="9" height="9"/>'
            f'<text x="{at + 13}" y="202">λ = {curve.keep_probability:g}</text>'
        )
    described = "; ".join(
        f"lambda {one.keep_probability:g}, degree {one.degree}: {shown(one.weight)}" for one in spectrum.degrees
    )
    return _svg("".join(parts), f"weight by degree: {described}", 208)


def sticks_chart(found: Sticks) -> str:
    """All coefficients but the constant, by degree."""
    largest = max(abs(found.values).max(initial=0.0), 1e-300)
    middle, half = (_TOP + _BOTTOM) / 2, (_BOTTOM - _TOP) / 2
    step = (_RIGHT - _LEFT) / max(1, len(found.values))

    def x(position: float) -> float:
        return round(_LEFT + step * (position + 0.5), 2)

    parts, end_of_name = [], 0.0
    for number_of, (start, end) in enumerate(zip(found.starts[:-1], found.starts[1:], strict=True)):
        if number_of % 2 == 0:
            left, right = x(start - 0.5), x(end - 0.5)
            parts.append(f'<rect class="degree" x="{left}" y="{_TOP}" width="{right - left:.2f}" height="{2 * half}"/>')
        centre = x((start + end - 1) / 2)
        if centre > end_of_name:  # names of narrow degrees would run into one another
            parts.append(f'<text x="{centre}" y="{_BOTTOM + 15}" text-anchor="middle">{number_of + 1}</text>')
            end_of_name = centre + 14
    path = "".join(f"M{x(i)} {middle}V{middle - half * value / largest:.2f}" for i, value in enumerate(found.values))
    width = max(0.5, min(3.0, 0.8 * step))
    parts.append(f'<path class="l0" style="stroke-width:{width:.2f}" d="{path}"/>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{middle}" y2="{middle}"/>')
    for value, at in ((largest, _TOP), (0.0, middle), (-largest, _BOTTOM)):
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{number(value) if value else 0}</text>')
    parts.append(_axis_names("sets of features by degree, without the constant", "coefficient"))
    return _svg("".join(parts), "coefficients by degree; the largest are in the table", 186)


def _curve(
    curve: Curve,
    index: int,
    shift: float,
    x: Callable[[float], float],
    y: Callable[[float], float],
    shows: Callable[[float], bool],
) -> str:
    if all(one.weight.exact for one in curve.weights):
        # What lies below the axis would look as if it lay on it.
        points = [(x(one.degree + shift), y(one.weight.value)) for one in curve.weights if shows(one.weight.value)]
        line = " ".join(f"{a},{b}" for a, b in points)
        dots = "".join(f'<circle class="l{index} fill" cx="{a}" cy="{b}" r="3.5"/>' for a, b in points)
        return f'<polyline class="l{index}" points="{line}"/>{dots}'
    parts = []
    for one in curve.weights:
        at, low, high = x(one.degree + shift), y(one.weight.lower), y(one.weight.upper)
        unsure = "" if one.weight.meaningful else ' stroke-dasharray="1 3"'
        parts.append(f'<path class="l{index}"{unsure} d="M{at} {low}V{high}"/>')
        if one.weight.meaningful and shows(one.weight.value):
            parts.append(f'<circle class="l{index} fill" cx="{at}" cy="{y(one.weight.value)}" r="3.5"/>')
    return "".join(parts)


def _power(power: int) -> str:
    return {0: "1", 1: "10"}.get(power, "10" + str(power).translate(_SUPERSCRIPTS))


def _axis_names(across: str, up: str) -> str:
    centre = (_TOP + _BOTTOM) / 2
    return (
        f'<text x="{(_LEFT + _RIGHT) / 2:g}" y="{_BOTTOM + 30}" text-anchor="middle">{across}</text>'
        f'<text x="10" y="{centre:g}" text-anchor="middle" transform="rotate(-90 10 {centre:g})">{up}</text>'
    )


def _svg(content: str, description: str, height: int) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 360 {height}" role="img" aria-label="{escaped(description)}">{content}</svg>'
    )

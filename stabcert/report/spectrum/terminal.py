"""The report of ``fourier`` as lines of text for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from stabcert.core.spectrum.result import DegreeWeight, SmoothingStep, Spectrum
from stabcert.report.canvas import spectrum_finding
from stabcert.report.numbers import rounded_up
from stabcert.report.record import Report
from stabcert.report.spectrum.bars import Bar, Bars
from stabcert.report.spectrum.record import SpectrumFinding
from stabcert.report.spectrum.wording import (
    BOUNDS_HEADER,
    basis_name,
    bounds_meaning,
    bounds_row,
    certainty,
    coefficients_title,
    feature_names,
    function_name,
    interval,
    is_zero,
    left_out,
    meaning,
    number,
    shown,
    unreliable,
)
from stabcert.report.terminal import Line, counted, footer, heading, marked_text, notes
from stabcert.report.visible import visible

_WIDTH = 80
_SIDE_BY_SIDE = 3
"""Keep probabilities in one table; more get tables of their own."""
_DEGREE_WIDTH = 8
_WIDEST_BAR = 30


def render_spectrum(report: Report) -> list[Line]:
    """Weight by degree with bars, influence, what smoothing does, coefficients, bounds, and what it cost."""
    finding = spectrum_finding(report)
    if finding is None:
        raise TypeError("render_spectrum needs a report with a spectrum")
    spectrum = finding.spectrum
    kind = report.explanation.features.kind
    what = visible(function_name(spectrum, report.model.class_names))
    lines: list[Line] = [
        heading(report),
        *marked_text(report),
        Text(f"  spectrum of {what}, {basis_name(spectrum)} basis"),
        *_degrees(spectrum),
        Text(f"  total influence {shown(spectrum.total_influence)}"),
        *_restriction(spectrum, kind),
        *_smoothing(spectrum),
        *_coefficients(report, spectrum),
        *_bounds(report, finding),
    ]
    lines += [Text("  " + text, style="yellow") for text in unreliable(spectrum)]
    lines += [Text("  " + text, style="dim") for text in (meaning(spectrum, kind), certainty(spectrum))]
    return [*lines, *notes(report.explanation), footer(report)]


def _degrees(spectrum: Spectrum) -> list[Line]:
    """One row for each degree; in it, for each keep probability, the weight with a bar."""
    probabilities = list(dict.fromkeys(weight.keep_probability for weight in spectrum.degrees))
    lines: list[Line] = []
    for start in range(0, len(probabilities), _SIDE_BY_SIDE):
        shown_here = probabilities[start : start + _SIDE_BY_SIDE]
        columns = [
            {weight.degree: weight for weight in spectrum.degrees if weight.keep_probability == probability}
            for probability in shown_here
        ]
        width = (_WIDTH - _DEGREE_WIDTH) // len(columns) - 2
        titles = "".join(f"  {f'lambda {probability:g}':<{width}}" for probability in shown_here)
        lines.append(Text(f"{'degree':>{_DEGREE_WIDTH}}{titles}".rstrip(), style="dim"))
        lines.append(
            Text(f"{'':{_DEGREE_WIDTH}}{_subtitle(columns[0][0], width) * len(columns)}".rstrip(), style="dim")
        )
        largest = _largest_weight(spectrum)
        for degree in columns[0]:
            parts: list[str | Bar] = [f"{degree:>{_DEGREE_WIDTH}}"]
            for column in columns:
                parts += _cell(column[degree], width, largest)
            lines.append(Bars(tuple(parts)))
    return lines


def _largest_weight(spectrum: Spectrum) -> float:
    """What a full bar stands for: the largest weight, or end of an interval, above degree 0."""
    ends = [one.weight.upper for one in spectrum.degrees if one.degree > 0 and one.weight.meaningful]
    return 0.0 if is_zero(max(ends, default=0.0)) else max(ends)


def _subtitle(first: DegreeWeight, width: int) -> str:
    title = f"{'weight':>7} {'mass':>7}" if first.weight.exact else "weight"
    return f"  {title:<{width}}"


def _cell(one: DegreeWeight, width: int, largest: float) -> list[str | Bar]:
    weight = one.weight
    if weight.exact:
        mass = "" if one.mass is None else number(one.mass)
        text = f"  {number(weight.value):>7} {mass:>7} "
    else:
        text = f"  {shown(weight)} "
    room = width + 2 - len(text)
    if one.degree == 0 or not weight.meaningful or largest == 0.0:
        return [text, " " * room]
    bar = Bar(max(0.0, weight.lower) / largest, weight.upper / largest, min(room, _WIDEST_BAR))
    return [text, bar, " " * (room - bar.width)]


def _restriction(spectrum: Spectrum, kind: str) -> list[Line]:
    restriction = spectrum.restriction
    if restriction is None:
        return []
    times = f"{restriction.draws} times" if restriction.draws else "in all ways"
    title = f"  all but {counted(restriction.size, kind)} fixed at random, {times}: mean weight by degree"
    rows = [[str(degree), shown(weight)] for degree, weight in enumerate(restriction.weights)]
    return [Text(title), *_table(("degree", "weight"), rows)]


def _smoothing(spectrum: Spectrum) -> list[Line]:
    """Variance, mass on degree 2 and above, and noise stability; measured ones beside their bounds."""
    from_degree = min(2, spectrum.n_features)
    if spectrum.exact:
        tail = f"mass >= {from_degree}"
        header = ["lambda", "variance over", "", "at most", tail, "at most", "noise stability"]
        rows = [
            [
                f"{step.keep_probability:g}",
                f"p = {step.variance_over:.3g}",
                number(step.variance.value),
                _bound(step, step.variance_bound),
                *_tail(step, from_degree),
                number(step.noise_stability.value),
            ]
            for step in spectrum.smoothing
        ]
        return [*_table(header, rows)]
    header = ["lambda", "variance over", "", "noise stability"]
    rows = [
        [
            f"{step.keep_probability:g}",
            f"p = {step.variance_over:.3g}",
            shown(step.variance),
            shown(step.noise_stability),
        ]
        for step in spectrum.smoothing
    ]
    return [*_table(header, rows)]


def _tail(step: SmoothingStep, from_degree: int) -> list[str]:
    measured = "" if step.tail_mass is None else number(step.tail_mass[from_degree])
    return [measured, _bound(step, None if step.tail_mass_bound is None else step.tail_mass_bound[from_degree])]


def _bound(step: SmoothingStep, bound: float | None) -> str:
    """Without smoothing the bound is the number itself."""
    return "-" if bound is None or step.keep_probability == 1.0 else rounded_up(bound)


def _coefficients(report: Report, spectrum: Spectrum) -> list[Line]:
    """The largest coefficients by the names of their features."""
    if not spectrum.coefficients:
        return []
    lines: list[Line] = [Text(f"  {coefficients_title(spectrum)}", style="dim")]
    for found in spectrum.coefficients:
        value = found.value
        text = f"{number(value.value):>9}" if value.exact else f"{value.value:>+9.4f}  {interval(value):<18}"
        question = "" if value.meaningful else " ?"
        room = _WIDTH - len(text) - len(question) - 4
        names = feature_names(report.explanation.features, found.features, room)
        may_be_zero = not value.exact and value.lower <= 0 <= value.upper
        lines.append(Text(f"  {text}  {names}{question}", style="dim" if may_be_zero else ""))
    return lines


def _bounds(report: Report, finding: SpectrumFinding) -> list[Line]:
    lines: list[Line] = []
    if finding.bounds:
        lines += _table(BOUNDS_HEADER, [bounds_row(bounds) for bounds in finding.bounds], left=(1,))
        lines.append(Text("  " + visible(bounds_meaning(finding, report.model.class_names)), style="dim"))
    return [*lines, *(Text("  " + text, style="yellow") for text in left_out(finding))]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: tuple[int, ...] = ()) -> list[Text]:
    """Columns as wide as they need to be; those in ``left`` flush left."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return ("  " + "  ".join(cells)).rstrip()

    return [Text(line(header), style="dim"), *(Text(line(row)) for row in rows)]

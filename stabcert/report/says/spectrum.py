"""The document of ``fourier``: weight by degree, influence, effect of smoothing, coefficients, bounds, and cost."""

from __future__ import annotations

from dataclasses import replace

from stabcert.core.spectrum.result import DegreeWeight, SmoothingStep, Spectrum, SpectrumFinding
from stabcert.core.types import Features
from stabcert.report.canvas import Exhibit
from stabcert.report.charts.spectrum import coefficients_chart, weights_chart
from stabcert.report.document import (
    EVERYWHERE,
    PAGE,
    PICTURES,
    READ,
    SCREEN,
    WIDTH,
    Bar,
    Block,
    Cell,
    Chart,
    Column,
    Document,
    Line,
    Medium,
    Table,
    Word,
    line,
    table,
)
from stabcert.report.numbers import lambda_shown, rounded_up
from stabcert.report.record import Report
from stabcert.report.says.common import doubts, evidence, facts, footer, heading, mask_alone
from stabcert.report.says.question import question_lines
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
    weights_exact,
)

_SIDE_BY_SIDE = 3
"""Keep probabilities in one table; more get tables of their own."""
_PAGE = 160
"""Characters in a line of a table on a page."""
_DEGREE_WIDTH = 8
_NUMBER_WIDTH = 7


def spectrum_document(exhibit: Exhibit) -> Document:
    """Return what is said of one input.

    Raises:
        TypeError: the report is not one of ``fourier``.
    """
    report = exhibit.report
    finding = report.certificate
    if not isinstance(finding, SpectrumFinding):
        raise TypeError("spectrum_document needs a report with a spectrum")
    spectrum, features = finding.spectrum, report.explanation.features
    what = f"{function_name(spectrum, report.model.class_names)}, {basis_name(spectrum)} basis"
    blocks: list[Block] = [
        *evidence(exhibit),
        mask_alone(report),
        *_charts(spectrum),
        line(f"spectrum of {what}", on=EVERYWHERE),
        *_degrees(spectrum),
        line(f"total influence {shown(spectrum.total_influence)}"),
        *_restriction(spectrum, features),
        _smoothing(spectrum),
        *_coefficients(report, spectrum),
        *_bounds(report, finding),
        *question_lines(report),
        *(line(text, "doubtful", on=EVERYWHERE) for text in unreliable(spectrum)),
        *(line(text, "faint", on=EVERYWHERE) for text in (meaning(spectrum, features), certainty(spectrum))),
        *_of_charts(spectrum),
        *doubts(report),
        footer(report),
    ]
    numbers = [] if spectrum.delta is None else [f"δ = {spectrum.delta:g}"]
    return Document(heading(report), tuple(blocks), facts(report, numbers))


def _charts(spectrum: Spectrum) -> list[Chart]:
    coefficients = coefficients_chart(spectrum)
    return [weights_chart(spectrum), *([] if coefficients is None else [coefficients])]


def _of_charts(spectrum: Spectrum) -> list[Line]:
    """Return how to read the diagram of weights."""
    if weights_exact(spectrum):
        return []
    said = "A bar that ends on the axis reaches down to 0. A dotted bar is a useless interval."
    return [line(said, on=PICTURES)]


def _degrees(spectrum: Spectrum) -> list[Table]:
    """Return one row for each degree; in it, for each keep probability, the weight with a bar."""
    probabilities = list(dict.fromkeys(weight.keep_probability for weight in spectrum.degrees))
    found = [one.weight.upper for one in spectrum.degrees if one.degree > 0 and one.weight.meaningful]
    largest = 0.0 if is_zero(max(found, default=0.0)) else max(found)
    tables = []
    for start in range(0, len(probabilities), _SIDE_BY_SIDE):
        chosen = probabilities[start : start + _SIDE_BY_SIDE]
        width = (WIDTH - _DEGREE_WIDTH) // len(chosen) - 2
        weights = {(one.degree, one.keep_probability): one for one in spectrum.degrees}
        degrees = [one.degree for one in spectrum.degrees if one.keep_probability == chosen[0]]
        columns = [Column(over="degree", width=_DEGREE_WIDTH - 2)]
        for probability in chosen:
            exact = weights[degrees[0], chosen[0]].weight.exact
            columns += _weight_columns(f"lambda {lambda_shown(probability)}", width, exact=exact)
        rows: list[list[Cell]] = [
            [str(degree), *(cell for p in chosen for cell in _weight_cells(weights[degree, p], largest))]
            for degree in degrees
        ]
        tables.append(table(columns, rows))
    return tables


def _weight_columns(over: str, width: int, *, exact: bool) -> list[Column]:
    if not exact:
        return [Column("weight", "left", width=width, over=over)]
    bar = width - 2 * _NUMBER_WIDTH - 2
    return [
        Column("weight", width=_NUMBER_WIDTH, over=over),
        Column("mass", width=_NUMBER_WIDTH, gap=1, over=over, beside=True),
        Column("", "left", width=bar, gap=1, over=over, beside=True),
    ]


def _weight_cells(one: DegreeWeight, largest: float) -> list[Cell]:
    weight = one.weight
    bar = Bar(0.0, 0.0)
    if one.degree > 0 and weight.meaningful and largest > 0.0:
        bar = Bar(max(0.0, weight.lower) / largest, weight.upper / largest)
    if not weight.exact:
        return [(Word(f"{shown(weight)} "), bar)]
    return [number(weight.value), "" if one.mass is None else number(one.mass), (bar,)]


def _restriction(spectrum: Spectrum, features: Features) -> list[Block]:
    restriction = spectrum.restriction
    if restriction is None:
        return []
    times = f"{restriction.draws} times" if restriction.draws else "in all ways"
    title = f"all but {features.counted(restriction.size)} fixed at random, {times}: mean weight by degree"
    rows = [[str(degree), shown(weight)] for degree, weight in enumerate(restriction.weights)]
    return [line(title), table(("degree", "weight"), rows)]


def _smoothing(spectrum: Spectrum) -> Table:
    """Return variance, mass on degree 2 and above, and noise stability; measured ones beside their bounds."""
    from_degree = min(2, spectrum.n_features)
    if spectrum.exact:
        tail = f"mass >= {from_degree}"
        header = ("lambda", "variance over", "", "at most", tail, "at most", "noise stability")
        return table(header, [_exact_step(step, from_degree) for step in spectrum.smoothing])
    rows = [
        [
            lambda_shown(step.keep_probability),
            f"p = {step.variance_over:.3g}",
            shown(step.variance),
            shown(step.noise_stability),
        ]
        for step in spectrum.smoothing
    ]
    return table(("lambda", "variance over", "", "noise stability"), rows)


def _exact_step(step: SmoothingStep, from_degree: int) -> list[str]:
    bound = None if step.tail_mass_bound is None else step.tail_mass_bound[from_degree]
    return [
        lambda_shown(step.keep_probability),
        f"p = {step.variance_over:.3g}",
        number(step.variance.value),
        _bound(step, step.variance_bound),
        "" if step.tail_mass is None else number(step.tail_mass[from_degree]),
        _bound(step, bound),
        number(step.noise_stability.value),
    ]


def _bound(step: SmoothingStep, bound: float | None) -> str:
    """Return a bound; without smoothing it is the number itself."""
    return "-" if bound is None or step.keep_probability == 1.0 else rounded_up(bound)


def _coefficients(report: Report, spectrum: Spectrum) -> list[Block]:
    """Return the largest coefficients by the names of their features, of which a page has room for more."""
    if not spectrum.coefficients:
        return []
    screen, page = (_coefficients_table(report, spectrum, width, on) for width, on in ((WIDTH, SCREEN), (_PAGE, PAGE)))
    title = line(coefficients_title(spectrum), "faint")
    return [title, replace(screen, on=READ)] if screen.rows == page.rows else [title, screen, page]


def _coefficients_table(report: Report, spectrum: Spectrum, width: int, on: frozenset[Medium]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    faint = []
    exact = all(one.value.exact for one in spectrum.coefficients)
    for found in spectrum.coefficients:
        value = found.value
        text = f"{number(value.value):>9}" if value.exact else f"{value.value:>+9.4f}  {interval(value):<18}"
        question = "" if value.meaningful else " ?"
        room = width - len(text) - len(question) - 4
        names = feature_names(report.explanation.features, found.features, room) + question
        shown_value = number(value.value) if value.exact else f"{value.value:+.4f}"
        rows.append((shown_value, *([] if exact else ["" if value.exact else interval(value)]), names))
        faint.append(not value.exact and value.lower <= 0 <= value.upper)
    columns = [Column(width=9), Column("", "left")]
    if not exact:
        columns.insert(1, Column("", "left", width=18))
    return Table(tuple(columns), tuple(rows), tuple(faint), on=on)


def _bounds(report: Report, finding: SpectrumFinding) -> list[Block]:
    blocks: list[Block] = []
    if finding.bounds:
        columns = [Column(title, "left" if position == 1 else "right") for position, title in enumerate(BOUNDS_HEADER)]
        blocks.append(table(columns, [bounds_row(bounds) for bounds in finding.bounds]))
        blocks.append(line(bounds_meaning(finding, report.model.class_names), "faint"))
    return [*blocks, *(line(text, "doubtful") for text in left_out(finding))]

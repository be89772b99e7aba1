"""The pages of ``fourier``: diagrams as SVG, tables, what they mean."""

from __future__ import annotations

from stabcert.core.spectrum.result import Spectrum, SpectrumFinding
from stabcert.report.canvas import Exhibit
from stabcert.report.html_parts import escaped, picture, sentence, table
from stabcert.report.numbers import rounded_up
from stabcert.report.spectrum.chart import curves, sticks
from stabcert.report.spectrum.svg import sticks_chart, weights_chart
from stabcert.report.spectrum.wording import (
    BOUNDS_HEADER,
    bounds_meaning,
    bounds_row,
    coefficients_title,
    feature_names,
    left_out,
    number,
    shown,
    spectrum_sentences,
)
from stabcert.report.wording import counted, predicted

_NAMES_WIDTH = 120


def spectrum_parts(exhibit: Exhibit, finding: SpectrumFinding) -> list[str]:
    """Everything about one input, as pieces of HTML."""
    report, canvas, spectrum = exhibit.report, exhibit.canvas, finding.spectrum
    explanation, names = report.explanation, report.model.class_names
    kind = explanation.features.kind
    figures = [f'<figure class="wide">{weights_chart(spectrum)}</figure>']
    found = sticks(spectrum)
    if found is not None:
        figures.append(f'<figure class="wide">{sticks_chart(found)}</figure>')
    parts = []
    if canvas is not None:
        kept = picture(
            canvas.kept(explanation.mask),
            f"Kept features in colour: {predicted(explanation.masked)}",
            [("kept", canvas.outline(explanation.mask))],
        )
        figures.insert(0, kept)
    elif report.input.text is not None:
        parts.append(sentence(report.input.text, explanation.features, explanation.mask))
    parts += [
        f'<div class="row">{"".join(figures)}</div>',
        f"<p>{escaped(' '.join(spectrum_sentences(spectrum, report)))}</p>",
        f"<p>Total influence: {escaped(shown(spectrum.total_influence))}.</p>",
        _degrees(spectrum),
        _smoothing(spectrum),
        *_restriction(spectrum, kind),
    ]
    if spectrum.coefficients:
        rows = [
            [feature_names(explanation.features, one.features, _NAMES_WIDTH), shown(one.value)]
            for one in spectrum.coefficients
        ]
        parts.append(table([coefficients_title(spectrum), ""], rows))
    if finding.bounds:
        parts.append(table(BOUNDS_HEADER, [bounds_row(bounds) for bounds in finding.bounds], left=2))
        parts.append(f"<p>{escaped(bounds_meaning(finding, names))}</p>")
    parts += [f'<p class="bad">{escaped(line)}</p>' for line in left_out(finding)]
    return parts


def _degrees(spectrum: Spectrum) -> str:
    found, exact = curves(spectrum), all(one.weight.exact for one in spectrum.degrees)
    header = ["degree"]
    for curve in found:
        header.append(f"λ = {curve.keep_probability:g}: weight")
        header += ["mass"] if exact else []
    rows = []
    for position, one in enumerate(found[0].weights):
        row = [str(one.degree)]
        for curve in found:
            here = curve.weights[position]
            row.append(number(here.weight.value) if here.weight.exact else shown(here.weight))
            row += ["-" if here.mass is None else number(here.mass)] if exact else []
        rows.append(row)
    return table(header, rows, left=0)


def _smoothing(spectrum: Spectrum) -> str:
    degree = min(2, spectrum.n_features)
    header = ["λ", "variance over p", "variance", "at most", f"mass ≥ {degree}", "at most", "noise stability"]
    rows = []
    for step in spectrum.smoothing:
        measured = "-" if step.tail_mass is None else number(step.tail_mass[degree])
        bound = "-" if step.tail_mass_bound is None else rounded_up(step.tail_mass_bound[degree])
        rows.append(
            [
                f"{step.keep_probability:g}",
                f"{step.variance_over:.3g}",
                shown(step.variance),
                "-" if step.variance_bound is None else rounded_up(step.variance_bound),
                measured,
                bound,
                shown(step.noise_stability),
            ]
        )
    return table(header, rows, left=0)


def _restriction(spectrum: Spectrum, kind: str) -> list[str]:
    restriction = spectrum.restriction
    if restriction is None:
        return []
    times = f"{restriction.draws} times" if restriction.draws else "in all ways"
    title = f"All but {counted(restriction.size, kind)} fixed at random, {times}: mean weight by degree."
    rows = [[str(degree), shown(weight)] for degree, weight in enumerate(restriction.weights)]
    return [f"<p>{escaped(title)}</p>", table(["degree", "weight"], rows, left=0)]

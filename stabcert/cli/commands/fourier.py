"""``stabcert fourier``"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from stabcert.cli.commands.certify_soft import parse_radii
from stabcert.cli.flatten import flatten
from stabcert.cli.options import (
    CERTIFICATE,
    ExplanationOptions,
    InputOptions,
    MaskOptions,
    ModelOptions,
    OutputOptions,
    exact_share,
)
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.cli.session import Case
    from stabcert.core.spectrum.result import BasisKind

MOST_LAMBDAS = 6

HELP = """How far the prediction depends on combinations of features: its Boolean spectrum.

Weight by degree, total influence, the largest coefficients, how smoothing moves them, and the bounds on
the stability rate that follow, beside the true rate. Exact for few features, where all 2^n masks are
evaluated; otherwise estimates, each with an interval that by itself holds with probability at least 1 - delta over
the random draws. An interval too wide to mean anything is said to be so, with the evaluations needed."""

EXAMPLES = (
    'stabcert fourier --text "not bad at all, a lovely film"',
    "stabcert fourier cat.jpg --features grid:3 --radius 1,2 --plot spectrum.pdf",
    "stabcert fourier cat.jpg --features grid:7 --n-samples 2000 --degree 2",
    "stabcert fourier review.txt --restrict 8 --lambdas 1,0.75,0.5 --json",
)


class FunctionChoice(StrEnum):
    probability = "probability"
    margin = "margin"
    indicator = "indicator"


@dataclass
class SpectrumOptions:
    function: Annotated[
        FunctionChoice,
        typer.Option(
            "--function",
            help="Of the target class: its probability, its lead, or whether it wins.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = FunctionChoice.probability
    basis: Annotated[
        str,
        typer.Option(
            "--basis",
            metavar="BASIS",
            help="standard, monotone, or biased:P (features kept with P).",
            rich_help_panel=CERTIFICATE,
        ),
    ] = "standard"
    lambdas: Annotated[
        str,
        typer.Option(
            "--lambdas",
            metavar="LIST",
            help="Keep probabilities of the smoothing; 1 is none.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = "1,0.9,0.5"
    degree: Annotated[
        int | None,
        typer.Option(
            "--degree",
            metavar="D",
            min=0,
            show_default="all if exact, else 3",
            help="Highest degree to report.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    exact_max: Annotated[
        int,
        typer.Option(
            "--exact-max",
            metavar="N",
            min=0,
            help="Most features of an exact spectrum (2^N evaluations).",
            rich_help_panel=CERTIFICATE,
        ),
    ] = 14
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--n-samples",
            metavar="N",
            min=2,
            show_default="1000",
            help="Draws of the estimates where there are more features.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    restrict: Annotated[
        int | None,
        typer.Option(
            "--restrict",
            metavar="D",
            min=1,
            show_default="off",
            help="Also exact spectra of D random features, the others fixed.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    top: Annotated[
        int,
        typer.Option("--top", metavar="N", min=0, help="Largest coefficients to list.", rich_help_panel=CERTIFICATE),
    ] = 10
    delta: Annotated[
        float,
        typer.Option(
            "--delta", metavar="D", help="Probability that an interval is wrong.", rich_help_panel=CERTIFICATE
        ),
    ] = 0.1
    radius: Annotated[
        str | None,
        typer.Option(
            "--radius",
            "-r",
            metavar="R",
            show_default="1",
            help="Stability bounds up to R added features; 0 leaves them out.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    max_evaluations: Annotated[
        int | None,
        typer.Option(
            "--max-evaluations",
            metavar="N",
            min=1,
            show_default="4096, or 2^n if exact",
            help="Leave out bounds that need more.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None


@flatten
def fourier(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    masks: MaskOptions,
    spectrum: SpectrumOptions,
    output: OutputOptions,
) -> int:
    from stabcert.cli.commands.spectra import Request, analyse, bounded
    from stabcert.cli.session import Outcome, Session
    from stabcert.core.statistics.bounds import check_delta
    from stabcert.report.spectrum.record import spectrum_result
    from stabcert.report.spectrum.terminal import render_spectrum

    basis, bias = parse_basis(spectrum.basis)
    check_delta(spectrum.delta)
    request = Request(
        function=spectrum.function.value,
        basis=basis,
        bias=bias,
        lambdas=parse_lambdas(spectrum.lambdas),
        degree=spectrum.degree,
        exact_max=spectrum.exact_max,
        n_samples=spectrum.n_samples,
        restrict=spectrum.restrict,
        top=spectrum.top,
        delta=spectrum.delta,
        radii=None if spectrum.radius is None else parse_radii(spectrum.radius),
        max_evaluations=spectrum.max_evaluations,
    )

    def work(case: Case) -> Outcome:
        finding = bounded(case, request, analyse(case, request, seed=output.seed))
        return Outcome("reported", spectrum_result(finding, case.class_names), certificate=finding)

    return Session("fourier", inputs, model, explanation, output, masks=masks).run(work, render_spectrum)


def parse_basis(text: str) -> tuple[BasisKind, float | None]:
    """``standard``, ``monotone`` or ``biased:0.3``, the latter with its keep probability.

    Raises:
        ParameterError: anything else.
    """
    name, colon, bias = text.strip().partition(":")
    if name == "standard" and not colon:
        return "standard", None
    if name == "monotone" and not colon:
        return "monotone", None
    if name == "biased":
        try:
            probability = float(bias)
        except ValueError:
            probability = 0.0
        if 0.0 < probability < 1.0:
            return "biased", probability
        raise ParameterError(f"--basis {text} needs a probability between 0 and 1; write biased:0.3")
    raise ParameterError(f"there is no basis {text!r}; use standard, monotone or biased:P, such as biased:0.3")


def parse_lambdas(text: str) -> tuple[Fraction, ...]:
    """``1,0.9,15/64`` as exact numbers.

    Raises:
        ParameterError: not a list of numbers from 0 to 1, one of them twice, or more than `MOST_LAMBDAS`.
    """
    found: list[Fraction] = []
    for part in text.split(","):
        share = exact_share(part)
        if share is None or not 0 <= share <= 1:
            raise ParameterError(f"--lambdas {text!r} is not a list of keep probabilities; write 1,0.9,0.5")
        if share in found:
            raise ParameterError(f"--lambdas {text} names {part.strip()} twice; leave one out")
        found.append(share)
    if len(found) > MOST_LAMBDAS:
        raise ParameterError(f"--lambdas names {len(found)} keep probabilities; give at most {MOST_LAMBDAS}")
    return tuple(found)

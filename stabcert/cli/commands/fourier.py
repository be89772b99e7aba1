"""The command ``stabcert fourier``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from stabcert.cli.call import Call, OutputOptions, RunningOptions
from stabcert.cli.declared import Asked, option
from stabcert.cli.flatten import flatten
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import CERTIFICATE, ExplanationOptions, InputOptions, MaskOptions, delta_option
from stabcert.cli.parsing import parse_basis, parse_lambdas, parse_radii

MOST_LAMBDAS = 6

HELP = """How far the prediction depends on combinations of features: its Boolean spectrum.

Weight by degree, total influence, the largest coefficients, how smoothing moves them, and the bounds on
the stability rate that follow, beside the true rate. Exact for few features, where all 2^n masks are
evaluated. Otherwise each estimate has an interval that holds individually with probability at least 1 - delta
over the random draws. Useless intervals are marked, with the evaluations needed."""

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
    panel: ClassVar[str] = CERTIFICATE
    function: Annotated[
        FunctionChoice,
        option("--function", affects="result", help="For the target class: its probability, its lead, or its win."),
    ] = FunctionChoice.probability
    basis: Annotated[
        str,
        option(
            "--basis", affects="result", metavar="BASIS", help="standard, monotone, or biased:P (features kept with P)."
        ),
    ] = "standard"
    lambdas: Annotated[
        str,
        option(
            "--lambdas", affects="result", metavar="LIST", help="Keep probabilities of the smoothing; 1 is unsmoothed."
        ),
    ] = "1,0.9,0.5"
    degree: Annotated[
        int | None,
        option(
            "--degree",
            affects="result",
            metavar="D",
            least=0,
            show_default="all if exact, else 3",
            help="Highest degree to report.",
        ),
    ] = None
    exact_max: Annotated[
        int,
        option(
            "--exact-max",
            affects="result",
            metavar="N",
            least=0,
            help="Most features of an exact spectrum (2^N evaluations).",
        ),
    ] = 14
    n_samples: Annotated[
        int | None,
        option(
            "--n-samples",
            affects="result",
            metavar="N",
            least=2,
            show_default="1000",
            help="Draws of the estimates where there are more features.",
        ),
    ] = None
    restrict: Annotated[
        int | None,
        option(
            "--restrict",
            affects="result",
            metavar="D",
            least=1,
            show_default="off",
            help="Also exact spectra of D random features, the others fixed.",
        ),
    ] = None
    top: Annotated[
        int,
        option("--top", affects="result", metavar="N", least=0, help="Largest coefficients to list."),
    ] = 10
    delta: Annotated[float, delta_option("an interval")] = 0.1
    radius: Annotated[
        str | None,
        option(
            "--radius",
            "-r",
            affects="result",
            metavar="R",
            show_default="1",
            help="Stability bounds up to R added features; 0 leaves them out.",
        ),
    ] = None
    max_evaluations: Annotated[
        int | None,
        option(
            "--max-evaluations",
            affects="result",
            metavar="N",
            least=1,
            show_default="4096, or 2^n if exact",
            help="Leave out bounds that need more.",
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
    running: RunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.certifying import certify
    from stabcert.cli.commands.fourier_work import Fourier, SpectrumRequest
    from stabcert.core.spectrum.transforms import exact_cost
    from stabcert.core.statistics.bounds import check_delta

    basis, bias = parse_basis(spectrum.basis)
    check_delta(spectrum.delta)
    if spectrum.restrict is not None:
        exact_cost(spectrum.restrict)  # raises an error if it is too large
    request = SpectrumRequest(
        function=spectrum.function.value,
        basis=basis,
        bias=bias,
        lambdas=parse_lambdas(spectrum.lambdas, most=MOST_LAMBDAS, zero=True),
        degree=spectrum.degree,
        exact_max=spectrum.exact_max,
        n_samples=spectrum.n_samples,
        restrict=spectrum.restrict,
        top=spectrum.top,
        delta=spectrum.delta,
        radii=None if spectrum.radius is None else parse_radii(spectrum.radius),
        max_evaluations=spectrum.max_evaluations,
    )
    call = Call(Fourier.name, inputs, model, explanation, output, running, masks)
    return certify(Fourier(request), call, asked)

"""The command ``stabcert smooth-eval``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from stabcert.cli.call import Call, RunningOptions
from stabcert.cli.choices import NoiseChoice
from stabcert.cli.declared import Asked, option
from stabcert.cli.flatten import flatten
from stabcert.cli.model_options import ModelOptions
from stabcert.cli.options import (
    CERTIFICATE,
    INPUT,
    ExplanationOptions,
    InputOptions,
    LabelsFile,
    MaskOptions,
    delta_option,
)
from stabcert.cli.parsing import parse_lambdas, parse_radii
from stabcert.cli.scorecard_options import ScoredOutputOptions
from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.cli.commands.smooth_eval_work import SmoothRequest

MOST_LAMBDAS = 12
"""The largest number of lines that can be distinguished in one diagram."""

HELP = """What smoothing costs in accuracy and gains in stability, over many inputs.

For each lambda: accuracy, agreement with the unsmoothed model, consistency of explanations, mean stability
rate by radius. Also the shares of inputs with a hard radius and with a certified accuracy. Each interval holds
individually with probability at least 1 - delta, if the inputs are independent draws from one population. It
accounts for the choice of inputs and tested additions. All lambdas see the same noise and the same additions,
and gains over the first are bounded pair by pair."""

EXAMPLES = (
    "stabcert smooth-eval photos/ --labels photos/labels.csv --plot curve.pdf",
    "stabcert smooth-eval classes/ --lambdas 1,0.8 --radii 1:4 --html page.html",
    "stabcert smooth-eval --inputs a.csv --method lime,random -o c.jsonl",
    "stabcert smooth-eval data/ --lambdas 0.9 --min-accuracy 0.7 --min-rate 0.8",
)


@dataclass
class LabelOptions:
    panel: ClassVar[str] = INPUT
    labels_file: LabelsFile = None


@dataclass
class SmoothOptions:
    panel: ClassVar[str] = CERTIFICATE
    lambdas: Annotated[
        str,
        option(
            "--lambdas",
            affects="result",
            metavar="LIST",
            help="Shares of features kept; all are compared with the first.",
        ),
    ] = "1,0.9,0.8,0.7,0.6,0.5"
    radii: Annotated[
        str,
        option("--radii", affects="result", metavar="LIST", help="Features that may be added: 4, 1,2,5 or 1:10."),
    ] = "1,4"
    draws: Annotated[
        int,
        option("--draws", affects="result", metavar="K", least=1, help="Frozen noise masks of each smoothed model."),
    ] = 64
    n_samples: Annotated[
        int,
        option(
            "--n-samples",
            affects="result",
            metavar="N",
            least=1,
            help="Additions to test for each input, mask and radius.",
        ),
    ] = 10
    noise: Annotated[
        NoiseChoice,
        option("--noise", affects="result", help="quantized: lambda times K must be whole."),
    ] = NoiseChoice.bernoulli
    mean_delta: Annotated[float, delta_option("an interval", affects="keyed")] = 0.1
    min_accuracy: Annotated[
        float | None,
        option(
            "--min-accuracy",
            affects="keyed",
            metavar="A",
            least=0.0,
            most=1.0,
            help="Exit 1 unless the lower bound reaches A for every lambda.",
        ),
    ] = None
    min_mean_rate: Annotated[
        float | None,
        option(
            "--min-rate",
            affects="keyed",
            metavar="RATE",
            least=0.0,
            most=1.0,
            help="The same for the mean stability rate, at every radius.",
        ),
    ] = None


@flatten
def smooth_eval(
    inputs: InputOptions,
    labels: LabelOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    masks: MaskOptions,
    smoothing: SmoothOptions,
    output: ScoredOutputOptions,
    running: RunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.certifying import certify
    from stabcert.cli.commands.smooth_eval_summary import SmoothSummary
    from stabcert.cli.commands.smooth_eval_work import SmoothEval

    command = SmoothEval(_request(smoothing), explanation, seed=running.seed, every=not running.keep_going)
    call = Call(SmoothEval.name, inputs, model, explanation, output, running, masks)
    return certify(command, call, asked, together=SmoothSummary(command, call, asked, labels.labels_file))


def _request(options: SmoothOptions) -> SmoothRequest:
    from stabcert.cli.commands.smooth_eval_work import SmoothRequest
    from stabcert.core.noise import grid_count
    from stabcert.core.statistics.bounds import check_delta

    lambdas = parse_lambdas(options.lambdas, most=MOST_LAMBDAS, zero=False)
    for share in lambdas:
        if options.noise is NoiseChoice.quantized and share < 1:
            grid_count(share, options.draws)
    try:
        radii = parse_radii(options.radii)
    except ParameterError:
        radii = "all"
    if isinstance(radii, str):
        raise ParameterError(f"--radii {options.radii!r} is not a list of radii. Write 4, 1,2,5 or 1:10")
    check_delta(options.mean_delta)
    return SmoothRequest(
        lambdas=lambdas,
        radii=tuple(sorted(set(radii))),
        draws=options.draws,
        n_samples=options.n_samples,
        noise=options.noise.value,
        delta=options.mean_delta,
        min_accuracy=options.min_accuracy,
        min_rate=options.min_mean_rate,
    )

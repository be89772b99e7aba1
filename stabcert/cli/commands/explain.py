"""``stabcert explain``"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from stabcert.cli.allowing import allow_vacuous_option
from stabcert.cli.declared import Asked, option
from stabcert.cli.flatten import flatten
from stabcert.cli.options import (
    CERTIFICATE,
    EXPLANATION,
    Call,
    ExplanationOptions,
    InputOptions,
    ModelOptions,
    OutputOptions,
    RunningOptions,
    delta_option,
    family_option,
)
from stabcert.errors import ParameterError

HELP = """Which features mattered: an attribution, and the mask of its top k features.

Says whether the mask alone keeps the prediction (consistent), and whether nothing at all already
gives it (vacuous). Several methods are compared; the first one makes the mask. An attribution by itself
guarantees nothing: --until-stable finds the smallest mask that is certified, and certify-soft tells how
far a mask can be trusted."""

EXAMPLES = (
    "stabcert explain cat.jpg",
    'stabcert explain --text "What a lovely surprise!" --method intgrad -k 2',
    "stabcert explain cat.jpg --method lime,shap,occlusion",
    "stabcert explain cat.jpg --until-stable --radius 2 --min-rate 0.9",
    "stabcert explain photos/ --json > explained.jsonl",
    "stabcert explain cat.jpg --json | stabcert certify-soft --from -",
)


@dataclass
class EffortOptions:
    panel: ClassVar[str] = EXPLANATION
    n_samples: Annotated[
        int | None,
        option(
            "--n-samples",
            affects="result",
            metavar="N",
            least=1,
            show_default="the method's own",
            help="Draws or evaluations of a method that samples.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        option(
            "--steps",
            affects="result",
            metavar="N",
            least=1,
            show_default="50",
            help="Points on the path of intgrad, most steps of mfaba.",
        ),
    ] = None
    sigma: Annotated[
        float | None,
        option(
            "--sigma",
            affects="result",
            metavar="S",
            show_default="the method's own",
            help="Noise of smoothgrad and clime.",
        ),
    ] = None
    show: Annotated[int, option("--show", affects="writes", metavar="N", least=0, help="Features to list.")] = 10
    neighbours: Annotated[
        int | None,
        option(
            "--neighbours",
            affects="result",
            metavar="N",
            least=1,
            show_default="none",
            help="How far the attribution moves to N inputs near this one.",
        ),
    ] = None
    neighbour_sigma: Annotated[
        float | None,
        option(
            "--neighbour-sigma",
            affects="result",
            metavar="S",
            show_default="0.1",
            help="Deviation of their noise, in the model's input.",
        ),
    ] = None


@dataclass
class StableOptions:
    panel: ClassVar[str] = CERTIFICATE
    until_stable: Annotated[
        bool,
        option(
            "--until-stable",
            affects="result",
            help="The smallest k, at most --top-k, that is consistent, not vacuous and certified.",
        ),
    ] = False
    radius: Annotated[
        int | None,
        option(
            "--radius",
            "-r",
            affects="result",
            metavar="R",
            least=0,
            show_default="1",
            help="Features that may be added.",
        ),
    ] = None
    min_rate: Annotated[
        float | None,
        option(
            "--min-rate",
            affects="result",
            metavar="RATE",
            show_default="0.9",
            help="Stability rate to certify; exit 1 if no k has it.",
        ),
    ] = None
    allow_vacuous: Annotated[bool, allow_vacuous_option()] = False
    delta: Annotated[float | None, delta_option("the statement", show_default="0.1")] = None
    family: Annotated[int | None, family_option(show_default="1")] = None
    max_samples: Annotated[
        int | None,
        option(
            "--max-samples",
            affects="result",
            metavar="N",
            least=1,
            show_default="2000",
            help="Most samples of the test of one k.",
        ),
    ] = None


@flatten
def explain(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    effort: EffortOptions,
    stable: StableOptions,
    output: OutputOptions,
    running: RunningOptions,
    asked: Asked,
) -> int:
    from stabcert.cli.commands.explain_work import Attributions
    from stabcert.cli.session import Session
    from stabcert.report.says.explain import explain_document

    of_search = _given(stable, "radius", "min_rate", "delta", "family", "max_samples")
    _refuse("--until-stable", stable.until_stable, of_search)
    _refuse("--until-stable", stable.until_stable, ["--allow-vacuous"] if stable.allow_vacuous else [])
    _refuse("--neighbours", effort.neighbours is not None, _given(effort, "neighbour_sigma"))
    attributions = Attributions(explanation, effort, stable, seed=running.seed)
    call = Call("explain", inputs, model, explanation, output, running)
    session = Session(call, asked, choose=attributions.choose)
    return session.run(attributions.work, lambda exhibit: explain_document(exhibit, effort.show))


def _given(options: EffortOptions | StableOptions, *names: str) -> list[str]:
    return ["--" + name.replace("_", "-") for name in names if getattr(options, name) is not None]


def _refuse(owner: str, present: bool, options: list[str]) -> None:
    if options and not present:
        raise ParameterError(f"{' and '.join(options)} without {owner} would do nothing; add {owner}")

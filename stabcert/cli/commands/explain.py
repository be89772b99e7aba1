"""``stabcert explain``"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from stabcert.cli.allowing import allow_vacuous_option
from stabcert.cli.flatten import flatten
from stabcert.cli.options import (
    CERTIFICATE,
    EXPLANATION,
    ExplanationOptions,
    InputOptions,
    ModelOptions,
    OutputOptions,
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
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--n-samples",
            metavar="N",
            min=1,
            show_default="the method's own",
            help="Draws or evaluations of a method that samples.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=1,
            show_default="50",
            help="Points on the path of intgrad, most steps of mfaba.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    sigma: Annotated[
        float | None,
        typer.Option(
            "--sigma",
            metavar="S",
            show_default="the method's own",
            help="Noise of smoothgrad and clime.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    show: Annotated[
        int, typer.Option("--show", metavar="N", min=0, help="Features to list.", rich_help_panel=EXPLANATION)
    ] = 10
    neighbours: Annotated[
        int | None,
        typer.Option(
            "--neighbours",
            metavar="N",
            min=1,
            show_default="none",
            help="How far the attribution moves to N inputs near this one.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None
    neighbour_sigma: Annotated[
        float | None,
        typer.Option(
            "--neighbour-sigma",
            metavar="S",
            show_default="0.1",
            help="Deviation of their noise, in the model's input.",
            rich_help_panel=EXPLANATION,
        ),
    ] = None


@dataclass
class StableOptions:
    until_stable: Annotated[
        bool,
        typer.Option(
            "--until-stable",
            help="The smallest k, at most --top-k, that is consistent, not vacuous and certified.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = False
    radius: Annotated[
        int | None,
        typer.Option(
            "--radius",
            "-r",
            metavar="R",
            min=0,
            show_default="1",
            help="Features that may be added.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    min_rate: Annotated[
        float | None,
        typer.Option(
            "--min-rate",
            metavar="RATE",
            show_default="0.9",
            help="Stability rate to certify; exit 1 if no k has it.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    allow_vacuous: Annotated[bool, allow_vacuous_option()] = False
    delta: Annotated[float | None, delta_option("the statement", show_default="0.1")] = None
    family: Annotated[int | None, family_option(show_default="1")] = None
    max_samples: Annotated[
        int | None,
        typer.Option(
            "--max-samples",
            metavar="N",
            min=1,
            show_default="2000",
            help="Most samples of the test of one k.",
            rich_help_panel=CERTIFICATE,
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
) -> int:
    from stabcert.cli.commands.explain_work import Attributions
    from stabcert.cli.session import Session
    from stabcert.report.says.explain import explain_document

    of_search = _given(stable, "radius", "min_rate", "delta", "family", "max_samples")
    _refuse("--until-stable", stable.until_stable, of_search)
    _refuse("--until-stable", stable.until_stable, ["--allow-vacuous"] if stable.allow_vacuous else [])
    _refuse("--neighbours", effort.neighbours is not None, _given(effort, "neighbour_sigma"))
    attributions = Attributions(explanation, effort, stable, seed=output.seed)
    session = Session("explain", inputs, model, explanation, output, choose=attributions.choose)
    return session.run(attributions.work, lambda exhibit: explain_document(exhibit, effort.show))


def _given(options: EffortOptions | StableOptions, *names: str) -> list[str]:
    return ["--" + name.replace("_", "-") for name in names if getattr(options, name) is not None]


def _refuse(owner: str, present: bool, options: list[str]) -> None:
    if options and not present:
        raise ParameterError(f"{' and '.join(options)} without {owner} would do nothing; add {owner}")

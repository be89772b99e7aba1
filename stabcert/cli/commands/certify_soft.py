"""``stabcert certify-soft``"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stabcert.cli.allowing import AllowOptions
from stabcert.cli.flatten import flatten
from stabcert.cli.options import (
    CERTIFICATE,
    OUTPUT,
    ExplanationOptions,
    InputOptions,
    MaskOptions,
    ModelOptions,
    OutputOptions,
    VerifyOptions,
    delta_option,
    family_option,
)

HELP = """How often the prediction survives when up to r more features are revealed.

Bounds the stability rate: the share of all ways to add up to r features to the explanation on which
the prediction stays. The bounds hold with probability at least 1 - delta over the random draws, for any
model; where all ways can be tried they are, and the rate is exact. A rate below 1 leaves room for
ways that change the prediction. With --min-rate, an explanation is not certified if it has another class than the
full input (inconsistent) or the class of the empty input (vacuous)."""

EXAMPLES = (
    "stabcert certify-soft cat.jpg --radius 4",
    'stabcert certify-soft --text "What a lovely surprise!" --radius 1:3',
    "stabcert certify-soft photos/ --radius 5 --min-rate 0.9 --json",
    "stabcert explain cat.jpg --json | stabcert certify-soft --from - -r 1:10",
    "stabcert certify-soft --verify records.jsonl",
)


class IntervalChoice(StrEnum):
    exact = "exact"
    hoeffding = "hoeffding"


class FormulationChoice(StrEnum):
    up_to = "up-to"
    exactly = "exactly"
    worst = "worst"


@dataclass
class SoftOptions:
    radius: Annotated[
        str | None,
        typer.Option(
            "--radius",
            "-r",
            metavar="R",
            show_default="1; all with --largest-radius",
            help="Features that may be added: 4, 1,2,5, 1:10 or all.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    epsilon: Annotated[
        float | None,
        typer.Option(
            "--epsilon",
            metavar="E",
            show_default="0.1",
            help="Error of the rate; sets the number of samples.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    delta: Annotated[float, delta_option("the statement")] = 0.1
    family: Annotated[int, family_option()] = 1
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--n-samples",
            metavar="N",
            help="Samples for each radius, instead of --epsilon.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    interval: Annotated[
        IntervalChoice,
        typer.Option("--interval", help="exact is Clopper-Pearson.", rich_help_panel=CERTIFICATE),
    ] = IntervalChoice.exact
    formulation: Annotated[
        FormulationChoice,
        typer.Option(
            "--formulation",
            help="Up to r added features, exactly r, or the worst size from 1 to r.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = FormulationChoice.up_to
    per_radius: Annotated[
        bool,
        typer.Option("--per-radius", help="Each radius at delta, not all together.", rich_help_panel=CERTIFICATE),
    ] = False
    smooth: Annotated[
        float,
        typer.Option(
            "--smooth",
            metavar="LAMBDA",
            min=0.0,
            max=1.0,
            help="Certify the smoothed model: features kept with this probability (1 = off).",
            rich_help_panel=CERTIFICATE,
        ),
    ] = 1.0
    smooth_draws: Annotated[
        int | None,
        typer.Option(
            "--smooth-draws",
            metavar="K",
            min=1,
            show_default="64",
            help="Frozen masks that vote in the smoothed model.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    min_rate: Annotated[
        float | None,
        typer.Option(
            "--min-rate",
            metavar="RATE",
            help="Sequential test: exit 1 unless the lower bound reaches RATE.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    max_samples: Annotated[
        int | None,
        typer.Option(
            "--max-samples",
            metavar="N",
            min=1,
            show_default="2000",
            help="Most samples of that test for each radius.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    largest_radius: Annotated[
        bool,
        typer.Option(
            "--largest-radius", help="The largest radius up to which --min-rate holds.", rich_help_panel=CERTIFICATE
        ),
    ] = False
    save_flips: Annotated[
        Path | None,
        typer.Option(
            "--save-flips",
            metavar="DIR",
            help="Save additions that change the prediction, smallest first.",
            rich_help_panel=OUTPUT,
        ),
    ] = None


@flatten
def certify_soft(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    masks: MaskOptions,
    certificate: SoftOptions,
    allowing: AllowOptions,
    verification: VerifyOptions,
    output: OutputOptions,
) -> int:
    if verification.verify is not None or verification.fast:
        from stabcert.cli.verify.run import verify

        groups = (InputOptions, ModelOptions, ExplanationOptions, MaskOptions, SoftOptions, AllowOptions, OutputOptions)
        return verify("certify-soft", verification, inputs, model, output, groups)
    from stabcert.cli.commands.certify_soft_request import SoftRequest
    from stabcert.cli.commands.certify_soft_work import SoftWork
    from stabcert.cli.session import Session
    from stabcert.report.says.soft import soft_document

    request = SoftRequest.of(certificate, allowing, seed=output.seed, dtype=model.dtype.value)
    work = SoftWork(request)
    session = Session(
        "certify-soft",
        inputs,
        model,
        explanation,
        output,
        masks=masks,
        save_flips=certificate.save_flips,
        check_mask=request.check_mask,
    )
    return session.run(work.work, soft_document)

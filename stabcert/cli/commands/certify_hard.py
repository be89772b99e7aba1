"""``stabcert certify-hard``"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stabcert.cli.allowing import AllowOptions
from stabcert.cli.choices import NoiseChoice
from stabcert.cli.flatten import flatten
from stabcert.cli.options import (
    CERTIFICATE,
    ExplanationOptions,
    InputOptions,
    MaskOptions,
    ModelOptions,
    OutputOptions,
    VerifyOptions,
    delta_option,
    family_option,
)

HELP = """Up to how many more features may be revealed, whichever they are, without changing the prediction.

Certifies the model smoothed by random masks: no way of adding up to r features to the explanation, or
of removing up to r outside it from the full input, changes what the smoothed model says. The radius is proved
and cannot be wrong; with --noise bernoulli it holds with probability at least 1 - delta. Smoothing
costs accuracy, so what the model itself says is always shown beside it. Where every addition can be
tried, the radius of the model itself is given as well. With --min-radius, an explanation is not certified if it
has another class than the full input (inconsistent) or the class of the empty input (vacuous)."""

EXAMPLES = (
    "stabcert certify-hard cat.jpg",
    "stabcert certify-hard cat.jpg --sweep --refine 5000",
    "stabcert certify-hard review.txt --lambda 7/64 --attack 2000",
    "stabcert certify-hard photos/ --min-radius 2 --json",
    "stabcert certify-hard --verify records.jsonl",
)


class ScoresChoice(StrEnum):
    vote = "vote"
    probability = "probability"


class DirectionChoice(StrEnum):
    incremental = "incremental"
    decremental = "decremental"
    both = "both"


@dataclass
class HardOptions:
    keep_probability: Annotated[
        str | None,
        typer.Option(
            "--lambda",
            "-l",
            metavar="L",
            show_default="15/64",
            help="Share of noise masks that keep a feature: 15/64 or 0.25.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    quantization: Annotated[
        int | None,
        typer.Option(
            "--quantization",
            metavar="Q",
            min=2,
            show_default="64",
            help="Number of noise masks; lambda is a multiple of 1/Q.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    noise: Annotated[
        NoiseChoice,
        typer.Option(
            "--noise", help="bernoulli: independent noise, proved with high probability.", rich_help_panel=CERTIFICATE
        ),
    ] = NoiseChoice.quantized
    delta: Annotated[float | None, delta_option("a Bernoulli certificate", show_default="0.1")] = None
    family: Annotated[int | None, family_option(show_default="1")] = None
    n_samples: Annotated[
        int | None,
        typer.Option(
            "--n-samples",
            metavar="N",
            min=1,
            show_default="1000",
            help="Noise masks drawn for a Bernoulli certificate.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    scores: Annotated[
        ScoresChoice,
        typer.Option("--scores", help="What the smoothed model averages.", rich_help_panel=CERTIFICATE),
    ] = ScoresChoice.vote
    direction: Annotated[
        DirectionChoice,
        typer.Option(
            "--direction", help="Add to the explanation, remove from the full input.", rich_help_panel=CERTIFICATE
        ),
    ] = DirectionChoice.both
    refine: Annotated[
        int | None,
        typer.Option(
            "--refine",
            metavar="CALLS",
            min=0,
            show_default="1000; 0 with --sweep",
            help="Model evaluations for a larger radius, proved too.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    enumerate_calls: Annotated[
        int | None,
        typer.Option(
            "--enumerate",
            metavar="CALLS",
            min=0,
            show_default="on where cheap; 0 = off",
            help="Radius of the model itself: try every addition.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    attack: Annotated[
        int | None,
        typer.Option(
            "--attack",
            metavar="CALLS",
            min=1,
            help="Search for small additions that change the prediction.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="MASK",
            help="Is this addition guaranteed? 0/1 array, .npy or .json.",
            rich_help_panel=CERTIFICATE,
        ),
    ] = None
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Every lambda without wasted votes, best certificate first.", rich_help_panel=CERTIFICATE
        ),
    ] = False
    min_radius: Annotated[
        int | None,
        typer.Option(
            "--min-radius", metavar="R", min=1, help="Exit 1 unless the radius reaches R.", rich_help_panel=CERTIFICATE
        ),
    ] = None


@flatten
def certify_hard(
    inputs: InputOptions,
    model: ModelOptions,
    explanation: ExplanationOptions,
    masks: MaskOptions,
    certificate: HardOptions,
    allowing: AllowOptions,
    verification: VerifyOptions,
    output: OutputOptions,
) -> int:
    if verification.verify is not None or verification.fast:
        from stabcert.cli.verify.run import verify

        groups = (InputOptions, ModelOptions, ExplanationOptions, MaskOptions, HardOptions, AllowOptions, OutputOptions)
        return verify("certify-hard", verification, inputs, model, output, groups)
    from stabcert.cli.commands.certify_hard_request import HardRequest
    from stabcert.cli.commands.certify_hard_work import HardWork
    from stabcert.cli.session import Session
    from stabcert.report.says.hard import hard_document

    request = HardRequest.of(certificate, allowing, seed=output.seed, dtype=model.dtype.value)
    work = HardWork(request)
    session = Session("certify-hard", inputs, model, explanation, output, masks=masks, check_mask=request.check_mask)
    return session.run(work.work, hard_document)

"""``stabcert certify-hard``"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.allowing import AllowOptions
from stabcert.cli.choices import NoiseChoice
from stabcert.cli.declared import Asked, option
from stabcert.cli.flatten import flatten
from stabcert.cli.options import (
    CERTIFICATE,
    Call,
    ExplanationOptions,
    InputOptions,
    MaskOptions,
    ModelOptions,
    OutputOptions,
    RunningOptions,
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
    panel: ClassVar[str] = CERTIFICATE
    keep_probability: Annotated[
        str | None,
        option(
            "--lambda",
            "-l",
            affects="result",
            metavar="L",
            show_default="15/64",
            help="Share of noise masks that keep a feature: 15/64 or 0.25.",
        ),
    ] = None
    quantization: Annotated[
        int | None,
        option(
            "--quantization",
            affects="result",
            metavar="Q",
            least=2,
            show_default="64",
            help="Number of noise masks; lambda is a multiple of 1/Q.",
        ),
    ] = None
    noise: Annotated[
        NoiseChoice,
        option("--noise", affects="result", help="bernoulli: independent noise, proved with high probability."),
    ] = NoiseChoice.quantized
    delta: Annotated[float | None, delta_option("a Bernoulli certificate", show_default="0.1")] = None
    family: Annotated[int | None, family_option(show_default="1")] = None
    n_samples: Annotated[
        int | None,
        option(
            "--n-samples",
            affects="result",
            metavar="N",
            least=1,
            show_default="1000",
            help="Noise masks drawn for a Bernoulli certificate.",
        ),
    ] = None
    scores: Annotated[
        ScoresChoice,
        option("--scores", affects="result", help="What the smoothed model averages."),
    ] = ScoresChoice.vote
    direction: Annotated[
        DirectionChoice,
        option("--direction", affects="result", help="Add to the explanation, remove from the full input."),
    ] = DirectionChoice.both
    refine: Annotated[
        int | None,
        option(
            "--refine",
            affects="result",
            metavar="CALLS",
            least=0,
            show_default="1000; 0 with --sweep",
            help="Model evaluations for a larger radius, proved too.",
        ),
    ] = None
    enumerate_calls: Annotated[
        int | None,
        option(
            "--enumerate",
            affects="result",
            metavar="CALLS",
            least=0,
            show_default="on where cheap; 0 = off",
            help="Radius of the model itself: try every addition.",
        ),
    ] = None
    attack: Annotated[
        int | None,
        option(
            "--attack",
            affects="result",
            metavar="CALLS",
            least=1,
            help="Search for small additions that change the prediction.",
        ),
    ] = None
    check: Annotated[
        Path | None,
        option(
            "--check", affects="result", metavar="MASK", help="Is this addition guaranteed? 0/1 array, .npy or .json."
        ),
    ] = None
    sweep: Annotated[
        bool,
        option("--sweep", affects="result", help="Every lambda without wasted votes, best certificate first."),
    ] = False
    min_radius: Annotated[
        int | None,
        option("--min-radius", affects="result", metavar="R", least=1, help="Exit 1 unless the radius reaches R."),
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
    running: RunningOptions,
    asked: Asked,
) -> int:
    call = Call("certify-hard", inputs, model, explanation, output, running, masks)
    if verification.verify is not None or verification.fast:
        from stabcert.cli.verify.run import verify

        return verify(call, verification, asked)
    from stabcert.cli.commands.certify_hard_request import HardRequest
    from stabcert.cli.commands.certify_hard_work import HardWork
    from stabcert.cli.session import Session
    from stabcert.report.says.hard import hard_document

    request = HardRequest.of(certificate, allowing, seed=running.seed, dtype=model.dtype.value)
    work = HardWork(request)
    session = Session(call, asked, check_mask=request.check_mask)
    return session.run(work.work, hard_document)

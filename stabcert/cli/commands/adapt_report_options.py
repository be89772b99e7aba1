"""Options of ``stabcert adapt`` on the report, and on how it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.choices import METHODS, NoiseChoice, offers
from stabcert.cli.config import use_config
from stabcert.cli.declared import option
from stabcert.cli.options import DEFAULT_SEED, RUNNING, Quiet, Verbose, delta_option
from stabcert.cli.typed_numbers import number, whole_number

REPORT = "Report"


@dataclass
class AdaptReportOptions:
    panel: ClassVar[str] = REPORT
    report_share: Annotated[
        float,
        option(
            "--report-share",
            affects="result",
            metavar="S",
            read=number("--report-share", example=0.2),
            help="Share of the inputs that is reported on, and neither trains nor chooses.",
        ),
    ] = 0.2
    attribution: Annotated[
        str,
        option(
            "--attribution",
            affects="result",
            metavar="NAME",
            offers=offers(METHODS),
            help="Attribution of the original model that makes the explanations.",
        ),
    ] = "occlusion"
    top_k: Annotated[
        str,
        option(
            "--top-k",
            "-k",
            affects="result",
            metavar="K",
            help="Features that an explanation keeps: a count (12) or a share (25%).",
        ),
    ] = "25%"
    masks: Annotated[
        int,
        option(
            "--masks",
            affects="result",
            metavar="N",
            read=whole_number("--masks", least=1, example=4),
            help="Random masks of each reporting input that keep 3/4 of it, as many that keep 1/2, and 1/4.",
        ),
    ] = 4
    radii: Annotated[
        str,
        option(
            "--radii", affects="result", metavar="LIST", help="Features that may be added or removed: 4, 1,2,5 or 1:10."
        ),
    ] = "1,4"
    n_samples: Annotated[
        int,
        option(
            "--n-samples",
            affects="result",
            metavar="N",
            read=whole_number("--n-samples", least=1, example=10),
            help="Additions to test for each input and radius.",
        ),
    ] = 10
    draws: Annotated[
        int,
        option(
            "--draws",
            affects="result",
            metavar="K",
            read=whole_number("--draws", least=1, example=64),
            help="Frozen noise masks of each smoothed model.",
        ),
    ] = 64
    noise: Annotated[
        NoiseChoice,
        option("--noise", affects="result", help="quantized: lambda times K must be whole."),
    ] = NoiseChoice.quantized
    mean_delta: Annotated[float, delta_option("an interval")] = 0.1
    min_gain: Annotated[
        float | None,
        option(
            "--min-gain",
            affects="result",
            metavar="G",
            read=number("--min-gain", example=0.1),
            help="Exit 1 unless the lower bound of the gain in masked agreement reaches G.",
        ),
    ] = None


@dataclass
class AdaptRunningOptions:
    panel: ClassVar[str] = RUNNING
    config: Annotated[
        Path | None,
        option(
            "--config",
            affects="circumstance",
            metavar="FILE",
            callback=use_config,
            help="A TOML file: epochs = 4 under \\[adapt]. Its paths are relative to it.",
        ),
    ] = None
    seed: Annotated[
        int,
        option(
            "--seed",
            affects="result",
            metavar="N",
            least=0,
            help="Seed of all random draws; choose it before you see a result.",
        ),
    ] = DEFAULT_SEED
    resume: Annotated[
        bool,
        option("--resume", affects="circumstance", help="Continue an interrupted run from DIR.checkpoint."),
    ] = False
    quiet: Quiet = False
    verbose: Verbose = False

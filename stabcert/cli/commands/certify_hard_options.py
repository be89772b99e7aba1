"""Options of ``stabcert certify-hard``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.choices import NoiseChoice
from stabcert.cli.declared import option
from stabcert.cli.options import CERTIFICATE, delta_option, family_option


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
            help="Share of noise masks that keep a feature: 15/64, 0.25 or auto.",
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
        option("--scores", affects="result", help="Scores that the smoothed model averages."),
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
            help="Radius of the unsmoothed model: test every addition.",
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
        option("--check", affects="result", metavar="MASK", help="Check one addition: 0/1 array, .npy or .json."),
    ] = None
    sweep: Annotated[
        bool,
        option("--sweep", affects="result", help="Every lambda without wasted votes, best certificate first."),
    ] = False
    min_radius: Annotated[
        int | None,
        option("--min-radius", affects="result", metavar="R", least=1, help="Exit 1 unless the radius reaches R."),
    ] = None

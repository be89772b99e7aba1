"""Options of ``stabcert certify-soft``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from stabcert.cli.declared import option
from stabcert.cli.options import CERTIFICATE, OUTPUT, delta_option, family_option
from stabcert.cli.parsing import parse_smooth


class IntervalChoice(StrEnum):
    exact = "exact"
    hoeffding = "hoeffding"


class FormulationChoice(StrEnum):
    up_to = "up-to"
    exactly = "exactly"
    worst = "worst"


@dataclass
class SoftOptions:
    panel: ClassVar[str] = CERTIFICATE
    radius: Annotated[
        str | None,
        option(
            "--radius",
            "-r",
            affects="result",
            metavar="R",
            show_default="1; all with --largest-radius",
            help="Features that may be added: 4, 1,2,5, 1:10 or all.",
        ),
    ] = None
    epsilon: Annotated[
        float | None,
        option(
            "--epsilon",
            affects="result",
            metavar="E",
            show_default="0.1",
            help="Error of the rate; sets the number of samples.",
        ),
    ] = None
    delta: Annotated[float, delta_option("the statement")] = 0.1
    family: Annotated[int, family_option()] = 1
    n_samples: Annotated[
        int | None,
        option("--n-samples", affects="result", metavar="N", help="Samples for each radius, instead of --epsilon."),
    ] = None
    interval: Annotated[
        IntervalChoice,
        option("--interval", affects="result", help="exact is Clopper-Pearson."),
    ] = IntervalChoice.exact
    formulation: Annotated[
        FormulationChoice,
        option(
            "--formulation", affects="result", help="Up to r added features, exactly r, or the worst size from 1 to r."
        ),
    ] = FormulationChoice.up_to
    per_radius: Annotated[
        bool,
        option("--per-radius", affects="result", help="Each radius individually at delta, not jointly."),
    ] = False
    smooth: Annotated[
        float | tuple[float, ...],
        option(
            "--smooth",
            affects="result",
            metavar="LAMBDA",
            read=parse_smooth,
            help="Certify the smoothed model: features kept with this probability (1 = off); auto or auto:1/2,1/4 "
            "chooses it for each input.",
        ),
    ] = 1.0
    smooth_draws: Annotated[
        int | None,
        option(
            "--smooth-draws",
            affects="result",
            metavar="K",
            least=1,
            show_default="64",
            help="Frozen masks that vote in the smoothed model.",
        ),
    ] = None
    min_rate: Annotated[
        float | None,
        option(
            "--min-rate",
            affects="result",
            metavar="RATE",
            help="Sequential test: exit 1 unless the lower bound reaches RATE.",
        ),
    ] = None
    max_samples: Annotated[
        int | None,
        option(
            "--max-samples",
            affects="result",
            metavar="N",
            least=1,
            show_default="2000",
            help="Most samples of that test for each radius.",
        ),
    ] = None
    largest_radius: Annotated[
        bool,
        option("--largest-radius", affects="result", help="The largest radius up to which --min-rate holds."),
    ] = False


@dataclass
class FlipOptions:
    panel: ClassVar[str] = OUTPUT
    save_flips: Annotated[
        Path | None,
        option(
            "--save-flips",
            affects="writes",
            metavar="DIR",
            help="Save additions that change the prediction, smallest first.",
        ),
    ] = None

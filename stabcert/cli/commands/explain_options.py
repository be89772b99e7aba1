"""Options of ``stabcert explain``: settings of its methods, and the search for a stable mask."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

from stabcert.cli.allowing import allow_vacuous_option
from stabcert.cli.declared import option
from stabcert.cli.options import CERTIFICATE, EXPLANATION, delta_option, family_option


@dataclass
class MethodOptions:
    """Options with the names of the parameters of attribution methods."""

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

    def given(self) -> dict[str, int | float]:
        """Return the options that were given."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass
class EffortOptions:
    panel: ClassVar[str] = EXPLANATION
    show: Annotated[int, option("--show", affects="writes", metavar="N", least=0, help="Features to list.")] = 10
    neighbours: Annotated[
        int | None,
        option(
            "--neighbours",
            affects="result",
            metavar="N",
            least=1,
            show_default="none",
            help="Measure the movement to N inputs near this one.",
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

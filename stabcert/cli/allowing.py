"""Options that certify an explanation although it explains another class, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from stabcert.cli.options import CERTIFICATE
from stabcert.errors import ParameterError


def allow_vacuous_option() -> Any:
    return typer.Option(
        "--allow-vacuous", help="Certify although the empty input has that class.", rich_help_panel=CERTIFICATE
    )


@dataclass(frozen=True)
class AllowOptions:
    allow_inconsistent: Annotated[
        bool,
        typer.Option(
            "--allow-inconsistent", help="Certify although the mask has another class.", rich_help_panel=CERTIFICATE
        ),
    ] = False
    allow_vacuous: Annotated[bool, allow_vacuous_option()] = False

    def check(self, threshold: str, *, given: bool) -> None:
        """Refuse to allow what nothing forbids.

        Args:
            threshold: the option that an explanation has to meet.
            given: whether it was.

        Raises:
            ParameterError: an option without effect.
        """
        names = ("inconsistent", self.allow_inconsistent), ("vacuous", self.allow_vacuous)
        asked = [f"--allow-{name}" for name, wanted in names if wanted]
        if asked and not given:
            raise ParameterError(f"{' and '.join(asked)} without {threshold} would do nothing; add {threshold}")

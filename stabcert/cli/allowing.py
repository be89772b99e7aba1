"""Options that allow a certificate for an inconsistent or a vacuous explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from stabcert.cli.declared import Declared, option
from stabcert.cli.options import CERTIFICATE
from stabcert.errors import ParameterError


def allow_vacuous_option() -> Declared:
    """Return ``--allow-vacuous`` of a command."""
    return option("--allow-vacuous", affects="result", help="Certify although the empty input has that class.")


@dataclass(frozen=True)
class AllowOptions:
    panel: ClassVar[str] = CERTIFICATE
    allow_inconsistent: Annotated[
        bool,
        option("--allow-inconsistent", affects="result", help="Certify although the mask has another class."),
    ] = False
    allow_vacuous: Annotated[bool, allow_vacuous_option()] = False

    def check(self, threshold: str, *, given: bool) -> None:
        """Check that the options have an effect.

        Args:
            threshold: the option that sets the threshold.
            given: whether that option was given.

        Raises:
            ParameterError: an option of this group is given without a threshold.
        """
        names = ("inconsistent", self.allow_inconsistent), ("vacuous", self.allow_vacuous)
        asked = [f"--allow-{name}" for name, wanted in names if wanted]
        if asked and not given:
            raise ParameterError(f"{' and '.join(asked)} without {threshold} would do nothing. Add {threshold}")

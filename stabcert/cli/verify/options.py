"""The check that options given with ``--verify`` do not change the certificate."""

from __future__ import annotations

import os

from stabcert.cli.declared import Asked
from stabcert.cli.options import VerifyOptions
from stabcert.errors import ParameterError


def check_alone(options: VerifyOptions, asked: Asked) -> None:
    """Check that no option given with ``--verify`` changes the certificate or is without effect.

    Args:
        options: the options of verification.
        asked: all options of the call.

    Raises:
        ParameterError: some options change the certificate or are without effect.
    """
    if options.verify is None:
        raise ParameterError("--fast needs records to check. Name them with --verify FILE")
    given = []
    for one in asked:
        if one.declared.with_verify or one.value in (one.default, []):
            continue
        variable = one.declared.envvar
        if variable is not None and os.environ.get(variable) == one.value:
            continue  # it was not typed in this call
        given.append(one.declared.flag)
    if given:
        raise ParameterError(
            f"leave out {', '.join(given)}: with --verify, everything that determines the certificate comes from the "
            "record. Possible are only options of computation and output, such as --device, --json or --limit"
        )

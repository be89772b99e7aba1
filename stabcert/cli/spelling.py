"""Messages of the library as the command line shows them: a parameter under the name of its option.

The library names a parameter as Python users know it: the one that is wrong opens the message
(``min_rate must be above 0``) or is in `ParameterError.parameter`, and advice is written like an argument of a call
(``n_samples=200``). Here both become what is typed: ``--min-rate must be above 0``, ``--n-samples 200``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import get_args

from stabcert.errors import FailedInputError, ParameterError, StabcertError

Flags = Mapping[str, str]
"""The option that sets each parameter."""

_OTHER_NAMES = {"lambdas": "keep_probabilities"}
"""Options whose field has another name than the parameter of the library."""
_GO_ON = ", or use --keep-going to go on with the others"
_VALUE = r"""'[^'\n]*'|"[^"\n]*"|[\w|:+-]+(?:\.\w+)*"""
_START, _END = r"(?<![\w/.'\"=-])", r"(?![\w/'\"-]|\.\w)"


def flags_of(parameters: Iterable[inspect.Parameter]) -> dict[str, str]:
    """Return the option of each parameter of a command, as typer reads them: ``{"n_samples": "--n-samples"}``."""
    flags = {}
    for parameter in parameters:
        for declared in get_args(parameter.annotation)[1:]:
            # Where a default stands in the signature, typer takes the first name for it and completes that later.
            names = (getattr(declared, "default", None), *(getattr(declared, "param_decls", None) or ()))
            long = [name for name in names if isinstance(name, str) and name.startswith("--")]
            if long:
                flags[_OTHER_NAMES.get(parameter.name, parameter.name)] = long[0]
    return flags


def typed(message: str, flags: Flags, parameter: str | None = None) -> str:
    """Return a message that names options where it named parameters.

    Paths stay as they are, also where a folder is called ``seed=3``.

    Args:
        message: of an error or a note of the library.
        flags: of the command that shows it; other names are left alone.
        parameter: the one that is wrong; its first mention becomes an option whatever stands behind it.
    """
    if parameter is not None and parameter in flags:
        message = re.sub(rf"{_START}{parameter}{_END}(?!=)", flags[parameter], message, count=1)
    names = "|".join(sorted(flags, key=len, reverse=True))
    if not names:
        return message
    message = re.sub(rf"{_START}({names})=({_VALUE})(?!/)", lambda found: _argument(found, flags), message)
    # A word with an underscore is a parameter; of other words only the one that is wrong.
    compound = "|".join(name for name in sorted(flags, key=len, reverse=True) if "_" in name)
    return re.sub(rf"{_START}({compound}){_END}(?!=)", lambda found: flags[found[1]], message) if compound else message


def spell(error: StabcertError, flags: Flags) -> None:
    """Rewrite the message of an error for the command line, in place: its traceback and its cause are kept."""
    parameter = error.parameter if isinstance(error, ParameterError) else None
    message = typed(str(error), flags, parameter)
    if isinstance(error, FailedInputError) and "keep_going" in flags and not message.endswith(_GO_ON):
        message += _GO_ON
    error.args = (message,)


def _argument(found: re.Match[str], flags: Flags) -> str:
    flag, value = flags[found[1]], found[2]
    if value == "True":
        return flag
    bare = value[1:-1] if value[0] in "'\"" else value
    return f"{flag} {value if ' ' in bare or not bare else bare}"

"""Translation of messages of the library for the command line, where parameters are options.

Messages of the library use the names of parameters in Python. The wrong parameter is the first word of the message
(``min_rate must be above 0``) or `ParameterError.parameter`. Advice has the form of an argument (``n_samples=200``).
This module converts both to the form that is typed: ``--min-rate must be above 0``, ``--n-samples 200``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import get_args

from stabcert.errors import FailedInputError, ParameterError, StabcertError

Flags = Mapping[str, str]
"""The option that sets each parameter."""

_OTHER_NAMES = {"lambdas": "keep_probabilities", "mean_delta": "delta"}
"""Options whose field does not have the name of the library's parameter."""
_GO_ON = ", or use --keep-going to go on with the others"
_VALUE = r"""'[^'\n]*'|"[^"\n]*"|[\w|:+-]+(?:\.\w+)*"""
_START, _END = r"(?<![\w/.'\"=-])", r"(?![\w/'\"-]|\.\w)"


def flags_of(parameters: Iterable[inspect.Parameter]) -> dict[str, str]:
    """Return the option of each parameter of a command, such as ``{"n_samples": "--n-samples"}``."""
    flags = {}
    for parameter in parameters:
        for declared in get_args(parameter.annotation)[1:]:
            # typer treats the first name as the default if the signature contains a default.
            names = (getattr(declared, "default", None), *(getattr(declared, "param_decls", None) or ()))
            long = [name for name in names if isinstance(name, str) and name.startswith("--")]
            if long:
                flags[_OTHER_NAMES.get(parameter.name, parameter.name)] = long[0]
    return flags


def typed(message: str, flags: Flags, parameter: str | None = None) -> str:
    """Return a message with options in the place of parameters.

    Paths do not change, even if a folder is called ``seed=3``.

    Args:
        message: the message of an error or a note of the library.
        flags: the options of the command. Other names in the message do not change.
        parameter: the wrong parameter. Its first mention becomes an option in any context.
    """
    # A message that was converted already contains the option.
    if parameter is not None and parameter in flags and not re.search(rf"{flags[parameter]}{_END}", message):
        message = re.sub(rf"{_START}{parameter}{_END}(?!=)", flags[parameter], message, count=1)
    names = "|".join(sorted(flags, key=len, reverse=True))
    if not names:
        return message
    message = re.sub(rf"{_START}({names})=({_VALUE})(?!/)", lambda found: _argument(found, flags), message)
    # A word with an underscore is a parameter. Of the other words, only the wrong parameter is one.
    compound = "|".join(name for name in sorted(flags, key=len, reverse=True) if "_" in name)
    return re.sub(rf"{_START}({compound}){_END}(?!=)", lambda found: flags[found[1]], message) if compound else message


def spell(error: StabcertError, flags: Flags) -> None:
    """Replace the message of an error in place by that for the command line. Its traceback and its cause are kept."""
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

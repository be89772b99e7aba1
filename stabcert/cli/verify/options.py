"""Which options go together with ``--verify``: those that change nothing of what is certified."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from typer.models import OptionInfo

from stabcert.errors import ParameterError

_MEANINGFUL = frozenset(
    [
        "verify",
        "fast",
        "limit",
        "trust_remote_code",
        "allow_pickle",
        "allow_random_head",
        "offline",
        "device",
        "batch_size",
        "compile",
        "json",
        "format",
        "output",
        "append",
        "overwrite",
        "keep_going",
        "quiet",
        "verbose",
    ]
)


def check_alone(asked: dict[str, Any], groups: tuple[type[Any], ...]) -> None:
    """Refuse options beside ``--verify`` that would change what is certified, or that have nothing to do.

    Args:
        asked: every option of the call by name.
        groups: the dataclasses of options that they come from.

    Raises:
        ParameterError: names all of them.
    """
    if asked["verify"] is None:
        raise ParameterError("--fast says how records are checked; name them with --verify FILE")
    given = []
    for group in groups:
        hints = get_type_hints(group, include_extras=True)
        for one in fields(group):
            if not one.init or one.name in _MEANINGFUL or asked[one.name] in (one.default, []):
                continue
            info = get_args(hints[one.name])[1]
            variable = getattr(info, "envvar", None)
            if isinstance(variable, str) and os.environ.get(variable) == asked[one.name]:
                continue  # nobody gave it in this call
            given.append(_flag(info))
    if given:
        raise ParameterError(
            f"leave out {', '.join(given)}: with --verify everything that is certified comes from the record; "
            "only options on how it is computed and shown go with it, such as --device, --json or --limit"
        )


def _flag(info: Any) -> str:
    """The long name of an option; typer takes the first name that is declared for a default."""
    names = [info.default, *(info.param_decls or ())] if isinstance(info, OptionInfo) else []
    return next((name for name in names if isinstance(name, str) and name.startswith("--")), "INPUT")

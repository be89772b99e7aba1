"""From groups of options to the parameters that typer reads, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from stabcert.cli.options import OutputOptions
from stabcert.cli.spelling import flags_of, spell
from stabcert.errors import StabcertError


def flatten(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a command that typer can read from one whose parameters are groups of options.

    A parameter annotated with a dataclass of options becomes one option for each of its fields;
    when called, the values are put together again. Fields that are no parameters of the dataclass are left out.

    Errors that the command raises name options, not parameters (`stabcert.cli.spelling`).
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if not is_dataclass(hints[name]):
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        group = groups[name] = hints[name]
        group_hints = get_type_hints(group, include_extras=True)
        for hint in group_hints.values():
            kind, *more = get_args(hint) or (None,)
            if kind is bool:
                more[0].metavar = ""  # typer would show <bool>, and nobody writes --quiet true
        parameters += [
            inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=group_hints[f.name])
            for f in _options(group)
        ]

    flags = flags_of(parameters)

    def flat(**values: Any) -> Any:
        asked = dict(values)
        try:
            for name, group in groups.items():
                values[name] = group(**{f.name: values.pop(f.name) for f in _options(group)})
                if group is OutputOptions:
                    values[name].asked = asked
                    values[name].flags = flags
            return command(**values)
        except StabcertError as error:
            spell(error, flags)
            raise

    flat.__name__ = command.__name__
    flat.__doc__ = command.__doc__
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


def _options(group: Any) -> list[Field[Any]]:
    return [f for f in fields(group) if f.init]

"""Conversion of groups of options to parameters that typer reads, and of their values back to groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_type_hints

from stabcert.cli.declared import Asked, Declared, Given, declaration_of
from stabcert.cli.spelling import flags_of, spell
from stabcert.errors import StabcertError


def flatten(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that typer can read, from a function whose parameters are groups of options.

    A parameter annotated with a dataclass of options, which has a ``panel``, becomes one option for each field. The
    call assembles the groups from the values. A parameter annotated with `Asked` receives all options.

    Errors that the command raises name options instead of parameters (`stabcert.cli.spelling`).

    Raises:
        TypeError: an option does not declare what it affects.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    declared: dict[str, tuple[Declared, Any]] = {}
    parameters: list[inspect.Parameter] = []
    everything = next((name for name in inspect.signature(command).parameters if hints[name] is Asked), None)
    for name in inspect.signature(command).parameters:
        if name == everything:
            continue
        if not is_dataclass(hints[name]):
            raise TypeError(f"{name} must be a group of options, got {hints[name]}")
        group = groups[name] = hints[name]
        group_hints = get_type_hints(group, include_extras=True)
        for one in fields(group):
            kind, declaration = declaration_of(group_hints[one.name])
            declared[one.name] = declaration, one.default
            typed: Any = kind if declaration.read is None else str
            shown: Any = Annotated[typed, declaration.for_typer(group.panel, typed), declaration]
            parameters.append(
                inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=shown)
            )

    flags = flags_of(parameters)

    def flat(**values: Any) -> Any:
        try:
            values |= {name: one.read(values[name]) for name, (one, _) in declared.items() if one.read is not None}
            options = tuple(Given(name, one, values[name], default) for name, (one, default) in declared.items())
            asked = Asked(options, flags)
            made = {
                name: group(**{one.name: values[one.name] for one in fields(group)}) for name, group in groups.items()
            }
            return command(**made, **({} if everything is None else {everything: asked}))
        except StabcertError as error:
            spell(error, flags)
            raise

    flat.__name__ = command.__name__
    flat.__doc__ = command.__doc__
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat

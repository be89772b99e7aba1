"""Options from a file: ``[certify-soft]`` and under it ``min-rate = 0.9``, as if they had been typed."""

from __future__ import annotations

import difflib
import inspect
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import typer

from stabcert.cli.text_files import read_file
from stabcert.errors import InputError, ParameterError

# An option that ends the program, and the one that is being read.
_NOT_HERE = {"help", "config"}


def use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Make what the file says the defaults of the command; what is typed, or in the environment, wins.

    Raises:
        InputError: the file cannot be read or is no TOML.
        ParameterError: what it says is no option of the command.
    """
    if path is not None and not context.resilient_parsing:
        commands = context.parent.command.commands if context.parent is not None else {}  # type: ignore[attr-defined]
        # From the signature: how typer keeps the type of an option is its own business, and changes.
        hints = inspect.unwrap(context.command.callback or use_config).__annotations__
        context.default_map = read_config(path, context.info_name or "", context.command.params, hints, commands)
    return path


def read_config(
    path: Path, command: str, parameters: Iterable[Any], hints: Mapping[str, Any], commands: Iterable[str]
) -> dict[str, Any]:
    """Values by the name of the parameter; numbers as text, for they are read like those that are typed."""
    try:
        tables = tomllib.loads(read_file(path).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ParameterError(f"{path}: {name} stands outside of a table; write [{command}] in a line above it")
        if name not in commands:
            raise ParameterError(f"{path}: [{name}] is no command; {_near(name, commands, '[{}]')}")
    if command not in tables:
        raise ParameterError(f"{path} says nothing of {command}; write [{command}] and the options under it")
    options = {
        spelling.removeprefix("--"): parameter
        for parameter in parameters
        for spelling in parameter.opts
        if spelling.startswith("--") and spelling.removeprefix("--") not in _NOT_HERE
    }
    values = {}
    for name, value in tables[command].items():
        origin = f"{path}, [{command}]: {name}"
        if name not in options:
            raise ParameterError(f"{origin} is no option that can stand there; {_near(name, options)}")
        values[options[name].name] = _typed(origin, options[name], hints[options[name].name], value)
    return values


def _typed(origin: str, option: Any, hint: Any, value: Any) -> Any:
    """The value as it would be typed."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ParameterError(f"{origin} = {_shown(value)} must be true or false")
        return value
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in values):
            raise ParameterError(f'{origin} = {_shown(value)} must be text, or a list of texts: ["a", "b"]')
        return values
    annotated = get_args(hint)[0]
    kinds = get_args(annotated) or (annotated,)
    # "1:3" and "25%" need quotes in TOML, but who writes radius = 4 without them is understood.
    possible: tuple[type, ...] = (str, int, float)
    wanted = "text in quotes, or a number"
    if int in kinds:
        possible, wanted = (int,), "a whole number"
    elif float in kinds:
        possible, wanted = (int, float), "a number"
    if isinstance(value, bool) or not isinstance(value, possible):
        raise ParameterError(f"{origin} = {_shown(value)} must be {wanted}")
    return str(value)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _near(name: str, names: Iterable[str], form: str = "{}") -> str:
    names = list(names)
    near = difflib.get_close_matches(name.replace("_", "-"), names, n=1)
    if near:
        return f"did you mean {form.format(near[0])}?"
    return "write one of " + ", ".join(form.format(one) for one in sorted(names))

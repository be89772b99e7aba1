"""Options from a TOML file, with a table such as ``[certify-soft]`` and lines such as ``min-rate = 0.9`` under it.

Values mean the same as on the command line, except paths, which are relative to the folder of the file.
"""

from __future__ import annotations

import difflib
import inspect
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import typer

from stabcert.cli.declared import Declared, declaration_of
from stabcert.cli.suffixes import suffix_of
from stabcert.cli.text_files import is_there, read_file
from stabcert.errors import InputError, ParameterError

_FEATURE_FILES = (".npy", ".png")


def use_config(context: typer.Context, path: Path | None) -> Path | None:
    """Use the options in the file as defaults of the command. Typed options and environment variables take precedence.

    Raises:
        InputError: the file cannot be read or is not TOML.
        ParameterError: the file contains something that is not an option of the command.
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
    """Return values by the name of the parameter. Numbers are text, because they are parsed like typed ones."""
    try:
        tables = tomllib.loads(read_file(path).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ParameterError(f"{path}: {name} is outside of a table. Write [{command}] in a line above it")
        if name not in commands:
            raise ParameterError(f"{path}: [{name}] is not a command. {_near(name, commands, '[{}]')}")
    if command not in tables:
        raise ParameterError(f"{path} does not contain [{command}]. Write [{command}] and the options under it")
    declared = {name: declaration_of(hint) for name, hint in hints.items() if name != "return"}
    options = {
        spelling.removeprefix("--"): parameter
        for parameter in parameters
        # Neither --help, which is not declared, nor --config, which is being read.
        if parameter.name in declared and declared[parameter.name][1].callback is None
        for spelling in parameter.opts
        if spelling.startswith("--")
    }
    values = {}
    for name, value in tables[command].items():
        origin = f"{path}, [{command}]: {name}"
        if name not in options:
            raise ParameterError(f"{origin} is not an option that a configuration file can set. {_near(name, options)}")
        parameter = options[name]
        hint, declaration = declared[parameter.name]
        typed = _typed(origin, parameter, hint, value)
        if isinstance(typed, str):
            typed = _placed(path, origin, declaration, typed, is_path=Path in (hint, *get_args(hint)))
        values[parameter.name] = typed
    return values


def _placed(config: Path, origin: str, declared: Declared, value: str, *, is_path: bool) -> str:
    """Return a path relative to the folder of the configuration file, and any other value unchanged.

    Raises:
        InputError: the path does not exist there, but does in the working directory.
    """
    home = os.path.expanduser(value) if value.startswith("~") else value
    # A configuration from a pipe has no folder.
    folder = config.parent if is_there(config.is_file) else Path()
    beside = folder / home
    if declared.reads == "model folder":
        # Names of the hub look like paths. A value is a path if that folder exists, or if it cannot be a name.
        path = value.startswith(("~", "./", "../")) or is_there(beside.is_dir)
        return str(beside) if path else value
    if declared.reads is not None:
        is_path = suffix_of(value) in _FEATURE_FILES if declared.reads == "feature file" else value != "-"
    if not is_path or not value:
        return value
    if declared.affects != "writes" and not is_there(beside.exists) and is_there(Path(home).exists):
        raise InputError(
            f"{origin} = {value!r} is relative to the folder of {config}, and {beside} does not exist. Write "
            f"{os.path.relpath(home, folder)!r}"
        )
    return str(beside)


def _typed(origin: str, option: Any, annotated: Any, value: Any) -> Any:
    """Return a value in the form in which it is typed."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ParameterError(f"{origin} = {_shown(value)} must be true or false")
        return value
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in values):
            raise ParameterError(f'{origin} = {_shown(value)} must be text, or a list of texts: ["a", "b"]')
        return values
    kinds = get_args(annotated) or (annotated,)
    # "1:3" and "25%" need quotes in TOML. A plain number such as radius = 4 is accepted without them.
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
        return f"Did you mean {form.format(near[0])}?"
    return "Write one of " + ", ".join(form.format(one) for one in sorted(names))

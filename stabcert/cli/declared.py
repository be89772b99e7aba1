"""Declarations of options: their names, their help, and what they affect.

Other parts derive four rules from the declarations. The key of a record contains the options that affect the result.
``--verify`` refuses options that change the certificate. Paths in a configuration file are relative to it. A file that
is read is never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import typer

Affects = Literal["result", "keyed", "circumstance", "writes"]
"""The part of a call that an option affects.

``result``: the finding. The option is part of the key of every record. ``keyed``: the finding, but the key contains it
in another form, such as the input, its label, the model or the record with the mask. ``circumstance``: where, how fast
and for which inputs a command runs. ``writes``: what is shown or written, and where."""

Reads = Literal["records", "feature file", "model folder"]
"""The kind of file that a text option may name. For other options, the type determines whether they name a file."""


@dataclass(frozen=True)
class Declared:
    """One option, or the argument of a command."""

    names: tuple[str, ...]
    """The spellings with the long one first, or nothing for the argument."""
    affects: Affects
    help: str
    metavar: str | None = None
    show_default: str | None = None
    least: float | None = None
    most: float | None = None
    envvar: str | None = None
    offers: Callable[[str], list[str]] | None = None
    """The function that completes a value in a shell."""
    callback: Callable[..., Any] | None = None
    """The function to call before all other options are read."""
    reads: Reads | None = None
    read: Callable[[str], Any] | None = None
    """Reads a typed value whose type typer does not have; raises a ParameterError for what it cannot read."""
    with_verify: bool = False
    """True if ``--verify`` allows the option, because it does not change the certificate."""
    only_given: bool = False
    """True if keys contain the option only where its value is not the default. Keys from before the option existed stay
    valid."""

    @property
    def flag(self) -> str:
        """The name of the option in messages."""
        return self.names[0] if self.names else self.metavar or "INPUT"

    def for_typer(self, panel: str, kind: Any) -> Any:
        """Return the declaration in the form that typer reads.

        Args:
            panel: the title of the group on the help screen.
            kind: the type of the values.
        """
        if not self.names:
            return typer.Argument(metavar=self.metavar, help=self.help)
        return typer.Option(
            *self.names,
            metavar="" if kind is bool else self.metavar,  # typer would show <bool>, although a flag has no value
            help=self.help,
            show_default=True if self.show_default is None else self.show_default,
            min=self.least,
            max=self.most,
            envvar=self.envvar,
            autocompletion=self.offers,
            is_eager=self.callback is not None,
            callback=self.callback,
            rich_help_panel=panel,
        )


def option(
    *names: str,
    affects: Affects,
    help: str,
    metavar: str | None = None,
    show_default: str | None = None,
    least: float | None = None,
    most: float | None = None,
    envvar: str | None = None,
    offers: Callable[[str], list[str]] | None = None,
    callback: Callable[..., Any] | None = None,
    reads: Reads | None = None,
    read: Callable[[str], Any] | None = None,
    with_verify: bool = False,
    only_given: bool = False,
) -> Declared:
    """Return the declaration of an option, see `Declared`."""
    return Declared(
        names,
        affects,
        help,
        metavar,
        show_default,
        least,
        most,
        envvar,
        offers,
        callback,
        reads,
        read,
        with_verify,
        only_given,
    )


def argument(*, affects: Affects, metavar: str, help: str) -> Declared:
    """Return the declaration of the positional argument, see `Declared`."""
    return Declared((), affects, help, metavar)


def declaration_of(annotation: Any) -> tuple[Any, Declared]:
    """Return the type and the declaration of an annotated option.

    Raises:
        TypeError: the annotation does not contain a declaration by `option` or `argument`.
    """
    kind, *more = get_args(annotation) or (annotation,)
    found = [one for one in more if isinstance(one, Declared)]
    if len(found) != 1:
        raise TypeError(f"{annotation} must be declared once with option(..., affects=...)")
    return kind, found[0]


@dataclass(frozen=True)
class Given:
    """One option of a call."""

    name: str
    """The field with the value. Keys of records contain this name."""
    declared: Declared
    value: Any
    default: Any


@dataclass(frozen=True)
class Asked:
    """All options of a call, in the order of the help screen."""

    options: tuple[Given, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    """The option of each parameter of the library (`stabcert.cli.spelling`)."""

    def __iter__(self) -> Iterator[Given]:
        return iter(self.options)

    def files_read(self) -> Iterator[tuple[str, Path]]:
        """Yield the flag and the path of every file that the options name as input."""
        for one in self.options:
            if isinstance(one.value, Path) and one.declared.affects != "writes":
                yield one.declared.flag, one.value
            elif isinstance(one.value, str) and one.declared.reads in ("records", "feature file"):
                yield one.declared.flag, Path(one.value)

"""Declarations of options: name, help, and what an option affects. Everything that depends on that is derived here.

The key of a record contains the options that affect the result, ``--verify`` refuses those that change what is
certified, a configuration file has paths of its own, and no file that is read is written: each asks the declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import typer

Affects = Literal["result", "keyed", "circumstance", "writes"]
"""``result``: what is found, so that the option is part of the key of every record. ``keyed``: what is found, but the
key contains it in another form: as the input, its label, the model, the record with the mask, or, for what is found of
all inputs together, in a key of its own. ``circumstance``: where, how fast and of which inputs. ``writes``: what is
shown or written, and where."""

Reads = Literal["records", "feature file", "model folder"]
"""The kind of file that an option of type text may name. The type of every other option tells if it names a file."""


@dataclass(frozen=True)
class Declared:
    """One option, or the argument of a command."""

    names: tuple[str, ...]
    """The spellings, the long one first; empty for the argument."""
    affects: Affects
    help: str
    metavar: str | None = None
    show_default: str | None = None
    least: float | None = None
    most: float | None = None
    envvar: str | None = None
    offers: Callable[[str], list[str]] | None = None
    """Completes a value in a shell."""
    callback: Callable[..., Any] | None = None
    """Called before all other options are read."""
    reads: Reads | None = None
    read: Callable[[str], Any] | None = None
    """Reads a typed value whose type typer does not have; raises a ParameterError for what it cannot read."""
    with_verify: bool = False
    """It may be given together with ``--verify``: it changes nothing of what is certified."""

    @property
    def flag(self) -> str:
        """The name of the option in messages."""
        return self.names[0] if self.names else "INPUT"

    def for_typer(self, panel: str, kind: Any) -> Any:
        """Return what typer takes for the declaration.

        Args:
            panel: title of the group on the help screen.
            kind: the type of the values.
        """
        if not self.names:
            return typer.Argument(metavar=self.metavar, help=self.help)
        return typer.Option(
            *self.names,
            metavar="" if kind is bool else self.metavar,  # typer would show <bool>, and nobody writes --quiet true
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
) -> Declared:
    """Return the declaration of an option; see `Declared`."""
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
    )


def argument(*, affects: Affects, metavar: str, help: str) -> Declared:
    """Return the declaration of what is typed without the name of an option."""
    return Declared((), affects, help, metavar)


def declaration_of(annotation: Any) -> tuple[Any, Declared]:
    """Return the type and the declaration of an annotated option.

    Raises:
        TypeError: it was not declared with `option` or `argument`, so that nobody knows what it affects.
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
    """The field that has the value; the key of a record contains its name."""
    declared: Declared
    value: Any
    default: Any


@dataclass(frozen=True)
class Asked:
    """Every option of a call, in the order of the help screen."""

    options: tuple[Given, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    """The option of each parameter of the library (`stabcert.cli.spelling`)."""

    def __iter__(self) -> Iterator[Given]:
        return iter(self.options)

    def files_read(self) -> Iterator[tuple[str, Path]]:
        """Return the flag and the path of every file that options name to be read."""
        for one in self.options:
            if isinstance(one.value, Path) and one.declared.affects != "writes":
                yield one.declared.flag, one.value
            elif isinstance(one.value, str) and one.declared.reads in ("records", "feature file"):
                yield one.declared.flag, Path(one.value)

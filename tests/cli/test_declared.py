"""Options say what they affect: keys of records, `--verify` and configuration files ask the declaration."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
import typer

from stabcert.cli.app import app
from stabcert.cli.declared import Affects, Asked, Declared, Given, declaration_of, option
from stabcert.cli.flatten import flatten
from stabcert.cli.tasks import result_parameters


def test_an_option_that_does_not_say_what_it_affects_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="affects"):
        option("--new", help="A new one.")  # type: ignore[call-arg]


@dataclass
class Bare:
    panel: ClassVar[str] = "Certificate"
    new: Annotated[int, typer.Option("--new")] = 1


def test_a_group_with_an_option_of_typer_itself_is_no_command() -> None:
    def command(new: Bare) -> int:
        return 0

    command.__annotations__["new"] = Bare
    with pytest.raises(TypeError, match=r"must be declared once with option\(\.\.\., affects"):
        flatten(command)


@dataclass
class New:
    panel: ClassVar[str] = "Certificate"
    strength: Annotated[int, option("--strength", affects="result", metavar="N", help="A new one.")] = 1
    colour: Annotated[str, option("--colour", affects="writes", metavar="C", help="Another.")] = "red"


def test_a_new_option_that_affects_the_result_is_in_the_key_and_another_is_not() -> None:
    found: list[Any] = []

    def command(new: New, asked: Asked) -> int:
        found.extend((new, result_parameters(asked)))
        return 0

    command.__annotations__.update(new=New, asked=Asked)
    flat = flatten(command)
    assert list(inspect.signature(flat).parameters) == ["strength", "colour"]
    flat(strength=3, colour="blue")
    assert found == [New(3, "blue"), {"stream rule": found[1]["stream rule"], "strength": 3}]


@pytest.mark.parametrize(("affects", "inside"), [("result", True), ("keyed", False), ("circumstance", False)])
def test_the_key_contains_what_affects_the_result(affects: Affects, inside: bool) -> None:
    given = Given("strength", option("--strength", affects=affects, help="A new one."), 3, 1)
    assert ("strength" in result_parameters(Asked((given,)))) is inside


@pytest.mark.parametrize(("value", "inside"), [(3, True), (1, False)])
def test_an_option_can_be_left_out_of_keys_at_its_default(value: int, inside: bool) -> None:
    given = Given("strength", option("--strength", affects="result", help="A new one.", only_given=True), value, 1)
    assert ("strength" in result_parameters(Asked((given,)))) is inside


def test_what_goes_with_verify_does_not_affect_what_is_certified() -> None:
    """Permissions are in the key, because they can be what makes a result possible; records are certified already."""
    permissions = {"--trust-remote-code", "--allow-random-head"}
    for command in app.registered_commands:
        assert command.callback is not None
        for hint in command.callback.__annotations__.values():
            declared: Declared = declaration_of(hint)[1]
            if declared.with_verify and declared.flag not in {"--verify", "--fast"} | permissions:
                assert declared.affects in ("circumstance", "writes")

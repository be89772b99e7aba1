"""What a user sees of the library: every public name is documented as it is, and the tour does what it says."""

from __future__ import annotations

import doctest
import inspect
import pydoc
import re
import subprocess
import sys
from dataclasses import is_dataclass
from typing import Any

import pytest

import stabcert

PUBLIC = [name for name in stabcert.__all__ if not name.startswith("_")]
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(getattr(stabcert, name))]
CLASSES = [name for name in PUBLIC if inspect.isclass(getattr(stabcert, name))]
# Results and exceptions are made by the library.
MADE_BY_USERS = [
    name
    for name in CLASSES
    if not is_dataclass(getattr(stabcert, name))
    and not issubclass(getattr(stabcert, name), BaseException)
    and name != "MaskedPredictor"
]


def documented(function: Any) -> list[str]:
    """The names in the section "Args" of a docstring, in order."""
    text = inspect.getdoc(function) or ""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = section[1].splitlines() if section else []
    found = [re.match(r" {4}([\w, *]+): ", line) for line in lines]
    return [name.strip() for match in found if match for name in match[1].split(",")]


def parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_exists_and_has_a_docstring_of_its_own(name: str) -> None:
    value = getattr(stabcert, name)
    assert name in FUNCTIONS + CLASSES
    text = value.__doc__ or ""
    assert len(text.split()) > 2
    # A dataclass without one shows its signature instead.
    assert not text.startswith(f"{name}(")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_arguments_of_a_docstring_are_those_of_the_function(name: str) -> None:
    function = getattr(stabcert, name)
    said, there = documented(function), parameters(function)
    elsewhere = re.search(r"^Other arguments[^`]*: `(\w+)`", inspect.getdoc(function) or "", re.MULTILINE)
    if elsewhere:
        other = getattr(stabcert, elsewhere[1])
        rest = [argument for argument in there if argument not in said]
        assert set(rest) <= set(documented(other)), "what is said elsewhere is said there"
        there = [argument for argument in there if argument in said]
    assert sorted(said) == sorted(there)


@pytest.mark.parametrize("name", MADE_BY_USERS)
def test_the_arguments_of_a_docstring_are_those_of_the_class(name: str) -> None:
    value = getattr(stabcert, name)
    assert sorted(documented(value)) == sorted(parameters(value))


# One takes nothing; the other is two functions in one call, which say it.
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"keep_freed_memory", "load_predictor"}))
def test_a_function_says_what_it_raises(name: str) -> None:
    assert re.search(
        r"^Raises:$|^Other arguments and errors: ", inspect.getdoc(getattr(stabcert, name)) or "", re.MULTILINE
    )


def test_the_tour_of_the_package_does_what_it_says() -> None:
    found = doctest.testmod(stabcert)
    assert found.attempted > 10
    assert found.failed == 0


def test_the_tour_lists_every_public_name_once() -> None:
    assert stabcert.__doc__ is not None
    listed = re.findall(r"^ {4}(\w[\w, \n]+?)(?=\n\S|\Z)", stabcert.__doc__.split("Names by theme")[1], re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(listed))) == sorted(PUBLIC)


@pytest.mark.slow
def test_help_shows_every_public_name_and_what_it_does() -> None:
    code = "import stabcert, pydoc; print(pydoc.plain(pydoc.render_doc(stabcert)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in PUBLIC:
        first, *_ = pydoc.splitdoc(inspect.getdoc(getattr(stabcert, name)) or "")
        assert re.search(rf"^ {{4}}(class )?{name}\b", shown, re.MULTILINE), name
        assert first in shown

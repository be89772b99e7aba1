"""Messages of the library under the names of options."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from pathlib import Path

import pytest
import typer

from stabcert.cli.app import app
from stabcert.cli.spelling import flags_of, spell, typed
from stabcert.errors import FailedInputError, ParameterError

FLAGS = {
    "min_rate": "--min-rate",
    "n_samples": "--n-samples",
    "features": "--features",
    "seed": "--seed",
    "allow_pickle": "--allow-pickle",
    "degree": "--degree",
}
PACKAGE = Path(__file__).parents[2] / "stabcert"
OPTION = re.compile(r"--[a-z][a-z-]*")


@pytest.mark.parametrize(
    ("message", "parameter", "expected"),
    [
        (
            "min_rate must be above 0, got 1.2. For 90% use min_rate=0.9.",
            "min_rate",
            "--min-rate must be above 0, got 1.2. For 90% use --min-rate 0.9.",
        ),
        ("use n_samples=200 or more", None, "use --n-samples 200 or more"),
        ("write features='grid:7', or another", None, "write --features grid:7, or another"),
        ("features='a b' is not possible", None, "--features 'a b' is not possible"),
        ("or allow_pickle=True if you trust it", None, "or --allow-pickle if you trust it"),
        ("degree must be 1 or less for this degree", "degree", "--degree must be 1 or less for this degree"),
        ("line 3: degree must be 1 or less", "degree", "line 3: --degree must be 1 or less"),
        ("give n_samples or min_rate, not both", None, "give --n-samples or --min-rate, not both"),
        ("the features of seed 3", None, "the features of seed 3"),
        ("seed=3/a.png is not an image", None, "seed=3/a.png is not an image"),
        ("runs/seed=3 is not a directory", None, "runs/seed=3 is not a directory"),
        ("n_samples.json is not there, nor n_samples/a", None, "n_samples.json is not there, nor n_samples/a"),
        ("sigma=0.1 belongs to another command", "sigma", "sigma=0.1 belongs to another command"),
    ],
)
def test_a_message_names_what_is_typed(message: str, parameter: str | None, expected: str) -> None:
    assert typed(message, FLAGS, parameter) == expected


def test_a_second_mention_of_a_parameter_is_a_word_however_often_the_message_is_converted() -> None:
    error = ParameterError("classes are not possible, because it has classes of its own", "classes")
    for _ in range(2):
        spell(error, {"classes": "--classes"})
    assert str(error) == "--classes are not possible, because it has classes of its own"


def test_an_error_is_rewritten_once_however_often_it_is_told() -> None:
    error = FailedInputError("Net cannot be run on this input (ValueError: no). Give another input")
    for _ in range(2):
        spell(error, {"keep_going": "--keep-going"})
    assert str(error).endswith("Give another input, or use --keep-going to go on with the others")


def test_an_error_keeps_its_parameter_on_the_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(ParameterError("n_samples must be 1 or more, got 0.", "n_samples")))
    assert (str(error), error.parameter) == ("n_samples must be 1 or more, got 0.", "n_samples")


def options() -> set[str]:
    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    return {name for command in commands for one in command.params for name in one.opts if name.startswith("--")}


def test_every_command_knows_the_option_of_each_parameter() -> None:
    for command in typer.main.get_command(app).commands.values():  # type: ignore[attr-defined]
        flat = next(one.callback for one in app.registered_commands if (one.name or "") == command.name)
        flags = flags_of(inspect.signature(flat).parameters.values())
        for one in command.params:
            long = [name for name in one.opts if name.startswith("--")]
            if long and one.name not in ("help", "lambdas", "mean_delta"):
                assert flags[one.name] == long[0]


@pytest.mark.parametrize("layer", ["core", "models", "explainers"])
def test_the_library_names_no_option(layer: str) -> None:
    """Its messages, docstrings and comments are also read by those who never type a command."""
    declared = options()
    assert "--n-samples" in declared
    found = [
        f"{path.relative_to(PACKAGE)}, line {number}: {option}"
        for path in sorted((PACKAGE / layer).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for option in OPTION.findall(line)
        if option in declared and "python -m " not in line  # the options of a script are its own
    ]
    assert not found, "name the parameter instead: n_samples=200, or ParameterError(message, 'n_samples')"


@pytest.mark.slow
def test_a_parameter_that_is_wrong_is_in_its_message() -> None:
    """Otherwise the command line has nothing to replace."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="ParameterError"), args=[message, ast.Constant(value=str(name))]):
                    assert name in ast.unparse(message), f"{path.relative_to(PACKAGE)}, line {node.lineno}"

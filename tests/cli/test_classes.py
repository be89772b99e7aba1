"""Classes by number, name or synonym."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stabcert.cli.classes import find_class
from stabcert.errors import ParameterError
from tests.cli.conftest import Run

NAMES = ("tabby, tabby cat", "tiger cat", "crane (134)", "crane (517)", "goldfish, Carassius auratus")


@pytest.mark.parametrize(
    ("text", "index"),
    [("1", 1), ("TIGER CAT", 1), ("tabby", 0), ("carassius auratus", 4), ("crane (517)", 3), ("tabby, tabby cat", 0)],
)
def test_classes_are_found_by_number_name_or_synonym(text: str, index: int) -> None:
    assert find_class(text, NAMES) == index


@pytest.mark.parametrize(
    ("text", "message"),
    [("5", "0 to 4"), ("tiger", "no class"), ("goldfsh", "no class"), ("x", "It has tabby, tabby cat, tiger cat, ")],
)
def test_unknown_classes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        find_class(text, NAMES)


def test_an_ambiguous_class_is_refused() -> None:
    with pytest.raises(ParameterError, match="names several classes"):
        find_class("rose", ("rose, flower", "rose, colour"))


STARS = ("1 star", "2 stars", "3 stars")


@pytest.mark.parametrize("names", [("1", "2", "3"), STARS, ("class 1", "class 2", "class 3")])
def test_a_number_in_the_name_of_another_class_is_refused_rather_than_guessed(names: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match=r"name of class \d.*but class 1 is called .*id:1 for class 1, or name:"):
        find_class("1", names)
    assert find_class("id:1", names) == 1
    assert find_class(f"name:{names[0]}", names) == 0


@pytest.mark.parametrize(
    ("text", "names", "index"),
    [
        ("3", ("1", "2", "3"), 2),  # there is no class 3
        ("1", ("0", "1", "2"), 1),
        ("1", ("LABEL_0", "LABEL_1"), 1),
        ("0", ("crane (134)", "crane (517)"), 0),
        ("1", ("a 1 b 2", "c"), 1),
        ("id:1", ("id:1", "x"), 1),
        ("name:1", ("1", "2"), 0),
        ("name:x", ("x", "name:x"), 1),
    ],
)
def test_numbers_that_mean_one_class(text: str, names: tuple[str, ...], index: int) -> None:
    assert find_class(text, names) == index


@pytest.mark.parametrize(
    ("text", "message"), [("id:9", "classes 0 to 2"), ("name:9", "no class"), ("id:x", "no class")]
)
def test_prefixes_of_classes_that_do_not_exist(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        find_class(text, STARS)


@pytest.mark.slow
def test_every_command_refuses_the_same_number(run: Run, bert: Path, tmp_path: Path) -> None:
    model = tmp_path / "stars"
    shutil.copytree(bert, model)
    config = json.loads((model / "config.json").read_text())
    config["id2label"] = {str(i): str(i + 1) for i in range(len(config["id2label"]))}
    config["label2id"] = {name: int(i) for i, name in config["id2label"].items()}
    (model / "config.json").write_text(json.dumps(config))
    for command in ("explain", "certify-soft", "certify-hard", "fourier"):
        ran = run(command, "-t", "a great film", "-m", model, "--method", "occlusion", "--target", 1)
        assert (ran.code, "id:1 for class 1, or name:1" in ran.stderr) == (2, True)
    record = run(
        "explain", "-t", "a great film", "-m", model, "--method", "occlusion", "--target", "id:1", "--json"
    ).record
    assert (record["explanation"]["target"], record["explanation"]["target_label"]) == (1, "2")
    listing = tmp_path / "list.csv"
    listing.write_text("text,label\na great film,1\n")
    ran = run("smooth-eval", "--inputs", listing, "-m", model, "--method", "random", "--lambdas", "1")
    assert "id:1 for class 1, or name:1" in ran.stderr
    listing.write_text("text,label\na great film,name:1\n")
    assert run("smooth-eval", "--inputs", listing, "-m", model, "--method", "random", "--lambdas", "1").code == 0

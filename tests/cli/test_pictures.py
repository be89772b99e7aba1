"""--plot, --html and --save-flips from the command line; pictures on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stabcert.cli.files import Replacement, file_names
from stabcert.errors import InputError
from tests.cli.conftest import SENTENCE, Run
from tests.tiny_models import save_vit


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny image classifier with 16 patches."""
    return save_vit(tmp_path_factory.mktemp("models") / "vit", num_hidden_layers=2, initializer_range=0.5)


@pytest.fixture
def unstable(tmp_path: Path) -> Path:
    """A mask of the tiny text model that additions can flip."""
    path = tmp_path / "mask.json"
    path.write_text(json.dumps([1, 0, 1] + [0] * 6))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("name", "magic"), [("f.png", b"\x89PNG"), ("f.svg", b"<?xml"), ("f.pdf", b"%PDF")])
def test_plot_writes_the_format_of_the_ending(run: Run, bert: Path, tmp_path: Path, name: str, magic: bytes) -> None:
    ran = run("certify-soft", "-t", SENTENCE, "-m", bert, "--method", "random", "--plot", tmp_path / name, "--json")
    assert (ran.code, len(ran.records)) == (0, 1)
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
def test_an_image_is_explained_and_certified_in_pictures(run: Run, vit: Path, picture: Path, tmp_path: Path) -> None:
    plot, page = tmp_path / "a.png", tmp_path / "a.html"
    assert run("explain", picture, "-m", vit, "--method", "occlusion", "--plot", plot, "--html", page).code == 0
    assert page.read_text("utf-8").count("data:image/png") == 3
    ran = run("certify-soft", picture, "-m", vit, "--method", "random", "--plot", plot, "--html", page)
    assert ran.code == 0
    assert page.read_text("utf-8").rstrip().endswith("</html>")
    assert "▀" not in ran.stdout


@pytest.mark.slow
def test_pictures_do_not_change_the_record(run: Run, bert: Path, unstable: Path, tmp_path: Path) -> None:
    arguments = ("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", unstable, "-r", "1:3", "--json")
    plain = run(*arguments).record
    drawn = run(
        *arguments, "--plot", tmp_path / "f.png", "--html", tmp_path / "f.html", "--save-flips", tmp_path
    ).record
    assert {**plain, "run": None} == {**drawn, "run": None}


def test_an_error_leaves_older_files_as_they_were(run: Run, tmp_path: Path) -> None:
    plot, page = tmp_path / "f.png", tmp_path / "f.html"
    plot.write_text("old")
    page.write_text("old")
    assert run("explain", "-t", "a", "-m", "nobody/nothing", "--plot", plot, "--html", page).code == 3
    assert (plot.read_text(), page.read_text()) == ("old", "old")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_was_finished_before_an_interruption_is_drawn(
    run: Run, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stabcert.cli.certifying import Certifier

    one = Certifier.do

    def interrupted(self: Certifier, task: object, *arguments: object) -> object:
        if task.item.id == "text-2":  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return one(self, task, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Certifier, "do", interrupted)
    plot, page = tmp_path / "f.png", tmp_path / "f.html"
    texts = ("-t", "a great film", "-t", "a bad film", "--method", "random")
    ran = run("explain", *texts, "-m", bert, "--plot", plot, "--html", page)
    assert ran.code == 130
    assert plot.read_bytes().startswith(b"\x89PNG")
    content = page.read_text("utf-8")
    assert content.count("<section") == 1
    assert content.rstrip().endswith("</html>")


def test_failed_inputs_are_in_the_page(run: Run, bert: Path, tmp_path: Path) -> None:
    page = tmp_path / "f.html"
    arguments = ("-t", "a great film", "-t", "  ", "--method", "random", "--keep-going")
    assert run("explain", *arguments, "-m", bert, "--html", page).code == 4
    content = page.read_text("utf-8")
    assert content.count("<section") == 2
    assert 'class="bad"' in content


def test_flips_of_a_text_are_saved_smallest_first(run: Run, bert: Path, unstable: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "flips"
    arguments = ("-t", SENTENCE, "-m", bert, "--mask", unstable, "-r", 3, "--n-samples", 1000)
    ran = run("certify-soft", *arguments, "--save-flips", folder)
    masks = [np.load(path) for path in sorted(folder.glob("*.npy"))]
    assert masks, "the mask must be an unstable one, or this test proves nothing"
    assert f"{len(masks)} addition" in ran.stdout
    sizes = [int(mask.sum()) for mask in masks]
    assert sizes == sorted(sizes)
    assert all(mask[0] and mask[2] and len(mask) == 9 for mask in masks)
    assert len(list(folder.glob("text-1-*.txt"))) == len(masks)
    # Each of them really is a flip: as a mask of its own it has another prediction.
    original = run("certify-soft", *arguments, "--json").record["explanation"]["masked_prediction"]["id"]
    flip = run("certify-soft", "-t", SENTENCE, "-m", bert, "--mask", folder / "text-1-001.npy", "--json").record
    assert flip["explanation"]["masked_prediction"]["id"] != original


def test_flips_of_an_image_are_pictures_and_json_stays_alone_on_stdout(
    run: Run, vit: Path, picture: Path, tmp_path: Path
) -> None:
    arguments = ("--method", "random", "-k", 2, "-r", 14, "--json", "--save-flips", tmp_path)
    ran = run("certify-soft", picture, "-m", vit, *arguments)
    assert ran.record["result"]["rates"][0]["rate"] < 1, "the mask must be an unstable one, or this test proves nothing"
    assert "smallest first" in ran.stderr
    with Image.open(tmp_path / "noise-001.png") as opened:
        assert opened.size == (64, 64)


def test_files_are_named_after_inputs_and_never_collide() -> None:
    inputs = ["a/cat.jpg", "b/dog.png", "c/dog.jpg", "list.txt:3", "../..", "x" * 300, "Dog.txt", "a/cat.jpg"]
    found = file_names(inputs)
    names = dict(zip(inputs[:-1], found, strict=False))
    assert names["a/cat.jpg"] == "cat"
    assert names["list.txt:3"] == "list.txt_3"
    assert names["../.."] == "input"
    assert len({name.casefold() for name in found}) == len(inputs)
    assert all(len(name) <= 90 and "/" not in name and not name.startswith(".") for name in names.values())
    assert names["b/dog.png"].startswith("dog-")


def test_a_replacement_follows_links_and_keeps_nothing_behind(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    replacement = Replacement(link)
    replacement.write(b"new")
    assert target.read_text() == "old"
    replacement.commit()
    assert (link.is_symlink(), target.read_text()) == (True, "new")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write to"):
        Replacement(tmp_path)

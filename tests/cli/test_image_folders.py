"""Folders whose labels are in metadata.csv or metadata.jsonl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stabcert.cli.inputs import collect
from stabcert.cli.items import Item
from stabcert.cli.labels import give_labels
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError
from tests.cli.columnar import png


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i, name in enumerate(("b.png", "a.png", "more/c.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(i))
    return tmp_path


def read(directory: Path, *, labelled: bool = True) -> list[Item]:
    return collect(InputOptions(inputs=[str(directory)]), labelled=labelled)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_labels_are_those_of_the_rows(photos: Path, suffix: str) -> None:
    rows = [("b.png", "cat"), ("more/c.png", "dog")]
    text = (
        "file_name,label,caption\n" + "".join(f"{name},{label},x\n" for name, label in rows)
        if suffix == ".csv"
        else "".join(json.dumps({"file_name": name, "label": label}) + "\n" for name, label in rows)
    )
    (photos / f"metadata{suffix}").write_text(text)
    items = read(photos)
    assert [(item.id, item.label and item.label.value) for item in items] == [
        (str(photos / "b.png"), "cat"),
        (str(photos / "more/c.png"), "dog"),
        (str(photos / "a.png"), None),
    ]
    assert [item.problem is None for item in give_labels(items, None).items] == [True, True, False]
    assert [item.id for item in read(photos, labelled=False)] == [str(photos / "a.png"), str(photos / "b.png")]


def test_a_row_without_its_file_has_a_problem(photos: Path) -> None:
    (photos / "metadata.csv").write_text("file_name,label\nnone.png,cat\n,dog\na.png,1\n")
    missing, unnamed, found, rest = read(photos)
    assert "no such file" in str(missing.problem)
    assert "line 3 has no 'file_name'" in str(unnamed.problem)
    assert (found.label and found.label.value, found.problem) == ("1", None)
    assert rest.id == str(photos / "b.png")


def test_other_metadata_is_not_read_and_a_doubtful_one_is_refused(photos: Path) -> None:
    (photos / "metadata.csv").write_text("path,label\na.png,cat\n")
    assert [item.label for item in read(photos)] == [None, None]
    (photos / "metadata.csv").write_text("file_name,category\na.png,cat\n")
    with pytest.raises(InputError, match="Rename it to 'label'"):
        read(photos)
    (photos / "metadata.jsonl").write_text("")
    with pytest.raises(InputError, match="Leave one of them"):
        read(photos)

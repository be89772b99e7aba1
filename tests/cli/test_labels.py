"""Which class each input is said to have: files of labels, columns, folders, and everything that can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from stabcert.cli.inputs import Item, Label, collect
from stabcert.cli.labels import class_of, give_labels
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError, ParameterError

NAMES = ("tabby, tabby cat", "tiger cat", "Egyptian cat", "fox")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of two images each; one name is in both folders."""
    for name in ("fox/a.png", "fox/b.png", "tabby/a.png", "tabby/c.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return tmp_path / "photos"


def texts(*ids: str) -> list[Item]:
    return [Item(identity, "text", text=f"text of {identity}") for identity in ids]


def values(items: list[Item]) -> list[int | str | None]:
    return [None if item.label is None else item.label.value for item in items]


def problems(items: list[Item]) -> list[str]:
    return ["" if item.problem is None else str(item.problem) for item in items]


def file(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_folders_have_the_names_of_classes(photos: Path) -> None:
    items = collect(InputOptions(inputs=[str(photos)]), labelled=True)
    paths = [item.path.relative_to(photos).as_posix() for item in items if item.path is not None]
    assert list(zip(paths, values(items), strict=True)) == [
        ("fox/a.png", "fox"),
        ("fox/b.png", "fox"),
        ("tabby/a.png", "tabby"),
        ("tabby/c.png", "tabby"),
    ]


def test_folders_are_classes_only_where_somebody_asks_for_labels(photos: Path) -> None:
    with pytest.raises(InputError, match=r"no images.*Give one of these, such as"):
        collect(InputOptions(inputs=[str(photos)]))


def test_hidden_folders_are_no_classes_and_empty_ones_are_refused(photos: Path) -> None:
    (photos / ".cache").mkdir()
    assert len(collect(InputOptions(inputs=[str(photos)]), labelled=True)) == 4
    (photos / "wolf").mkdir()
    with pytest.raises(InputError, match="wolf"):
        collect(InputOptions(inputs=[str(photos)]), labelled=True)


def test_a_folder_of_images_has_no_classes_in_it(photos: Path) -> None:
    items = collect(InputOptions(inputs=[str(photos / "fox")]), labelled=True)
    assert values(items) == [None, None]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_column_of_a_list(tmp_path: Path, suffix: str) -> None:
    rows = [("a", "a film", "fox"), ("b", "a dog", "")]
    lines = {
        ".csv": "id,text,label\n" + "\n".join(",".join(row) for row in rows),
        ".jsonl": "\n".join(json.dumps(dict(zip(("id", "text", "label"), row, strict=True))) for row in rows),
    }
    listed = InputOptions(inputs_file=file(tmp_path / f"list{suffix}", lines[suffix]))
    assert values(collect(listed, labelled=True)) == ["fox", None]
    assert values(collect(listed)) == [None, None]


@pytest.mark.parametrize("column", ["path", "file"])
def test_paths_are_beside_the_file_or_a_name_that_one_input_has(photos: Path, tmp_path: Path, column: str) -> None:
    items = collect(InputOptions(inputs=[str(photos / "fox"), str(photos / "tabby")]))
    labels = file(tmp_path / "labels.csv", f'{column},label\nphotos/fox/a.png,fox\nb.png,"tabby, tabby cat"\n')
    found = give_labels(items, labels).items
    assert values(found)[:2] == ["fox", "tabby, tabby cat"]
    assert ["has no label" in problem for problem in problems(found)] == [False, False, True, True]


def test_a_name_that_several_inputs_have_is_a_problem_of_each(photos: Path, tmp_path: Path) -> None:
    items = collect(InputOptions(inputs=[str(photos / "fox"), str(photos / "tabby")]))
    found = give_labels(items, file(tmp_path / "labels.csv", "path,label\nb.png,fox\na.png,fox\n"))
    assert ["a.png may be any of 2" in problem for problem in problems(found.items)] == [True, False, True, False]
    assert found.notes == ()


def test_ids_and_numbers(tmp_path: Path) -> None:
    lines = [{"id": "a", "label": 2}, {"id": "b", "label": "2"}]
    labels = file(tmp_path / "labels.jsonl", "\n".join(map(json.dumps, lines)))
    found = give_labels(texts("a", "b"), labels).items
    assert values(found) == [2, "2"]
    assert [class_of(item.label, NAMES) for item in found if item.label] == [2, 2]


def test_a_label_a_line_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    labels = file(tmp_path / "labels.txt", "fox\n\ntabby\n\n")
    found = give_labels(texts("a", "b", "c"), labels).items
    assert values(found) == ["fox", None, "tabby"]
    assert [bool(problem) for problem in problems(found)] == [False, True, False]
    with pytest.raises(InputError, match="3 lines, but there are 2 inputs"):
        give_labels(texts("a", "b"), labels)


def test_a_file_with_a_label_that_is_nowhere_is_an_input_with_a_problem(tmp_path: Path) -> None:
    labels = file(tmp_path / "labels.csv", "path,label\na,fox\nno/such.jpg,fox\n")
    first, missing = give_labels(texts("a"), labels).items
    assert first.problem is None
    assert missing.id == "no/such.jpg"
    assert "line 3: no such file: no/such.jpg" in str(missing.problem)


def test_a_file_with_a_label_that_was_not_asked_for_is_no_problem(photos: Path, tmp_path: Path) -> None:
    items = collect(InputOptions(inputs=[str(photos / "fox" / "a.png")]))
    found = give_labels(items, file(tmp_path / "labels.csv", "path,label\na.png,fox\nb.png,fox\n"))
    assert values(found.items) == ["fox"]
    assert "1 more that are not among the inputs, such as b.png" in found.notes[0]


def test_two_labels_of_one_input_are_a_problem_of_it_unless_they_agree(tmp_path: Path) -> None:
    labels = file(tmp_path / "labels.csv", "id,label\na,fox\nb,fox\na,tabby\nb,fox\n")
    found = give_labels(texts("a", "b"), labels).items
    assert ["'tabby' here, but 'fox'" in problem for problem in problems(found)] == [True, False]


def test_a_label_that_is_neither_name_nor_number_is_a_problem_of_its_input(tmp_path: Path) -> None:
    lines = [{"id": "a", "label": 1.5}, {"id": "b", "label": 1}]
    found = give_labels(texts("a", "b"), file(tmp_path / "labels.jsonl", "\n".join(map(json.dumps, lines)))).items
    assert "line 1: the label 1.5 is neither" in problems(found)[0]
    assert problems(found)[1] == ""


def test_labels_from_two_sources_are_refused(photos: Path, tmp_path: Path) -> None:
    items = collect(InputOptions(inputs=[str(photos)]), labelled=True)
    with pytest.raises(ParameterError, match="has a label already"):
        give_labels(items, file(tmp_path / "labels.csv", "path,label\na.png,fox\n"))


@pytest.mark.parametrize(("text", "message"), [("path\na\n", "a label is missing"), ("label\nfox\n", "neither path")])
def test_columns_that_are_missing_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"line 2.*{message}"):
        give_labels(texts("a"), file(tmp_path / "labels.csv", text))


@pytest.mark.parametrize("content", ["", "id,label\n", "id,label\nc,fox\n"])
def test_a_file_with_a_label_for_no_input_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match="no label for any of the inputs"):
        give_labels(texts("a", "b"), file(tmp_path / "labels.csv", content))


def test_without_labels_nothing_is_asked_of_anybody() -> None:
    found = give_labels(texts("a", "b"), None)
    assert (problems(found.items), found.notes) == (["", ""], ())


@pytest.mark.parametrize(
    ("value", "index"), [(3, 3), ("3", 3), ("tabby", 0), ("TIGER CAT", 1), ("tabby, tabby cat", 0), ("fox", 3)]
)
def test_classes_by_number_and_name(value: int | str, index: int) -> None:
    assert class_of(Label(value, "here"), NAMES) == index


@pytest.mark.parametrize(("value", "message"), [(4, "classes 0 to 3"), ("4", "classes 0 to 3"), ("foxx", "Close.*fox")])
def test_a_class_that_does_not_exist_is_refused_with_the_place_that_names_it(value: int | str, message: str) -> None:
    with pytest.raises(InputError, match=f"labels.csv, line 7.*{message}"):
        class_of(Label(value, "labels.csv, line 7"), NAMES)


def test_answers_to_a_question_have_numbers() -> None:
    answers = ("value at least 0.5 from 2", "value within 0.5 of 2")
    assert class_of(Label("1", "labels.txt, line 1"), answers) == 1
    with pytest.raises(InputError, match=r"no class '3\.4'.*Write its number, 0 or 1"):
        class_of(Label("3.4", "labels.txt, line 1"), answers)


def test_a_number_that_is_the_name_of_another_class_is_refused_rather_than_guessed() -> None:
    stars = ("1", "2", "3")
    with pytest.raises(InputError, match="'1' is the name of class 0, but class 1 is called '2'"):
        class_of(Label("1", "labels.csv, line 2"), stars)
    assert class_of(Label(1, "labels.jsonl, line 2"), stars) == 1
    assert class_of(Label("3", "labels.csv, line 2"), stars) == 2
    assert class_of(Label("2", "labels.csv, line 2"), ("0", "1", "2")) == 2

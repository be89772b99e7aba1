"""Rows of .parquet, .arrow and .feather files as inputs."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from stabcert.cli import columnar
from stabcert.cli.class_numbers import number_note
from stabcert.cli.inputs import collect
from stabcert.cli.items import Item, Label
from stabcert.cli.labels import class_of
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError, ParameterError, StabcertError
from tests.cli.columnar import TEXTS, images, png, table, write
from tests.cli.conftest import Run
from tests.tiny_models import save_vit

SUFFIXES = [".parquet", ".arrow", ".feather"]


def read(path: Path, *, labelled: bool = False, **options: Any) -> list[Item]:
    return collect(InputOptions(inputs_file=path, **options), labelled=labelled)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_inputs_of_a_jsonl_file(tmp_path: Path, suffix: str) -> None:
    columns = {
        "ID": ["a", None, "c", "d", "e"],
        "Text": list(TEXTS),
        "text_pair": ["x", None, "y", None, None],
        "label": ["joy", "anger", None, "joy", "joy"],
    }
    file = write(tmp_path / f"rows{suffix}", table(columns))
    (tmp_path / "rows.jsonl").write_text(
        "\n".join(json.dumps(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))
    )
    found, expected = (read(path, labelled=True) for path in (file, tmp_path / "rows.jsonl"))
    assert [item.id for item in found] == ["a", f"{file}:1", "c", "d", "e"]
    assert [(item.text, item.text_pair, item.label and item.label.value) for item in found] == [
        (item.text, item.text_pair, item.label and item.label.value) for item in expected
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_images_are_read_one_by_one_and_their_hash_is_that_of_their_bytes(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "beside.png").write_bytes(png(7))
    rows = [*images(4), {"bytes": None, "path": "beside.png"}]
    items = read(write(tmp_path / f"photos{suffix}", table({"image": rows, "label": range(5)})))
    assert [item.kind for item in items] == ["image"] * 5
    assert [item.id for item in items] == [f"{tmp_path}/photos{suffix}:{i}" for i in range(5)]
    expected = [hashlib.sha256(png(i)).hexdigest() for i in (0, 1, 2, 3, 7)]
    assert [item.sha256() for item in items] == expected
    assert [item.sha256() for item in reversed(items)] == expected[::-1]
    assert items[2].stored is not None
    assert items[2].stored.describe() == {
        "dataset": f"{tmp_path}/photos{suffix}",
        "split": None,
        "row": 2,
        "column": "image",
    }


def test_an_image_of_a_data_set_goes_to_a_worker_without_its_bytes(tmp_path: Path) -> None:
    items = read(write(tmp_path / "photos.parquet", table({"image": images(3)})))
    sent = pickle.dumps(items[2])
    assert len(sent) < 1000
    assert pickle.loads(sent).read() == png(2)


def test_bytes_alone_are_images_too_and_a_limit_reads_no_more_rows(tmp_path: Path) -> None:
    file = write(tmp_path / "photos.parquet", table({"picture": [png(i) for i in range(5)]}))
    items = read(file, limit=3)
    assert [item.read() for item in items] == [png(0), png(1), png(2)]


def test_images_are_not_read_when_rows_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    rows = columnar.ParquetRows.rows
    monkeypatch.setattr(
        columnar.ParquetRows, "rows", lambda self, columns: (asked.append(list(columns)), rows(self, columns))[1]
    )
    read(write(tmp_path / "photos.parquet", table({"image": images(3), "vector": [[0.5]] * 3, "n": [1, 2, 3]})))
    assert asked == [["n"]]


def test_named_columns_are_read_whatever_the_others_are(tmp_path: Path) -> None:
    columns = {"premise": ["A man sleeps."], "hypothesis": ["He is awake."], "gold": [2], "image": [png()]}
    file = write(tmp_path / "pairs.parquet", table(columns))
    with pytest.raises(ParameterError, match="image"):
        read(file, column="picture")
    (pair,) = read(file, column="premise,hypothesis", label_column="gold", labelled=True)
    assert (pair.text, pair.text_pair, pair.label and pair.label.value) == ("A man sleeps.", "He is awake.", 2)
    (one,) = read(file, column="hypothesis")
    assert (one.text, one.text_pair, one.label) == ("He is awake.", None, None)
    (photo,) = read(file, column="image")
    assert photo.read() == png()


def test_class_numbers_with_names_have_them_and_minus_one_is_no_label(tmp_path: Path) -> None:
    made = table({"text": TEXTS[:4], "label": [1, 0, -1, 2]}, {"label": ["neg", "pos"]})
    items = read(write(tmp_path / "reviews.parquet", made), labelled=True)
    assert [item.label and (item.label.value, item.label.classes) for item in items] == [
        ("pos", ("neg", "pos")),
        ("neg", ("neg", "pos")),
        None,
        None,
    ]
    assert "class 2 does not exist" in str(items[3].problem)


def test_numbers_that_pandas_wrote_as_floats_are_numbers(tmp_path: Path) -> None:
    items = read(write(tmp_path / "a.parquet", table({"text": TEXTS[:3], "label": [1.0, None, 0.5]})), labelled=True)
    assert [item.label and item.label.value for item in items] == [1, None, None]
    assert "0.5" in str(items[2].problem)


@pytest.mark.parametrize("label", [True, [1, 2], {"a": 1}, b"joy"])
def test_a_label_that_is_neither_a_name_nor_a_number_is_a_problem_of_its_row(tmp_path: Path, label: object) -> None:
    file = write(tmp_path / "a.parquet", table({"text": ["a"], "label": [label]}))
    (item,) = read(file, labelled=True, column="text")
    assert "neither the name of a class nor its number" in str(item.problem)


@pytest.mark.parametrize(
    ("classes", "value", "class_names", "expected"),
    [
        (("neg", "pos"), "pos", ("POS", "NEG"), 0),
        (("neg", "pos"), "pos", ("LABEL_0", "LABEL_1"), 1),
        (("0", "1"), "1", ("LABEL_0", "LABEL_1"), 1),
        (("1", "2", "3"), "1", ("LABEL_0", "LABEL_1", "LABEL_2"), 0),
        (("1", "2", "3"), "3", ("LABEL_0", "LABEL_1", "LABEL_2"), 2),
        (("3", "1", "2"), "1", ("1", "2", "3"), 0),
        (("cat", "dog", "owl"), "owl", ("dog", "owl, bird of prey"), 1),
        (("cat", "dog", "owl"), "cat", ("dog", "owl"), "no class 'cat'"),
        (("neg", "pos"), "neg", ("a", "b", "c"), "2 classes"),
    ],
)
def test_classes_of_a_data_set_are_those_of_the_model_by_name_or_all_by_number(
    classes: tuple[str, ...], value: str, class_names: tuple[str, ...], expected: int | str
) -> None:
    label = Label(value, "a row", classes)
    if isinstance(expected, int):
        assert class_of(label, class_names) == expected
        assert (number_note(label, class_names) is not None) == (
            classes[0] in ("neg", "1") and "LABEL_0" in class_names
        )
    else:
        with pytest.raises(InputError, match=expected):
            class_of(label, class_names)


NULL = {"text": ["a", None, ""], "label": [0, 1, 0]}


def test_a_row_that_cannot_be_used_has_a_problem_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert [item.problem is None for item in read(write(path, table(NULL)))] == [True, False, False]
    null = read(path, column="text")[1]
    assert f"{path}:1: 'text' is null" in str(null.problem)
    broken = read(write(path, table({"image": [{"bytes": None, "path": None}, {"bytes": b"?", "path": "a.png"}]})))
    with pytest.raises(InputError, match=r"rows.parquet:0: 'image' is null"):
        broken[0].read()
    assert broken[1].read() == b"?"


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"words": ["a"]}, {}, "Name the column with --column: it has 'words'"),
    ({"text": ["a"]}, {"column": "tekst"}, r"--column must be a column .* got 'tekst'. It has 'text'"),
    ({"n": [1]}, {"column": "n"}, "int64"),
    ({"image": [png()], "text": ["a"]}, {}, "Choose one with --column image"),
    ({"image": [png()], "photo": [png()]}, {}, "Choose one"),
    ({"text": ["a"], "x": ["b"], "y": ["c"]}, {"column": "text,x,y"}, "A,B"),
    ({"text": ["a"]}, {"label_column": "gold"}, "--label-column must be a column"),
]


@pytest.mark.parametrize(("columns", "options", "message"), REFUSED)
def test_columns_that_do_not_fit_are_refused_with_those_that_exist(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    file = write(tmp_path / "rows.parquet", table(columns))
    with pytest.raises(StabcertError, match=message):
        read(file, labelled="label_column" in options, **options)


def test_another_column_that_looks_like_input_is_refused_unless_one_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.parquet", table({"text": ["a"], "question": ["Is it so?"]}))
    assert "--column text" in str(read(file)[0].problem)
    assert read(file, column="text")[0].problem is None
    labelled = write(tmp_path / "labels.parquet", table({"text": ["a"], "sentiment": [1]}))
    assert "--label-column sentiment" in str(read(labelled, labelled=True)[0].problem)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_damaged_missing_or_without_pyarrow_is_an_error(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"rows{suffix}"
    with pytest.raises(InputError, match="no such file"):
        read(file)
    file.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match="cannot be read"):
        read(file)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParameterError, match=r'pip install "stabcert-attributions\[data\]"'):
        read(file)


def test_no_rows_are_no_inputs(tmp_path: Path) -> None:
    empty = pyarrow.table({"text": pyarrow.array([], pyarrow.string())})
    with pytest.raises(StabcertError, match="nothing to do"):
        read(write(tmp_path / "rows.parquet", empty))


@pytest.mark.slow
def test_an_image_of_a_data_set_is_certified_verified_and_explained_again(run: Run, tmp_path: Path) -> None:
    vit = save_vit(tmp_path / "vit")
    file = write(tmp_path / "photos.parquet", table({"image": images(3)}))
    records = tmp_path / "records.jsonl"
    options = ["-m", vit, "--method", "occlusion", "-o", records]
    assert run("certify-soft", "--inputs", file, "--limit", 2, *options).code == 0
    found = [json.loads(line) for line in records.read_text().splitlines()]
    assert [record["input"]["stored"]["row"] for record in found] == [0, 1]
    assert run("certify-soft", "--verify", records).code == 0
    explained = run("explain", "--inputs", file, "-m", vit, "--method", "occlusion", "--json")
    (tmp_path / "explained.jsonl").write_text(explained.stdout)
    again = run("certify-soft", "--from", tmp_path / "explained.jsonl", "--json")
    assert [record["input"]["id"] for record in again.records] == [f"{file}:{i}" for i in range(3)]
    write(file, table({"image": images(3)[::-1]}))
    assert run("certify-soft", "--verify", records).code == 1
    write(file, table({"image": [b"?", png()]}))
    ran = run("certify-soft", "--inputs", file, *options[:-2], "--keep-going")
    assert (ran.code, f"{file}:0" in ran.stderr) == (4, True)

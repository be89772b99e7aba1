"""Fields of a list: one is certified, a second one that a model might read is refused, labels are not lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from stabcert.cli.inputs import Item, collect
from stabcert.cli.labels import give_labels
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError
from tests.cli.conftest import SENTENCE, Run


def listed(path: Path, *rows: dict[str, Any], labelled: bool = False) -> list[Item]:
    """The rows in a file, as the suffix wants them, read again."""
    with path.open("w", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.write("\n".join(json.dumps(row) for row in rows))
    return collect(InputOptions(inputs_file=path), labelled=labelled)


SECOND = [
    *("text_b", "textB", "Text2", "sentence2", "sentence_2", "premise", "Hypothesis", "question"),
    *("passage", "context", "title", "image", "images", "file", "second path", "path2", "answer", "aspect"),
]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("name", SECOND)
def test_a_field_that_looks_like_input_is_refused_and_named(tmp_path: Path, suffix: str, name: str) -> None:
    (item,) = listed(tmp_path / f"list{suffix}", {"text": SENTENCE, name: "really"})
    assert f"line {1 if suffix == '.jsonl' else 2}: the field {name!r} looks like input" in str(item.problem)
    assert f"rename it 'meta_{name}'" in str(item.problem)


@pytest.mark.parametrize(
    "value",
    ["a sentence of five words", "other.png", ["a sentence of five words"], {"text": "a film"}, [{"q": "x.jpg"}]],
)
def test_a_value_that_looks_like_input_is_refused_whatever_it_is_called(tmp_path: Path, value: object) -> None:
    (item,) = listed(tmp_path / "list.jsonl", {"text": SENTENCE, "s2": value})
    assert "'s2' looks like input" in str(item.problem) or "'text' looks like input" in str(item.problem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("label", "joy"),
            ("label_text", "very positive"),
            ("labels", 1),
            ("split", "train"),
            ("source", "a b c d e"),
        ],
        *[("idx", 7), ("", "0"), ("Unnamed: 0", "3"), ("text_length", "35"), ("n_words", 5), ("score", 0.5)],
        *[
            ("url", "https://example.org/a page"),
            ("notes", "seen by two of us"),
        ],
        *[("meta_text_pair", "not read by the model"), ("meta", {"text_pair": "a b c d"}), ("image_id", "x.png")],
        *[("stars", "5"), ("answer", 3), ("tags", ["a", "b"])],
    ],
)
def test_what_is_about_an_input_is_free(tmp_path: Path, name: str, value: object) -> None:
    for suffix in (".jsonl", ".csv"):
        (item,) = listed(tmp_path / f"list{suffix}", {"text": SENTENCE, name: value})
        assert (item.text, item.problem) == (SENTENCE, None)


def test_what_nests_deeply_is_looked_through(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('{"text": "a", "x": ' + "[" * 400 + '"a b c d"' + "]" * 400 + "}")
    assert "'x' looks like input" in str(collect(InputOptions(inputs_file=path))[0].problem)


def test_a_text_and_a_path_in_one_row_are_refused(tmp_path: Path) -> None:
    (item,) = listed(tmp_path / "list.jsonl", {"text": SENTENCE, "path": "cat.jpg"})
    assert 'has both a "text" and a "path"' in str(item.problem)


@pytest.mark.slow
def test_one_such_row_ends_the_run_before_it_begins_or_is_one_failure(run: Run, bert: Path, tmp_path: Path) -> None:
    listing = tmp_path / "pairs.jsonl"
    rows = [{"id": "a", "text": "a film"}, {"id": "b", "text": "bad", "sentence2": "a great film"}]
    listing.write_text("\n".join(map(json.dumps, rows)))
    arguments = ["explain", "--inputs", listing, "-m", bert, "--method", "random", "--json"]
    ran = run(*arguments)
    assert (ran.code, ran.stdout) == (3, "")
    assert "'sentence2' looks like input, but only 'text' would be certified" in ran.stderr
    ran = run(*arguments, "--keep-going")
    assert (ran.code, [record["status"] for record in ran.records]) == (4, ["reported", "failed"])


@pytest.mark.parametrize("name", ["Text", " text", "TEXT "])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_case_and_blanks_of_a_name_do_not_matter(tmp_path: Path, name: str, suffix: str) -> None:
    (item,) = listed(tmp_path / f"list{suffix}", {" ID": "one", name: SENTENCE})
    assert (item.id, item.text) == ("one", SENTENCE)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize("name", ["label", " label", "Label", "labels", " LABELS "])
def test_labels_are_read_however_they_are_spelt(tmp_path: Path, name: str, suffix: str) -> None:
    (item,) = listed(tmp_path / f"list{suffix}", {"text": SENTENCE, name: "joy"}, labelled=True)
    assert item.label is not None
    assert item.label.value == "joy"
    labels = tmp_path / "labels.csv"
    labels.write_text(f"Id,{name}\na,joy\n")
    assert give_labels([Item("a", "text", text="x")], labels).items[0].label is not None


@pytest.mark.parametrize("name", ["class", "target", "gold_label", "category", "Emotion"])
def test_a_label_under_another_name_is_not_dropped_silently(tmp_path: Path, name: str) -> None:
    path = tmp_path / "list.csv"
    (item,) = listed(path, {"text": SENTENCE, name: "joy"}, labelled=True)
    assert f"the field {name!r} looks like a label. Rename it to 'label'" in str(item.problem)
    assert listed(path, {"text": SENTENCE, name: "joy"})[0].problem is None  # where nobody asks for labels
    labels = tmp_path / "labels.csv"
    labels.write_text(f"id,{name}\na,joy\n")
    with pytest.raises(InputError, match=f"a label is missing. Rename {name!r} to 'label'"):
        give_labels([Item("a", "text", text="x")], labels)


def test_two_fields_for_one_thing_are_refused(tmp_path: Path) -> None:
    (item,) = listed(tmp_path / "list.jsonl", {"text": "a", "Text": "b"})
    assert "two fields for 'text'" in str(item.problem)
    with pytest.raises(InputError, match="two fields for 'text'"):
        listed(tmp_path / "list.csv", {"text": "a", "Text": "b"})


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,sentence", "found: 'id', 'sentence'. Rename 'sentence' to 'text'"),
        ("filename,label", "Rename 'filename' to 'path'"),
        ("premise,hypothesis,label", "rename 'premise' to 'text' and 'hypothesis' to 'text_pair'"),
        ("a,b", "found: 'a', 'b'. Write the input into a field \"text\" or \"path\""),
        ("id;text", "Separate the columns by commas instead of ';', or by tabs in a .tsv file"),
    ],
)
def test_a_table_without_a_column_of_inputs_names_those_it_has(tmp_path: Path, header: str, message: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\nx,y\n" if ";" not in header else f"{header}\nx;y\n")
    with pytest.raises(InputError) as found:
        collect(InputOptions(inputs_file=path))
    assert str(found.value).startswith(f'{path} has neither a column "text" nor a column "path"')
    assert message in str(found.value)


def test_a_row_without_an_input_names_its_fields(tmp_path: Path) -> None:
    (item,) = listed(tmp_path / "list.jsonl", {"id": 1, "review": "fine"})
    assert "neither a \"text\" nor a \"path\" (found: 'id', 'review'. Rename 'review' to 'text')" in str(item.problem)

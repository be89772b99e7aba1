"""Lists of inputs and files of labels: any bytes, and what was written comes back as it was.

Wrong variants this file has been seen to kill: a sentence split at a form feed or a line separator; an id of 0
replaced by the place; a sentence taken for a file name that is too long for one; recursion without end; a second
input beside the text that nobody reads.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stabcert.cli.inputs import Item, collect
from stabcert.cli.labels import class_of, give_labels
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError, StabcertError
from tests.fuzz.strategies import examples, json_values, mutated_bytes, nasty_texts, teaches

pytestmark = pytest.mark.slow

ROWS = [
    {"id": "a", "text": "a film, not bad", "label": "joy"},
    {"id": "b", "text": 'she said "no"\nand left', "label": "1"},
    {"id": "c", "path": "photo.png", "label": "anger"},
]
NAMES = ("anger", "joy", "1")


def as_csv(rows: list[dict[str, str]], columns: list[str]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def as_jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


VALID = {
    ".csv": as_csv(ROWS, ["id", "text", "path", "label"]),
    ".tsv": as_csv(ROWS, ["id", "text", "path", "label"]).replace(b",", b"\t"),
    ".jsonl": as_jsonl(ROWS),
    ".json": json.dumps(ROWS, indent=1).encode(),
    ".txt": b"a film, not bad\nphoto.png\n\n  she said no\nother.txt\n",
}


def write(scratch: Path, name: str, data: bytes) -> Path:
    path = scratch / name
    path.write_bytes(data)
    return path


def use(items: list[Item]) -> None:
    for item in items:
        assert isinstance(item.id, str)
        assert item.kind in ("image", "text")
        try:
            assert len(item.sha256()) == 64
        except StabcertError:
            assert item.text is None
        if item.label is not None:
            try:
                assert 0 <= class_of(item.label, NAMES) < len(NAMES)
            except InputError as error:
                teaches(error)


def any_bytes(suffix: str) -> st.SearchStrategy[bytes]:
    found = st.binary(max_size=60) | mutated_bytes(VALID[suffix])
    if suffix in (".jsonl", ".json"):
        names = ("id", "text", "path", "file", "label", "text_pair", "Labels", "meta")
        values = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(names, json_values)), max_size=3)
        return found | (values.map(as_jsonl) if suffix == ".jsonl" else values.map(json.dumps).map(str.encode))
    return found | st.lists(nasty_texts, max_size=4).map(lambda lines: "\n".join(lines).encode("utf-8", "replace"))


@examples(100)
@given(case=st.sampled_from(sorted(VALID)).flatmap(lambda suffix: st.tuples(st.just(suffix), any_bytes(suffix))))
def test_any_list_is_inputs_or_refused(scratch: Path, case: tuple[str, bytes]) -> None:
    suffix, data = case
    path = write(scratch, "list" + suffix, data)
    for labelled in (False, True):
        try:
            items = collect(InputOptions(inputs_file=path), labelled=labelled)
        except StabcertError as error:
            teaches(error)
            continue
        use(items)


@examples(100)
@given(case=st.sampled_from(sorted(VALID)).flatmap(lambda suffix: st.tuples(st.just(suffix), any_bytes(suffix))))
def test_any_file_of_labels_labels_or_is_refused(scratch: Path, case: tuple[str, bytes]) -> None:
    suffix, data = case
    path = write(scratch, "labels" + suffix, data)
    photo = write(scratch, "photo.png", b"no image")
    items = [Item("a", "text", text="a"), Item("b", "text", text="b"), Item("photo.png", "image", path=photo)]
    try:
        found = give_labels(items, path)
    except StabcertError as error:
        teaches(error)
        return
    assert [item.id for item in found.items[:3]] == ["a", "b", "photo.png"]
    # One label, and every other input needs one, too; without any, some row must be about a file that is nowhere.
    settled = [item.label is not None or item.problem is not None for item in found.items]
    assert all(settled) if any(item.label is not None for item in found.items) else any(settled)
    use(found.items)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@examples(60)
@given(
    rows=st.lists(st.tuples(texts, texts, st.integers(0, 9)), min_size=1, max_size=4),
    suffix=st.sampled_from([".csv", ".jsonl"]),
)
def test_rows_come_back_as_they_were_written(scratch: Path, rows: list[tuple[str, str, int]], suffix: str) -> None:
    written = [{"id": identity, "text": text, "label": f"name {label}"} for identity, text, label in rows]
    data = as_csv(written, ["id", "text", "label"]) if suffix == ".csv" else as_jsonl(written)
    items = collect(InputOptions(inputs_file=write(scratch, "rows" + suffix, data)), labelled=True)
    assert [(item.id, item.text, item.label and item.label.value) for item in items] == [
        (identity, text, f"name {label}") for identity, text, label in rows
    ]


@examples(30)
@given(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True))
def test_ids_that_are_numbers_are_ids(scratch: Path, numbers: list[int]) -> None:
    path = write(scratch, "numbers.jsonl", as_jsonl([{"id": number, "text": "x"} for number in numbers]))
    assert [item.id for item in collect(InputOptions(inputs_file=path))] == [str(number) for number in numbers]


lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), min_size=1, max_size=20).filter(
    lambda line: line.strip() and not line.lower().rstrip().endswith((".txt", ".png")) and not line.startswith("\ufeff")
)


@examples(60)
@given(sentences=st.lists(lines, min_size=1, max_size=4), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_sentences_come_back_a_line_each(scratch: Path, sentences: list[str], end: str) -> None:
    data = end.join(sentences).encode()
    items = collect(InputOptions(inputs_file=write(scratch, "sentences.txt", data)))
    assert [(item.id.rpartition(":")[2], item.text) for item in items] == [
        (str(number), sentence.strip()) for number, sentence in enumerate(sentences, start=1)
    ]


@examples(60)
@given(labels=st.lists(lines, min_size=1, max_size=4))
def test_labels_come_back_a_line_each(scratch: Path, labels: list[str]) -> None:
    items = [Item(str(i), "text", text="x") for i in range(len(labels))]
    found = give_labels(items, write(scratch, "lines.txt", "\n".join(labels).encode()))
    assert [item.label and item.label.value for item in found.items] == [label.strip() for label in labels]


@examples(60)
@given(name=nasty_texts)
def test_any_argument_is_an_input_or_refused(name: str) -> None:
    if name == "-":
        return
    try:
        use(collect(InputOptions(inputs=[name])))
    except StabcertError as error:
        teaches(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('id,text\n1,"a film\n2,another\n', "not CSV"),
        ('id,text\n1,"a" film\n', "not CSV"),
        ("id,text,text\n1,a,b\n", "two columns"),
    ],
)
def test_a_table_that_would_be_read_otherwise_than_it_was_meant_is_refused(
    scratch: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        collect(InputOptions(inputs_file=write(scratch, "table.csv", text.encode())))


def test_a_row_with_more_fields_than_columns_is_refused_and_the_next_is_read(scratch: Path) -> None:
    path = write(scratch, "table.csv", b"id,text\n1,a film, not bad\n2,another\n")
    wide, fine = collect(InputOptions(inputs_file=path))
    assert "line 2 has more fields than the header has columns" in str(wide.problem)
    assert (fine.text, fine.problem) == ("another", None)


def test_empty_fields_that_a_spreadsheet_adds_are_nothing(scratch: Path) -> None:
    path = write(scratch, "padded.csv", b"id,text,,\n1,a film,,\n2,another,,,\n")
    assert [item.text for item in collect(InputOptions(inputs_file=path))] == ["a film", "another"]

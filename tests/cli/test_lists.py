"""Lists and folders: every suffix is read as what it is, and nothing in them is passed over or taken for a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from stabcert.cli.inputs import Item, collect
from stabcert.cli.labels import give_labels
from stabcert.cli.options import InputOptions
from stabcert.cli.suffixes import IMAGE_SUFFIXES
from stabcert.errors import InputError
from stabcert.models import decode
from tests.cli.conftest import SENTENCE, Run

ROWS = [{"id": "a", "text": SENTENCE, "label": "joy"}, {"id": "b", "text": "bad", "label": "anger"}]
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40


def image(path: Path, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (200, 10, 10)).save(path, kind)
    return path


def read(path: Path, text: str, *, labelled: bool = False) -> list[Item]:
    path.write_text(text)
    return collect(InputOptions(inputs_file=path), labelled=labelled)


def problem(item: Item) -> str:
    return str(item.problem)


AS = {
    ".jsonl": "\n".join(map(json.dumps, ROWS)),
    ".ndjson": "\n".join(map(json.dumps, ROWS)),
    ".json": json.dumps(ROWS, indent=2),
    ".csv": "id,text,label\n" + "\n".join(f'{row["id"]},"{row["text"]}",{row["label"]}' for row in ROWS),
    ".tsv": "id\ttext\tlabel\n" + "\n".join("\t".join(row.values()) for row in ROWS),
}


@pytest.mark.parametrize("suffix", [*AS, ".TSV"])
def test_every_kind_of_table_gives_the_same_inputs_and_labels(tmp_path: Path, suffix: str) -> None:
    items = read(tmp_path / f"list{suffix}", AS[suffix.lower()], labelled=True)
    assert [(item.id, item.text, item.label and item.label.value) for item in items] == [
        ("a", SENTENCE, "joy"),
        ("b", "bad", "anger"),
    ]
    texts = [Item("a", "text", text="x"), Item("b", "text", text="y")]
    labelled = give_labels(texts, tmp_path / f"list{suffix}").items
    assert [item.label and item.label.value for item in labelled] == ["joy", "anger"]


def test_an_element_of_an_array_has_the_line_that_it_begins_in(tmp_path: Path) -> None:
    items = read(tmp_path / "list.json", '[\n {"text": "a"},\n\n {\n  "text": "b"}, 7, {"text": ""}]')
    assert [item.listed and item.listed[1] for item in items] == [2, 4, 5, 5]
    assert "line 5 must be an object" in problem(items[2])


def test_json_lines_may_be_called_json(tmp_path: Path) -> None:
    assert [item.id for item in read(tmp_path / "list.json", AS[".jsonl"])] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"), [("[1, 2", "is not JSON.*an array of objects"), ("[" * 100_000, "is nested too deeply")]
)
def test_an_array_that_is_broken_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / "list.json", text)


def test_an_object_over_several_lines_is_refused_with_the_way_out(tmp_path: Path) -> None:
    first, *_ = read(tmp_path / "list.json", json.dumps(ROWS[0], indent=2))
    assert "Write an array of objects, [{...}, {...}], or each object on one line" in problem(first)


@pytest.mark.parametrize("name", ["list.md", "list.lst", "list.tab", "list.orc", "list.xlsx"])
def test_a_suffix_that_no_list_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"must be a list with the suffix .*\.ndjson.*rename or copy it to \.txt"):
        read(tmp_path / name, "a film\tjoy\n")
    with pytest.raises(InputError, match=r"--labels must be a file with the suffix \.txt"):
        give_labels([Item("a", "text", text="x")], tmp_path / name)


@pytest.mark.parametrize("name", ["list.txt", "list"])
def test_json_in_a_list_of_sentences_is_not_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"has a JSON object a line.*copy it to \.jsonl"):
        read(tmp_path / name, AS[".jsonl"])


def test_a_blank_row_is_nothing_and_a_row_without_a_text_is_one_failure(run: Run, bert: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("id,text\na,a film\n,\n\nb,\n , \nc,bad\n")
    arguments = ["explain", "--inputs", listing, "-m", bert, "--method", "random", "--json"]
    ran = run(*arguments, "--keep-going")
    assert ran.code == 4
    assert [(record["input"]["id"], record["status"]) for record in ran.records] == [
        ("a", "reported"),
        ("b", "failed"),
        ("c", "reported"),
    ]
    assert 'line 5 has neither a "text" nor a "path" with something in it' in ran.stderr
    assert run(*arguments).code == 3


@pytest.mark.parametrize("line", ["{", "[1]", '{"text": "a \\ud83d"}', '{"text": "x", "label": 1.5}'])
def test_a_line_that_is_broken_does_not_end_the_list(tmp_path: Path, line: str) -> None:
    broken, fine = read(tmp_path / "list.jsonl", f'{line}\n{{"text": "a film"}}', labelled=True)
    assert broken.problem is not None
    assert (fine.text, fine.problem) == ("a film", None)


@pytest.mark.parametrize("url", ["https://example.org/cat.jpg", "HTTP://example.org/review", "s3://bucket/cat.jpg"])
def test_an_address_is_refused_wherever_it_stands(tmp_path: Path, url: str) -> None:
    rows = json.dumps({"path": url})
    for item in (
        collect(InputOptions(inputs=[url]))[0],
        read(tmp_path / "list.txt", url)[0],
        read(tmp_path / "list.jsonl", rows)[0],
    ):
        assert f"{url} is a URL, and inputs are not downloaded. Download it first" in problem(item)
    assert "Write the path alone: /a/b.jpg" in problem(collect(InputOptions(inputs=["file:///a/b.jpg"]))[0])
    assert read(tmp_path / "list.txt", f"see {url} for more")[0].problem is None


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("photo.heic", HEIC, "HEIC files cannot be read. Convert it to PNG or JPEG first"),
        ("photo.bin", HEIC, "It looks like HEIC, so convert it to PNG or JPEG first"),
        ("drawing.svg", b"<svg/>", "SVG files cannot be read. Convert it"),
        ("paper.pdf", b"%PDF-1.7", "PDF files cannot be read. Convert it"),
        ("notes.md", b"# a film", "It contains text, so copy it to a file with the suffix .txt"),
        ("data.jsonl", b'{"text": "a"}', "is a list. Write --inputs "),
        ("bytes.dat", b"\xff\xfe\x00", "Give a PNG, JPEG"),
    ],
)
def test_a_file_that_is_no_input_says_what_to_do(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    (argument,) = collect(InputOptions(inputs=[str(path)]))
    assert message in problem(argument)
    (listed,) = read(tmp_path / "list.txt", name)
    assert message in problem(listed)


def test_the_content_of_a_picture_counts_and_not_its_name(tmp_path: Path) -> None:
    path = image(tmp_path / "photo.heic", "JPEG")
    (item,) = collect(InputOptions(inputs=[str(path)]))
    assert (item.kind, item.problem) == ("image", None)


def test_a_line_that_has_the_suffix_of_a_picture_is_never_a_sentence(tmp_path: Path) -> None:
    image(tmp_path / "a.jfif", "JPEG")
    present, missing, heic = read(tmp_path / "list.txt", "a.jfif\nb.jfif\nc.heic")
    assert (present.kind, present.problem) == ("image", None)
    assert "no such file: b.jfif" in problem(missing)
    assert "no such file: c.heic" in problem(heic)
    assert read(tmp_path / "list.txt", "film")[0].text == "film"


def test_a_home_directory_in_a_list_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    image(tmp_path / "home" / "photos" / "a.png")
    assert read(tmp_path / "list.txt", "~/photos/a.png")[0].problem is None


def test_a_folder_gives_every_picture_that_people_see_in_it(tmp_path: Path) -> None:
    for name in ("a.jfif", "b.jpg"):
        image(tmp_path / name, "JPEG")
    for name in ("._b.jpg", ".DS_Store", "labels.csv", "readme.md"):
        (tmp_path / name).write_bytes(b"\0\x05\x16\x07")
    (tmp_path / "c.heic").write_bytes(HEIC)
    found = collect(InputOptions(inputs=[str(tmp_path)]))
    assert [Path(item.id).name for item in found] == ["a.jfif", "b.jpg", "c.heic"]
    assert [item.problem is None for item in found] == [True, True, False]


def test_what_an_archiver_adds_is_no_class(tmp_path: Path) -> None:
    image(tmp_path / "fox" / "a.png")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "fox" / "._a.png").write_bytes(b"\0")
    assert len(collect(InputOptions(inputs=[str(tmp_path)]), labelled=True)) == 1


def test_every_suffix_of_a_format_that_is_read_is_known() -> None:
    Image.init()
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in decode._FORMATS}
    assert known <= IMAGE_SUFFIXES


@pytest.mark.parametrize(
    ("entry", "once"),
    [
        ("missing.png", "no such file: missing.png"),
        ("https://example.org/cat.jpg", "line 1: https"),
    ],
)
def test_a_failure_names_its_input_once(run: Run, tmp_path: Path, entry: str, once: str) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text(entry)
    ran = run("explain", "--inputs", listing, "--keep-going")
    assert ran.stderr.count(entry) == 1
    assert ran.stderr.count(str(listing)) == 1
    assert once in ran.stderr
    ran = run("explain", "gone.png", "--keep-going")
    assert ran.stderr.startswith("Error: no such file: gone.png")
    listing = tmp_path / "list.jsonl"
    listing.write_text('{"x": 1}')
    assert run("explain", "--inputs", listing, "--keep-going").stderr.count(str(listing)) == 1


def test_a_sentence_that_was_typed_is_quoted_in_messages(run: Run, bert: Path) -> None:
    ran = run("explain", "-t", "x " * 200, "-t", "a film", "-m", bert, "--method", "random", "--keep-going", "--json")
    assert f'Error: "{("x " * 200)[:47]}…": ' in ran.stderr
    assert [record["input"]["id"] for record in ran.records] == ["text-1", "text-2"]

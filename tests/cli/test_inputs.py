"""From what the user names to a list of inputs."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from stabcert.cli.inputs import collect
from stabcert.cli.options import InputOptions
from stabcert.errors import InputError
from tests.cli.conftest import SENTENCE, Run


def _image(path: Path) -> Path:
    Image.new("RGB", (8, 8), (200, 10, 10)).save(path)
    return path


def test_a_directory_gives_its_images_and_texts_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG"):
        _image(tmp_path / name)
    (tmp_path / "c.txt").write_text("a good film\n")
    (tmp_path / "notes.md").write_text("not an input")
    items = collect(InputOptions(inputs=[str(tmp_path)]))
    assert [(Path(item.id).name, item.kind) for item in items] == [
        ("a.JPG", "image"),
        ("b.png", "image"),
        ("c.txt", "text"),
    ]
    assert items[2].text == "a good film"


def test_a_directory_without_inputs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no images"):
        collect(InputOptions(inputs=[str(tmp_path)]))


def test_a_list_holds_sentences_and_paths_beside_it(tmp_path: Path) -> None:
    _image(tmp_path / "red.png")
    listing = tmp_path / "list.txt"
    listing.write_text("a good film\n\nred.png\n")
    items = collect(InputOptions(inputs_file=listing))
    assert [(item.kind, item.text) for item in items] == [("text", "a good film"), ("image", None)]
    assert items[0].id == f"{listing}:1"
    assert items[1].path == tmp_path / "red.png"


def test_a_list_that_names_a_missing_file_says_where(tmp_path: Path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text("a sentence\nmissing.png\n")
    present, missing = collect(InputOptions(inputs_file=listing))
    assert present.problem is None
    assert re.search(r"no such file: missing\.png .*line 2", str(missing.problem))


def test_a_missing_file_ends_the_run_before_it_begins_or_is_one_failed_input(
    run: Run, bert: Path, tmp_path: Path
) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text("a good film\nmissing.txt\n")
    arguments = ["explain", tmp_path / "gone.txt", "--inputs", listing, "-m", bert, "--method", "random", "--json"]
    ran = run(*arguments)
    assert (ran.code, ran.stdout) == (3, "")
    assert "no such file" in ran.stderr
    ran = run(*arguments, "--keep-going")
    assert [record["status"] for record in ran.records] == ["failed", "reported", "failed"]
    assert [record["input"]["kind"] for record in ran.records] == ["text"] * 3


def test_jsonl_and_csv_give_the_same_inputs(tmp_path: Path) -> None:
    _image(tmp_path / "red.png")
    rows = [{"id": "one", "text": 'say "no", twice'}, {"id": "two", "path": "red.png"}]
    (tmp_path / "list.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "list.csv").write_text('id,text,path\none,"say ""no"", twice",\ntwo,,red.png\n')
    first, second = (collect(InputOptions(inputs_file=tmp_path / name)) for name in ("list.jsonl", "list.csv"))
    assert first == second
    assert [item.id for item in first] == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "line 1 is not JSON"), ("[1]", "must be an object"), ('{"id": "a"}', 'neither a "text" nor a "path"')],
)
def test_a_broken_line_is_named(tmp_path: Path, content: str, message: str) -> None:
    listing = tmp_path / "list.jsonl"
    listing.write_text(content)
    (item,) = collect(InputOptions(inputs_file=listing))
    assert message in str(item.problem)


def test_a_field_that_is_too_long_for_csv_is_named_with_the_way_out(tmp_path: Path) -> None:
    listing = tmp_path / "list.csv"
    listing.write_text("id,text\none," + "a" * 200_000 + "\n")
    with pytest.raises(InputError, match=r"line 2 is not CSV.*\.jsonl"):
        collect(InputOptions(inputs_file=listing))


def test_limit_takes_the_first(tmp_path: Path) -> None:
    items = collect(InputOptions(text=["one", "two", "three"], limit=2))
    assert [item.id for item in items] == ["text-1", "text-2"]


def test_a_file_that_is_neither_image_nor_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes.txt"
    path.write_bytes(b"\xff\xfe\x00\x81")
    (item,) = collect(InputOptions(inputs=[str(path)]))
    assert "UTF-8" in str(item.problem)


def test_standard_input_may_be_a_sentence(run: Run, bert: Path) -> None:
    record = run("explain", "-", "-m", bert, "--method", "random", "--json", stdin=SENTENCE + "\n").record
    assert (record["input"]["id"], record["input"]["text"]) == ("-", SENTENCE)


def test_standard_input_may_be_an_image(run: Run, bert: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    ran = run("explain", "-", "-m", bert, "--method", "random", "--json", stdin=buffer.getvalue())
    assert ran.code == 3
    assert "is an image" in ran.stderr


def test_several_sentences_give_one_record_each_in_order(run: Run, bert: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    ran = run("explain", "-t", "good", "-t", "bad film", "-m", bert, "--method", "random", "--json", "-o", output)
    assert [record["input"]["text"] for record in ran.records] == ["good", "bad film"]
    assert output.read_text() == ran.stdout
    run("explain", "-t", "good", "-m", bert, "--method", "random", "-o", output, "--append")
    assert len(output.read_text().splitlines()) == 3

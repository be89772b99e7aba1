"""Texts that are empty, strange, or far too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE

AREA = "texts"


def _text(text: str, *options: str, command: str = "explain") -> Build:
    return lambda shop: [command, "-t", text, "-m", shop.text_model, "--method", "random", *options, "--json"]


def _file(data: bytes, *options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        name = shop.write("input.txt", data)
        return ["explain", name, "-m", shop.text_model, "--method", "random", *options, "--json"]

    return build


def _list(name: str, data: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        return ["explain", "--inputs", shop.write(name, data), "-m", shop.text_model, "--method", "random", "--json"]

    return build


def _parquet(columns: dict[str, list[Any]], *options: str, cut: int = 0) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        import pyarrow.parquet

        out = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(pyarrow.table(columns), out)
        data = bytes(out.getvalue())
        name = shop.write("rows.parquet", data[: len(data) - cut])
        return ["explain", "--inputs", name, "-m", shop.text_model, "--method", "random", *options, "--json"]

    return build


def _script(shop: Workshop) -> Sequence[object]:
    shop.write("script/script.py", "open('ran', 'w')\n")
    return ["explain", "--dataset", "script", "-m", shop.text_model, "--method", "random", "--json"]


_MEGABYTE = "a great film " * 80_000
_HALF = '{"text": "a film", "text_pair": "a \\ud83d"}'
_LONG_PAIR = f'{{"text": "a film", "text_pair": "{_MEGABYTE}"}}'

CASES = cases(
    AREA,
    ("nothing", _text(""), 3, "the text is empty"),
    ("white space alone", _text(" \t\n "), 3, "the text is empty"),
    ("invisible characters alone", _text("\u200b\u200d\ufeff"), 3, "no word that the model's tokenizer can read"),
    ("a file of zero bytes", _file(b""), 3, "the text is empty"),
    ("a byte order mark alone", _file(b"\xef\xbb\xbf"), 3, "the text is empty"),
    ("UTF-16", _file("a great film".encode("utf-16")), 3, "neither an image nor UTF-8 text"),
    ("a byte that is not UTF-8", _file(b"a great \xff film"), 3, "neither an image nor UTF-8 text (byte 8"),
    ("a zero byte", _file(b"a great\0 film"), 0, "reported"),
    ("emoji, also joined ones", _text("great 😀 film 👩‍👩‍👧‍👦 🇩🇪"), 0, "reported"),
    ("right to left", _text("فيلم رائع היה סרט טוב"), 0, "reported"),
    ("combining characters", _text("un fi\u0301lm tre\u0300s bon Z\u0351\u036b\u0343\u036a\u0302"), 0, "reported"),
    ("a combining character at the start", _text("\u0301 film"), 0, "reported"),
    ("control characters", _text("a \x1b[31mgreat\x07 film\x9b0m"), 0, "reported"),
    ("half of a surrogate pair", _text("a \ud83d film"), 3, "not valid Unicode text (character 2)"),
    ("a sentence of 1 MB", _file(_MEGABYTE.encode()), 3, "the model reads at most 96"),
    ("a sentence of 250 kB that may be cut", _file(_MEGABYTE[:250_000].encode(), "--truncate"), 0, "reported"),
    ("one word of 100,000 letters", _file(b"x" * 100_000), 0, "reported"),
    ("special tokens alone", _text("[CLS] [SEP]"), 0, "reported"),
    ("the text [MASK]", _text("[MASK]"), 0, "reported"),
    ("the text [MASK] with the baseline mask", _text("[MASK] film", "--baseline", "mask", "-k", "1"), 0, "reported"),
    ("the text [PAD]", _text("[PAD]"), 0, "reported"),
    ("a Parquet file that was cut", _parquet({"text": ["a film"]}, cut=9), 3, "rows.parquet cannot be read"),
    ("a Parquet file without a column of inputs", _parquet({"n": [1]}), 2, "Name the column with --column"),
    ("a column that does not exist", _parquet({"text": ["a film"]}, "--column", "txt"), 2, "It has 'text'"),
    ("a text that is null", _parquet({"text": ["a film", None]}, "--column", "text"), 3, "'text' is null"),
    ("an image in a Parquet file", _parquet({"image": [b"GIF89a"]}), 3, "is an image, but"),
    ("a data set with code", _script, 3, "the data set script cannot be read"),
    ("one word, certified", _text("film", command="certify-soft"), 0, "reported"),
    (
        "a sentence of 400 letters in the place of a file",
        lambda shop: ["explain", "a great film " * 31, "-m", shop.text_model],
        3,
        'To certify a sentence, write --text "..."',
    ),
    ("an option as a text", _text("--help"), 0, "reported"),
    ("an image for a model of texts", lambda shop: _image(shop), 3, "classifies texts"),
    ("a list that is not JSON", _list("list.jsonl", '{"text": "a"}\n{"text": \n'), 3, "list.jsonl, line 2 is not JSON"),
    ("a list of 100,000 brackets", _list("list.jsonl", "[" * 100_000), 3, "list.jsonl, line 1 is nested too deeply"),
    ("a list of numbers", _list("list.jsonl", "1\n2\n"), 3, "line 1 must be an object"),
    ("a list whose text is a number", _list("list.jsonl", '{"text": 7}'), 3, 'neither a "text" nor a "path"'),
    (
        "a list with a field of 200 kB",
        _list("list.csv", "id,text\n1," + "x" * 200_000),
        3,
        "list.csv, line 2 is not CSV",
    ),
    ("a list with half of a surrogate pair", _list("list.jsonl", '{"text": "a \\ud83d"}'), 3, "not valid Unicode text"),
    ("an id with half of a surrogate pair", _list("list.jsonl", '{"id": "\\ud83d", "text": "a film"}'), 0, "reported"),
    ("an empty list", _list("list.txt", ""), 2, "nothing to do"),
    (
        "a list with pairs of texts",
        _list("list.jsonl", '{"text": "a film", "text_pair": "a great film"}'),
        0,
        "5 word features",
    ),
    ("a list with an empty second text", _list("list.csv", "text,text_pair\na film,\n"), 3, "'text_pair' is empty"),
    ("a list with half of a pair of surrogates in a pair", _list("list.jsonl", _HALF), 3, "not valid Unicode text"),
    ("a second text that is a number", _list("list.jsonl", '{"text": "a", "text_pair": 7}'), 3, "must be text, got 7"),
    ("a second text without a token", _text("a film", "--text-pair", "\u200b"), 3, "the second text"),
    ("a second text of 1 MB", _list("list.jsonl", _LONG_PAIR), 3, "the two texts together have"),
    ("a second text for an image", lambda shop: _image(shop, "text_pair"), 3, "is an image"),
    ("a side of one text", _text("a film", "--explain-side", "second"), 2, "--explain-side needs a pair of texts"),
    ("markup in both texts", _text("[b]first:[/b]", "--text-pair", "\x1b[31m] second: ["), 0, "reported"),
    (
        "a table with pairs of texts",
        _list("list.csv", "premise,text\nit was bad,a film\n"),
        3,
        "line 2: the field 'premise' looks like input",
    ),
    (
        "a list with a text and a path",
        _list("list.jsonl", '{"text": "a film", "path": "a.png"}'),
        3,
        'has both a "text" and a "path"',
    ),
    ("a table with tabs", _list("list.tsv", "id\ttext\tlabel\na\ta great film\tpositive\n"), 0, "3 word features"),
    ("a table without a text", _list("list.csv", "id,review\na,b\n"), 3, "Rename 'review' to 'text'"),
    ("a table with semicolons", _list("list.csv", "id;text\na;b\n"), 3, "Separate the columns by commas"),
    ("a table with blank rows", _list("list.csv", "id,text\n,\na,a film\n , \n"), 0, "reported"),
    ("lines of JSON called .ndjson", _list("list.ndjson", '{"text": "a great film"}'), 0, "3 word features"),
    ("an array called .json", _list("list.json", '[{"text": "a great film"}]'), 0, "3 word features"),
    ("lines of JSON called .txt", _list("list.txt", '{"text": "a film"}\n'), 3, "copy it to .jsonl"),
    ("a list with an unknown suffix", _list("list.lst", "a film\n"), 3, "must be a list with the suffix"),
    ("a list of addresses", _list("list.txt", "https://example.org/a\n"), 3, "is a URL, and inputs are not downloaded"),
    ("a list of pictures from a phone", _list("list.txt", "a.heic\n"), 3, "no such file: a.heic"),
    (
        "the same text twice",
        lambda shop: ["explain", "-t", SENTENCE, "-t", SENTENCE, "-m", shop.text_model, "--method", "random", "--json"],
        0,
        "reported",
    ),
)


def _image(shop: Workshop, field: str | None = None) -> Sequence[object]:
    from tests.models.image_bytes import encoded
    from tests.models.tiny_images import picture

    shop.write("photo.png", encoded(picture(), "PNG"))
    if field is not None:
        listed = shop.write("list.jsonl", f'{{"path": "photo.png", "{field}": "a film"}}')
        return ["explain", "--inputs", listed, "-m", shop.text_model]
    return ["explain", "photo.png", "-m", shop.text_model]

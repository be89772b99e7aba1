"""Files of results that cannot be written, or must not."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from stabcert.sweep.journal import Journal
from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE, copy

AREA = "files of results"


def _explain(*options: str, prepare: Callable[[Workshop], object] = lambda shop: None) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        prepare(shop)
        return ["explain", "-t", SENTENCE, "-m", shop.text_model, "--method", "random", *options, "--json"]

    return build


def _folder(shop: Workshop) -> None:
    Path("folder").mkdir()


def _two_images(shop: Workshop) -> None:
    from tests.models.tiny_images import picture

    for name in ("a.png", "b.png"):
        picture().save(name)


def _over_image(*options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        _two_images(shop)
        return ["explain", "a.png", "b.png", "-m", shop.image_model, "--method", "random", *options]

    return build


def _unharmed(name: str) -> Callable[[str, str], str]:
    def look(stdout: str, stderr: str) -> str:
        assert Path(name).read_bytes().startswith(b"\x89PNG") or Path(name).read_bytes() in (b"{}\n", b"[1, 0]")
        return f"{name} is as it was"

    return look


def _nothing_left(stdout: str, stderr: str) -> str:
    left = sorted(str(path) for path in Path().rglob("*.part"))
    assert not left
    return "no half of a file is left"


def _locked(shop: Workshop) -> Sequence[object]:
    """Another process writes to the file: here, one that holds its lock."""
    journal = Journal(Path("out.jsonl"))
    shop.monkeypatch.setattr(shop, "held", journal, raising=False)
    return ["explain", "-t", SENTENCE, "-m", shop.text_model, "--method", "random", "-o", "out.jsonl", "--json"]


def _link(shop: Workshop) -> Sequence[object]:
    _two_images(shop)
    os.link("a.png", "other.png")
    return ["explain", "a.png", "-m", shop.image_model, "--method", "random", "--plot", "other.png"]


def _own_mask(shop: Workshop) -> Sequence[object]:
    mask = shop.write("mask.json", "[1, 0]")
    return ["certify-soft", "-t", "a film", "-m", shop.text_model, "--mask", mask, "--html", mask]


def _own_model(shop: Workshop) -> Sequence[object]:
    copy(shop.text_model, "model")
    Path("model/notes.json").write_text("{}\n")
    return ["explain", "-t", SENTENCE, "-m", "model", "--method", "random", "--html", "model/notes.json"]


_RECORD = '{"schema": "stabcert/1", "status": "reported", "key": "old"}\n'


def _records(shop: Workshop) -> None:
    shop.write("out.jsonl", _RECORD)


def _as_it_was(stdout: str, stderr: str) -> str:
    assert Path("out.jsonl").read_text() == _RECORD
    return "the file is as it was"


def _replaced(stdout: str, stderr: str) -> str:
    assert Path("out.jsonl").read_text() == stdout
    return "the new record alone is in the file"


CASES = cases(
    AREA,
    ("a folder that does not exist", _explain("-o", "no/such/out.jsonl"), 3, "cannot write to no/such/out.jsonl"),
    ("a folder instead of a file", _explain("-o", "folder", prepare=_folder), 3, "cannot write to folder"),
    ("a file in the place of a folder", _explain("-o", "text-model/config.json/out.jsonl"), 3, "cannot write to"),
    (
        "a file that holds something else",
        _explain("-o", "notes.txt", prepare=lambda s: s.write("notes.txt", "mine\n")),
        3,
        "contains lines that are not stabcert records",
    ),
    ("a name that is too long", _explain("-o", "x" * 300), 3, "cannot write to"),
    ("a disk that is full", _explain("-o", "/dev/full"), 3, "cannot write to /dev/full: No space left on device"),
    (
        "a disk that is full, for a page",
        _explain("--html", "/dev/full"),
        3,
        "cannot write to /dev/full: No space left on device",
    ),
    (
        "a disk that is full, for a picture",
        _explain("--plot", "full.svg", prepare=lambda s: Path("full.svg").symlink_to("/dev/full")),
        3,
        "No space left on device",
    ),
    (
        "a page in a folder that does not exist",
        _explain("--html", "no/page.html"),
        3,
        "cannot write to no/page.html",
        _nothing_left,
    ),
    (
        "a picture of a format that does not exist",
        _explain("--plot", "figure.doc"),
        2,
        ".png, .svg or .pdf",
        _nothing_left,
    ),
    ("one file for records and for the page", _explain("-o", "out", "--html", "out"), 2, "would overwrite one another"),
    ("a file that another process writes to", _locked, 3, "another process is writing to out.jsonl"),
    (
        "the picture over the input",
        _over_image("--plot", "a.png"),
        2,
        "--plot a.png would overwrite the input a.png",
        _unharmed("a.png"),
    ),
    (
        "the page over the second input",
        _over_image("--html", "./b.png"),
        2,
        "would overwrite the input b.png",
        _unharmed("b.png"),
    ),
    (
        "the records over the input",
        _over_image("-o", "a.png"),
        2,
        "would overwrite the input a.png",
        _unharmed("a.png"),
    ),
    (
        "the picture over another name of the input",
        _link,
        2,
        "--plot other.png would overwrite the input a.png",
        _unharmed("a.png"),
    ),
    ("the page over the mask", _own_mask, 2, "would overwrite the file of --mask", _unharmed("mask.json")),
    (
        "the page over a file of the model",
        _own_model,
        2,
        "would overwrite a file of the model model",
        _unharmed("model/notes.json"),
    ),
    ("--resume without a file", _explain("--resume"), 2, "--resume needs the file to go on with"),
    (
        "--resume of a device",
        _explain("--resume", "-o", "/dev/null"),
        2,
        "--resume must read finished records from a regular file",
    ),
    (
        "--resume of a file cut off in a record",
        _explain(
            "--resume", "-o", "cut.jsonl", prepare=lambda s: s.write("cut.jsonl", '{"schema": "stabcert/1", "com')
        ),
        0,
        "was incomplete and has been removed",
    ),
    (
        "a file cut off in a record, with --append",
        _explain(
            "-o", "cut.jsonl", "--append", prepare=lambda s: s.write("cut.jsonl", '{"schema": "stabcert/1", "com')
        ),
        3,
        "ends in the middle of a record",
    ),
    (
        "a file cut off in a record",
        _explain("-o", "cut.jsonl", prepare=lambda s: s.write("cut.jsonl", '{"schema": "stabcert/1", "com')),
        2,
        "cut.jsonl already holds records. Write --resume",
    ),
    (
        "a file that holds records",
        _explain("-o", "out.jsonl", prepare=_records),
        2,
        "--append to add to it, --overwrite to replace it",
        _as_it_was,
    ),
    (
        "a file that holds records, with --append",
        _explain("-o", "out.jsonl", "--append", prepare=_records),
        0,
        "reported",
    ),
    (
        "a file that holds records, with --overwrite",
        _explain("-o", "out.jsonl", "--overwrite", prepare=_records),
        0,
        "reported",
        _replaced,
    ),
    (
        "--overwrite, and a request that no input can meet",
        _explain("-o", "out.jsonl", "--overwrite", "-k", "0", prepare=_records),
        2,
        "--top-k 0 is not possible",
        _as_it_was,
    ),
    (
        "--overwrite of a file that holds something else",
        _explain("-o", "notes.txt", "--overwrite", prepare=lambda s: s.write("notes.txt", "mine\n")),
        3,
        "contains lines that are not stabcert records",
    ),
    (
        "--append and --overwrite",
        _explain("-o", "out.jsonl", "--append", "--overwrite"),
        2,
        "--append and --overwrite exclude one another",
    ),
    ("--overwrite without a file", _explain("--overwrite"), 2, "--overwrite needs the file to replace"),
    (
        "--resume of a file that does not exist",
        _explain("--resume", "-o", "new.jsonl"),
        0,
        "new.jsonl does not exist yet: nothing to resume",
    ),
    (
        "--resume of a file of 100,000 brackets",
        _explain(
            "--resume",
            "-o",
            "deep.jsonl",
            prepare=lambda s: s.write("deep.jsonl", '{"schema": "stabcert/1", "a": ' + "[" * 100_000 + "\n{}\n"),
        ),
        3,
        "contains lines that are not stabcert records",
    ),
)

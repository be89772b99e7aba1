"""Inputs, labels and directories with which nothing can be adapted."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests.robustness.case import Build, Workshop, cases

AREA = "adapt"
_WORDS = ("a", "good", "bad", "great", "film", "movie", "was", "not")


def _texts(shop: Workshop, number: int, label: object = None, *, name: str = "texts.jsonl") -> str:
    """A list of different sentences, all with one label if there is one."""
    texts = [" ".join(_WORDS[(i * 7 + j * (i % 5 + 1)) % 8] for j in range(5)) + f" {i}" for i in range(number)]
    rows = [{"text": text} | ({} if label is None else {"label": label}) for text in texts]
    return shop.write(name, "\n".join(map(json.dumps, rows)))


def _ask(*options: object, number: int = 16, label: object = None) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        listing = _texts(shop, number, label)
        out = [] if "--out" in options else ["--out", "adapted"]
        return ["adapt", "--inputs", listing, "-m", shop.text_model, *out, *options]

    return build


def _folder(shop: Workshop) -> Sequence[object]:
    shop.write("notes/readme.md", "nothing here")
    return ["adapt", "notes", "-m", shop.image_model, "--out", "adapted"]


def _png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _broken_photo(shop: Workshop) -> Sequence[object]:
    for number in range(14):
        shop.write(f"photos/{number}.png", _png(number))
    shop.write("photos/14.png", _png(14)[:60])
    return ["adapt", "photos", "-m", shop.image_model, "--out", "adapted", "--report-share", 0.3, "--lambdas", 1]


def _full(shop: Workshop) -> Sequence[object]:
    shop.write("adapted/notes.txt", "mine")
    return _ask()(shop)


def _own_model(shop: Workshop) -> Sequence[object]:
    return _ask("--out", shop.text_model)(shop)


def _beneath_a_file(shop: Workshop) -> Sequence[object]:
    shop.write("taken", "")
    return _ask("--out", "taken/adapted")(shop)


def _a_checkpoint_of_another(shop: Workshop) -> Sequence[object]:
    shop.write("adapted.checkpoint", "no checkpoint")
    return _ask("--resume")(shop)


def _nothing_written(out: str, err: str) -> str:
    assert not Path("adapted").exists() or list(Path("adapted").iterdir()) == [Path("adapted/notes.txt")]
    return "nothing written"


CASES = cases(
    AREA,
    ("a folder without inputs", _folder, 3, "no images and no .txt files in the directory notes", _nothing_written),
    ("a photo that is cut off", _broken_photo, 3, "14.png", _nothing_written),
    ("two inputs", _ask(number=2), 3, "adapting needs 10 distinct inputs or more", _nothing_written),
    ("no directory", _ask("--out", ""), 2, "Write --out DIR"),
    ("a directory with files", _full, 2, "which contains files", _nothing_written),
    ("the directory of the model", _own_model, 2, "another directory than that of the model"),
    ("a directory beneath a file", _beneath_a_file, 3, "taken"),
    ("labels that the model does not have", _ask(label="purple"), 3, "purple", _nothing_written),
    (
        "one class and --label-weight",
        _ask("--label-weight", 0.5, label="positive"),
        3,
        "labels must be of 2 classes or more, got positive alone",
        _nothing_written,
    ),
    ("--label-weight without labels", _ask("--label-weight", 1), 2, "--label-weight 1 needs labels", _nothing_written),
    ("everything held out", _ask("--held-out", 1), 2, "--held-out must be above 0 and below 1"),
    ("nothing left to train on", _ask("--held-out", 0.99), 3, "--held-out", _nothing_written),
    ("a learning rate NaN", _ask("--learning-rate", "nan"), 2, "--learning-rate must be above 0 and finite"),
    ("--resume of nothing", _ask("--resume"), 2, "--resume needs adapted.checkpoint"),
    ("a checkpoint that is none", _a_checkpoint_of_another, 3, "is not a checkpoint of an adaptation"),
    ("reporting inputs that do not exist", _ask("--report-on", "none.csv"), 3, "none.csv"),
    ("an attribution that does not exist", _ask("--attribution", "magic"), 2, "--attribution occlusion"),
    ("half precision", _ask("--dtype", "float16"), 2, "--dtype must be float32"),
    ("a record that is none", lambda shop: ["adapt", "--verify", shop.write("a.json", "{}")], 3, "is not a record"),
)

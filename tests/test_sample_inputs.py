"""The sample inputs are what their README, labels and sentences say they are."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

FOLDER = Path(__file__).parents[1] / "sample_inputs"
PHOTOS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".jpg", ".png"})
FREE_LICENSES = {"public domain", "CC0 1.0"}
EMOTIONS = {"anger", "joy", "optimism", "sadness"}


def labels() -> dict[str, str]:
    with (FOLDER / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row["label"] for row in rows}


def readme_rows() -> dict[str, list[str]]:
    """The table of photos: file name to the cells after it."""
    rows = {}
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            rows[name.strip("`")] = cells
    return rows


def sentences() -> list[str]:
    return (FOLDER / "sentences.txt").read_text(encoding="utf-8").splitlines()


def sentence_records() -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / "sentences.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_pair_is_a_question_and_a_passage() -> None:
    pairs = [json.loads(line) for line in (FOLDER / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({pair["id"] for pair in pairs}) == len(pairs) == 8
    assert all(pair["text"].endswith("?") and len(pair["text_pair"].split()) > 8 for pair in pairs)
    assert [pair["meta_answers"] for pair in pairs].count("yes") == 4


@pytest.fixture(scope="module")
def demo() -> Any:
    from stabcert.models.demo import load_demo_image

    return load_demo_image()


def probabilities(demo: Any, path: Path) -> torch.Tensor:
    # Written out rather than taken from the package: an independent reading of the model's preprocessing.
    with Image.open(path) as file:
        photo = file.convert("RGB")
    scale = demo.resize / min(photo.size)
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BICUBIC)
    left, top = (photo.width - demo.size) // 2, (photo.height - demo.size) // 2
    photo = photo.crop((left, top, left + demo.size, top + demo.size))
    pixels = (np.asarray(photo, dtype=np.float32) / 255 - np.float32(demo.mean)) / np.float32(demo.std)
    with torch.inference_mode():
        logits = demo.network(torch.from_numpy(pixels).permute(2, 0, 1)[None])
    return torch.softmax(logits[0].double(), dim=0)


def test_photos_readme_and_labels_name_the_same_files() -> None:
    assert len(PHOTOS) == 11
    assert sorted(readme_rows()) == PHOTOS
    assert sorted(labels()) == PHOTOS


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_opens_and_is_at_most_200_kb(name: str) -> None:
    path = FOLDER / name
    with Image.open(path) as file:
        file.load()
        assert min(file.size) >= 256
        assert max(file.size) <= 640
        assert len(file.getexif()) == 0
    assert path.stat().st_size <= 200_000


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_has_a_source_and_a_free_license(name: str) -> None:
    shown, source, license_name, changed = readme_rows()[name]
    assert shown
    assert changed
    assert ("scikit-image, `data/" in source) != ("GCompris, `" in source)
    assert license_name in FREE_LICENSES


def test_portrait_landscape_grey_and_png_are_among_the_photos() -> None:
    shapes, modes, formats = set(), set(), set()
    for name in PHOTOS:
        with Image.open(FOLDER / name) as photo:
            shapes.add((photo.width > photo.height) - (photo.width < photo.height))
            modes.add(photo.mode)
            formats.add(photo.format)
    assert shapes >= {-1, 1}
    assert modes == {"RGB", "L"}
    assert formats == {"JPEG", "PNG"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOS)
def test_demo_image_predicts_the_label_of_every_photo(name: str, demo: Any) -> None:
    probs = probabilities(demo, FOLDER / name)
    best, second = probs.topk(2).values.tolist()
    assert demo.class_names[int(probs.argmax())] == labels()[name]
    # Far above what another version of a JPEG decoder or of the arithmetic can move.
    assert best - second > 0.05


def test_ten_distinct_sentences_agree_with_the_records() -> None:
    records = sentence_records()
    assert len(sentences()) == len(set(sentences())) == 10
    assert [record["text"] for record in records] == sentences()
    assert len({record["id"] for record in records}) == 10
    assert all(record.keys() == {"id", "text", "label"} for record in records)


def test_the_sentences_in_a_parquet_file_are_the_same() -> None:
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(FOLDER / "sentences.parquet").to_pylist() == sentence_records()


def test_every_emotion_is_among_the_labels_and_no_other() -> None:
    assert {record["label"] for record in sentence_records()} == EMOTIONS


def test_the_short_and_the_long_sentence_are_short_and_long() -> None:
    words = {record["id"]: len(record["text"].split()) for record in sentence_records()}
    assert words["short"] == min(words.values()) <= 5
    assert words["long"] == max(words.values()) >= 25


@pytest.mark.parametrize("name", ["review.txt", "complaint.txt"])
def test_a_single_file_holds_one_of_the_sentences(name: str) -> None:
    (sentence,) = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert sentence in sentences()

"""Features of images, against borders, boxes and numbers computed another way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from stabcert.errors import InputError, ParameterError
from stabcert.models.segmentation import segment
from tests.models.tiny_images import picture


def grey(width: int, height: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 90, dtype=np.uint8)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(max_examples=60, deadline=None)
def test_grid_borders_are_at_floor_of_i_times_length_over_n(width: int, height: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, min(width, height)))
    division = segment(f"grid:{n}", grey(width, height))
    expected = np.full((height, width), -1)
    for row in range(n):
        for column in range(n):
            left, right = column * width // n, (column + 1) * width // n
            top, bottom = row * height // n, (row + 1) * height // n
            expected[top:bottom, left:right] = row * n + column
            feature = division.features.items[row * n + column]
            assert feature.box == (left, top, right, bottom)
            assert feature.label == f"row {row}, column {column}"
    assert np.array_equal(division.labels, expected)
    assert (division.features.kind, division.features.shape, len(division.features)) == ("grid", (n, n), n * n)


def test_patches_are_those_of_the_model_row_by_row() -> None:
    division = segment("patch", grey(24, 16), 8)
    assert division.features.kind == "patch"
    assert division.features.shape == (2, 3)
    assert [feature.box for feature in division.features.items] == [
        (0, 0, 8, 8),
        (8, 0, 16, 8),
        (16, 0, 24, 8),
        (0, 8, 8, 16),
        (8, 8, 16, 16),
        (16, 8, 24, 16),
    ]
    assert [feature.label for feature in division.features.items][3:5] == ["row 1, column 0", "row 1, column 1"]


def halves() -> NDArray[np.uint8]:
    pixels = grey(64, 48)
    pixels[:, 40:] = (200, 30, 30)
    return pixels


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["slic:6", "slic:1", "slic:3072", "quickshift"])
@pytest.mark.parametrize("pixels", [halves(), grey(64, 48), np.asarray(picture(64, 48))])
def test_superpixels_are_numbered_without_gaps_and_boxed_tightly(spec: str, pixels: NDArray[np.uint8]) -> None:
    division = segment(spec, pixels)
    n = len(division.features)
    assert np.array_equal(np.unique(division.labels), np.arange(n))
    assert (division.features.kind, division.features.shape) == ("segment", (n,))
    for i, feature in enumerate(division.features.items):
        rows, columns = np.nonzero(division.labels == i)
        assert feature.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert feature.label == f"segment {i}"


@pytest.mark.parametrize("spec", ["slic:6", "quickshift"])
def test_superpixels_follow_the_colours_and_are_repeatable(spec: str) -> None:
    division = segment(spec, halves())
    assert not set(division.labels[:, :40].flat) & set(division.labels[:, 40:].flat)
    assert segment(spec, halves()).settings == division.settings


def test_superpixels_leave_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is the point
    segment("quickshift", halves())
    segment("slic:6", halves())
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_plain_image_may_be_one_segment() -> None:
    division = segment("slic:1", grey(64, 48))
    assert division.labels.tolist() == [[0] * 64] * 48
    assert division.features.items[0].box == (0, 0, 64, 48)


LABELS = np.array([[30, 30, 7], [7, 200, 200]])  # with gaps, not starting at 0, and 7 in two places
NUMBERED = [[1, 1, 0], [0, 2, 2]]


def save_npy(path: Path) -> None:
    np.save(path, LABELS)


def save_grey(path: Path) -> None:
    Image.fromarray(LABELS.astype(np.uint8)).save(path)


def save_sixteen_bits(path: Path) -> None:
    Image.fromarray((LABELS * 300).astype(np.uint16)).save(path)


def save_palette(path: Path) -> None:
    palette = Image.new("P", (3, 2))
    palette.putpalette([5, 5, 5] * 256)  # one colour for all: only the index tells labels apart
    palette.putdata(list(LABELS.flat))
    palette.save(path)


@pytest.mark.parametrize(
    ("name", "save"),
    [("a.npy", save_npy), ("a.png", save_grey), ("a.PNG", save_sixteen_bits), ("a.png", save_palette)],
)
def test_a_label_map_is_renumbered_in_ascending_order(name: str, save: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / name)
    division = segment(str(tmp_path / name), grey(3, 2))
    assert division.labels.tolist() == NUMBERED
    assert [feature.box for feature in division.features.items] == [(0, 0, 3, 2), (0, 0, 2, 1), (1, 1, 3, 2)]
    assert division.settings["features"] == str(tmp_path / name)


def test_equal_label_maps_have_equal_hashes_whatever_their_file(tmp_path: Path) -> None:
    save_npy(tmp_path / "a.npy")
    save_palette(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", LABELS[::-1])
    hashes = [
        segment(str(tmp_path / name), grey(3, 2)).settings["labels_sha256"] for name in ("a.npy", "a.png", "b.npy")
    ]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (LABELS.T, r"3 x 2 \(width x height\), got 2 x 3 pixels"),
        (LABELS[None], "more than one value per pixel"),
        (LABELS.astype(float), "not whole numbers"),
        (np.array([["a"] * 3] * 2), "not whole numbers"),
        (np.array([[None] * 3] * 2), "not a readable label map"),
    ],
)
def test_a_label_map_that_cannot_be_used_is_refused(array: NDArray[Any], reason: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=reason):
        segment(str(tmp_path / "a.npy"), grey(3, 2))


def test_a_coloured_or_damaged_or_missing_label_map_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2)).save(tmp_path / "colour.png")
    (tmp_path / "damaged.png").write_bytes(b"no png")
    for name, reason in (
        ("colour.png", "more than one value"),
        ("damaged.png", "readable"),
        ("no.npy", "no such file"),
    ):
        with pytest.raises(InputError, match=reason):
            segment(str(tmp_path / name), grey(3, 2))


@pytest.mark.parametrize(
    ("spec", "patch_size", "reason"),
    [
        ("patch", None, "grid:7"),
        ("patch", 7, "grid:7"),
        ("patch", 0, "grid:7"),
        ("grid:17", None, "1 to 16"),
        ("grid:0", None, "1 to 16"),
        ("grid:-1", None, "1 to 16"),
        ("grid:", None, "1 to 16"),
        ("grid:3.5", None, "1 to 16"),
        ("grid:٣", None, "1 to 16"),
        ("slic:0", None, "1 to 384"),
        ("slic:385", None, "1 to 384"),
        ("grid", None, "quickshift"),
        ("felzenszwalb", None, "quickshift"),
        ("map.jpg", None, "FILE.npy or FILE.png"),
        ("", None, "quickshift"),
    ],
)
def test_features_that_do_not_exist_are_refused_with_what_is_possible(
    spec: str, patch_size: int | None, reason: str
) -> None:
    with pytest.raises(ParameterError, match=reason):
        segment(spec, grey(24, 16), patch_size)

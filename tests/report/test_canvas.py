"""What is in colour, what is dimmed, where outlines run, and what is saved of a flip."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from stabcert.report.canvas import Canvas
from stabcert.report.colours import dim, shade
from stabcert.report.flips import flip_picture, remaining_text, save_flips
from tests.report.exhibits import TEXT, canvas, first, image, sentence, words


def test_kept_pixels_keep_their_exact_colours_and_dropped_ones_lose_them() -> None:
    drawn = canvas()
    mask = first(12, 49)
    inside = mask[drawn.labels]
    shown = drawn.kept(mask)
    assert np.array_equal(shown[inside], drawn.pixels[inside])
    dropped = shown[~inside].astype(int)
    assert (dropped.max(axis=1) == dropped.min(axis=1)).all()
    grey = drawn.pixels[~inside] @ [0.299, 0.587, 0.114]
    assert np.abs(dropped[:, 0] - (60 + 0.4 * grey)).max() <= 0.5


def test_dimming_maps_black_and_white_to_two_greys() -> None:
    assert dim(np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)).tolist() == [[[60] * 3, [162] * 3]]


def test_the_colours_of_scores_are_symmetric_in_lightness_and_neutral_at_zero() -> None:
    low, zero, high = shade(np.array([-1.0, 0.0, 1.0])).astype(int)
    assert zero.tolist() == [247, 247, 247]
    assert low[2] > low[0]
    assert high[0] > high[2]


def test_scores_that_are_all_zero_have_no_colour() -> None:
    heat = canvas().heat(np.zeros(49)).astype(int)
    assert (heat.max(axis=2) == heat.min(axis=2)).all()


def test_the_outline_of_one_cell_is_its_four_sides() -> None:
    drawn = canvas(side=6, grid=3)
    middle = np.arange(9) == 4
    assert sorted(drawn.outline(middle)) == [(2, 2, 2, 4), (2, 2, 4, 2), (2, 4, 4, 4), (4, 2, 4, 4)]


def test_the_outline_runs_around_regions_and_not_between_kept_neighbours() -> None:
    drawn = canvas(side=6, grid=3)
    assert sorted(drawn.outline(np.ones(9, dtype=bool))) == [(0, 0, 0, 6), (0, 0, 6, 0), (0, 6, 6, 6), (6, 0, 6, 6)]
    assert drawn.outline(np.zeros(9, dtype=bool)) == []


def test_the_length_of_an_outline_counts_the_edges_of_any_segmentation() -> None:
    rng = np.random.default_rng(1)
    drawn = Canvas(np.zeros((9, 7, 3), dtype=np.uint8), rng.integers(0, 5, (9, 7)))
    mask = np.array([True, False, True, False, False])
    region = np.pad(mask[drawn.labels], 1)
    edges = (region[1:] != region[:-1]).sum() + (region[:, 1:] != region[:, :-1]).sum()
    assert sum(abs(x1 - x0) + abs(y1 - y0) for x0, y0, x1, y1 in drawn.outline(mask)) == edges


def test_the_picture_of_a_flip_shows_kept_and_added_cells_in_colour_and_outlines_the_added_ones() -> None:
    drawn = canvas(side=140)
    mask, new = first(3, 49), np.arange(49) == 24
    with Image.open(io.BytesIO(flip_picture(drawn, mask, new))) as opened:
        pixels = np.asarray(opened)
    assert pixels.shape == (280, 280, 3)
    assert np.array_equal(pixels[20, 20], drawn.pixels[10, 10])  # kept
    assert np.array_equal(pixels[140, 140], drawn.pixels[70, 70])  # added
    assert np.array_equal(pixels[270, 20], drawn.kept(mask)[135, 10])  # dropped
    assert pixels[120, 140].tolist() == [0xE6, 0x9F, 0x00]  # upper side of the added cell
    assert pixels[0, 20].tolist() == drawn.pixels[0, 10].tolist()  # no outline around the mask


@pytest.mark.parametrize(
    ("kept", "remains"),
    [
        ([0, 1, 2], "I am not"),
        ([0, 2], "I not"),
        ([5, 6], "all,"),
        ([3, 9, 10], "sad dance."),
        ([], ""),
        (list(range(11)), TEXT),
    ],
)
def test_the_text_that_remains_keeps_the_spaces_between_kept_neighbours(kept: list[int], remains: str) -> None:
    features = words()
    mask = np.zeros(len(features), dtype=bool)
    mask[kept] = True
    assert remaining_text(TEXT, features, mask) == remains


def test_saved_flips_are_numbered_smallest_first_and_replace_those_of_an_earlier_run(tmp_path) -> None:
    for name in ("cat-004.npy", "cat-004.png", "cat-1.npy", "cat-notes.txt", "cat-004.npy.bak", "other-001.npy"):
        (tmp_path / name).write_text("old")
    assert save_flips(tmp_path, "cat", image(flips=2)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("cat-001.npy", "cat-001.png", "cat-002.npy", "cat-002.png"),
        *("cat-004.npy.bak", "cat-1.npy", "cat-notes.txt", "other-001.npy"),
    ]
    masks = [np.load(tmp_path / f"cat-00{i}.npy") for i in (1, 2)]
    assert [mask.dtype for mask in masks] == [np.bool_, np.bool_]
    assert [int(mask.sum()) for mask in masks] == [13, 14]


def test_saved_flips_of_a_text_hold_the_text_that_remains(tmp_path) -> None:
    assert save_flips(tmp_path, "t", sentence(flips=1)) == 1
    assert (tmp_path / "t-001.txt").read_text(encoding="utf-8") == "I am not\n"

"""Pictures made of characters, and where they are drawn at all."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

from stabcert.report.canvas import Canvas
from stabcert.report.colours import dim
from stabcert.report.halfblocks import HalfBlocks, fitting_columns, half_blocks, thumbnail
from stabcert.report.sentence import Sentence
from tests.report.exhibits import TEXT, canvas, first, words


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class OldTerminal(Terminal):
    encoding = "latin-1"


class Pipe(Terminal):
    def isatty(self) -> bool:
        return False


def printed(renderable: object, file: io.StringIO | None = None, **options: object) -> str:
    file = Terminal() if file is None else file
    settings = {"force_terminal": True, "color_system": "truecolor", "width": 80, "legacy_windows": False} | options
    Console(file=file, **settings).print(renderable)
    return file.getvalue()


def test_four_pixels_are_two_cells_with_the_upper_one_in_front() -> None:
    pixels = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]], dtype=np.uint8)
    (line,) = half_blocks(pixels)
    expected = "\x1b[38;2;1;2;3;48;2;7;8;9m▀\x1b[0m\x1b[38;2;4;5;6;48;2;10;11;12m▀\x1b[0m\n"
    assert printed(line) == expected


def test_the_last_of_an_odd_number_of_rows_has_no_background() -> None:
    lines = half_blocks(np.full((3, 1, 3), 9, dtype=np.uint8))
    assert printed(lines[1]) == "\x1b[38;2;9;9;9m▀\x1b[0m\n"


def test_a_thumbnail_averages_and_dims_what_is_dropped() -> None:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[:2, :2] = [[[0, 0, 0], [100, 0, 0]], [[100, 0, 0], [200, 0, 0]]]
    pixels[2:, 2:] = [50, 100, 200]
    labels = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]])
    small = thumbnail(Canvas(pixels, labels), np.array([True, False, False, False]), 2)
    assert small[0, 0].tolist() == [100, 0, 0]
    assert small[1, 1].tolist() == dim(np.array([[[50, 100, 200]]], dtype=np.uint8))[0, 0].tolist()
    assert small[0, 1].tolist() == [60, 60, 60]


def test_a_thumbnail_is_never_larger_than_the_image_and_keeps_its_shape() -> None:
    wide = Canvas(np.zeros((20, 60, 3), dtype=np.uint8), np.zeros((20, 60), dtype=np.int64))
    assert thumbnail(wide, np.array([True]), 30).shape == (10, 30, 3)
    assert thumbnail(wide, np.array([True]), 90).shape == (20, 60, 3)


@pytest.mark.parametrize(
    ("wanted", "grid", "columns"),
    [(48, (7, 7), 42), (48, (14, 14), 42), (48, (), 48), (48, (64, 64), 48), (5, (9,), 5)],
)
def test_each_column_of_features_gets_the_same_number_of_cells(
    wanted: int, grid: tuple[int, ...], columns: int
) -> None:
    assert fitting_columns(wanted, grid) == columns


def test_a_picture_has_as_many_characters_as_it_should() -> None:
    shown = printed(HalfBlocks(canvas(140), first(12, 49), (7, 7)))
    assert [line.count("▀") for line in shown.splitlines()] == [42] * 21


def test_a_narrow_terminal_gets_a_narrow_picture() -> None:
    lines = printed(HalfBlocks(canvas(140), first(12, 49), (7, 7)), width=20).splitlines()
    assert {line.count("▀") for line in lines} == {14}


@pytest.mark.parametrize(
    "options",
    [{"force_terminal": False}, {"no_color": True}, {"color_system": None}, {"color_system": "standard"}, {"width": 8}],
)
def test_nothing_is_drawn_where_it_could_not_be_seen(options: dict[str, object]) -> None:
    assert printed(HalfBlocks(canvas(), first(12, 49), (7, 7)), **options).strip() == ""


def test_nothing_is_drawn_in_an_encoding_without_blocks() -> None:
    assert printed(HalfBlocks(canvas(), first(12, 49), (7, 7)), file=OldTerminal()).strip() == ""


def test_forced_colours_do_not_make_a_terminal_of_a_pipe() -> None:
    assert printed(HalfBlocks(canvas(), first(12, 49), (7, 7)), file=Pipe()).strip() == ""
    assert "[I]" in printed(Sentence(TEXT, words(), first(2, 11)), file=Pipe())


def test_kept_words_stand_on_a_coloured_ground_on_a_terminal() -> None:
    shown = printed(Sentence(TEXT, words(), first(2, 11)))
    assert shown == "  \x1b[30;42mI\x1b[0m \x1b[30;42mam\x1b[0m not sad at all, I could dance.\n"


@pytest.mark.parametrize("options", [{"force_terminal": False}, {"no_color": True}, {"color_system": None}])
def test_kept_words_stand_in_brackets_elsewhere(options: dict[str, object]) -> None:
    shown = printed(Sentence(TEXT, words(), first(2, 11)), **options)
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == "  [I] [am] not sad at all, I could dance.\n"


def test_user_text_is_no_markup_and_no_escape_sequence() -> None:
    text = "[bold]a[/bold] \x1b[31mred"
    shown = printed(Sentence(text, words(text), np.zeros(len(words(text)), dtype=bool)))
    assert shown == "  [bold]a[/bold] \ufffd[31mred\n"

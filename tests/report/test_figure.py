"""Figures: formats, captions, and that nothing outside of them is touched."""

from __future__ import annotations

import io
import random
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from stabcert.errors import ParameterError
from stabcert.report import sheet
from stabcert.report.charts import area, fonts
from stabcert.report.charts.fonts import cut, drawable, families, is_right_to_left, text_width, wrap
from stabcert.report.evidence.text import SIZE, flow
from stabcert.report.figure import caption, format_of
from stabcert.report.says.soft import flip_summary
from stabcert.report.wording import ends
from tests.report.exhibits import TEXT, certificate, image, rate, sentence, words
from tests.report.screens import document_of, drawn

SOFT = certificate(rate(1, 1, 1, 1, enumerated=True), rate(4, 0.8, 0.9, 0.95))
METHODS = {f"method{i}": np.random.default_rng(i).normal(size=49) for i in range(5)}
EXHIBITS = {
    "one method": image(),
    "five methods": image(scores=METHODS),
    "constant scores": image(scores={"lime": np.zeros(49)}),
    "negative scores": image(scores={"lime": -np.ones(49)}),
    "one feature": image(1, grid=1),
    "196 features": image(49, grid=14),
    "certificate": image(soft=SOFT),
    "flip": image(soft=SOFT, flips=2),
    "one radius": image(soft=certificate(rate(4, 0.9, 1, 1, threshold=0.9, met=True), sides=1)),
    "many radii": image(soft=certificate(*(rate(r, 0.2, 0.5, 0.8) for r in range(1, 30)))),
    "nothing drawn yet": image(soft=certificate(rate(2, 0, None, 1, threshold=0.5, met=False))),
    "text": sentence(),
    "text with flip": sentence(soft=SOFT, flips=1),
    "long names": image(labels=("a class $name_of$ " * 9, "b" * 99), name="n" * 300),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXHIBITS)
def test_every_kind_of_result_has_a_figure_and_no_warnings(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = drawn([EXHIBITS[name]], "png")
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.width) == ("PNG", round(sheet.WIDTH * fonts.DOTS_PER_INCH))


@pytest.mark.slow
@pytest.mark.parametrize(("file_format", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF-")])
def test_formats_are_what_they_claim_and_repeat_to_the_byte(file_format: str, magic: bytes) -> None:
    exhibits = [EXHIBITS["flip"], EXHIBITS["text"]]
    data = drawn(exhibits, file_format)
    assert data.startswith(magic)
    assert data == drawn(exhibits, file_format)


@pytest.mark.slow
def test_a_pdf_holds_its_text_as_text_in_fonts_that_journals_take() -> None:
    data = drawn([EXHIBITS["flip"]], "pdf")
    assert b"/FontFile2" in data
    assert b"/Type3" not in data


def test_a_picture_is_sharp_in_a_column_of_a_paper() -> None:
    column = 3.3  # inches
    assert sheet.WIDTH * fonts.DOTS_PER_INCH / column > 280
    assert area.SMALL * column / sheet.WIDTH > 5.5  # points


@pytest.mark.slow
def test_every_input_has_its_row() -> None:
    def height(inputs: int) -> int:
        with Image.open(io.BytesIO(drawn([EXHIBITS["one method"]] * inputs, "png"))) as opened:
            return opened.height

    one, two, three = (height(inputs) for inputs in (1, 2, 3))
    assert two - one == pytest.approx(three - two, abs=1)
    assert two > 1.9 * one


@pytest.mark.slow
def test_kept_pixels_have_their_exact_colours_in_the_figure() -> None:
    exhibit = image(soft=SOFT)
    assert exhibit.canvas is not None
    # The sixth pixel of the second row is inside of the mask and away from its outline.
    colour = tuple(int(value) for value in exhibit.canvas.pixels[1, 5])
    with Image.open(io.BytesIO(drawn([exhibit], "png"))) as opened:
        found = opened.convert("RGB").getcolors(maxcolors=2**24)
    assert found is not None
    assert {c: n for n, c in found}.get(colour, 0) > 50


def test_other_endings_are_refused_with_the_ones_that_are_possible() -> None:
    with pytest.raises(ParameterError, match=r"\.png, \.svg or \.pdf"):
        format_of(Path("figure.jpg"))
    assert format_of(Path("a.b/figure.PDF")) == "pdf"


@pytest.mark.parametrize("inputs", [0, 21])
def test_a_figure_holds_1_to_20_inputs(inputs: int) -> None:
    with pytest.raises(ParameterError, match=r"--limit 20, or --html FILE"):
        drawn([EXHIBITS["one method"]] * inputs, "png")


def test_captions_state_the_numbers_and_the_guarantee() -> None:
    certified, explained = caption(document_of(EXHIBITS["flip"])), caption(document_of(image(masked=1)))
    assert certified.startswith("n = 49 cells, k = 12 kept by lime, r = 1, 4, δ = 0.05. Model some/model, seed 7. ")
    for fact in (
        "tabby (0.75), as on",
        "at least 95%",
        "jointly",
        "still predicts tabby",
        "2 different",
        "adds 1 cell",
    ):
        assert fact in certified
    assert explained.startswith("n = 49 cells, k = 12 kept by lime. Model some/model, seed 7. Red ")
    for fact in ("Mask alone: fox (0.75)", "full input: tabby (0.75)", "Vacuous: ", "guarantees nothing"):
        assert fact in explained


def named(*identities: tuple[str, str | None]) -> bytes:
    """A figure of inputs with these ids and paths."""
    exhibits = []
    for identity, path in identities:
        exhibit = image(name=identity)
        given = replace(exhibit.report.input, path=path)
        exhibits.append(replace(exhibit, report=replace(exhibit.report, input=given)))
    return drawn(exhibits, "png")


@pytest.mark.slow
def test_a_file_is_called_by_its_name_alone_where_that_is_enough() -> None:
    assert named(("photos/cat.jpg", "photos/cat.jpg")) == named(("cat.jpg", "cat.jpg"))
    two = [("a/cat.jpg", "a/cat.jpg"), ("b/cat.jpg", "b/cat.jpg")]
    assert named(*two) != named(("cat.jpg", "cat.jpg"), ("cat.jpg", "cat.jpg"))
    assert named(("a/b", "cat.jpg")) != named(("b", "cat.jpg")), "an id of the user's own stays as it is"


@pytest.mark.parametrize("size", [area.SMALL, area.LARGE])
def test_letters_are_as_wide_as_they_are_said_to_be(size: float) -> None:
    """Neither do lines run out of the picture, nor is a tenth of each left empty."""
    text = "The rate lies in its interval with probability at least 90% over the random draws"
    wide = sheet.Sheet(width=12)
    wide.write(text, size)
    with area.own_style(), Image.open(io.BytesIO(wide.render("png"))) as opened:
        columns = np.flatnonzero((np.asarray(opened.convert("L")) < 128).any(axis=0))
    drawn = (columns[-1] - columns[0]) / fonts.DOTS_PER_INCH
    assert 0.97 * text_width(text, size) < drawn <= text_width(text, size)


def test_the_summary_of_flips_does_not_overclaim() -> None:
    def summary(flips: int, **more: object) -> str:
        return flip_summary(image(soft=certificate(rate(3, 0.9, more.pop("estimate", 1.0), 1, **more)), flips=flips))

    assert summary(0) == "None of the tested additions changes the prediction."
    assert summary(0, estimate=0.9) == "None of the tested additions certainly changes the prediction."
    assert summary(1, estimate=0.9) == "1 addition that changes the prediction was found. It adds 1 cell."
    many = image(12, grid=14, soft=certificate(rate(3, 0, 0.1, 0.2)), flips=100)
    assert flip_summary(many).startswith("At least 100 different additions"), "no more than these are kept"


def test_neither_settings_nor_random_states_nor_figures_of_the_user_change() -> None:
    def settings() -> dict[str, object]:
        return dict(dict.items(matplotlib.rcParams))  # without choosing a backend, as reading it would

    before = settings()
    states = (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002 - reading the state that must not change
    drawn([EXHIBITS["flip"]], "svg")
    assert settings() == before
    assert (random.getstate(), repr(np.random.get_state())) == states  # noqa: NPY002


def test_the_settings_of_the_user_do_not_change_the_figure() -> None:
    plain = drawn([EXHIBITS["flip"]], "png")
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "savefig.bbox": "tight", "text.color": "red"}
    ):
        assert drawn([EXHIBITS["flip"]], "png") == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "שלום עולם, סרט נהדר",
        "هذا فيلم رائع جدا",
        "これは 😀 👍🏽 🇩🇪 素晴らしい",
        "a\x00b \u202eevil $x_2$ \\frac",
        "W" * 500,
        "word " * 300,
    ],
)
def test_any_text_can_be_drawn_without_a_warning(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for file_format in ("png", "svg", "pdf"):
            assert drawn([sentence(text, 1)], file_format)


def test_characters_without_a_glyph_become_boxes_and_invisible_ones_vanish() -> None:
    assert drawable("a\U000f0000b\U000e0041") == "a□b"
    assert families("abc") == ["DejaVu Sans"]


def test_lines_are_no_wider_than_asked_and_lose_nothing() -> None:
    text = "several words and one Donaudampfschifffahrtsgesellschaftskapitaen " * 3
    lines = wrap(text, 1.5, 9)
    assert max(text_width(line, 9) for line in lines) <= 1.5
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert "".join(cut("abcdefghij" * 9, 0.5, 9)) == "abcdefghij" * 9


def test_a_flowing_text_keeps_its_order_and_its_width() -> None:
    pieces = flow(TEXT * 5, words(TEXT * 5), 2.0)
    assert "".join(piece.text for piece in pieces) == (TEXT * 5).replace(" ", "")
    places = [(piece.line, piece.left) for piece in pieces]
    assert places == sorted(places)
    assert max(piece.left + piece.width for piece in pieces) <= 2.0 + text_width(",", SIZE) + 0.1
    assert [piece.feature for piece in pieces] == list(range(len(pieces)))


def test_a_right_to_left_text_flows_from_the_right() -> None:
    text = "שלום עולם סרט"
    assert is_right_to_left(text)
    places = [piece.left for piece in flow(text, words(text), 4.0)]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize(
    ("largest", "upper"), [(0.13, "+0.13"), (2.34, "+2.3"), (240.4, "+240"), (12345.0, "+1e+04"), (3e-5, "+3e-05")]
)
def test_the_ends_of_a_scale_are_symmetric_and_short(largest: float, upper: str) -> None:
    assert ends(largest) == (upper.replace("+", "\u2212", 1), upper)
    assert ends(0.0) == ("", "")

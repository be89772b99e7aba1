"""The page: complete in itself, nothing of the user's in it as markup."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from stabcert.report.canvas import Exhibit
from stabcert.report.page import Page
from stabcert.report.says.common import failure
from tests.report.exhibits import certificate, image, rate, sentence
from tests.report.screens import section

EVIL = "<script>alert('x')</script> & \"quoted\" <img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br", "path"}


class Reader(HTMLParser):
    """Tags, attributes and text; fails on tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(*exhibits: Exhibit) -> str:
    made = Page("stabcert certify-soft")
    return made.head() + "".join(section(exhibit, made) for exhibit in exhibits) + made.tail()


SOFT = certificate(rate(1, 1, 1, 1, enumerated=True), rate(4, 0.8, 0.9, 0.95))
EVERYTHING = (
    image(),
    image(scores={"lime": np.zeros(49), "shap": -np.ones(49)}),
    image(soft=SOFT, flips=2),
    sentence(EVIL),
    sentence(EVIL, soft=SOFT, flips=2, labels=(EVIL, EVIL), name=EVIL),
    image(soft=certificate(*(rate(r, 0.2, 0.5, 0.8) for r in range(1, 30))), masked=1, labels=(EVIL, EVIL)),
)


def test_nothing_is_loaded_from_elsewhere() -> None:
    read = Reader(page(*EVERYTHING))
    for tag, attributes in read.tags:
        assert tag not in ("script", "link", "iframe", "object")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert (value or "").startswith(("data:image/png;base64,", "#"))
    (policy,) = [meta["content"] for meta in read.named("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    source = page(*EVERYTHING)
    assert source.count("url(") == source.count("url(#") > 0, "clip paths and patterns of the charts themselves"
    assert "url(" not in source.split("<style>")[1].split("</style>")[0]
    assert source.count("<style") == 1
    assert "@import" not in source


def test_ids_are_unique_and_what_is_referred_to_is_there() -> None:
    exhibits = [EVERYTHING[2], EVERYTHING[2], EVERYTHING[4]]
    source = page(*exhibits)
    ids = [attributes["id"] for _, attributes in Reader(source).tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', source)) <= set(ids)


def test_charts_have_a_description_and_the_colours_of_the_page() -> None:
    source = page(*EVERYTHING)
    charts = [s for s in Reader(source).named("svg") if s.get("class") == "chart"]
    assert len(charts) == 3
    assert {chart["role"] for chart in charts} == {"img"}
    described = "Stability rates. radius 1: 1.0000, exact; radius 4: 0.9000, between 0.8000 and 0.9500."
    assert charts[0]["aria-label"] == described
    drawn = "".join(part.split("</svg>")[0] for part in source.split('<svg class="chart"')[1:])
    assert re.findall(r"(?:fill|stroke): #\w+", drawn) == []
    assert all("fill: var(--" in text for text in re.findall(r"<text [^>]*>", drawn)), "none is black on black"
    style = source.split("<style>")[1].split("</style>")[0]
    assert all(style.count(f"{name}:") == 2 for name in set(re.findall(r"var\((--\w+)\)", drawn))), "light and dark"


def test_every_picture_has_an_alternative_text() -> None:
    read = Reader(page(*EVERYTHING))
    texts = [str(picture["alt"]) for picture in read.named("img")]
    assert "Input as the model sees it: tabby, tabby cat (0.75)".replace(", tabby cat", "") in texts
    assert "Scores of shap for tabby; kept features are outlined" in texts
    assert "Features kept by shap, in colour: tabby (0.75)" in texts
    assert "Kept features in colour, smallest flip outlined: 1 cell added: fox (0.50)" in texts
    assert all(texts)


def test_outlines_lie_over_the_picture_and_the_scale_is_symmetric() -> None:
    read = Reader(page(image(soft=SOFT, flips=2), image()))
    assert [path["class"] for path in read.named("path") if "class" in path][:6] == [
        *("under", "kept"),
        *("under", "kept", "added-under", "added"),
    ]
    assert "\u221210+1" in read.text, "the ends of the scale of lime with 0 between"


def test_text_and_labels_of_others_are_shown_and_never_read_as_markup() -> None:
    source = page(*EVERYTHING)
    assert "<script" not in source
    assert "<img src=x" not in source
    assert EVIL in Reader(page(sentence(EVIL))).text


def test_pictures_are_png_of_what_they_say() -> None:
    exhibit = image(soft=SOFT, flips=1)
    pictures = [str(picture["src"]).split(",")[1] for picture in Reader(page(exhibit)).named("img")]
    kept, flip = (np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in pictures)
    mask = exhibit.report.explanation.mask
    assert exhibit.canvas is not None
    assert np.array_equal(kept, exhibit.canvas.kept(mask))
    assert np.array_equal(flip, exhibit.canvas.kept(exhibit.flips[0].mask))


def test_the_certificate_is_told_in_words_and_in_a_table() -> None:
    text = Reader(page(image(soft=SOFT, flips=3))).text
    assert "at least 95%" in text
    assert "3 different additions" in text
    assert "The smallest adds 1 cell." in text
    assert "n = 49 cells, k = 12 kept by lime, r = 1, 4, δ = 0.05" in text
    assert "0.8000 .. 0.9500" in text
    assert "exact" in text


def test_the_record_is_there_but_folded_away() -> None:
    read = Reader(page(image()))
    assert "open" not in read.named("details")[0]
    assert '"command": "explain"' in read.text


def test_words_are_shaded_by_their_scores() -> None:
    scores = np.array([1.0, -0.5, 0.0, *[0.0] * 8])
    spans = [s for s in Reader(page(sentence(scores={"lime": scores}))).named("span") if "title" in s]
    assert [s["style"] for s in spans[:3]] == [
        "background:rgba(var(--warm),0.550)",
        "background:rgba(var(--cold),0.275)",
        "background:rgba(var(--cold),0.000)",
    ]
    assert [s["class"] for s in spans] == ["k", "k", *[""] * 9]


def test_added_words_are_framed_by_dashes_and_dropped_ones_are_faint() -> None:
    read = Reader(page(sentence(soft=SOFT, flips=1)))
    classes = [s["class"] for s in read.named("span") if s.get("class") in ("k", "a", "d")]
    assert classes == [*"kk", *"d" * 9, *"kka", *"d" * 8]
    assert "smallest flip: +1 · fox (0.50) (dashed)" in read.text


def test_several_inputs_have_an_overview_and_one_has_none() -> None:
    links = [a["href"] for a in Reader(page(*EVERYTHING)).named("a")]
    assert links == [f"#input-{i}" for i in range(1, len(EVERYTHING) + 1)]
    assert [s["id"] for s in Reader(page(*EVERYTHING)).named("section")] == [link[1:] for link in links if link]
    assert Reader(page(image())).named("a") == []


def test_a_failed_input_has_its_message() -> None:
    made = Page("t")
    record = {"input": {"id": EVIL}, "status": "failed", "error": {"code": 3, "message": EVIL}}
    read = Reader(made.head() + made.section(failure(EVIL, EVIL), record) + made.tail())
    assert read.text.count(EVIL) >= 2


@pytest.mark.parametrize("masked", [0, 1])
def test_an_inconsistent_mask_is_called_so(masked: int) -> None:
    text = Reader(page(image(soft=SOFT, masked=masked))).text
    assert ("NOT consistent" in text) == bool(masked)
    assert ("Stability refers to the mask alone" in text) == bool(masked)


def test_the_page_is_readable_in_light_and_in_dark() -> None:
    style = page(image()).split("<style>")[1].split("</style>")[0]
    assert "color-scheme: light dark" in style
    assert "prefers-color-scheme: dark" in style


def test_the_same_reports_give_the_same_page() -> None:
    assert page(*EVERYTHING) == page(*EVERYTHING)

"""Markdown: what is read is what was said, and nothing of the user's is read as markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stabcert.report.document import Bar, Column, Document, Heading, Line, Word, line, note, table
from stabcert.report.markdown import escaped, markdown
from stabcert.report.says.adapt import adapt_document
from stabcert.report.says.common import failure
from stabcert.report.says.curve import curve_document
from stabcert.report.says.verification import verification_document
from stabcert.report.visible import visible
from tests.report import adaptations, curves, verifications
from tests.report.examples import REPORTS, explain_report, text_input
from tests.report.screens import document

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
JOINER = "\u2060"
EVIL = "<script>alert(1)</script> **b** _i_ `c` [a](http://x) ![p](http://y) | ~~s~~ &amp; $x$ @user #12 :smile:"
DOCUMENTS = {
    **{name: document(report) for name, report in REPORTS.items()},
    "smooth-eval": curve_document(curves.finding(methods=("lime", "random"), **curves.THRESHOLDS)),
    "smooth-eval, one input": document(curves.smooth_report()),
    "adapt": adapt_document(adaptations.FINDINGS["a gain that is not met"]),
    "stands": verification_document(verifications.STANDS.to_dict()),
    "differs": verification_document(verifications.DIFFERS.to_dict()),
    "failed": failure("a.txt", "it is empty"),
}
ALLOWED = {
    *("heading", "paragraph", "inline", "text", "strong", "blockquote", "bullet_list", "list_item", "softbreak"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


def tokens(source: str) -> Iterator[Token]:
    for token in PARSER.parse(source):
        yield token
        yield from token.children or ()


def kinds(source: str) -> set[str]:
    return {re.sub("_(open|close)$", "", token.type) for token in tokens(source)}


def read(source: str) -> str:
    """What somebody sees."""
    found = (token.content if token.type == "text" else "\n" for token in tokens(source) if token.type != "inline")
    return "".join(found).replace(JOINER, "")


def words(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_headings_paragraphs_tables_and_emphasis_alone(name: str) -> None:
    source = markdown(DOCUMENTS[name])
    assert kinds(source) <= ALLOWED
    assert "**" not in read(source), "emphasis that is not read as such"
    assert source.endswith("\n")


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if not DOCUMENTS[name].folded])
def test_every_line_of_the_screen_is_read(name: str) -> None:
    shown = words(read(markdown(DOCUMENTS[name])))
    for block in DOCUMENTS[name].blocks:
        if isinstance(block, Line) and "screen" in block.on:
            assert words(block.text) in shown


def test_a_certificate() -> None:
    source = markdown(document(REPORTS["refuted"]))
    first, facts, text, table_, *_, last = source.strip().split("\n\n")
    assert first == '### "A lovely, lovely film"'
    assert facts.startswith("**NOT certified** · joy (0.91) · 4 words, ")
    assert text == "> A \\[lovely,\\] lovely \\[film\\]"
    assert table_.splitlines()[1:] == [
        "| ---: | ---: | ---: | ---: | :--- | :--- |",
        "| 5 | 60 | 20 | 0.3333 | 0.2000 .. 0.5000 | **refuted (\\< 0.9)** |",
    ]
    assert last.startswith("152 evaluations, 1.8 s")


def test_one_of_many_is_an_item_of_a_list() -> None:
    source = markdown(document(curves.smooth_report()))
    assert source.startswith('- **"A lovely, lovely film"** · joy (0.91), right · ')
    assert "list_item" in kinds(source)


def test_a_note_is_quoted_and_called_so() -> None:
    assert markdown(Document(Heading("x"), (note("y"),))).endswith("> **note:** y\n")


def test_bars_are_blocks() -> None:
    shown = table([Column("degree")], [[(Word("0.5 "), Bar(0.5, 0.7))]])
    assert "| 0.5 █████░░ |" in markdown(Document(Heading("x"), (shown,)))


PLACES: dict[str, Callable[[str], Document]] = {
    "text": lambda s: document(explain_report(info=text_input("A lovely, lovely film " + s))),
    "name": lambda s: document(explain_report(info=replace(text_input(), id=s, path=s))),
    "line": lambda s: Document(Heading("x"), (line(s),)),
    "strong word": lambda s: Document(Heading("x"), (Line((Word("a, "), Word(s, strong=True), Word(" b"))),)),
    "note": lambda s: Document(Heading("x"), (note(s),)),
    "cell": lambda s: Document(Heading("x"), (table([Column(s), "b"], [[s, "c"], [(Word(s, "bad"),), "d"]]),)),
    "folded": lambda s: Document(Heading(s, ((Word(s),),)), (), folded=True),
    "failure": lambda s: failure(s, s),
}


@pytest.mark.parametrize("place", PLACES)
def test_markup_is_shown_and_does_nothing(place: str) -> None:
    source = markdown(PLACES[place](EVIL))
    assert kinds(source) <= ALLOWED
    assert EVIL in read(source)


@pytest.mark.parametrize(
    "start", ["# a", "- a", "+ a", "* a", "> a", "1. a", "1) a", "===", "---", "```", "~~~", "    a", "| a |", "<!-- a"]
)
def test_a_line_is_a_paragraph_however_it_begins(start: str) -> None:
    source = markdown(Document(Heading("x"), (line("before"), line(start))))
    assert kinds(source) <= {"heading", "paragraph", "inline", "text"}
    assert read(source).endswith(f"{start.strip()}\n")


@pytest.mark.slow
@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1), st.sampled_from(sorted(PLACES)))
def test_any_text_is_read_as_it_is(text: str, place: str) -> None:
    if place in ("text", "name"):
        place = "line"  # no text or name is empty, and long ones are cut
    source = markdown(PLACES[place](text))
    assert kinds(source) <= ALLOWED
    assert words(visible(text).replace(JOINER, "")) in words(read(source))


@pytest.mark.slow
@given(
    st.text(alphabet="\\`*_[]<>&~|$@#:/!()-+=.1a \n", min_size=1), st.sampled_from(["line", "cell", "note", "folded"])
)
def test_any_punctuation_is_read_as_it_is(text: str, place: str) -> None:
    source = markdown(PLACES[place](text))
    assert kinds(source) <= ALLOWED
    assert words(text) in words(read(source))


@pytest.mark.parametrize("text", ["@user", "see @user/team", "#12", "owner/name#12", "GH-12", "https://a.b", "www.a.b"])
def test_nobody_is_notified_and_nothing_is_linked(text: str) -> None:
    """A service looks for these in the text that is shown: they must not stand there in one piece."""
    assert text not in escaped(text).replace("\\", "")
    assert escaped(text).replace(JOINER, "") == text


def test_what_is_no_reference_stays_as_it_is() -> None:
    assert escaped("mail: a, 12 # b @ c; radius 1: 2 of 3") == "mail: a, 12 # b @ c; radius 1: 2 of 3"

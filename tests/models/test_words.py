"""Where words and sentences are, and which tokens belong to them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stabcert.errors import InputError, ParameterError
from stabcert.models.text_features import text_feature
from stabcert.models.words import (
    Span,
    clip_spans,
    group_tokens,
    join_passages,
    split_passages,
    split_sentences,
    split_words,
)

FAMILY = "👨\u200d👩\u200d👧"
WAVE = "👋🏽"
WALES = "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
PIECES = [
    "a",
    "b1",
    " ",
    "\n",
    ".",
    "!",
    "?",
    "'",
    "-",
    "#",
    "@",
    "_",
    "我",
    "カ",
    "🇩🇪",
    FAMILY,
    WAVE,
    "\u0301",
    "\u200d",
    "\ufe0f",
]
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=15).map("".join))


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in split_words(text)]


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a plain  sentence", ["a", "plain", "sentence"]),
        ("don’t state-of-the-art 'quoted'", ["don’t", "state-of-the-art", "'", "quoted", "'"]),
        ("snake_case __init__", ["snake_case", "__", "init", "__"]),
        ("what?!! well...", ["what", "?", "!!", "well", "..."]),
        ("3.14 2nd", ["3", ".", "14", "2nd"]),
        ("#tag @user_name a@b C# ##x # 1", ["#tag", "@user_name", "a", "@", "b", "C", "#", "#", "#x", "#", "1"]),
        ("我喜欢 カナ!", ["我", "喜", "欢", "カ", "ナ", "!"]),
        ("#日本語が", ["#日本語が"]),
        ("cafe\u0301 e\u0301\u0302x", ["cafe\u0301", "e\u0301\u0302x"]),
        ("مرحبا بالعالم، שלום", ["مرحبا", "بالعالم", "،", "שלום"]),
        ("می\u200cخواهم क्\u200dष co\u00adop", ["می\u200cخواهم", "क्\u200dष", "co\u00adop"]),
        (f"{FAMILY}{WAVE} ok", [FAMILY, WAVE, "ok"]),
        (f"{WAVE}{WAVE}😀😀😀", [WAVE * 2, "😀😀😀"]),
        ("🇩🇪🇫🇷 ❤️ 1️⃣ #️⃣", ["🇩🇪", "🇫🇷", "❤️", "1️⃣", "#️⃣"]),
        (f"x{WALES}y", ["x", WALES, "y"]),
        ("\u200e\u200b \t\x00", []),
        ("", []),
    ],
)
def test_words_are(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.14 euros, approx. two cents.", ["It costs 3.14 euros, approx. two cents."]),
        ('"Go!" He went (fast). Ok?! ', ['"Go!"', "He went (fast).", "Ok?!"]),
        ("a line\nnext line\r\n\n last ", ["a line", "next line", "last"]),
        ("你好。「很好！」再见？ok", ["你好。", "「很好！」", "再见？", "ok"]),
        ("Wait… what? no. Да. Нет.", ["Wait… what?", "no.", "Да.", "Нет."]),
        ("...", ["..."]),
        (" \n ", []),
    ],
)
def test_sentences_are(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\ntwo.\n\nThree", ["One\ntwo.", "Three"]),
        ("  \n  a b\n c \n\n \t\nd\r\n\r\n e", ["a b\n c", "d", "e"]),
        ("one", ["one"]),
        ("\n \n", []),
    ],
)
def test_passages_are(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in split_passages(text)] == expected


@settings(max_examples=200, deadline=None, database=None)
@given(TEXTS)
def test_passages_are_the_text_between_blank_lines(text: str) -> None:
    spans = split_passages(text)
    check_spans(spans, text)
    blocks, block = [], ""
    for line in [*text.splitlines(keepends=True), ""]:
        if line.strip():
            block += line
        elif block:
            blocks, block = [*blocks, block.strip()], ""
    assert [text[start:end] for start, end in spans] == blocks


def test_a_list_of_passages_is_a_text_with_these_passages() -> None:
    passages = ["one\ntwo", " three ", "four\n"]
    text = join_passages(passages)
    assert [text[start:end] for start, end in split_passages(text)] == ["one\ntwo", "three", "four"]
    for wrong in ([], ["a\n\nb"], ["a", " "], ["a", 3]):
        with pytest.raises(InputError, match="passage"):
            join_passages(wrong)  # type: ignore[arg-type]


def test_matches_of_a_regular_expression_are_features() -> None:
    feature = text_feature(r"regex:\d*")
    assert feature.split is not None
    assert feature.split("a1 22b") == [(1, 2), (3, 5)]
    assert feature.nouns == ("match", "matches")


def test_tokens_between_matches_go_to_the_match_before_and_those_that_join_two_join_them() -> None:
    split = text_feature("regex:[a-z]").split
    assert split is not None
    offsets = [(0, 1), (1, 2), (2, 3), (3, 6)]
    assert group_tokens(offsets, split("1a-b-c")) == ([(1, 2), (3, 6)], [[0, 1, 2], [3]])


@pytest.mark.parametrize("spec", ["regex:", "regex:(", "regex:a{99999999999}", "line", "grid:7"])
def test_features_that_do_not_exist_are_refused(spec: str) -> None:
    with pytest.raises(ParameterError) as caught:
        text_feature(spec)
    assert caught.value.parameter == "features"


def check_spans(spans: list[Span], text: str) -> None:
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)
    assert all(start < end for start, end in spans)


@settings(max_examples=200, deadline=None, database=None)
@given(TEXTS)
def test_words_are_ordered_disjoint_and_leave_out_only_what_is_invisible(text: str) -> None:
    spans = split_words(text)
    check_spans(spans, text)
    covered = {i for start, end in spans for i in range(start, end)}
    missed = {unicodedata.category(text[i]) for i in range(len(text)) if i not in covered}
    assert missed <= {"Zs", "Zl", "Zp", "Cc", "Cf"}


@settings(max_examples=200, deadline=None, database=None)
@given(TEXTS)
def test_sentences_are_ordered_disjoint_and_leave_out_only_whitespace(text: str) -> None:
    spans = split_sentences(text)
    check_spans(spans, text)
    covered = {i for start, end in spans for i in range(start, end)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in covered)
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)


def test_words_that_share_a_token_are_one_feature() -> None:
    spans = [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert group_tokens([(0, 3), (2, 5), (6, 7)], spans) == ([(0, 5), (6, 7)], [[0, 1], [2]])


def test_a_word_without_a_token_is_no_feature() -> None:
    assert group_tokens([(0, 1), (4, 5)], [(0, 1), (2, 3), (4, 5)]) == ([(0, 1), (4, 5)], [[0], [1]])


def test_a_token_that_touches_no_word_goes_to_the_feature_before_it_or_the_first() -> None:
    offsets = [(0, 0), (0, 1), (1, 2), (3, 3), (3, 4), (5, 6)]
    assert group_tokens(offsets, [(1, 2), (3, 4)]) == ([(1, 2), (3, 4)], [[0, 1, 2, 3], [4, 5]])


def test_no_token_touches_a_word_means_no_feature() -> None:
    assert group_tokens([(0, 0), (3, 4)], [(1, 2)]) == ([], [])


@pytest.mark.slow
@settings(max_examples=300, deadline=None, database=None)
@given(st.data())
def test_grouping_is_the_finest_partition_in_which_words_and_tokens_that_overlap_stay_together(
    data: st.DataObject,
) -> None:
    spot = st.integers(0, 12)
    edges = sorted(data.draw(st.sets(spot, max_size=10)))
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    offsets = [(min(pair), max(pair)) for pair in data.draw(st.lists(st.tuples(spot, spot), max_size=8))]
    found, groups = group_tokens(offsets, spans)

    def touches(token: int, word: int) -> bool:
        return max(offsets[token][0], spans[word][0]) < min(offsets[token][1], spans[word][1])

    # The definition, by growing connected components.
    components: list[tuple[set[int], set[int]]] = []
    for token in range(len(offsets)):
        mine = {word for word in range(len(spans)) if touches(token, word)}
        if mine:
            joined = [part for part in components if part[1] & mine]
            components = [part for part in components if not part[1] & mine]
            tokens = {token}.union(*(part[0] for part in joined))
            components.append((tokens, mine.union(*(part[1] for part in joined))))
    components.sort(key=lambda part: min(part[1]))
    assert found == [(spans[min(part[1])][0], spans[max(part[1])][1]) for part in components]
    placed = [token for group in groups for token in group]
    assert sorted(placed) == (list(range(len(offsets))) if found else [])
    assert all(group == sorted(group) for group in groups)
    for group, (tokens, _) in zip(groups, components, strict=True):
        assert tokens <= set(group)


def test_clipping_keeps_what_tokens_cover() -> None:
    assert clip_spans([(0, 4), (5, 9), (10, 12)], [(0, 0), (2, 4), (5, 7)]) == [(2, 4), (5, 7)]
    assert clip_spans([(0, 4)], [(1, 1)]) == []

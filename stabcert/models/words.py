"""The words and sentences of a text, and the tokens that belong to each.

All positions are spans ``(start, end)``, end exclusive, in characters of the user's own text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TypeAlias

from stabcert.errors import InputError

Span: TypeAlias = tuple[int, int]

# Python's regular expressions do not support Unicode categories: each character is replaced by the letter
# of its class, and the expression reads those.
_WORD, _MARK, _JOINER, _HYPHEN, _UNDERSCORE, _SIGN = "wmjhua"
_CJK, _REGIONAL, _TONE, _TAG, _SYMBOL, _NOTHING = "crtgs_"

_UNITS = re.compile(
    r"(?P<tag>(?<![wmjc])au*[wc][wcmju]*)"  # #tag, @user_name; not the address in user@host
    r"|(?P<word>[wm][wmj]*(?:(?:h|u+)w[wmj]*)*|c[mj]*)"
    r"|(?P<symbol>rr[mtg]*|[sahurt][mtg]*(?:j[sahrt][mtg]*)*)"  # flags; emoji joined by U+200D
)

_CLASS_OF = {
    **dict.fromkeys("'’-\u2010\u2011", _HYPHEN),
    **dict.fromkeys("#@＃＠", _SIGN),
    **dict.fromkeys("\u200c\u200d\u00ad\u2060", _JOINER),
    "_": _UNDERSCORE,
}
_RANGES = (
    (0x1F1E6, 0x1F1FF, _REGIONAL),
    (0x1F3FB, 0x1F3FF, _TONE),
    (0xE0020, 0xE007F, _TAG),
)
_CJK_RANGES = (
    (0x3005, 0x3007),
    (0x3041, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x323AF),
)

_CLOSING = r"\"'”’»›)\]}」』）】》〉］"
_SENTENCE_END = re.compile(
    rf"(?P<anywhere>[。！？｡][。！？｡.!?…]*[{_CLOSING}]*)|(?P<marks>[.!?…]+)[{_CLOSING}]*(?=\s|$)"
)


def check_text(text: str) -> None:
    """Raise an InputError unless ``text`` is not blank and contains only characters."""
    if not text.strip():
        raise InputError("the text is empty. Give at least one word")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"character {error.start} of the text is half of a surrogate pair, not a character. "
            "Read the text as UTF-8 (or replace it with '\\ufffd')"
        ) from error


def split_words(text: str) -> list[Span]:
    """Return the words of a text, in order, disjoint and not empty.

    A word is a maximal run of letters, digits and combining marks. Apostrophes, hyphens and
    underscores between two of them belong to the word (``don't``, ``state-of-the-art``,
    ``snake_case``), and so do invisible joiners. Each CJK ideograph and each kana is a word;
    ``#tag`` and ``@user`` are words with their sign. Scripts that are written without spaces and
    are not CJK (Thai, Khmer) give one word a run.

    A punctuation mark or symbol is a word too, and the same one repeated is one word (``!!!``).
    An emoji with its skin tone, variation selector and joined parts, or a flag, is one symbol.
    Whitespace, control and formatting characters belong to no word.
    """
    classes = "".join(map(_class, text))
    spans: list[Span] = []
    unit = ""
    for match in _UNITS.finditer(classes):
        start, end = match.span()
        piece = text[start:end] if match.lastgroup == "symbol" else ""
        if piece and piece == unit and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        unit = piece
    return spans


def split_sentences(text: str) -> list[Span]:
    """Return the sentences of a text, in order, disjoint, without surrounding whitespace.

    A sentence ends with a line, with ``. ! ? …`` before whitespace or the end of the text, and
    with ``。！？`` anywhere; closing quotes and brackets still belong to it. A full stop followed
    by a lower-case letter does not end a sentence ("approx. three"), one inside a number neither.
    An abbreviation before a capital letter ("Dr. Who") does end one: no list of abbreviations is
    kept.
    """
    spans: list[Span] = []
    line_start = 0
    for line in text.splitlines(keepends=True):
        start = 0
        ends = [match.end() for match in _SENTENCE_END.finditer(line) if not _goes_on(line, match)]
        for end in [*ends, len(line)]:
            piece = line[start:end]
            begin = start + len(piece) - len(piece.lstrip())
            if piece.strip():
                spans.append((line_start + begin, line_start + start + len(piece.rstrip())))
            start = end
        line_start += len(line)
    return spans


def split_passages(text: str) -> list[Span]:
    """Return the passages of a text, in order, disjoint, without surrounding whitespace.

    A passage is a maximal block of lines that are not blank. A line is blank if it contains nothing but whitespace.
    """
    spans: list[Span] = []
    start, going = 0, False
    for line in text.splitlines(keepends=True):
        if line.strip():
            begin = start + len(line) - len(line.lstrip())
            end = start + len(line.rstrip())
            spans[-1:] = [(spans[-1][0], end)] if going else [*spans[-1:], (begin, end)]
        going = bool(line.strip())
        start += len(line)
    return spans


def join_passages(passages: Sequence[str]) -> str:
    """Return one text whose passages are the given ones, with a blank line between two.

    Raises:
        InputError: the list is empty, or one of its elements is not exactly one passage.
    """
    for number, passage in enumerate(passages, start=1):
        if not isinstance(passage, str) or len(split_passages(passage)) != 1:
            raise InputError(
                f"passage {number} of the list must be text without blank lines, got {passage!r:.60}. Leave it out, or "
                "take the blank lines out"
            )
    if not passages:
        raise InputError("the list of passages is empty. Give at least one passage")
    return "\n\n".join(passage.strip("\r\n") for passage in passages)


def split_matches(pattern: re.Pattern[str], text: str) -> list[Span]:
    """Return the matches of a regular expression in a text, in order and disjoint; empty matches are left out.

    The characters between two matches belong to no match. A token of such characters goes to the match before it, and
    one before the first match to the first; see `group_tokens`.
    """
    return [match.span() for match in pattern.finditer(text) if match.end() > match.start()]


def group_tokens(offsets: Sequence[Span], spans: Sequence[Span]) -> tuple[list[Span], list[list[int]]]:
    """Assign tokens to words: features that can be dropped individually.

    Args:
        offsets: the span of each token in the text; an empty span is ignored.
        spans: words or sentences, in order and disjoint.

    Returns:
        The spans of the features and, for each, the indices of its tokens in rising order. Every
        token is in exactly one feature and every feature has a token, with three consequences:
        words that share a token are one feature; a word without a token is not a feature, because
        nothing could be hidden; a token that touches no word goes to the feature before it (the
        first, if none is before it). Both lists are empty if no token touches a word.
    """
    starts = [start for start, _ in spans]
    ends = [end for _, end in spans]
    touched: list[tuple[int, int]] = []  # for each token the words [first, last) it overlaps
    for start, end in offsets:
        first = bisect_right(ends, start)
        last = bisect_left(starts, end) if start < end else first
        touched.append((first, max(first, last)))
    feature_of_word: dict[int, int] = {}
    merged: list[Span] = []
    reach = 0
    for first, last in sorted(words for words in touched if words[0] < words[1]):
        if first >= reach:
            merged.append((starts[first], ends[last - 1]))
        else:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends[last - 1]))
        feature_of_word.update(dict.fromkeys(range(first, last), len(merged) - 1))
        reach = max(reach, last)
    if not merged:
        return [], []
    tokens: list[list[int]] = [[] for _ in merged]
    feature = 0
    for index, (first, last) in enumerate(touched):
        if first < last:
            feature = feature_of_word[first]
        tokens[feature].append(index)
    return merged, tokens


def clip_spans(spans: Sequence[Span], offsets: Sequence[Span]) -> list[Span]:
    """Return the parts of the spans that lie between the first and the last character that a token covers."""
    seen = [(start, end) for start, end in offsets if start < end]
    if not seen:
        return []
    low, high = min(start for start, _ in seen), max(end for _, end in seen)
    clipped = [(max(start, low), min(end, high)) for start, end in spans]
    return [(start, end) for start, end in clipped if start < end]


def _goes_on(line: str, match: re.Match[str]) -> bool:
    marks = match["marks"]
    if marks is None or "!" in marks or "?" in marks:
        return False
    return line[match.end() :].lstrip()[:1].islower()


def _class(character: str) -> str:
    if (known := _CLASS_OF.get(character)) is not None:
        return known
    code = ord(character)
    for low, high, name in _RANGES:
        if low <= code <= high:
            return name
    category = unicodedata.category(character)
    if category[0] == "M":
        return _MARK
    if category[0] in "LN":
        return _CJK if any(low <= code <= high for low, high in _CJK_RANGES) else _WORD
    # Unassigned and private characters are drawn: an emoji newer than this Python is one.
    return _SYMBOL if category[0] in "PS" or category in ("Cn", "Co") else _NOTHING

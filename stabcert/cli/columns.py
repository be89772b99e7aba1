"""Names of the columns of a list: the input, the label, and names that are refused.

One field of a row is certified, its text or the file at its path, and the field text_pair makes it a pair. Another
field that a model might read is refused, because the certificate would silently leave it out. Other names are free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from stabcert.cli.suffixes import INPUT_SUFFIXES, suffix_of
from stabcert.errors import InputError
from stabcert.models.words import join_passages

_KNOWN = frozenset(["id", "text", "text_pair", "path", "label"])
_FREE = re.compile(
    r"(meta|_|#|unnamed: ?\d+$)"
    r"|(id|idx|index|key|name|split|fold|lang|language|source|origin|url|uri|href|link|author|user|date|time|timestamp"
    r"|notes?|remarks?|licen[cs]e|hash|sha256)$"
)
"""Names of fields that are never an input, whatever their content."""
_INPUT_WORDS = frozenset(
    [
        *("text", "texts", "sentence", "sentences", "premise", "hypothesis", "question", "query", "passage", "context"),
        *("document", "doc", "paragraph", "body", "content", "contents", "title", "headline", "subject", "abstract"),
        *("review", "article", "tweet", "post", "comment", "message", "messages", "dialogue", "dialog", "conversation"),
        *("utterance", "turn", "turns", "history", "prompt", "instruction", "input", "inputs", "claim", "evidence"),
        *("answer", "answers", "choice", "choices", "option", "options", "response", "reply", "summary", "caption"),
        *("pair", "tokens", "words", "statement", "aspect", "term", "entity", "image", "images", "img", "picture"),
        *("pictures", "photo", "photos", "pixels", "frame", "frames", "video", "audio", "path", "paths", "file"),
        *("files", "filename", "filepath"),
    ]
)
_FILE_WORDS = frozenset(["path", "file", "filename", "filepath", "image", "img", "picture", "photo"])
_ABOUT = frozenset(
    [
        *("id", "ids", "idx", "length", "len", "count", "num", "number", "score", "type", "lang", "language", "url"),
        *("width", "height", "size", "hash", "date", "time", "author", "source", "mask"),
    ]
)
"""Words that make a name describe another field, as in text_length or image_id."""
_LABEL_WORDS = frozenset(
    [
        *("label", "labels", "class", "classes", "target", "gold", "category", "categories", "emotion", "sentiment"),
        *("rating", "stars"),
    ]
)
_WORDS_OF_A_SENTENCE = 4
_SHOWN = 40


def named(columns: Iterable[tuple[Any, Any]], place: str) -> dict[str, Any]:
    """Return the fields of a row by their standard names. Case and blanks are ignored, and "labels" is "label".

    Raises:
        InputError: two fields have the same standard name.
    """
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for column, value in columns:
        written = "" if column is None else str(column)
        plain = written.strip().casefold()
        name = plain if plain in _KNOWN else written
        if name in found:
            raise InputError(
                f"{place} has two fields for {name!r}: {origin[name]!r} and {written!r}. Leave one out, or rename it"
            )
        found[name], origin[name] = value, written
    plural = next((name for name in found if name.strip().casefold() == "labels"), None)
    if plural is not None and "label" not in found:
        found["label"] = found.pop(plural)
    return found


def refuse_second(row: dict[str, Any], certified: str, place: str) -> None:
    """Check that a row has only one field that looks like input.

    Raises:
        InputError: another field looks like input.
    """
    name = next((name for name, value in row.items() if name not in _KNOWN and _is_input(name, value, row)), None)
    if name is not None:
        raise InputError(
            f"{place}: the field {_short(name)!r} looks like input, but only {certified!r} would be certified. If the "
            f"model reads pairs of texts, rename it 'text_pair'. If it reads neither, leave the field out "
            f"or rename it {'meta_' + _short(name.strip())!r}"
        )


def second_of(row: dict[str, Any], place: str, *, separated: bool) -> str | None:
    """Return the second text of a row, or None if the row is not a pair: without the field, or with null in it.

    A list of passages is one text with a blank line between two of them.

    Args:
        separated: whether the row is of a .csv or .tsv file, in which an empty cell looks like a missing one.

    Raises:
        InputError: the field does not contain a text.
    """
    second = row.get("text_pair")
    if isinstance(second, list):
        return join_passages(second)
    if "text_pair" not in row or (second is None and not separated):
        return None
    if not isinstance(second, str) or not second.strip():
        was = "is empty" if second is None or isinstance(second, str) else f"must be text, got {second!r:.40}"
        raise InputError(f"{place}: the field 'text_pair' {was}. Fill in the second text, or leave the field out")
    return second


def unread_label(row: dict[str, Any]) -> str | None:
    """Return the name of a field that looks like a label, if no field is called label."""
    if "label" in row:
        return None
    return next((name for name, value in row.items() if _LABEL_WORDS & _words(name) and value not in (None, "")), None)


def found_columns(names: Sequence[str]) -> str:
    """Return which columns a list has instead of a text or a path, and which one to rename."""
    shown = ", ".join(repr(_short(name)) for name in names if name.strip()) or "nothing"
    if len(names) == 1 and (separator := next((s for s in (";", "\t", "|") if s in names[0]), None)):
        return f"found: {shown}. Separate the columns by commas instead of {separator!r}, or by tabs in a .tsv file"
    near = [name for name in names if name not in _KNOWN and _words(name) & _INPUT_WORDS and not _words(name) & _ABOUT]
    if len(near) == 1:
        wanted = "path" if _words(near[0]) & _FILE_WORDS else "text"
        return f"found: {shown}. Rename {_short(near[0])!r} to {wanted!r}"
    if len(near) == 2 and not any(_words(name) & _FILE_WORDS for name in near):
        first, second = map(_short, near)
        return f"found: {shown}. For pairs of texts rename {first!r} to 'text' and {second!r} to 'text_pair'"
    return f'found: {shown}. Write the input into a field "text" or "path"'


def _is_input(name: str, value: Any, row: dict[str, Any]) -> bool:
    """Return whether a field contains text or a path that a model might read, by its name, value and nested values."""
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if _FREE.match(name.strip().casefold()):
            continue
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, one) for one in value]
        elif isinstance(value, str) and _is_field_of_input(_words(name), value.strip(), row):
            return True
    return False


def _is_field_of_input(words: set[str], value: str, row: dict[str, Any]) -> bool:
    if not value or re.fullmatch(r"[-+]?[\d.,]+", value):
        return False
    if "target" in words and "label" in row:  # the subject of an opinion
        return True
    if words & (_LABEL_WORDS | _ABOUT):
        return False
    reads = len(value.split()) >= _WORDS_OF_A_SENTENCE or suffix_of(value) in INPUT_SUFFIXES
    return bool(words & _INPUT_WORDS) or reads


def _words(name: str) -> set[str]:
    """Return the words of a name. ``textPair`` and ``text_pair`` have two words, ``sentence2`` has one."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.findall(r"[^\W\d_]+", apart.casefold()))


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"

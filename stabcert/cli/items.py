"""One input that the user named: its id, its bytes, its label, or the reason why it cannot be used."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from stabcert.cli.suffixes import (
    COLUMNAR,
    IMAGE_SUFFIXES,
    TABLES,
    TEXT_SUFFIX,
    convert_advice,
    is_url,
    suffix_of,
    url_advice,
)
from stabcert.cli.text_files import decode, is_file, read_file
from stabcert.errors import InputError
from stabcert.records.text_pair import text_bytes

_SHOWN = 48
_LITERAL = re.compile(r"text-[1-9]\d*")
"""Ids of typed sentences."""


@dataclass(frozen=True)
class Label:
    """The true class of an input, according to the user."""

    value: int | str
    """A number, or a name as it is written. Digits as text may be either."""
    origin: str
    """The place where the label is written."""
    classes: tuple[str, ...] | None = None
    """The names of the classes of the data set, if it numbers them. ``value`` is then one of them."""

    @property
    def key(self) -> int | str:
        """The label in keys of records."""
        return self.value if self.classes is None else f"{self.classes.index(str(self.value))}: {self.value}"


class Readable(Protocol):
    """An input inside of a data set."""

    def read(self) -> bytes:
        """Return its bytes; an InputError if that is not possible."""

    def describe(self) -> dict[str, Any]:
        """Return its place as it is in records."""


@dataclass(frozen=True)
class Item:
    """One input, not yet decoded."""

    id: str
    kind: Literal["image", "text"]
    path: Path | None = None
    text: str | None = None
    text_pair: str | None = None
    """The second text of a pair."""
    data: bytes | None = None
    """The bytes of an input that is not a file."""
    stored: Readable | None = None
    """The place of an image inside of a data set, which is read when it is needed."""
    label: Label | None = None
    problem: InputError | None = None
    """The reason why the input cannot be used, if it is known."""
    listed: tuple[Path, int] | None = field(default=None, compare=False)
    """The list that names the input, and the line."""

    def check_kind(self, model: str, kind: str) -> None:
        """Check that a model can classify the input.

        Args:
            model: the name of the model.
            kind: the kind of inputs that the model classifies.

        Raises:
            InputError: the model classifies another kind of input.
        """
        if kind != self.kind:
            article = "an image" if self.kind == "image" else "a text"
            raise InputError(f"{self.title} is {article}, but {model} classifies {kind}s. Use --model demo:{self.kind}")

    def read(self) -> bytes:
        """Return the bytes whose SHA-256 identifies the input.

        Raises:
            InputError: the file cannot be read.
        """
        if self.text is not None:
            return text_bytes(self.text, self.text_pair)
        if self.data is not None:
            return self.data
        if self.stored is not None:
            return self.stored.read()
        return read_file(self.path or Path())

    def length(self) -> int | None:
        """Return the number of bytes without reading a file, or None if it is unknown."""
        try:
            if self.text is not None or self.data is not None or self.stored is not None:
                return len(self.read())
            return self.path.stat().st_size if self.path is not None and is_file(self.path) else None
        except (OSError, ValueError, InputError):  # reported when the input is read
            return None

    def sha256(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return the `input` of a record for an item that may not be readable."""
        return {"id": self.id, "kind": self.kind, "path": None if self.path is None else str(self.path)}

    @property
    def title(self) -> str:
        """The name of the input in messages. A typed sentence has no name and is quoted."""
        if self.text is not None and self.path is None and _LITERAL.fullmatch(self.id):
            return quoted(self.text, self.text_pair)
        return "standard input" if self.id == "-" and self.path is None else self.id

    def about(self, message: str) -> str:
        """Return a message that names the input exactly once."""
        place = None if self.listed is None else f"{self.listed[0]}, line {self.listed[1]}"
        unnamed = self.listed is not None and self.id == f"{self.listed[0]}:{self.listed[1]}"
        names = [self.title, *([place] if place is not None and unnamed else [])]
        named = any(re.search(rf"(?:^|: ){re.escape(name)}(?![\w/-])", message) for name in names)
        return message if named else f"{self.title}: {message}"


def quoted(text: str, text_pair: str | None = None) -> str:
    """Return the beginning of a text, or of both texts of a pair, in quotes, as the screen shows it."""
    shown = _SHOWN if text_pair is None else _SHOWN // 2
    parts = (text,) if text_pair is None else (text, text_pair)
    return " + ".join(f'"{part}"' if len(part) <= shown else f'"{part[: shown - 1]}…"' for part in parts)


def file_item(path: Path, *, identity: str | None = None) -> Item:
    """Return a file as an input. A .txt file is one text, any other file is an image.

    Raises:
        InputError: the text cannot be read, or neither name nor content of the file are those of an image.
    """
    identity = str(path) if identity is None else identity
    suffix = suffix_of(path)
    if suffix == TEXT_SUFFIX:
        return text_item(identity, decode(read_file(path), str(path)).removesuffix("\n"), path)
    if suffix not in IMAGE_SUFFIXES and is_file(path):
        _check_image(path)
    return Item(identity, "image", path=path)


def item_of(path: Path, identity: str) -> Item:
    """Return the item of `file_item`, or an item with the problem if the file cannot be used."""
    try:
        return file_item(path, identity=identity)
    except InputError as error:
        return missing_item(identity, path, error)


def missing_item(identity: str, path: Path, problem: InputError) -> Item:
    """Return an item for an unusable file. Its kind follows from its name."""
    return Item(identity, "text" if suffix_of(path) == TEXT_SUFFIX else "image", path=path, problem=problem)


def broken_item(identity: str, problem: InputError) -> Item:
    """Return an item for an unusable entry of a list."""
    return Item(identity, "text", problem=problem)


def label_of(value: object, origin: str) -> Label | None:
    """Return the label in a list, or None without one.

    Raises:
        InputError: the value is neither the name of a class nor its number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return Label(value.strip(), origin)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Label(value, origin)
    raise InputError(f"{origin}: the label {value!r} is neither the name of a class nor its number")


def text_item(identity: str, text: str, path: Path | None = None, *, text_pair: str | None = None) -> Item:
    item = Item(identity, "text", path=path, text=text, text_pair=text_pair)
    try:
        item.read()
    except UnicodeEncodeError as error:
        raise InputError(f"{item.title} is not valid Unicode text (character {error.start})") from error
    return item


def with_second(item: Item, text_pair: str | None, place: str) -> Item:
    """Return an entry of a list as a pair, if it has a second text.

    Raises:
        InputError: the first input is an image, or the second text is not Unicode.
    """
    if text_pair is None or item.problem is not None:
        return item
    if item.text is None:
        raise InputError(
            f"{place} has a 'text_pair', but {item.id} is an image. Take the text out, or name a .txt file"
        )
    return text_item(item.id, item.text, item.path, text_pair=text_pair)


def typed(text: str) -> str:
    """Return a text as it was typed, also if the encoding of the locale is not that of the terminal.

    Python passes on each byte that ASCII cannot decode. Such bytes are nearly always UTF-8.
    """
    try:
        return os.fsencode(text).decode("utf-8") if any("\udc80" <= c <= "\udcff" for c in text) else text
    except UnicodeError:  # reported for the unchanged text
        return text


def no_such_file(name: str) -> InputError:
    """Return the reason why an argument is not an input: a missing file, or a URL."""
    if is_url(name):
        return InputError(url_advice(name))
    return InputError(f'no such file: {name.rstrip(".")}. To certify a sentence, write --text "..."')


def _check_image(path: Path) -> None:
    """Check, before a model is loaded, that a file has the name or the content of an image."""
    suffix, advice = suffix_of(path), convert_advice(path)
    if suffix in (*TABLES, *COLUMNAR):
        raise InputError(f"{path} is a list. Write --inputs {path}")
    from stabcert.models.decode import is_image
    from stabcert.models.unreadable import unreadable

    data = read_file(path)
    if not is_image(data):
        raise InputError(f"{path}: {advice}" if advice else unreadable(str(path), data))

"""What the user named, as a list of inputs: files, directories, sentences, lists, standard input."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stabcert.cli.options import InputOptions
from stabcert.errors import InputError, ParameterError

IMAGE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".webp",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".jp2",
        ".ico",
        ".avif",
        ".tga",
    ]
)


@dataclass(frozen=True)
class Item:
    """One input, not yet decoded."""

    id: str
    kind: Literal["image", "text"]
    path: Path | None = None
    text: str | None = None
    data: bytes | None = None
    """Bytes that did not come from a file."""

    def read(self) -> bytes:
        """The bytes whose SHA-256 identifies the input.

        Raises:
            InputError: a file that cannot be read.
        """
        if self.text is not None:
            return self.text.encode("utf-8")
        if self.data is not None:
            return self.data
        return _read_file(self.path or Path())

    def sha256(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """The `input` of a record for an item that may not be readable."""
        return {"id": self.id, "kind": self.kind, "path": None if self.path is None else str(self.path)}


def collect(options: InputOptions) -> list[Item]:
    """All inputs in the order given: arguments, then --text, then --inputs.

    Raises:
        InputError: a file, directory or line that does not lead to an input.
        ParameterError: nothing was named.
    """
    items: list[Item] = []
    for name in options.inputs or []:
        items += _from_argument(name)
    items += [_text_item(f"text-{number}", text) for number, text in enumerate(options.text or [], start=1)]
    if options.inputs_file is not None:
        items += _from_list(options.inputs_file)
    if not items:
        raise ParameterError("nothing to do: name an image or .txt file, a directory, or a sentence with --text")
    return items[: options.limit]


def file_item(path: Path, *, identity: str | None = None) -> Item:
    """A file as an input: .txt is one text, everything else an image."""
    identity = str(path) if identity is None else identity
    if path.suffix.lower() == ".txt":
        return _text_item(identity, _decode(_read_file(path), str(path)).removesuffix("\n"), path)
    return Item(identity, "image", path=path)


def _text_item(identity: str, text: str, path: Path | None = None) -> Item:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{identity} is not valid Unicode text (character {error.start})") from error
    return Item(identity, "text", path=path, text=text)


def _from_argument(name: str) -> list[Item]:
    if name == "-":
        return [_from_bytes("-", sys.stdin.buffer.read())]
    path = Path(name)
    if path.is_dir():
        return _from_directory(path)
    if not path.exists():
        raise InputError(f'no such file: {name}; to certify a sentence write --text "..."')
    return [file_item(path)]


def _from_directory(directory: Path) -> list[Item]:
    wanted = IMAGE_SUFFIXES | {".txt"}
    files = sorted(path for path in directory.iterdir() if path.suffix.lower() in wanted and path.is_file())
    if not files:
        raise InputError(
            f"no images and no .txt files in the directory {directory} (its subdirectories are not searched)"
        )
    return [file_item(path) for path in files]


def _from_bytes(identity: str, data: bytes) -> Item:
    if not data.strip():
        raise InputError("standard input is empty; pipe an image or a UTF-8 text into it")
    if _is_image(data):
        return Item(identity, "image", data=data)
    return _text_item(identity, _decode(data, "standard input").removesuffix("\n"))


def _is_image(data: bytes) -> bool:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)):
            return True
    except UnidentifiedImageError:
        return False
    except Exception:  # an image, but one the decoder has to complain about
        return True


def _from_list(path: Path) -> list[Item]:
    text = _decode(_read_file(path), str(path))
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return [_from_row(path, line, row) for line, row in _json_lines(path, text)]
    if suffix == ".csv":
        # newline="" lets a quoted field hold line breaks.
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return [_from_row(path, rows.line_num, row) for row in rows]
    return [_from_line(path, number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise InputError(f'{path}, line {number} must be an object such as {{"id": "a", "text": "..."}}')
        yield number, row


def _from_row(path: Path, line: int, row: dict[str, Any]) -> Item:
    identity = str(row.get("id") or f"{path}:{line}")
    if isinstance(row.get("text"), str) and row["text"]:
        return _text_item(identity, row["text"])
    if isinstance(row.get("path"), str) and row["path"]:
        return file_item(_resolve(path, line, row["path"]), identity=str(row.get("id") or row["path"]))
    raise InputError(f'{path}, line {line} has neither a "text" nor a "path"')


def _from_line(path: Path, number: int, line: str) -> Item:
    name = line.strip()
    if Path(name).suffix.lower() in IMAGE_SUFFIXES | {".txt"} and "\0" not in name:
        return file_item(_resolve(path, number, name), identity=name)
    return _text_item(f"{path}:{number}", name)


def _resolve(listing: Path, line: int, name: str) -> Path:
    """A path in a list is relative to the folder of the list, else to the working directory."""
    for candidate in (listing.parent / name, Path(name)):
        if candidate.is_file():
            return candidate
    raise InputError(
        f"no such file: {name} ({listing}, line {line}); looked beside the list and in the working directory"
    )


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is neither an image nor UTF-8 text (byte {error.start} cannot be read)") from error

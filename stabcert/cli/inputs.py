"""What the user named, as a list of inputs: files, directories, sentences, lists, standard input."""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from stabcert.cli.options import InputOptions
from stabcert.cli.text_files import decode, is_file, is_there, read_file, read_rows, read_text, split_lines
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
class Label:
    """The class that an input is said to have."""

    value: int | str
    """A number, or a name as it was written; digits as text may be either."""
    origin: str
    """Where that is said."""


@dataclass(frozen=True)
class Item:
    """One input, not yet decoded."""

    id: str
    kind: Literal["image", "text"]
    path: Path | None = None
    text: str | None = None
    data: bytes | None = None
    """Bytes that did not come from a file."""
    label: Label | None = None
    problem: InputError | None = None
    """Why it cannot be used, if that is known already."""
    listed: tuple[Path, int] | None = field(default=None, compare=False)
    """The list that names it, and the line."""

    def read(self) -> bytes:
        """The bytes whose SHA-256 identifies the input.

        Raises:
            InputError: a file that cannot be read.
        """
        if self.text is not None:
            return self.text.encode("utf-8")
        if self.data is not None:
            return self.data
        return read_file(self.path or Path())

    def length(self) -> int | None:
        """Return the number of bytes, without reading a file; None where that is not known."""
        if self.text is not None or self.data is not None:
            return len(self.read())
        try:
            return self.path.stat().st_size if self.path is not None and is_file(self.path) else None
        except (OSError, ValueError):  # it is reported when its turn comes
            return None

    def sha256(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """The `input` of a record for an item that may not be readable."""
        return {"id": self.id, "kind": self.kind, "path": None if self.path is None else str(self.path)}


def collect(options: InputOptions, *, labelled: bool = False) -> list[Item]:
    """All inputs in the order given: arguments, then --text, then --inputs.

    A file that is missing is an item with a problem.

    Args:
        labelled: take labels from lists, and from the names of folders where a directory holds folders alone.

    Raises:
        InputError: a directory, list or line that does not lead to an input.
        ParameterError: nothing was named.
    """
    items: list[Item] = []
    for name in options.inputs or []:
        items += _from_argument(name, labelled)
    items += [text_item(f"text-{number}", text) for number, text in enumerate(options.text or [], start=1)]
    if options.inputs_file is not None:
        items += _from_list(options.inputs_file, labelled)
    if not items:
        raise ParameterError("nothing to do: name an image or .txt file, a directory, or a sentence with --text")
    return items[: options.limit]


def file_item(path: Path, *, identity: str | None = None) -> Item:
    """A file as an input: .txt is one text, everything else an image."""
    identity = str(path) if identity is None else identity
    if path.suffix.lower() == ".txt":
        return text_item(identity, decode(read_file(path), str(path)).removesuffix("\n"), path)
    return Item(identity, "image", path=path)


def _item(path: Path, identity: str) -> Item:
    """`file_item`, with the problem where it cannot be read."""
    try:
        return file_item(path, identity=identity)
    except InputError as error:
        return missing_item(identity, path, error)


def missing_item(identity: str, path: Path, problem: InputError) -> Item:
    """A file that is not there, as far as its name says what it would have been."""
    return Item(identity, "text" if path.suffix.lower() == ".txt" else "image", path=path, problem=problem)


def label_of(value: object, origin: str) -> Label | None:
    """A class number or name from a list; None where there is none.

    Raises:
        InputError: something that is neither.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return Label(value.strip(), origin)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Label(value, origin)
    raise InputError(f"{origin}: the label {value!r} is neither the name of a class nor its number")


def text_item(identity: str, text: str, path: Path | None = None) -> Item:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{identity} is not valid Unicode text (character {error.start})") from error
    return Item(identity, "text", path=path, text=text)


def _from_argument(name: str, labelled: bool) -> list[Item]:
    if name == "-":
        return [_from_bytes("-", sys.stdin.buffer.read())]
    path = Path(name)
    if is_there(path.is_dir):
        return _from_directory(path, labelled)
    if not is_there(path.exists):
        return [missing_item(name, path, InputError(f'no such file: {name}; to certify a sentence write --text "..."'))]
    return [_item(path, name)]


def _from_directory(directory: Path, labelled: bool) -> list[Item]:
    files = _files_in(directory)
    folders = sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not files and labelled and folders:
        return [item for folder in folders for item in _from_class(folder)]
    if not files:
        raise InputError(
            f"no images and no .txt files in the directory {directory} (its subdirectories are not searched)"
        )
    return [_item(path, str(path)) for path in files]


def _from_class(folder: Path) -> list[Item]:
    """The inputs in a folder that has the name of their class."""
    files = _files_in(folder)
    if not files:
        raise InputError(f"no images and no .txt files in {folder}; a folder that is named after a class needs some")
    label = Label(folder.name, f"the folder {folder}")
    return [replace(_item(path, str(path)), label=label) for path in files]


def _files_in(directory: Path) -> list[Path]:
    wanted = IMAGE_SUFFIXES | {".txt"}
    return sorted(path for path in directory.iterdir() if path.suffix.lower() in wanted and path.is_file())


def _from_bytes(identity: str, data: bytes) -> Item:
    if not data.strip():
        raise InputError("standard input is empty; pipe an image or a UTF-8 text into it")
    if _is_image(data):
        return Item(identity, "image", data=data)
    return text_item(identity, decode(data, "standard input").removesuffix("\n"))


def _is_image(data: bytes) -> bool:
    from PIL import UnidentifiedImageError

    from stabcert.models.decode import open_image

    try:
        with open_image(io.BytesIO(data)):
            return True
    except UnidentifiedImageError:
        return False
    except Exception:  # an image, but one the decoder has to complain about
        return True


def _from_list(path: Path, labelled: bool) -> list[Item]:
    if path.suffix.lower() in (".jsonl", ".csv"):
        return [replace(_from_row(path, line, row, labelled), listed=(path, line)) for line, row in read_rows(path)]
    lines = enumerate(split_lines(read_text(path)), start=1)
    return [replace(_from_line(path, number, line), listed=(path, number)) for number, line in lines if line.strip()]


def _from_row(path: Path, line: int, row: dict[str, Any], labelled: bool) -> Item:
    named = row.get("id") not in (None, "")  # 0 is an id
    identity = str(row["id"]) if named else f"{path}:{line}"
    if isinstance(row.get("text"), str) and row["text"]:
        item = text_item(identity, row["text"])
    elif isinstance(row.get("path"), str) and row["path"]:
        item = _listed_file(path, line, row["path"], identity if named else row["path"])
    else:
        raise InputError(f'{path}, line {line} has neither a "text" nor a "path"')
    return replace(item, label=label_of(row.get("label"), f"{path}, line {line}")) if labelled else item


def _from_line(path: Path, number: int, line: str) -> Item:
    name = line.strip()
    if Path(name).suffix.lower() in IMAGE_SUFFIXES | {".txt"} and "\0" not in name:
        return _listed_file(path, number, name, name)
    return text_item(f"{path}:{number}", name)


def _listed_file(listing: Path, line: int, name: str, identity: str) -> Item:
    """A path in a list is relative to the folder of the list, else to the working directory."""
    for candidate in (listing.parent / name, Path(name)):
        if is_file(candidate):
            return _item(candidate, identity)
    problem = InputError(
        f"no such file: {name} ({listing}, line {line}); looked beside the list and in the working directory"
    )
    return missing_item(identity, Path(name), problem)

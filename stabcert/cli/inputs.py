"""The list of all named inputs: files, directories, sentences, lists, and standard input."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from stabcert.cli.columnar_items import Choice, from_data_set, from_file
from stabcert.cli.image_folders import from_metadata
from stabcert.cli.items import Item, Label, file_item, item_of, label_of, missing_item, no_such_file, text_item, typed
from stabcert.cli.lists import from_list
from stabcert.cli.options import InputOptions
from stabcert.cli.suffixes import COLUMNAR, IMAGE_SUFFIXES, INPUT_SUFFIXES, PICTURES_TO_CONVERT, suffix_of
from stabcert.cli.text_files import decode, is_there, read_stdin
from stabcert.errors import InputError, ParameterError

__all__ = ["IMAGE_SUFFIXES", "Item", "Label", "collect", "file_item", "label_of", "missing_item", "text_item"]

_NOT_CLASSES = ("__MACOSX",)
"""Folders that archive programs add."""


def collect(options: InputOptions, *, labelled: bool = False, offline: bool = False) -> list[Item]:
    """Return all inputs in the order given: arguments, then --text, then --inputs, then --dataset.

    A missing file and an unusable entry of a list become items with a problem.

    Args:
        labelled: whether to read labels from lists, from a ``metadata.csv`` or ``.jsonl`` in a directory, and from
            the names of folders if a directory contains only folders.
        offline: whether a data set must be in the cache.

    Raises:
        InputError: a directory, a list or a data set does not contain inputs.
        ParameterError: no input is named, or options contradict one another.
    """
    check_columns(options, labelled)
    items: list[Item] = []
    for name in options.inputs or []:
        items += _from_argument(name, labelled)
    items += _from_texts(options)
    choice = Choice(options.column, options.label_column, labelled)
    left = None if options.limit is None else max(0, options.limit - len(items))
    if options.inputs_file is not None and suffix_of(options.inputs_file) in COLUMNAR:
        items += islice(from_file(options.inputs_file, choice), left)
    elif options.inputs_file is not None:
        items += from_list(options.inputs_file, labelled)
    if options.dataset is not None:
        items += islice(from_data_set(options.dataset, options.split, choice, offline=offline), left)
    if not items:
        raise ParameterError("nothing to do: name an image or .txt file, a directory, or a sentence with --text")
    return items[: options.limit]


def check_columns(options: InputOptions, labelled: bool) -> None:
    """Check that options of data sets have one.

    Raises:
        ParameterError: an option of a data set is given without one, or without use.
    """
    if options.split is not None and options.dataset is None:
        raise ParameterError("--split needs the data set whose split it is. Name it with --dataset")
    columns = options.inputs_file is not None and suffix_of(options.inputs_file) in COLUMNAR
    for flag, given in (("--column", options.column), ("--label-column", options.label_column)):
        if given is not None and options.dataset is None and not columns:
            raise ParameterError(
                f"{flag} names a column of a --dataset, or of a .parquet, .arrow or .feather file for --inputs. "
                "Other lists have the columns id, text, path, text_pair and label: rename theirs"
            )
    if options.label_column is not None and not labelled:
        raise ParameterError(
            "--label-column is for smooth-eval and adapt, because no other command reads labels. Leave it out"
        )


def _from_texts(options: InputOptions) -> list[Item]:
    """Return the sentences, or the pairs, that are typed.

    Raises:
        ParameterError: not every sentence has a second text.
    """
    texts, seconds = options.text or [], options.text_pair or []
    if seconds and len(seconds) != len(texts):
        raise ParameterError(
            f"--text-pair must be given once for each --text, got {len(seconds)} for {len(texts)}. "
            'Write --text "first" --text-pair "second", or put pairs into a list for --inputs'
        )
    return [
        text_item(f"text-{number}", typed(text), text_pair=typed(seconds[number - 1]) if seconds else None)
        for number, text in enumerate(texts, start=1)
    ]


def _from_argument(name: str, labelled: bool) -> list[Item]:
    if name == "-":
        return [_from_bytes("-", read_stdin())]
    path = Path(name)
    if is_there(path.is_dir):
        return _from_directory(path, labelled)
    if not is_there(path.exists):
        return [missing_item(name, path, no_such_file(name))]
    return [item_of(path, name)]


def _from_directory(directory: Path, labelled: bool) -> list[Item]:
    files = _files_in(directory)
    described = from_metadata(directory) if labelled else None
    if described is not None:
        known = {item.path for item in described}
        return [*described, *(item_of(path, str(path)) for path in files if path not in known)]
    folders = sorted(path for path in directory.iterdir() if path.is_dir() and not _is_hidden(path))
    if not files and labelled and folders:
        return [item for folder in folders for item in _from_class(folder)]
    if not files:
        raise InputError(
            f"no images and no .txt files in the directory {directory} (its subdirectories are not searched)"
            + (f". Give one of these, such as {folders[0]}, or several" if folders else "")
        )
    return [item_of(path, str(path)) for path in files]


def _from_class(folder: Path) -> list[Item]:
    """Return the inputs in a folder whose name is their class."""
    files = _files_in(folder)
    if not files:
        raise InputError(f"no images and no .txt files in {folder}. A folder that is named after a class needs some")
    label = Label(folder.name, f"the folder {folder}")
    return [replace(item_of(path, str(path)), label=label) for path in files]


def _files_in(directory: Path) -> list[Path]:
    """Return the images and texts in a directory. Unreadable image formats are included, so that none is ignored."""
    wanted = INPUT_SUFFIXES | PICTURES_TO_CONVERT
    return sorted(
        path
        for path in directory.iterdir()
        if suffix_of(path) in wanted and not _is_hidden(path) and is_there(path.is_file)
    )


def _is_hidden(path: Path) -> bool:
    """Return whether a file is hidden, as the ``._photo.jpg`` that macOS creates for photos on other file systems."""
    return path.name.startswith(".") or path.name in _NOT_CLASSES


def _from_bytes(identity: str, data: bytes) -> Item:
    if not data.strip():
        raise InputError("standard input is empty. Pipe an image or a UTF-8 text into it")
    from stabcert.models.decode import is_image

    if is_image(data):
        return Item(identity, "image", data=data)
    return text_item(identity, decode(data, "standard input").removesuffix("\n"))

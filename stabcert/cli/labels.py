"""The labels of inputs: from a file of labels, a column of a list, or the name of its folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stabcert.cli.class_numbers import class_of_data_set
from stabcert.cli.classes import find_class
from stabcert.cli.columns import unread_label
from stabcert.cli.items import Item, Label, label_of, missing_item
from stabcert.cli.suffixes import TABLES, TEXT_SUFFIX, suffix_of
from stabcert.cli.tables import Row, read_rows
from stabcert.cli.text_files import is_file, is_there, read_text, split_lines
from stabcert.errors import InputError, ParameterError

_NAMES = ("path", "file", "id")
"""Columns that name the input of a row."""


@dataclass(frozen=True)
class Labelled:
    """Inputs with their labels, and notes for the user."""

    items: list[Item]
    notes: tuple[str, ...] = ()
    """Notes for the user on the file of labels."""


def give_labels(items: Sequence[Item], file: Path | None) -> Labelled:
    """Return the inputs with labels from ``file``. If some inputs have a label, those without one have a problem.

    ``file`` is a table (.csv, .jsonl, ...) with a label for each path, file or id. It can also be a .txt file with one
    label on each line, in the order of the inputs. Paths are relative to the folder of the file, the working directory
    or the folder of any input. A name without a folder is enough if only one input has it. A row for a file that does
    not exist becomes an input with a problem.

    Raises:
        InputError: the file cannot be read, has another format, or does not contain a label for any input.
        ParameterError: labels come from two sources.
    """
    notes: tuple[str, ...] = ()
    found = list(items)
    if file is not None:
        twice = next((item for item in items if item.label is not None), None)
        if twice is not None and twice.label is not None:
            raise ParameterError(
                f"{twice.title} has a label already ({twice.label.origin}). Leave out --labels, or that label"
            )
        if suffix_of(file) in TABLES:
            found, notes = _by_rows(found, file)
        elif suffix_of(file) in ("", TEXT_SUFFIX):
            found = _by_lines(found, file)
        else:
            raise InputError(
                f"--labels must be a file with the suffix .txt (a label a line), {', '.join(TABLES)}, got {file}. "
                "Rename or copy it"
            )
        if not any(item.label is not None or item.problem is not None for item in found):
            raise InputError(
                f"{file} has no label for any of the inputs. Write one row for each, with the columns path (or id) and "
                "label, or leave out --labels"
            )
    if any(item.label is not None for item in found):
        where = "its line of the list" if file is None else str(file)
        found = [
            item
            if item.label is not None or item.problem is not None
            else replace(item, problem=_unlabelled(item, where))
            for item in found
        ]
    return Labelled(found, notes)


def class_of(label: Label, class_names: tuple[str, ...]) -> int:
    """Return the class that a label names, see `find_class`. A number in a .jsonl file is the number of a class.

    Raises:
        InputError: the model does not have this class, or the label may mean two classes.
    """
    value = label.value
    if label.classes is not None:
        return class_of_data_set(label, class_names)
    if isinstance(value, int):
        if value < len(class_names):
            return value
        raise InputError(
            f"{label.origin}: class {value} does not exist. The model has classes 0 to {len(class_names) - 1}"
        )
    try:
        return find_class(value, class_names)
    except ParameterError as error:
        # The two answers to a question have long names.
        numbers = ". Write its number, 0 or 1" if len(class_names) == 2 else ""
        raise InputError(f"{label.origin}: {error}{numbers}") from error


def _unlabelled(item: Item, where: str) -> InputError:
    return InputError(f"{item.title} has no label, but others have one. Add it to {where}, or leave the input out")


def _by_lines(items: list[Item], file: Path) -> list[Item]:
    if not is_there(file.exists):
        raise InputError(
            f"--labels must be a file with a label on each line, or a table, got {file}, which does not exist"
        )
    text = read_text(file).rstrip()
    lines = split_lines(text) if text else []
    if len(lines) != len(items):
        raise InputError(
            f"{file} has {len(lines)} lines, but there are {len(items)} inputs. Write one label a line in the order of "
            "the inputs, or a .csv file with the columns path and label"
        )
    return [
        replace(item, label=label_of(line, f"{file}, line {number}"))
        for number, (item, line) in enumerate(zip(items, lines, strict=True), start=1)
    ]


def _by_rows(items: list[Item], file: Path) -> tuple[list[Item], tuple[str, ...]]:
    finder = _Finder(items, file)
    labels: dict[int, Label] = {}
    problems: dict[int, InputError] = {}
    missing, unused = [], []
    for listed in read_rows(file):
        row, origin = listed.fields, f"{file}, line {listed.line}"
        column, name = _named(listed, origin)
        try:
            label = label_of(row.get("label"), origin)
        except InputError as error:
            label = None
            problems |= dict.fromkeys(finder.find(name), error)
        places = finder.find(name)
        if not places and column != "id" and not finder.exists(name):
            problem = InputError(
                f"{origin}: no such file: {name}. It is not beside the labels, beside an input or in the working "
                "directory"
            )
            missing.append(missing_item(name, Path(name), problem))
        elif not places and finder.same_name(name):
            several = finder.same_name(name)
            problem = InputError(f"{origin}: {name} may be any of {len(several)} inputs. Write the folder too")
            problems |= dict.fromkeys(several, problem)
        elif not places:
            unused.append(name)
        for place in places:
            if label is not None and place in labels and labels[place].value != label.value:
                problems[place] = InputError(
                    f"{origin}: {name} is {label.value!r} here, but {labels[place].value!r} in {labels[place].origin}"
                )
            if label is not None:
                labels.setdefault(place, label)
    found = [
        replace(item, label=labels.get(place), problem=item.problem or problems.get(place))
        for place, item in enumerate(items)
    ]
    note = (
        f"{file} has labels for {len(unused)} more that are not among the inputs, such as {unused[0]}" if unused else ""
    )
    return found + missing, (note,) if note else ()


def _named(row: Row, origin: str) -> tuple[str, str]:
    """Return the column that names the input, and the name in it.

    Raises:
        InputError: the row cannot be read, or does not contain a label and a name.
    """
    if row.problem is not None:
        raise row.problem
    fields = {
        name.strip().casefold() if name.strip().casefold() in _NAMES else name: row.fields[name] for name in row.fields
    }
    if "label" not in fields:
        like = unread_label(fields)
        rename = f"Rename {like!r} to 'label'" if like is not None else "Write the columns path (or id) and label"
        raise InputError(f"{origin}: a label is missing. {rename}")
    for column in _NAMES:
        if isinstance(fields.get(column), str) and fields[column]:
            return column, fields[column]
    raise InputError(
        f"{origin}: neither path nor file nor id names the input of the label (found: "
        f"{', '.join(map(repr, fields))}). Add the column id. If the file contains the inputs too, give it to --inputs"
    )


class _Finder:
    """A search for inputs by the names that rows give them."""

    def __init__(self, items: Sequence[Item], file: Path) -> None:
        self._folders = [
            file.parent,
            Path(),
            *dict.fromkeys(item.path.parent for item in items if item.path is not None),
        ]
        self._by_id: dict[str, list[int]] = defaultdict(list)
        self._by_path: dict[Path, list[int]] = defaultdict(list)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            self._by_id[item.id].append(place)
            if item.path is not None:
                self._by_path[_resolved(item.path)].append(place)
                self._by_name[item.path.name].append(place)

    def find(self, name: str) -> list[int]:
        """Return the places of the inputs with a name. The result is empty if two folders contain the name."""
        if name in self._by_id:
            return self._by_id[name]
        for folder in self._folders[:2]:
            places = self._by_path.get(_resolved(folder / name))
            if places:
                return places
        same_name = self.same_name(name)
        return same_name if len(same_name) == 1 else []

    def same_name(self, name: str) -> list[int]:
        """Return the places of the inputs whose file has the name, in any folder."""
        return self._by_name.get(name, [])

    def exists(self, name: str) -> bool:
        return any(is_file(folder / name) for folder in self._folders)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # circular links, or an impossible name of a file
        return path

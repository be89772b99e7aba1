"""Splits of data sets, by the library ``datasets``: local directories, and names of the Hugging Face hub."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from stabcert.cli.columnar import class_names_of
from stabcert.errors import InputError, ParameterError
from stabcert.models.download import LOOKUP_SECONDS, offline_by_environment, within

_EXTRA = 'Install it with pip install "stabcert-attributions[data]"'
_CHUNK = 1000
_OLDEST = 4
"""The first version of the library that does not run code of data sets."""
_SAVED = ("dataset_dict.json", "state.json")
"""Files of ``save_to_disk``."""


class SplitRows:
    """The rows of a split, which the library maps into memory."""

    def __init__(self, name: str, split: str, rows: Any) -> None:
        self.name = f"{name}:{split}"
        self._rows = rows.with_format("arrow")
        self.schema = rows.features.arrow_schema
        self.class_names: Mapping[str, tuple[str, ...]] = class_names_of(self.schema)
        self._columns = lru_cache(maxsize=4)(self._rows.select_columns)

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        return self.part(range(len(self._rows)), columns)

    def part(self, numbers: range, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the rows with these numbers, which are consecutive."""
        chosen = self._rows.select_columns(list(columns))
        for start in range(numbers.start, numbers.stop, _CHUNK):
            stop = min(start + _CHUNK, numbers.stop)
            rows = chosen[start:stop].to_pylist() if columns else [{}] * (stop - start)
            yield from enumerate(rows, start=start)

    def value(self, row: int, column: str) -> Any:
        if row >= len(self._rows):
            raise InputError(f"{self.name} does not have a row {row}. It has changed since it was listed")
        return self._columns(column)[row : row + 1].column(column)[0].as_py()


@dataclass(frozen=True)
class Slice:
    """Consecutive rows of a split."""

    split: str
    numbers: range
    rows: SplitRows


def open_slices(name: str, split: str | None, *, offline: bool) -> list[Slice]:
    """Return the rows that ``--split`` names, such as ``test``, ``test[:100]`` or ``test[10%:20%]``.

    Args:
        name: a directory, or a name of the hub; its configuration follows a colon.
        split: splits and parts of them in the syntax of ``datasets``; None: the only split.
        offline: use only the cache.

    Raises:
        InputError: the data set cannot be read, or the part does not contain rows.
        ParameterError: the library is not installed, or the split does not exist.
    """
    splits = _load(name, offline)
    sizes = ", ".join(f"{part} ({len(rows)} rows)" for part, rows in splits.items())
    if split is None:
        if len(splits) != 1:
            raise ParameterError(f"{name} has several splits: {sizes}. Choose one with --split {next(iter(splits))}")
        split = next(iter(splits))
    from datasets import ReadInstruction

    try:
        parts = ReadInstruction.from_spec(split).to_absolute({part: len(rows) for part, rows in splits.items()})
    except (ValueError, AssertionError, TypeError) as error:
        raise ParameterError(
            f"--split must be a split of {name}, or a part such as {next(iter(splits))}[:100] or "
            f"{next(iter(splits))}[10%:20%], got {split!r}. {name} has {sizes}"
        ) from error
    found = [
        Slice(part.splitname, range(part.from_, part.to), SplitRows(name, part.splitname, splits[part.splitname]))
        for part in parts
        if part.from_ < part.to
    ]
    if not found:
        raise InputError(f"--split {split} of {name} contains no rows. It has {sizes}")
    return found


def open_split(name: str, split: str, *, offline: bool) -> SplitRows:
    """Return all rows of one split.

    Raises:
        InputError: the data set cannot be read, or does not have the split any more.
    """
    splits = _load(name, offline)
    if split not in splits:
        raise InputError(f"{name} does not have the split {split!r} any more. It has {', '.join(splits)}")
    return SplitRows(name, split, splits[split])


def _load(name: str, offline: bool) -> dict[str, Any]:
    """Return all splits of a data set by name."""
    try:
        import datasets
    except ImportError as error:
        raise ParameterError(f"--dataset needs the library datasets. {_EXTRA}") from error
    if int(datasets.__version__.split(".")[0]) < _OLDEST:
        raise ParameterError(
            f"--dataset needs datasets {_OLDEST} or later, because earlier versions run code of data sets, "
            f"got {datasets.__version__}. {_EXTRA}"
        )
    directory, config = _named(name)
    local = Path(directory).is_dir()
    offline = offline or offline_by_environment() or bool(datasets.config.HF_HUB_OFFLINE)
    if Path(directory).is_file():
        raise InputError(
            f"--dataset must be a directory or a name of the hub, got the file {name}. Use --inputs {name}"
        )
    if not local:
        _check_name(directory, offline)
    try:
        with _quietly(offline or local):
            if local and any((Path(directory) / file).is_file() for file in _SAVED):
                found = datasets.load_from_disk(directory)
            else:
                found = datasets.load_dataset(directory, config)
    except Exception as error:  # the library raises many classes, also those of its own libraries
        raise InputError(_not_loaded(name, local, offline, error)) from error
    if isinstance(found, datasets.DatasetDict):
        return dict(found)
    return {str(found.split) if found.split is not None else "train": found}


def _check_name(name: str, offline: bool) -> None:
    """Check that the hub has a data set, unless it must be in the cache. The library would try for half a minute.

    Raises:
        InputError: it does not have the data set, or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        if not offline:
            within(LOOKUP_SECONDS, lambda: HfApi().dataset_info(name, timeout=LOOKUP_SECONDS))
    except HFValidationError as error:
        raise InputError(
            f"{name!r} is neither a directory nor a possible name of the hub (organisation/data set). Check the path"
        ) from error
    except GatedRepoError as error:
        raise InputError(
            f"{name} is gated. Request access at https://huggingface.co/datasets/{name}, then log in with "
            "`hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"the hub has no data set {name}, or it is private. Check the spelling, log in with `hf auth login`, or "
            "give a directory"
        ) from error
    except Exception as error:  # the classes differ between the HTTP libraries of the versions of the hub
        raise InputError(
            f"the hub cannot be reached ({type(error).__name__}), so {name} was not looked up. Write --offline to read "
            "it from the cache, or give a directory"
        ) from error


def _named(name: str) -> tuple[str, str | None]:
    """Return the directory or the name of the hub, and the configuration."""
    if Path(name).exists() or ":" not in name:
        return name, None
    directory, _, config = name.rpartition(":")
    return directory, config


def _not_loaded(name: str, local: bool, offline: bool, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if "Config name is missing" in str(error) or "BuilderConfig" in str(error):
        return f"{name} has several configurations ({' '.join(str(error).split())[:300]}). Write --dataset NAME:CONFIG"
    if local:
        return f"the data set {name} cannot be read ({reason}). Write its files again, as .parquet, .csv or .jsonl"
    if offline:
        return (
            f"the data set {name} is neither a directory nor in the cache, and --offline (or HF_HUB_OFFLINE) forbids "
            "a download. Download it first where there is a network, or give a directory"
        )
    return f"the data set {name} cannot be loaded ({reason}). Check its name on the hub, or give a directory"


@contextmanager
def _quietly(offline: bool) -> Iterator[None]:
    """Keep the library from writing to the screen, and from the network if it is forbidden or not needed."""
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE, datasets.logging.get_verbosity()
    bars, hub = datasets.is_progress_bar_enabled(), logging.getLogger("huggingface_hub")
    level = hub.level
    try:
        if offline:
            datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)
        datasets.disable_progress_bars()
        hub.setLevel(logging.CRITICAL)
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before[:2]
        datasets.logging.set_verbosity(before[2])
        hub.setLevel(level)
        if bars:
            datasets.enable_progress_bars()

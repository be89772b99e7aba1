"""A directory with a model: its files, checked before any library reads them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stabcert.errors import ModelError

_SAFE = "model.safetensors"
_PICKLED = ("pytorch_model.bin", "pytorch_model.pth", "model.pth")
# Of what is not weights, by the beginning or end of its name.
_CONFIG_STARTS = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "image_processor",
    "tokenizer",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab",
    "merges.txt",
    "spiece",
    "spm",
    "sentencepiece",
)
_CONFIG_ENDS = (".model", ".bpe", ".codes", ".tiktoken", ".py")
_WRAPPERS = ("_orig_mod.", "module.")
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}\.(safetensors|bin)")


@dataclass(frozen=True)
class Checkpoint:
    """A model directory whose files are there and readable."""

    name: str
    """The model as the user named it."""
    directory: Path
    config: dict[str, Any]
    library: Literal["transformers", "timm"]
    """The library that wrote the directory, and reads it."""
    weights: tuple[Path, ...]
    """The files that contain the weights, one or all shards."""
    pickled: bool


def read_checkpoint(name: str, directory: Path, *, allow_pickle: bool = False) -> Checkpoint:
    """Check a model directory without loading it.

    Guaranteed of what is returned: ``config.json`` is a JSON object, every weight file exists, and
    every safetensors file is complete.

    Raises:
        ModelError: one of these checks fails, or only pickled weights exist and ``allow_pickle`` is false.
    """
    config = read_config(name, directory)
    files = sorted(path.name for path in directory.iterdir() if path.is_file())
    chosen = choose_weights(name, files, allow_pickle=allow_pickle)
    weights = tuple(directory / file for file in chosen if not file.endswith(".index.json"))
    _check_shards(name, directory, chosen)
    pickled = not weights[0].name.endswith(".safetensors")
    if not pickled:
        for path in weights:
            _check_safetensors(name, path)
    return Checkpoint(name, directory, config, library_of(name, config), weights, pickled)


def read_config(name: str, directory: Path) -> dict[str, Any]:
    """Read ``config.json`` of a model directory.

    Raises:
        ModelError: the file is missing, or is not a JSON object.
    """
    path = directory / "config.json"
    if not path.is_file():
        raise ModelError(
            f"{name} contains no config.json, so it is not a model. Give a directory written by "
            "save_pretrained (transformers) or timm.models.save_for_hf(network, directory, safe_serialization=True)"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(
            f"config.json of {name} cannot be read ({error}). Write or download the model again"
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"config.json of {name} is not a JSON object. Write or download the model again")
    return config


def library_of(name: str, config: dict[str, Any]) -> Literal["transformers", "timm"]:
    """Return the library that a ``config.json`` belongs to.

    Raises:
        ModelError: neither transformers nor timm writes such a file.
    """
    if "model_type" in config or "auto_map" in config:
        return "transformers"
    if "architecture" in config:
        return "timm"
    raise ModelError(
        f"config.json of {name} has neither a model_type (transformers) nor an architecture (timm). "
        "Write or download the model again"
    )


def choose_weights(name: str, files: Iterable[str], *, allow_pickle: bool) -> tuple[str, ...]:
    """Return the weight files to use among the names of a model's files, with the index of sharded weights.

    Raises:
        ModelError: weight files are missing, or only pickled ones exist and ``allow_pickle`` is false.
    """
    names = sorted(files)
    safe = _one_or_shards(names, (_SAFE,))
    if safe:
        return safe
    pickled = _one_or_shards(names, _PICKLED)
    if pickled and allow_pickle:
        return pickled
    if pickled:
        raise ModelError(
            f"{name} has its weights only in {pickled[0]}, a pickle, which can run code when it is read. "
            "Use a model with model.safetensors, or allow_pickle=True if you trust the file"
        )
    if "adapter_config.json" in names:
        raise ModelError(
            f"{name} is an adapter without the model it belongs to. Merge it into that model and save both"
        )
    held = ", ".join(names[:8]) or "nothing"
    raise ModelError(f"{name} has no weights, neither {_SAFE} nor {_PICKLED[0]}. It contains {held}")


def _one_or_shards(names: list[str], wanted: tuple[str, ...]) -> tuple[str, ...]:
    for file in wanted:
        if file in names:
            return (file,)
        index = f"{file}.index.json"
        if index in names:
            stem, suffix = file.rsplit(".", 1)
            shards = [n for n in names if (match := _SHARD.fullmatch(n)) and match.groups() == (stem, suffix)]
            return (*shards, index)
    return ()


def _check_shards(name: str, directory: Path, chosen: tuple[str, ...]) -> None:
    index = chosen[-1]
    if not index.endswith(".index.json"):
        return
    try:
        wanted = set(json.loads((directory / index).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(f"{index} of {name} cannot be read. Write or download the model again") from error
    missing = sorted(wanted - set(chosen))
    if missing:
        raise ModelError(f"{name} lacks {', '.join(missing)}, which {index} names. Write or download the model again")


def _check_safetensors(name: str, path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        # Opening compares the header with the size of the file, without reading the tensors.
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path.name} of {name} is damaged or cut off ({error}). Write or download the model again"
        ) from error


def wrapper_prefix(checkpoint: Checkpoint) -> str:
    """Return the prefix of the name of every weight because the network was saved in a wrapper; usually empty.

    ``torch.compile`` adds ``_orig_mod.``, data parallel training ``module.``.
    """
    names = _weight_names(checkpoint)
    prefix = ""
    while names:
        longer = next((w for w in _WRAPPERS if all(name.startswith(prefix + w) for name in names)), None)
        if longer is None:
            break
        prefix += longer
    return prefix


def _weight_names(checkpoint: Checkpoint) -> list[str]:
    names: list[str] = []
    for path in checkpoint.weights:
        if checkpoint.pickled:
            import torch

            try:  # on the device "meta" nothing is read but names and shapes
                names += torch.load(path, map_location="meta", weights_only=True)
            except Exception:  # whoever loads the weights reports what is wrong with them
                return []
        else:
            from safetensors import safe_open

            with safe_open(path, framework="pt") as file:
                names += file.keys()
    return names


def config_sha256(directory: Path) -> str:
    """Return the SHA-256 of all files of a model directory, except the weights, that define its function.

    These are the configuration with the names of the classes, the tokenizer, the preprocessing of images, and code.
    The hash is that of the lines ``name:sha256``, sorted by name. Other files are left out, because they do not
    define the model.
    """
    return _lines_sha256(config_files(directory))


def config_files(directory: Path) -> list[Path]:
    """Return the files of `config_sha256`."""
    wanted = (
        path for path in directory.iterdir() if path.name.startswith(_CONFIG_STARTS) or path.suffix in _CONFIG_ENDS
    )
    return [path for path in wanted if path.is_file() and not path.name.endswith(".index.json")]


def weights_sha256(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of one weights file, or of the lines ``name:sha256`` of several, sorted by name."""
    files = list(paths)
    return _file_sha256(files[0]) if len(files) == 1 else _lines_sha256(files)


def _lines_sha256(paths: Iterable[Path]) -> str:
    digests = {path.name: _file_sha256(path) for path in paths}
    lines = "".join(f"{file}:{digests[file]}\n" for file in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

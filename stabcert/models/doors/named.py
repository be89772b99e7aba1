"""Models by ``python:package.module:name``: the code of that module runs in this process."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from stabcert.core.given import door_of, is_one
from stabcert.errors import ModelError, StabcertError
from stabcert.models.doors.called_network import network_of_function
from stabcert.models.doors.in_memory import meaning_in, network_of, parts_of
from stabcert.models.doors.python_model import KINDS, PythonModel
from stabcert.models.doors.watched import state_sha256
from stabcert.models.failures import reason
from stabcert.models.names import python_place
from stabcert.models.networks import Loaded

_POSSIBLE = (
    "a pipeline of transformers, a stabcert.PythonModel, or a function with the attributes kind and class_names. A "
    "function without arguments that returns one of these is possible, too"
)


_FIRST: dict[str, tuple[ModuleType, str]] = {}
"""The modules that were imported here, each with the hash of its source at that time."""


@dataclass(frozen=True)
class _Imported:
    value: Any
    sha256: str | None
    """Hash of the source file of the module."""
    file: str


def load_named(name: str) -> Loaded:
    """Import the module of a name, and return the classifier that the object in it is.

    The current directory is searched first, as Python does for scripts, and stays the last place of
    ``sys.path``. The hash of the source file is a part of
    ``config_sha256``. Other modules and files that the code reads are not.

    Raises:
        ModelError: the module or the object does not exist, its code fails, or it is not a classifier.
    """
    imported = _imported(name)
    value = imported.value
    loaded = _loaded(name, value)
    parts = [imported.sha256, loaded.sha256, loaded.config_sha256]
    hashed = "its source was not found" if imported.sha256 is None else f"SHA-256 {imported.sha256[:12]}…"
    note = (
        f"{name} ran the code in {imported.file} ({hashed}). Other modules and files that it reads are not part of "
        "that hash"
    )
    return Loaded(
        loaded.network,
        loaded.class_names,
        (note, *loaded.notes),
        revision=loaded.revision,
        sha256=loaded.sha256,
        config_sha256=_digest(json.dumps(parts)),
        settings=loaded.settings,
        place=loaded.place,
        meaning=loaded.meaning,
        code_sha256=imported.sha256,
    )


def _imported(name: str) -> _Imported:
    module_name, attribute = python_place(name)
    with _code_running(f"{name}: the module {module_name} cannot be imported"):
        module = _module(name, module_name)
    if not hasattr(module, attribute):
        near = difflib.get_close_matches(attribute, dir(module), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Name a pipeline or a function in it"
        raise ModelError(f"{name}: the module {module_name} has no {attribute}. {hint}")
    value = getattr(module, attribute)
    if not _is_model(value):
        if isinstance(value, str | bytes) or not callable(value) or is_one(value, "torch", "Module"):
            raise _not_a_model(name, value)
        if needed := _needed(value):
            raise ModelError(
                f"{name} is a function of {needed}, which needs the attributes kind ({' or '.join(KINDS)}) and "
                f"class_names. Write below it, with your classes: {attribute}.kind, {attribute}.class_names = 'text', "
                "['no', 'yes']"
            )
        with _code_running(f"{name}: {attribute}() failed"):
            value = value()
        if not _is_model(value):
            raise _not_a_model(name, value)
    file = getattr(module, "__file__", None)
    source = file if isinstance(file, str) and os.path.isfile(file) else None
    if source is None:
        return _Imported(value, None, module_name)
    with open(source, "rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    # A module is imported once: what runs later in this process is the code of the first time.
    known, first = _FIRST.setdefault(module_name, (module, sha256))
    if known is not module:
        _FIRST[module_name] = (module, sha256)
    elif first != sha256:
        raise ModelError(
            f"{name}: {source} has changed since it was imported in this process, so that its hash is not that of the "
            "code that runs. Start Python again"
        )
    return _Imported(value, sha256, source)


def _module(name: str, module_name: str) -> ModuleType:
    directory = os.getcwd()
    before = list(sys.path)
    sys.path.insert(0, directory)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            if module_name.endswith(".py"):
                without = name.replace(".py:", ":").replace("/", ".")
                raise ModelError(f"{name} names the file of a module. Leave out its suffix: {without}") from error
            raise ModelError(
                f"{name}: the module {missing} is neither in {directory} nor installed. Run the command in the "
                "directory of the module, or install its package"
            ) from error
        raise
    finally:
        # Behind everything that is installed: functions of the module may import what is beside it later.
        sys.path[:] = before if directory in before or "" in before else [*before, directory]


@contextlib.contextmanager
def _code_running(failure: str) -> Iterator[None]:
    """Report what code of the user raises in one line; what it prints goes to standard error."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except StabcertError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"{failure} ({reason(error)}). Correct the code") from error


def _needed(function: Any) -> str:
    """Return the arguments that a function cannot be called without, as words; nothing if it has none of them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # code without a signature
        return ""
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return ", ".join(one.name for one in parameters if one.default is inspect.Parameter.empty and one.kind in by_place)


def _is_model(value: Any) -> bool:
    return (
        isinstance(value, PythonModel)
        or is_one(value, "transformers", "Pipeline")
        or is_one(value, "stabcert", "LoadedModel")
        or (callable(value) and getattr(value, "kind", None) in KINDS and hasattr(value, "class_names"))
    )


def _not_a_model(name: str, value: Any) -> ModelError:
    advice = f"Give {_POSSIBLE}"
    if is_one(value, "torch", "Module"):
        advice = "Put it into stabcert.PythonModel('image', network, class_names, preprocess=...)"
    elif hasattr(value, "predict_proba"):
        advice = f"Tables are not read on the command line. In Python, use {door_of(value)}"
    return ModelError(f"{name} is {type(value).__name__}, which is not a classifier of texts or images. {advice}")


def _loaded(name: str, value: Any) -> Loaded:
    if is_one(value, "stabcert", "LoadedModel"):
        if value.question is not None:
            raise ModelError(
                f"{name} has a question. Leave target, threshold and tolerance out of its load_model, and give "
                "them beside the name"
            )
        return Loaded(
            value.network,
            value.class_names,
            value.notes,
            revision=value.revision,
            sha256=value.sha256,
            config_sha256=value.config_sha256,
            settings=value.settings,
            place=(value.device, value.dtype),
            meaning="classes" if value.outputs is None else value.outputs.meaning,
        )
    if is_one(value, "transformers", "Pipeline"):
        if not type(value).__module__.startswith("transformers."):
            raise ModelError(
                f"{name} is a {type(value).__name__}, whose steps may be its own. Give a pipeline of transformers, or "
                "a stabcert.PythonModel with a function that calls yours"
            )
        parts = parts_of(value, None, None)
        if any(part.training for part in parts.model.modules()):
            raise ModelError(f"{name} is a pipeline with a model in training mode. Type model.eval() where it is made")
        network, class_names, device, dtype = network_of(parts)
        described = [parts.model.config.to_json_string(), _description(parts.tokenizer), _description(parts.processor)]
        sha256, config_sha256 = state_sha256(parts.model), _digest(json.dumps(described))
        return Loaded(
            network,
            class_names,
            sha256=sha256,
            config_sha256=config_sha256,
            place=(device, dtype),
            meaning=meaning_in(parts),
        )
    model = value if isinstance(value, PythonModel) else _of_attributes(value)
    found = network_of_function(model, name)
    sha256 = state_sha256(found.modules[0]) if found.modules else None
    settings = json.dumps([model.kind, list(found.class_names), model.precision, model.mean, model.std])
    place = (found.device, found.dtype)
    return Loaded(found.network, found.class_names, sha256=sha256, config_sha256=_digest(settings), place=place)


def _of_attributes(value: Callable[[list[Any]], Any]) -> PythonModel:
    """Return a function with attributes as a model."""
    owner: Any = value
    return PythonModel(owner.kind, value, owner.class_names, precision=getattr(owner, "precision", None))


def _description(part: Any) -> str:
    """Return all that defines a tokenizer or a processor, as text."""
    if part is None:
        return ""
    backend = getattr(part, "backend_tokenizer", None)
    return str(part.to_json_string() if backend is None else backend.to_str())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

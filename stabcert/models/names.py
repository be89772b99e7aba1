"""The names of models, as far as they can be resolved without the libraries that load them."""

from __future__ import annotations

import os
from pathlib import Path

from stabcert.errors import ModelError, ParameterError, one_of

DEMOS = ("demo:image", "demo:image-masked", "demo:text")
PYTHON = "python:"
"""The beginning of a name whose code runs in this process."""
_FILE_SUFFIXES = (".safetensors", ".bin", ".json", ".pt", ".pth", ".ckpt", ".onnx")


def check_name(name: str, revision: str | None) -> None:
    """Refuse a name that a model cannot have here.

    Raises:
        ModelError: the demo model or the directory does not exist.
        ParameterError: a revision is given for a model without revisions.
    """
    if name.startswith(PYTHON):
        python_place(name)
        if revision is not None:
            raise ParameterError(f"revision={revision!r} is for models of the hub. Leave revision out", "revision")
        return
    demo = name.startswith("demo:")
    if revision is not None and (demo or local_directory(name) is not None):
        raise ParameterError(
            f"revision={revision!r} is for models of the hub, and {name} has no revisions. Leave revision out",
            "revision",
        )
    if demo and name not in DEMOS:
        raise ModelError(f"demo model {name!r} does not exist. Use {one_of(DEMOS)}")
    if not demo:
        local_directory(name)


def python_place(name: str) -> tuple[str, str]:
    """Return the module and the object of ``python:package.module:name``.

    Raises:
        ModelError: the name has another form.
    """
    module, colon, attribute = name.removeprefix(PYTHON).partition(":")
    if not colon or not attribute.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise ModelError(
            f"{name} is not the name of an object in a module. Write python:MODULE:NAME, for example "
            "python:my_package.my_module:classify (without .py)"
        )
    return module, attribute


def check_decided_by_code(name: str, device: str, dtype: str, compile: bool) -> None:
    """Refuse options that the code of a ``python:`` model decides.

    Raises:
        ParameterError: an option is given.
    """
    given = {"device": device != "auto", "dtype": dtype != "float32", "compile": compile}
    option = next((option for option, is_given in given.items() if is_given), None)
    if option is not None:
        raise ParameterError(f"{option} is decided by the code of {name}. Leave {option} out", option)


def check_recorded_code(name: str, *, allowed: bool) -> None:
    """Refuse to run the code that a record names, unless the user allows it: records come from anybody.

    Raises:
        ModelError: the name is that of an object in a Python module, and ``allowed`` is false.
    """
    if name.startswith(PYTHON) and not allowed:
        raise ModelError(
            f"the record names {name}, whose code would run on this machine. Read it, then use trust_remote_code=True "
            "if you trust it"
        )


def local_directory(name: str) -> Path | None:
    """Return the directory of this name, or None if it is a name of the hub or of timm.

    Raises:
        ModelError: the name is a file, or looks like a path and does not exist.
    """
    path = Path(os.path.expanduser(name))  # leaves the name of a user who does not exist as it is
    if os.path.isdir(path):
        return path
    if os.path.exists(path):
        module = Path(name).stem
        raise ModelError(
            f"{name} is a file. "
            + (
                f"For a classifier in Python write python:{module}:NAME, the name of a function or object in it"
                if name.endswith(".py")
                else "Give the directory that contains config.json and the weights"
            )
        )
    # Names of the hub have one or two parts, and never look like this.
    is_path = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or path.is_absolute()
    if is_path or name.endswith(("/", *_FILE_SUFFIXES)):
        raise ModelError(f"{name} does not exist. Give the directory that contains config.json and the weights")
    return None

"""The names of models, as far as they can be resolved without the libraries that load them."""

from __future__ import annotations

import os
from pathlib import Path

from stabcert.errors import ModelError, ParameterError, one_of

DEMOS = ("demo:image", "demo:image-masked", "demo:text")
_FILE_SUFFIXES = (".safetensors", ".bin", ".json", ".pt", ".pth", ".ckpt", ".onnx")


def check_name(name: str, revision: str | None) -> None:
    """Refuse a name that a model cannot have here.

    Raises:
        ModelError: the demo model or the directory does not exist.
        ParameterError: a revision is given for a model without revisions.
    """
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


def local_directory(name: str) -> Path | None:
    """Return the directory of this name, or None if it is a name of the hub or of timm.

    Raises:
        ModelError: the name is a file, or looks like a path and does not exist.
    """
    path = Path(os.path.expanduser(name))  # leaves the name of a user who does not exist as it is
    if os.path.isdir(path):
        return path
    if os.path.exists(path):
        raise ModelError(f"{name} is a file. Give the directory that contains config.json and the weights")
    # Names of the hub have one or two parts, and never look like this.
    is_path = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or path.is_absolute()
    if is_path or name.endswith(("/", *_FILE_SUFFIXES)):
        raise ModelError(f"{name} does not exist. Give the directory that contains config.json and the weights")
    return None

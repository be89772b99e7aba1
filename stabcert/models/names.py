"""What the name of a model stands for, as far as that is known without the libraries that load it."""

from __future__ import annotations

import os
from pathlib import Path

from stabcert.errors import ModelError, ParameterError

DEMOS = ("demo:image", "demo:text")
_FILE_SUFFIXES = (".safetensors", ".bin", ".json", ".pt", ".pth", ".ckpt", ".onnx")


def check_name(name: str, revision: str | None) -> None:
    """Refuse a name that no model can have here.

    Raises:
        ModelError: a demo model or a directory that does not exist.
        ParameterError: a revision of something that has none.
    """
    demo = name.startswith("demo:")
    if revision is not None and (demo or local_directory(name) is not None):
        raise ParameterError(
            f"revision={revision!r} is for models of the hub; {name} has no revisions, leave it out", "revision"
        )
    if demo and name not in DEMOS:
        raise ModelError(f"there is no demo model {name!r}; use {' or '.join(DEMOS)}")
    if not demo:
        local_directory(name)


def local_directory(name: str) -> Path | None:
    """Return the directory a name stands for, or None if it is a name of the hub or of timm.

    Raises:
        ModelError: it is a file, or looks like a path and does not exist.
    """
    path = Path(os.path.expanduser(name))  # leaves the name of a user who does not exist as it is
    if os.path.isdir(path):
        return path
    if os.path.exists(path):
        raise ModelError(f"{name} is a file; give the directory that holds config.json and the weights")
    # Names of the hub have one or two parts, and never look like this.
    is_path = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or path.is_absolute()
    if is_path or name.endswith(("/", *_FILE_SUFFIXES)):
        raise ModelError(f"no such directory: {name}; give the directory that holds config.json and the weights")
    return None

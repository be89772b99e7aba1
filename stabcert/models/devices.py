"""Devices of torch by name."""

from __future__ import annotations

import torch

from stabcert.errors import ModelError


def choose_device(device: str) -> torch.device:
    """Return the device of a name; ``auto`` is cuda, then mps, then cpu, whichever exists first.

    Raises:
        ModelError: this machine does not have the device; the message names those it has.
    """
    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    if device == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    existing = ["cpu", *(["cuda"] if cuda else []), *cuda, *mps]
    if device not in existing:
        raise ModelError(f"device {device!r} does not exist here. Use one of {', '.join(existing)} (or auto)")
    return torch.device(device)

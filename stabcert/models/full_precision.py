"""Products of float32 numbers, which torch may otherwise compute in TF32 or bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import torch


class _Setting(NamedTuple):
    """One setting of the process."""

    read: Callable[[], Any]
    write: Callable[[Any], None]
    full: tuple[Any, ...]
    """Values with which products are in float32; the first one is written."""
    cuda: bool = False
    """True if it matters on CUDA alone."""


@contextmanager
def full_precision(device: torch.device | None = None) -> Iterator[None]:
    """Compute products of float32 numbers in float32, on one device or on all. Settings are put back.

    On CUDA convolutions otherwise round each factor to the 10 bits of TF32. After
    ``torch.set_float32_matmul_precision("high")`` matrix products do, too, and with ``"medium"`` some CPUs round to the
    7 bits of bfloat16. Predictions then change with the batch by more than float32 explains.
    """
    settings = [(one, now) for one in _settings() if (now := _value(one)) is not None]
    cuda = device is None or device.type == "cuda"
    changed = [one for one, now in settings if now not in one.full and (cuda or not one.cuda)]
    if not changed:
        yield
        return
    try:
        for one in changed:
            one.write(one.full[0])
        yield
    finally:
        # All of them, the older names first, because writing those also changes what the newer ones name.
        for one, before in settings:
            one.write(before)


@cache
def _settings() -> tuple[_Setting, ...]:
    backends: Any = torch.backends
    found = [
        _Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, ("highest",)),
        _field(backends.cudnn, "allow_tf32", (False,), cuda=True),
    ]
    # Newer names, since torch 2.9. The default of CPUs is float32.
    for backend, name in (("cuda", "matmul"), *product(("cudnn", "mkldnn"), ("matmul", "conv", "rnn"))):
        part = getattr(getattr(backends, backend), name, None)
        if hasattr(part, "fp32_precision"):
            cuda = backend != "mkldnn"
            found.append(_field(part, "fp32_precision", ("ieee",) if cuda else ("ieee", "none"), cuda=cuda))
    return tuple(found)


def _field(part: Any, name: str, full: tuple[Any, ...], *, cuda: bool) -> _Setting:
    return _Setting(lambda: getattr(part, name), lambda value: setattr(part, name, value), full, cuda)


def _value(setting: _Setting) -> Any:
    """Return the value, or None if it cannot be read: the older name, while the newer ones differ from one another."""
    try:
        return setting.read()
    except RuntimeError:
        return None

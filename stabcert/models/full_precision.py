"""Products of float32 numbers, which torch may otherwise compute in TF32 or bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute products of float32 numbers in float32; the settings of the process are put back.

    On CUDA convolutions otherwise round each factor to the 10 bits of TF32. After
    ``torch.set_float32_matmul_precision("high")`` matrix products do, too, and with ``"medium"`` some CPUs round to the
    7 bits of bfloat16. Predictions then change with the batch by more than float32 explains.
    """
    # Every setting is read before one is written, and all are put back in the order in which they were written: the
    # older names first, which also change what the newer ones name.
    settings = [(write, read(), value) for read, write, value in _settings() if _is_readable(read)]
    try:
        for write, _, value in settings:
            write(value)
        yield
    finally:
        for write, before, _ in settings:
            write(before)


def _settings() -> Iterator[tuple[Callable[[], Any], Callable[[Any], None], object]]:
    backends: Any = torch.backends
    yield torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"
    yield _field(backends.cudnn, "allow_tf32", False)
    for backend, part in (("cuda", "matmul"), *product(("cudnn", "mkldnn"), ("matmul", "conv", "rnn"))):
        found = getattr(getattr(backends, backend), part, None)  # newer names, since torch 2.9
        if hasattr(found, "fp32_precision"):
            yield _field(found, "fp32_precision", "ieee")


def _field(part: Any, name: str, value: object) -> tuple[Callable[[], Any], Callable[[Any], None], object]:
    return lambda: getattr(part, name), lambda given: setattr(part, name, given), value


def _is_readable(read: Callable[[], Any]) -> bool:
    """Return whether a setting can be read. The older name cannot while the newer ones differ from one another."""
    try:
        read()
    except RuntimeError:
        return False
    return True

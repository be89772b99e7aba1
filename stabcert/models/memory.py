"""Memory: freed memory that is kept, and errors when it is exhausted."""

from __future__ import annotations

import ctypes
import sys

import torch

from stabcert.errors import ModelError

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory in this process; True if it will.

    A forward pass allocates and frees large buffers again and again. By default glibc gets each from
    the system and gives it back, and the page faults cost as much as the arithmetic (EfficientNet-Lite0
    on 2 cores: 12.4 ms against 7.7 ms for an image). It is a setting of the whole process: memory that was
    once used stays with it. So the command sets it for itself; in a program of your own, call it once if that
    suits the program. Elsewhere than on glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def out_of_memory(device: torch.device) -> ModelError:
    """Return the error for a device on which not even one input fits."""
    return ModelError(
        f"out of memory on {device} even with one input at a time. "
        "Use a smaller model, dtype='bfloat16', or device='cpu'"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception of torch means that memory, on whatever device, was too small."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    # The CPU and MPS allocators have no exception class of their own, and neither have cuBLAS and cuDNN.
    text = str(error)
    return any(part in text for part in ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED"))

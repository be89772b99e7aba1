"""The two settings of the C library's allocator between which a process can be switched.

`stabcert.models.memory.keep_freed_memory` cannot be undone to the letter: glibc adapts two thresholds to what is freed,
and stops to do so once any parameter was set. The values that it would have reached after the first forward pass of a
photo (its upper limits: buffers up to 32 MiB on the heap, of which 64 MiB may stay free) can be set, however. The entry
``allocator`` of the bench measures whether this is as fast as a process in which nothing was ever set.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from stabcert.models.memory import keep_freed_memory

# Parameters of glibc's mallopt(3), and what its thresholds adapt to when large buffers are freed.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_MMAP_MAX = 65536
_MMAP_THRESHOLD = 32 * 2**20

KEPT = "keeps freed memory (mallopt: no mmap, no trim), as the command stabcert does"
DEFAULT = "default allocator (mallopt: what glibc adapts to, mmap from 32 MiB, trim from 64 MiB)"
UNKNOWN = "allocator of this system (no glibc, so there is no setting to compare)"


def _library() -> Any:
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


def switchable() -> bool:
    """Whether there are two settings at all."""
    return _library() is not None


def use(*, kept: bool) -> None:
    """Keep freed memory from now on, or give it back as an ordinary process does; nothing but on glibc."""
    library = _library()
    if library is None:
        return
    if kept:
        keep_freed_memory()
        return
    library.mallopt(_M_MMAP_MAX, _MMAP_MAX)
    library.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)
    library.mallopt(_M_TRIM_THRESHOLD, 2 * _MMAP_THRESHOLD)
    library.malloc_trim(0)  # what was kept until now would otherwise serve the next buffers

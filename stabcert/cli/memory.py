"""Keeping freed memory: half of the time of masked images on Linux CPUs."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory in this process; True if it will.

    A forward pass allocates and frees large buffers again and again. By default glibc gets each from
    the system and gives it back, and the page faults cost as much as the arithmetic (EfficientNet-Lite0
    on 2 cores: 12.4 ms against 7.7 ms for an image). A process-wide setting, so it is the business of
    the command and never of the library. Elsewhere than on glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))

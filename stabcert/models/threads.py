"""The number of threads, where it would show in a result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Arithmetic on the CPU by one thread while it lasts.

    Sums come out differently in the last bits when several threads share them, and how many there are is a
    matter of the machine. For little work whose digits people are shown; decisions do not depend on it.
    """
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):  # BLAS of numpy and scipy, which torch knows nothing of
            yield
    finally:
        torch.set_num_threads(threads)

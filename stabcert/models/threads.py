"""The number of threads, where it would change a result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run arithmetic on the CPU on one thread during the block.

    The last bits of sums depend on the number of threads, which depends on the machine. Meant for little work
    whose digits are shown to people. Decisions do not depend on it.
    """
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):  # BLAS of numpy and scipy, which torch does not limit
            yield
    finally:
        torch.set_num_threads(threads)

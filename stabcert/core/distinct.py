"""Equal masks among many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import Masks


def distinct_masks(masks: Masks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct rows of ``(k, n_features)`` masks, in lexicographic order of their bits.

    Returns:
        The index at which each distinct row occurs first, and for each of the k rows the number of its distinct row.
    """
    return distinct_rows(np.packbits(masks, axis=1))


def distinct_rows(packed: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the same for masks that are packed already, ``(k, bytes)``."""
    # Whole rows compared as one number or one string of bytes: numpy's unique along an axis is ten times slower.
    if packed.shape[1] <= 8:
        padded = np.zeros((len(packed), 8), dtype=np.uint8)
        padded[:, : packed.shape[1]] = packed
        keys = padded.view(">u8")[:, 0].astype(np.uint64)
    else:
        keys = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}")[:, 0]
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    return first, where.reshape(-1)

"""Transfer of arrays on the host to tensors on the device, without waiting where that is possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Masks


def to_device(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Copy to ``device``. The copy to CUDA is from pinned memory, and the call returns before it is complete."""
    if device.type != "cuda":
        return torch.tensor(values, device=device)  # a copy: torch warns about arrays that are read-only
    return torch.tensor(values).pin_memory().to(device, non_blocking=True)


def masks_to_device(masks: Masks, device: torch.device) -> torch.Tensor:
    """Copy ``(k, n)`` bool to ``device``; to CUDA as bits, which are expanded there."""
    if device.type != "cuda":
        return to_device(masks, device)
    return unpack_bits(to_device(np.packbits(masks, axis=1), device), masks.shape[1])


def unpack_bits(bits: torch.Tensor, n: int) -> torch.Tensor:
    """Unpack the result of `numpy.packbits`, ``(k, ceil(n / 8))`` uint8, to ``(k, n)`` bool."""
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=bits.device)
    return ((bits[:, :, None] >> shifts) & 1).bool().flatten(start_dim=1)[:, :n]

"""Masks as bits, and arrays as tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stabcert.models.transfer import masks_to_device, to_device, unpack_bits
from tests.models.tiny_images import CPU, random_masks

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("n", [1, 7, 8, 9, 49, 196])
def test_bits_are_what_was_packed(n: int) -> None:
    masks = random_masks(13, n)
    assert np.array_equal(unpack_bits(torch.from_numpy(np.packbits(masks, axis=1)), n).numpy(), masks)
    assert np.array_equal(masks_to_device(masks, CPU).numpy(), masks)


def test_to_cuda_masks_go_as_bits_from_pinned_memory_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: the transfer is recorded, and ends on the CPU."""
    sent: list[tuple[torch.Size, torch.dtype, bool]] = []
    pinned: list[int] = []

    def pin(self: torch.Tensor) -> torch.Tensor:
        pinned.append(id(self))
        return self

    def send(self: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        sent.append((self.shape, self.dtype, non_blocking and id(self) in pinned))
        return self

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", send)
    masks = random_masks(13, 49)
    assert np.array_equal(masks_to_device(masks, torch.device("cuda")).numpy(), masks)
    assert sent == [(torch.Size([13, 7]), torch.uint8, True)]


def test_the_copy_is_no_view_of_the_array() -> None:
    values = np.arange(4)
    tensor = to_device(values, CPU)
    values[:] = 0
    assert tensor.tolist() == [0, 1, 2, 3]

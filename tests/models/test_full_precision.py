"""The precision of products: float32 whatever the process allows, and its settings are put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from stabcert.models.base import ModelPredictor
from stabcert.models.full_precision import full_precision
from tests.models.tiny_images import CPU, masked, means, random_masks

CUDA = torch.device("cuda")
READERS: list[Callable[[], Any]] = [
    torch.get_float32_matmul_precision,
    lambda: torch.backends.cudnn.allow_tf32,
    lambda: torch.backends.cuda.matmul.allow_tf32,
]
CHANGES: list[Callable[[], None]] = [
    lambda: None,
    lambda: torch.set_float32_matmul_precision("medium"),
    lambda: torch.set_float32_matmul_precision("high"),
    lambda: setattr(torch.backends.cudnn, "allow_tf32", False),
]
NEWER = [
    part
    for backend in (torch.backends.mkldnn, torch.backends.cudnn, torch.backends.cuda)
    for name in ("matmul", "conv", "rnn")
    if hasattr(part := getattr(backend, name, None), "fp32_precision")
]


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


@pytest.mark.parametrize("change", CHANGES)
def test_products_are_in_float32_and_the_settings_of_the_process_are_put_back(change: Callable[[], None]) -> None:
    change()
    before = [read() for read in READERS]
    with full_precision(CUDA):
        assert [read() for read in READERS] == ["highest", False, False]
    assert [read() for read in READERS] == before
    with full_precision(CPU):
        assert READERS[0]() == "highest"
    assert [read() for read in READERS] == before
    with pytest.raises(KeyError), full_precision(CUDA):
        raise KeyError
    assert [read() for read in READERS] == before


def test_newer_names_of_the_settings_are_put_back_too() -> None:
    torch.set_float32_matmul_precision("high")
    for changed in (None, *NEWER):
        before = None if changed is None else changed.fp32_precision
        if changed is not None:
            changed.fp32_precision = "ieee"
        for device in (CPU, CUDA, None):
            values = [part.fp32_precision for part in NEWER]
            with full_precision(device):
                assert torch.get_float32_matmul_precision() == "highest"
            assert [part.fp32_precision for part in NEWER] == values
        if changed is not None:
            changed.fp32_precision = before


def test_networks_are_evaluated_in_float32() -> None:
    torch.set_float32_matmul_precision("medium")
    seen = []

    def network(pixels: torch.Tensor) -> torch.Tensor:
        seen.append([read() for read in READERS])
        return means(pixels)

    model = ModelPredictor(masked(network, features="patch"), tuple("abc"), device=CPU)
    model(random_masks(16, 16))
    assert seen
    assert {precision for precision, *_ in seen} == {"highest"}

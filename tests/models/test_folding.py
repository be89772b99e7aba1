"""Batch norms folded into convolutions: the same function, or none."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stabcert.models.folding import fold_batch_norms
from stabcert.models.hub import load_model
from stabcert.models.networks import call_with_pixels


def pixels(rows: int = 2) -> torch.Tensor:
    return torch.randn(rows, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Network(nn.Module):
    """Convolution and batch norm; ``around`` lets the convolution's output go round the norm, too."""

    def __init__(self, *, around: bool = False, twice: bool = False, affine: bool = True, bias: bool = False) -> None:
        super().__init__()
        self.around, self.twice = around, twice
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first = nn.Conv2d(3, 3, 3, padding=1, bias=bias)
            self.norm = nn.BatchNorm2d(3, affine=affine)
            self.head = nn.Linear(3, 4)
            with torch.no_grad():
                for name, tensor in self.norm.state_dict().items():
                    if tensor.is_floating_point():
                        tensor.copy_(torch.rand(3) + (0.5 if name == "running_var" else -0.5))
        self.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        y = self.norm(x)
        if self.twice:
            y = self.norm(self.first(y))
        logits: torch.Tensor = self.head((y + x if self.around else y).mean(dim=(2, 3)))
        return logits


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_the_folded_network_is_the_same_function_without_the_norm(affine: bool, bias: bool) -> None:
    network = Network(affine=affine, bias=bias)
    folded = fold_batch_norms(network, call_with_pixels, pixels())
    assert folded is not None
    assert isinstance(folded.norm, nn.Identity)
    x = pixels(50)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-5, atol=1e-5)
    assert isinstance(network.norm, nn.BatchNorm2d), "the network itself stays as it was"
    assert not any(part._forward_hooks for part in network.modules())


def test_what_also_goes_round_the_norm_is_not_folded() -> None:
    assert fold_batch_norms(Network(around=True), call_with_pixels, pixels()) is None


def test_what_runs_twice_is_not_folded() -> None:
    assert fold_batch_norms(Network(twice=True), call_with_pixels, pixels()) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions_are_left_alone(dtype: torch.dtype) -> None:
    assert fold_batch_norms(Network().to(dtype), call_with_pixels, pixels().to(dtype)) is None


@pytest.mark.slow
def test_the_demo_model_runs_without_norms_and_its_gradients_and_float64_with_them() -> None:
    network = load_model("demo:image", device="cpu").network
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        fast = network.logits(x)  # type: ignore[union-attr]
    plain = network.logits(x)  # type: ignore[union-attr]
    assert torch.equal(plain, network.module(x))
    assert not torch.equal(fast, plain)
    assert (fast - plain).abs().max() < 1e-4
    (folded,) = network._folded  # type: ignore[union-attr]
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in network.module_in_float64.modules())

"""Batch normalisation folded into the convolutions before it: the same function with a fifth less to do."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

# How far the logits may move, of their scale: what rounding does.
_TOLERANCE = 1e-4


def fold_batch_norms(
    module: nn.Module, call: Callable[[nn.Module, torch.Tensor], torch.Tensor], pixels: torch.Tensor
) -> nn.Module | None:
    """Return a copy of a network in evaluation mode without the batch norms that follow a convolution.

    In exact arithmetic it is the same function. In float32 the last bits differ. The order of the parts is observed
    while the network runs on ``pixels``. The copy is returned only if it predicts the same for them and for noise.
    None where there is nothing to fold, or where that fails.
    """
    pairs = _pairs(module, lambda: call(module, pixels))
    if not pairs or any(parameter.dtype != torch.float32 for parameter in module.parameters()):
        return None
    folded = copy.deepcopy(module)
    for convolution, norm in pairs:
        _fold(folded, convolution, norm)
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0)).to(pixels)
    return folded if all(_agree(call(module, x), call(folded, x)) for x in (pixels, noise)) else None


def _pairs(module: nn.Module, run: Callable[[], object]) -> list[tuple[str, str]]:
    """Return the names of convolutions and of the batch norms that read their output; each of them runs once."""
    calls: Counter[str] = Counter()
    given: list[tuple[torch.Tensor, str]] = []  # the tensors themselves, so that no other takes their place
    found: list[tuple[str, str]] = []

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(part: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] += 1
            if isinstance(part, nn.Conv2d):
                given.append((output, name))
            else:
                found.extend((before, name) for tensor, before in given if tensor is inputs[0])

        return hook

    parts = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Conv2d | nn.BatchNorm2d)]
    handles = [part.register_forward_hook(watch(name)) for name, part in parts]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return [pair for pair in found if calls[pair[0]] == calls[pair[1]] == 1]


def _fold(module: nn.Module, convolution: str, norm: str) -> None:
    before, after = module.get_submodule(convolution), module.get_submodule(norm)
    if not isinstance(before, nn.Conv2d) or not isinstance(after, nn.BatchNorm2d):
        raise TypeError(f"{convolution} and {norm} are not a convolution and its batch norm")
    if after.running_mean is None or after.running_var is None:
        return
    channels = len(after.running_mean)
    ones, zeros = torch.ones(channels), torch.zeros(channels)
    gain = (ones if after.weight is None else after.weight).double().to(after.running_var.device)
    shift = (zeros if after.bias is None else after.bias).double().to(after.running_var.device)
    scale = gain / torch.sqrt(after.running_var.double() + after.eps)
    bias = 0.0 if before.bias is None else before.bias.double()
    weight = before.weight.double() * scale[:, None, None, None]
    form = torch.channels_last if before.weight.is_contiguous(memory_format=torch.channels_last) else None
    before.weight = nn.Parameter(weight.float().contiguous(memory_format=form or torch.contiguous_format), False)
    before.bias = nn.Parameter(((bias - after.running_mean.double()) * scale + shift).float(), False)
    # timm's batch norms end with a dropout, which does nothing in evaluation mode, and an activation.
    parent, _, name = norm.rpartition(".")
    setattr(module.get_submodule(parent), name, getattr(after, "act", nn.Identity()))


def _agree(first: torch.Tensor, second: torch.Tensor) -> bool:
    scale = max(1.0, float(first.abs().max()))
    return bool((first - second).abs().max() <= _TOLERANCE * scale)

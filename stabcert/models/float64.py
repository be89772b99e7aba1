"""A test of whether the copy of a network with float64 weights computes in float64 throughout."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stabcert.models.unchanged import unchanged


def rounds_to_float32(network: torch.nn.Module, encoding: Any) -> bool:
    """Return whether a network with float64 weights rounds intermediate numbers to less than float64.

    Many decoders normalise, and some take the softmax of attention, in float32 whatever the type of the weights.
    Constants of the network, such as the frequencies of rotary positions, may be rounded: they are the same for
    every input.

    Args:
        network: in evaluation mode.
        encoding: a text, encoded by its tokenizer as a batch of one row.
    """
    device = next(network.parameters()).device
    inputs = {name: encoding[name].to(device) for name in ("input_ids", "attention_mask")}
    # Not by calling the network: the operations of a compiled network are not seen.
    return rounds_during(network, lambda: network.forward(**inputs))


def rounds_during(network: torch.nn.Module, run: Callable[[], object]) -> bool:
    """Return whether a network with float64 weights rounds intermediate numbers to less than float64 during ``run``."""
    constants = {tensor.untyped_storage().data_ptr() for tensor in chain(network.parameters(), network.buffers())}
    with torch.inference_mode(), unchanged(network), _Roundings(constants) as seen:
        run()
    return bool(seen.found)


class _Roundings(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, constants: set[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._constants = constants
        self.found = False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.dtype in (torch.float32, torch.float16, torch.bfloat16):
            self.found = self.found or any(self._varies(value) for value in args)
        return result

    def _varies(self, value: Any) -> bool:
        return (
            isinstance(value, torch.Tensor)
            and value.dtype == torch.float64
            and value.untyped_storage().data_ptr() not in self._constants
        )

"""Half precision, and a measurement of its speed."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import torch

from stabcert.models.networks import ImageNetwork, TextNetwork
from stabcert.models.running import run

_ROWS = 8
_TIMES = 3


def weights_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the type of the weights for arithmetic in ``dtype``.

    On CUDA half precision is autocast over float32 weights: products in half precision, sums and norms in float32.
    """
    return torch.float32 if device.type == "cuda" and dtype in (torch.float16, torch.bfloat16) else dtype


def half_precision_note(network: ImageNetwork | TextNetwork, dtype: torch.dtype) -> str:
    """Return a note on the speed of half precision here, timed on a few grey images or short texts.

    Not every processor computes in half precision; others convert, and are slower. It is another function either way.
    """
    single = copy.deepcopy(network.module).float()
    half, full = _forward(network, network.module, dtype), _forward(network, single, torch.float32)
    seconds: list[list[float]] = [[], []]
    for _ in range(_TIMES + 1):
        for taken, forward in zip(seconds, (half, full), strict=True):
            start = time.perf_counter()
            with torch.inference_mode():
                forward()
            taken.append(time.perf_counter() - start)
    factor = min(seconds[1][1:]) / min(seconds[0][1:])  # the first ones load kernels
    name = str(dtype).removeprefix("torch.")
    if factor > 1.1:
        return f"{name} is {factor:.1f} times as fast as float32 here. It is another function, with other predictions"
    return (
        f"{name} is not faster than float32 on this processor (it takes {1 / factor:.1f} times as long). It is "
        "another function. Use dtype='float32' unless you need that function"
    )


def _forward(
    network: ImageNetwork | TextNetwork, module: torch.nn.Module, dtype: torch.dtype
) -> Callable[[], torch.Tensor]:
    if isinstance(network, TextNetwork):
        encoded = network.tokenizer(["a b c d e f g h"] * _ROWS, return_tensors="pt")
        inputs = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        return lambda: run(module, inputs)
    pixels = network.trial_pixels()
    form = torch.channels_last if network.channels_last else torch.contiguous_format
    batch = torch.stack([pixels] * _ROWS).to(dtype).contiguous(memory_format=form)
    return lambda: network.run(module, batch)

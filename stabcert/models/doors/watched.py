"""Networks that belong to the caller: they are left as they are, and every change of them is noticed."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Mask, Masks, Probs
from stabcert.errors import ModelError
from stabcert.models.base import ModelPredictor
from stabcert.models.batches import BatchSize, BatchSizes
from stabcert.models.heads import Head
from stabcert.models.masked_input import MaskedInput


class Watch:
    """The mode, the weights, the parts and the hooks of a network at one moment.

    Args:
        network: a network of the caller.
        door: the name of the function that makes a predictor of it, for messages.

    Raises:
        ModelError: a part of the network is in training mode.
    """

    def __init__(self, network: torch.nn.Module, door: str) -> None:
        self.network = network
        self.name = type(network).__name__
        self._door = door
        self._weights, self._parts = _versions(network), _parts(network)
        self.check()

    def check(self) -> None:
        """Refuse a network that is in training mode, or whose weights, parts or hooks are not those of the beginning.

        Raises:
            ModelError: the mode, a weight, a part or a hook has changed. Changes through ``tensor.data`` and of plain
                attributes of the network are not noticed.
        """
        name = self.name
        training = next((part for part in self.network.modules() if part.training), None)
        if training is not None:
            where = "" if training is self.network else f" (its part {type(training).__name__})"
            raise ModelError(
                f"{name} is in training mode{where}, in which dropout is random and batch norms depend on the batch. "
                f"Type network.eval() before {self._door}"
            )
        weights = _versions(self.network) != self._weights
        if weights or _parts(self.network) != self._parts:
            raise ModelError(
                f"the {'weights' if weights else 'parts or hooks'} of {name} have changed since {self._door}, so that "
                f"it is another function now. Type {self._door} again"
            )


class WatchedPredictor(ModelPredictor):
    """A `ModelPredictor` of a network of the caller. It refuses to evaluate a network that has changed."""

    def __init__(
        self,
        masked_input: MaskedInput,
        class_names: tuple[str, ...],
        watch: Watch,
        *,
        device: torch.device,
        dtype: torch.dtype,
        batch_size: BatchSize = "auto",
        batches: BatchSizes | None = None,
        head: Head | None = None,
    ) -> None:
        super().__init__(
            masked_input, class_names, device=device, dtype=dtype, batch_size=batch_size, batches=batches, head=head
        )
        self._watch = watch

    @property
    def network_name(self) -> str:
        """The name of the network's class."""
        return self._watch.name

    def network_sha256(self) -> str | None:
        """Return the SHA-256 of the weights; see `state_sha256`."""
        self._watch.check()
        return state_sha256(self._watch.network)

    def __call__(self, masks: Masks, /) -> Probs:
        self._watch.check()
        return super().__call__(masks)

    def alone(self, masks: Masks) -> Probs:
        self._watch.check()
        return super().alone(masks)

    def outputs(self, masks: Masks) -> NDArray[np.float64] | None:
        self._watch.check()
        return super().outputs(masks)

    def around(self, mask: Mask | None = None) -> ModelPredictor:
        self._watch.check()
        return super().around(mask)

    def scored(self) -> ModelPredictor:
        self._watch.check()
        return super().scored()

    def _with_head(self, head: Head, class_names: tuple[str, ...]) -> ModelPredictor:
        return WatchedPredictor(
            self.masked_input,
            class_names,
            self._watch,
            device=self.device,
            dtype=self.dtype,
            batches=self.batches,
            head=head,
        )

    def relaxed(self, weights: torch.Tensor) -> torch.Tensor:
        self._watch.check()
        return super().relaxed(weights)

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        self._watch.check()
        return super().logits_at(points)


def state_sha256(network: torch.nn.Module) -> str | None:
    """Return the SHA-256 of the parameters and buffers of a network, by name; None without any.

    The hash is that of the lines ``name dtype shape`` and of the bytes of each tensor, sorted by name. It is not the
    hash of a file of weights.
    """
    found = hashlib.sha256()
    state = network.state_dict()
    for name in sorted(state):
        value = state[name]
        if not isinstance(value, torch.Tensor):
            continue
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        flat = value.detach().cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().tobytes())
    return found.hexdigest() if state else None


def place_of(network: torch.nn.Module, door: str) -> tuple[torch.device, torch.dtype]:
    """Return the device and the floating type of the weights of a network; CPU and float32 without any.

    Raises:
        ModelError: the weights are on several devices, are of several types, or are not finite.
    """
    weights = [(name, value) for name, value in network.named_parameters() if value.is_floating_point()]
    name = type(network).__name__
    devices, dtypes = {value.device for _, value in weights}, {value.dtype for _, value in weights}
    if len(devices) > 1 or len(dtypes) > 1:
        several = sorted(str(one) for one in (devices if len(devices) > 1 else dtypes))
        raise ModelError(
            f"the weights of {name} must be on one device and of one type, got {', '.join(several)}. Move the network "
            f"with network.to(device, dtype) before {door}"
        )
    broken = next((key for key, value in weights if not bool(torch.isfinite(value).all())), None)
    if broken is not None:
        raise ModelError(f"{name} has weights that are not finite (NaN or infinity): {broken}. Train it again")
    return (devices.pop() if devices else torch.device("cpu"), dtypes.pop() if dtypes else torch.float32)


def _versions(network: torch.nn.Module) -> list[tuple[int, int]]:
    tensors = [*network.parameters(), *network.buffers()]
    return [(one.data_ptr(), 0 if one.is_inference() else one._version) for one in tensors]


def _parts(network: torch.nn.Module) -> list[tuple[torch.nn.Module, tuple[int, ...], tuple[int, ...]]]:
    """Return the parts with the numbers of their hooks. A part is equal to itself only, and no number occurs twice."""
    return [(part, tuple(part._forward_hooks), tuple(part._forward_pre_hooks)) for part in network.modules()]

"""One tensor in front of one network, as a masked input."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.core.types import Features, Masks
from stabcert.errors import ModelError
from stabcert.models.batches import IMAGE_COST
from stabcert.models.doors.tensor_features import Division
from stabcert.models.failures import failing
from stabcert.models.float64 import rounds_during
from stabcert.models.transfer import masks_to_device
from stabcert.models.unchanged import unchanged

Outputs = Literal["logits", "probabilities"]


class MaskedTensor:
    """One tensor and one network, as a `stabcert.models.masked_input.MaskedInput`.

    A kept number is bit for bit that of the tensor, a dropped one bit for bit that of the baseline.

    Args:
        network: a module in evaluation mode; ``(b, *shape)`` to ``(b, n_classes)``.
        tensor: ``(1, *shape)``, on the device and of the type of the network.
        baseline: a tensor of the same shape.
        division: the features, in the shape of the tensor without its first dimension.
        outputs: what the network returns.
        baseline_name: how the baseline is called in records.
        notes: notes for the user.
    """

    pads = False
    relaxation = "each number is baseline + weight * (number - baseline)"

    def __init__(
        self,
        network: torch.nn.Module,
        tensor: torch.Tensor,
        baseline: torch.Tensor,
        division: Division,
        *,
        outputs: Outputs,
        baseline_name: str,
        notes: tuple[str, ...],
    ) -> None:
        self._get_network: Callable[[], torch.nn.Module] = lambda: network
        self._name = type(network).__name__
        self._tensor, self._baseline = tensor, baseline
        self.division = division
        self._outputs = outputs
        self._index = torch.from_numpy(division.labels).flatten().to(tensor.device)
        self.notes = notes
        self.settings: dict[str, Any] = {
            **division.settings,
            "baseline": baseline_name,
            "input_shape": list(tensor.shape[1:]),
            "outputs": outputs,
        }
        if baseline_name == "tensor":
            flat = baseline.detach().cpu().double().numpy()
            self.settings["baseline_sha256"] = hashlib.sha256(flat.astype("<f8").tobytes()).hexdigest()

    @property
    def features(self) -> Features:
        return self.division.features

    @property
    def sha256(self) -> str:
        """SHA-256 of the numbers of the tensor as little-endian float64."""
        return hashlib.sha256(self._tensor.cpu().double().numpy().astype("<f8").tobytes()).hexdigest()

    def pixels(self) -> NDArray[np.uint8] | None:
        """Return the tensor as colours ``(height, width, 3)`` from its smallest to its largest number, for pictures.

        None for a tensor that is not a plane, or an image of one or three channels.
        """
        values = self._tensor[0].detach().cpu().double().numpy()
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[0] not in (1, 3):
            return None
        span = float(values.max() - values.min()) or 1.0
        scaled = np.rint(255 * (values - values.min()) / span).astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(scaled, (3, *scaled.shape[1:])).transpose(1, 2, 0))

    def cost(self, masks: Masks) -> NDArray[np.int64]:
        return np.full(len(masks), 1 if self.division.plane is None else IMAGE_COST, dtype=np.int64)

    def logits(self, masks: Masks) -> torch.Tensor:
        kept = masks_to_device(masks, self._tensor.device).index_select(1, self._index)
        return self._run(torch.where(kept.view(-1, *self._tensor.shape[1:]), self._tensor, self._baseline))

    def in_float64(self) -> MaskedTensor:
        exact = copy.copy(self)
        exact._get_network = lambda: self._network_in_float64
        exact._tensor, exact._baseline = self._tensor.double(), self._baseline.double()
        return exact

    @cached_property
    def _network_in_float64(self) -> torch.nn.Module:
        with failing(self._name):
            exact = copy.deepcopy(self._get_network()).double()
            if rounds_during(exact, lambda: exact.forward(self._tensor.double())):
                raise ModelError(f"{self._name} computes in float32 whatever the type of its weights")
            return exact

    def relaxed_logits(self, weights: torch.Tensor) -> torch.Tensor:
        spread = weights.to(self._tensor.device, self._tensor.dtype).index_select(1, self._index)
        # Unlike baseline + weight * (number - baseline), lerp is exact at both 0 and 1.
        return self._run(torch.lerp(self._baseline, self._tensor, spread.view(-1, *self._tensor.shape[1:])))

    @property
    def point(self) -> torch.Tensor:
        """``(1, *shape)``, the tensor itself."""
        return self._tensor.clone()

    def logits_at(self, points: torch.Tensor) -> torch.Tensor:
        return self._run(points)

    def per_feature(self, values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(len(values), len(self.features)).index_add(1, self._index, values.flatten(1))

    def _run(self, batch: torch.Tensor) -> torch.Tensor:
        values, drew = self._outputs_of(batch, seed=None)
        if drew:
            again, _ = self._outputs_of(batch, seed=1)
            if not torch.allclose(values, again, rtol=1e-4, atol=1e-4):
                raise ModelError(
                    f"{self._name} draws random numbers when it predicts, so its predictions differ from run to run "
                    "and cannot be certified. Give a network without dropout in evaluation mode"
                )
        return values

    def _outputs_of(self, batch: torch.Tensor, *, seed: int | None) -> tuple[torch.Tensor, bool]:
        """Return logits, and whether torch's generator was used for them; with a seed, it starts there."""
        network = self._get_network()
        with failing(self._name), unchanged(network):  # which also puts the generator back
            if seed is not None:
                torch.default_generator.manual_seed(seed)
            before = torch.get_rng_state()
            found = network(batch)
            drew = not torch.equal(before, torch.get_rng_state())
        values = getattr(found, "logits", found)
        if not isinstance(values, torch.Tensor):
            raise ModelError(
                f"{self._name} must return a tensor of shape (batch, classes), or an object with such logits, got "
                f"{type(found).__name__}. Wrap it in a module that returns the logits alone"
            )
        if batch.dtype == torch.float64 and values.dtype != torch.float64:
            # Such a network would not compute near ties in float64.
            raise ModelError(f"{self._name} does not compute in float64")
        if self._outputs == "logits":
            return values, drew
        # The softmax of these logarithms gives the probabilities. A probability of 0 has no finite logarithm.
        return values.clamp_min(torch.finfo(values.dtype).tiny).log(), drew

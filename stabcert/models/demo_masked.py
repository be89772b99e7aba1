"""The demo models trained on masked inputs: the weights of ``demo:image`` and ``demo:text`` plus small changes.

A file of changes is safetensors. ``X.levels`` ``(outputs, bytes)`` uint8 and ``X.scales`` ``(outputs,)`` float16 are the
change of the weight ``X``: each byte is two numbers of 4 bits, the first in the lower bits, and a number minus 8, times
the scale of its output, is added. ``X.down`` ``(rank, inputs)`` and ``X.up`` ``(outputs, rank)`` are the factors of a
change of the matrix of module ``X``. Every other tensor is added to the parameter of its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from stabcert.models.demo import DemoImage, DemoText, load_demo_image, load_demo_text, verify

IMAGE_CHANGES_SHA256 = "0000000000000000000000000000000000000000000000000000000000000000"
TEXT_CHANGES_SHA256 = "0000000000000000000000000000000000000000000000000000000000000000"

_WEIGHTS = Path(__file__).parent / "weights"
IMAGE_CHANGES = _WEIGHTS / "demo-image-masked.safetensors"
TEXT_CHANGES = _WEIGHTS / "demo-text-masked.safetensors"


def load_demo_image_masked() -> DemoImage:
    """Load ``demo:image-masked`` without any access to the network.

    Raises:
        ModelError: the package with the weights of ``demo:image`` is missing, or a file is not the known one.
    """
    verify(IMAGE_CHANGES, IMAGE_CHANGES_SHA256, "stabcert-attributions")
    base = load_demo_image()
    add_changes(base.network, read_changes(IMAGE_CHANGES)[0])
    return replace(base, sha256=_sha256_of_both(base.sha256, IMAGE_CHANGES_SHA256))


def load_demo_text_masked() -> DemoText:
    """Load ``demo:text-masked`` without any access to the network.

    Raises:
        ModelError: the package with the encoder is missing, or a file is not the known one.
    """
    verify(TEXT_CHANGES, TEXT_CHANGES_SHA256, "stabcert-attributions")
    base = load_demo_text()
    add_changes(base.network, read_changes(TEXT_CHANGES)[0])
    return replace(base, sha256=_sha256_of_both(base.sha256, TEXT_CHANGES_SHA256))


def read_changes(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read the tensors of a file of changes as they are stored, and what it says about its making."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        made: dict[str, Any] = json.loads(file.metadata()["made"])
        return {key: file.get_tensor(key) for key in file.keys()}, made  # noqa: SIM118 (not a dict)


def add_changes(network: torch.nn.Module, changes: Mapping[str, torch.Tensor]) -> None:
    """Add the changes of a file to the parameters of ``network``, in float32."""
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for key, value in changes.items():
            name, _, leaf = key.rpartition(".")
            if leaf == "levels":
                parameters[name].add_(_unpacked(value, changes[f"{name}.scales"], parameters[name].shape))
            elif leaf == "down":
                parameters[f"{name}.weight"].add_(changes[f"{name}.up"].float() @ value.float())
            elif leaf not in ("scales", "up"):
                parameters[key].add_(value.float())


def _unpacked(levels: torch.Tensor, scales: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    numbers = torch.stack([levels & 15, levels >> 4], dim=-1).flatten(1)[:, : shape[1:].numel()]
    return ((numbers.float() - 8) * scales.float()[:, None]).view(shape)


def _sha256_of_both(base: str, changes: str) -> str:
    """Return the SHA-256 of two hexadecimal hashes, one after the other."""
    return hashlib.sha256((base + changes).encode()).hexdigest()

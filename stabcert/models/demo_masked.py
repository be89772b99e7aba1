"""The demo model that is trained on masked inputs: the weights of ``demo:image`` plus small changes.

``demo:image-masked`` has the classes, the preparation and the unmasked predictions of ``demo:image``, and keeps them
better on masked photos: it was trained by `stabcert.adapt` to predict on a masked photo what ``demo:image`` predicts on
the whole one, and on the whole one the same. The data are 503 of 575 photos of as many classes of ImageNet
(https://github.com/EliSchwartz/imagenet-sample-images, 256 pixels); the other 72 chose the epoch and the point between
the original weights and the trained ones. None of the photos are part of this repository.

Measured on 125 further photos of other classes of that collection, which were used for nothing else (``demo:image``
itself was probably trained on all of them); one mask each, intervals of 95% (Clopper-Pearson), ``demo:image`` in
brackets:

- the class of ``demo:image`` on the whole photo, on the whole photo: 96.0% (90.9 to 98.7); the label: 87.2% (89.6%)
- with a random half of a 7 x 7 grid kept: 70.4% (61.6 to 78.2) (46.4%: 37.4 to 55.5)
- with a random quarter of it kept: 44.0% (35.1 to 53.2) (16.0%: 10.1 to 23.6)
- with a random half of a 14 x 14 grid kept: 57.6% (48.4 to 66.4) (14.4%: 8.8 to 21.8)
- with a random quarter of it kept: 36.0% (27.6 to 45.1) (0.8%: 0.0 to 4.4)

To rebuild the changes, run the following with a folder of photos, then move the file to `IMAGE_CHANGES` and set
`IMAGE_CHANGES_SHA256` to the hash that it writes to the log::

    python -m tests.training.demo_image_masked --data photos --out demo-image-masked.safetensors

A file of changes is safetensors. ``X.levels`` ``(outputs, bytes)`` uint8 and ``X.scales`` ``(outputs,)`` float16 are
the change of the weight ``X``: each byte is two numbers of 4 bits, the first in the lower bits, and a number minus 8,
times the scale of its output, is added. Every other tensor is added to the parameter of its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from stabcert.models.demo import DemoImage, load_demo_image, verify

IMAGE_CHANGES_SHA256 = "54fd8836e9c3417b4a560a3832b48075f51b6ec850babe92a32dddb3f7dc2fe1"

IMAGE_CHANGES = Path(__file__).parent / "weights" / "demo-image-masked.safetensors"


def load_demo_image_masked() -> DemoImage:
    """Load ``demo:image-masked`` without any access to the network.

    Raises:
        ModelError: the package with the weights of ``demo:image`` is missing, or a file is not the known one.
    """
    verify(IMAGE_CHANGES, IMAGE_CHANGES_SHA256, "stabcert-attributions")
    base = load_demo_image()
    add_changes(base.network, read_changes(IMAGE_CHANGES)[0])
    return replace(base, sha256=_sha256_of_both(base.sha256, IMAGE_CHANGES_SHA256))


def read_changes(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read the tensors of a file of changes as they are stored, and the description of how they were made."""
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
            elif leaf != "scales":
                parameters[key].add_(value.float())


def _unpacked(levels: torch.Tensor, scales: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    numbers = torch.stack([levels & 15, levels >> 4], dim=-1).flatten(1)[:, : shape[1:].numel()]
    return ((numbers.float() - 8) * scales.float()[:, None]).view(shape)


def _sha256_of_both(base: str, changes: str) -> str:
    """Return the SHA-256 of two hexadecimal hashes, one after the other."""
    return hashlib.sha256((base + changes).encode()).hexdigest()

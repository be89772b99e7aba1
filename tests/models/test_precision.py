"""Half precision and compilation: what they change is said, and where they run is simulated on a CPU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stabcert.errors import ParameterError
from stabcert.models import precision
from stabcert.models.base import ModelPredictor
from stabcert.models.hub import load_model
from stabcert.models.networks import ImageNetwork
from stabcert.models.preprocessing import Preprocessing
from tests.models.tiny_images import CLASSES, CPU, masked, picture, random_masks
from tests.tiny_models import save_tiny_bert, save_vit, tiny_resnet

pytestmark = pytest.mark.slow

NAMES = tuple(f"class {i}" for i in range(CLASSES))


@pytest.mark.parametrize(
    ("dtype", "device", "kept"),
    [
        (torch.float32, "cpu", torch.float32),
        (torch.bfloat16, "cpu", torch.bfloat16),
        (torch.bfloat16, "cuda", torch.float32),
        (torch.float16, "cuda:1", torch.float32),
        (torch.float32, "cuda", torch.float32),
        (torch.float16, "mps", torch.float16),
    ],
)
def test_weights_stay_in_float32_where_arithmetic_is_autocast(
    dtype: torch.dtype, device: str, kept: torch.dtype
) -> None:
    assert precision.weights_dtype(dtype, torch.device(device)) == kept


def test_autocast_computes_in_half_precision_with_weights_in_float32() -> None:
    network, seen = tiny_resnet(), []

    def watched(pixels: torch.Tensor) -> torch.Tensor:
        logits = network(pixels)
        seen.append((pixels.dtype, logits.dtype))
        return logits

    masks = random_masks(20, 16)
    image = masked(watched, features="grid:4")
    half = ModelPredictor(image, NAMES, device=CPU, dtype=torch.bfloat16, autocast=torch.bfloat16)(masks)
    assert set(seen) == {(torch.float32, torch.bfloat16)}
    single = ModelPredictor(masked(network, features="grid:4"), NAMES, device=CPU)(masks)
    assert 0 < np.abs(half - single).max() < 0.1


class _Clock:
    """``perf_counter`` under which every second call of what is timed takes ``half``, the others ``single``."""

    def __init__(self, half: float, single: float) -> None:
        self.now, self.steps = 0.0, self._steps(half, single)

    def _steps(self, half: float, single: float) -> Iterator[float]:
        while True:
            yield from (0.0, half, 0.0, single)

    def perf_counter(self) -> float:
        self.now += next(self.steps)
        return self.now


@pytest.mark.parametrize(
    ("half", "single", "says"),
    [
        (1.0, 1.6, "bfloat16 is 1.6 times as fast as float32 here. It is another function"),
        (2.0, 1.0, r"bfloat16 is not faster than float32 on this processor \(it takes 2.0 times as long\)"),
    ],
)
@pytest.mark.parametrize("kind", ["image", "text"])
def test_whether_half_precision_is_faster_is_measured_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, half: float, single: float, says: str
) -> None:
    monkeypatch.setattr(precision, "time", _Clock(half, single))
    if kind == "text":
        (note,) = load_model(str(save_tiny_bert(tmp_path / "bert")), device="cpu", dtype="bfloat16").notes
    else:
        layer = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, CLASSES)).to(torch.bfloat16)
        pre = Preprocessing(lambda image: torch.zeros(3, 32, 32), (0.0,) * 3, (1.0,) * 3)
        note = precision.half_precision_note(
            ImageNetwork(layer, lambda module, pixels: module(pixels), pre, None, False), torch.bfloat16
        )
    assert re.match(says, note)


def test_float32_is_not_timed(tmp_path: Path) -> None:
    assert load_model(str(save_tiny_bert(tmp_path / "bert")), device="cpu").notes == ()


def test_a_network_is_compiled_on_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: asked.append(options))
    directory = save_tiny_bert(tmp_path / "bert")
    load_model(str(directory), device="cpu")
    assert asked == []
    load_model(str(directory), device="cpu", compile=True)
    assert asked == [{}]


def test_patches_cannot_be_dropped_from_a_compiled_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save_vit(tmp_path)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: None)
    plain, compiled = (load_model(str(tmp_path), device="cpu", compile=flag) for flag in (False, True))
    assert plain.predictor(picture(), baseline="drop").n_features == 16
    with pytest.raises(ParameterError, match="does not read patches as tokens"):
        compiled.predictor(picture(), baseline="drop")
    assert compiled.predictor(picture()).n_features == 16

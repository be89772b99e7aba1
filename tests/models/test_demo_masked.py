"""demo:image-masked is demo:image plus the changes of a known file, and stands masking better."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from stabcert.errors import ModelError
from stabcert.models import demo, demo_masked
from stabcert.models.demo import DemoImage, load_demo_image
from stabcert.models.demo_masked import IMAGE_CHANGES, load_demo_image_masked, read_changes
from stabcert.models.hub import load_model
from tests.training import demo_image_masked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def masked() -> DemoImage:
    return load_demo_image_masked()


@pytest.fixture(scope="module")
def base() -> DemoImage:
    return load_demo_image()


def test_classes_and_preparation_are_those_of_the_demo_model(masked: DemoImage, base: DemoImage) -> None:
    assert masked.class_names == base.class_names
    assert (masked.mean, masked.std, masked.size, masked.resize) == (base.mean, base.std, base.size, base.resize)


def test_weights_are_float32_in_evaluation_mode_and_only_the_named_ones_differ(
    masked: DemoImage, base: DemoImage
) -> None:
    changes, _ = read_changes(IMAGE_CHANGES)
    changed = {key.removesuffix(".levels").removesuffix(".scales") for key in changes}
    assert not any(module.training for module in masked.network.modules())
    first = base.network.state_dict()
    for key, value in masked.network.state_dict().items():
        assert torch.equal(value, first[key]) != (key in changed), key
        assert value.dtype == first[key].dtype
    assert not any(key.startswith(("classifier", "conv_stem")) or "conv_dw" in key for key in changed)


def test_the_hash_is_that_of_both_files(masked: DemoImage, base: DemoImage) -> None:
    changes = hashlib.sha256(IMAGE_CHANGES.read_bytes()).hexdigest()
    assert masked.sha256 == hashlib.sha256((base.sha256 + changes).encode()).hexdigest()
    assert load_model("demo:image-masked", device="cpu").sha256 == masked.sha256


def test_a_damaged_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "changes.safetensors"
    data = bytearray(IMAGE_CHANGES.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    monkeypatch.setattr(demo_masked, "IMAGE_CHANGES", damaged)
    monkeypatch.setattr(demo_masked, "read_changes", None)
    with pytest.raises(ModelError, match=r"its SHA-256 is .* and must be .*--no-deps stabcert-attributions"):
        load_demo_image_masked()


def test_a_missing_file_is_a_model_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_masked, "IMAGE_CHANGES", tmp_path / "gone.safetensors")
    with pytest.raises(ModelError, match=r"gone\.safetensors does not exist\. Type `pip install"):
        load_demo_image_masked()


def test_the_file_is_small_and_says_how_it_was_made() -> None:
    assert IMAGE_CHANGES.stat().st_size <= 3_000_000
    _, made = read_changes(IMAGE_CHANGES)
    for name in ("method", "epochs", "learning_rate", "batch_size", "copies", "temperature", "clean_loss", "seed"):
        assert made["settings"][name] == getattr(demo_image_masked.SETTINGS, name), name
    assert made["base_sha256"] == demo.IMAGE_SHA256


@pytest.mark.parametrize(
    ("name", "label", "probability", "kept", "kept_before"),
    [("coffee", "espresso", 0.906, 7, 0), ("camera", "tripod", 0.972, 9, 8)],
)
def test_a_known_photo_has_its_known_class_and_keeps_it_on_known_quarters(
    name: str, label: str, probability: float, kept: int, kept_before: int
) -> None:
    photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    rng = np.random.default_rng(0)
    masks = np.zeros((17, 49), dtype=np.bool_)
    masks[0] = True
    for mask in masks[1:]:
        mask[rng.permutation(49)[:12]] = True
    counts = []
    for which in ("demo:image-masked", "demo:image"):
        model = load_model(which, device="cpu")
        probs = model.predictor(photo, features="grid:7")(masks)
        best = probs.argmax(axis=1)
        assert model.class_names[best[0]] == label
        counts.append(int((best[1:] == best[0]).sum()))
        if which == "demo:image-masked":
            assert probs[0].max() == pytest.approx(probability, abs=0.002)
    assert abs(counts[0] - kept) <= 1
    assert abs(counts[1] - kept_before) <= 1

"""Neighbours where patches are tokens: families as they are loaded, against their own pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from stabcert.models.hub import LoadedModel, load_model
from stabcert.models.neighbours import shifted
from tests.models.tiny_images import CLASSES, SIDE, picture, random_masks

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VISION = {**SIZES, "image_size": SIDE, "patch_size": 8}
TIMM = {"img_size": SIDE, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
FAMILIES = (
    "ViT",
    "DeiT",
    "Dinov2",
    "Beit",
    "Data2VecVision",
    "Dinov2WithRegisters",
    "CLIP",
    "Siglip",
    "timm:vit_tiny_patch16_224",
    "timm:deit3_small_patch16_224",
)
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "Beit": {**VISION, "use_relative_position_bias": True},  # as the published ones have it
    "Data2VecVision": {**VISION, "use_relative_position_bias": True},
    "CLIP": {"vision_config": VISION},
    "Siglip": {"vision_config": VISION},
    "Levit": {
        "image_size": 64,
        "hidden_sizes": [16, 24, 32],
        "num_attention_heads": [2, 2, 2],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
    },
}


def save(family: str, directory: Path) -> Path:
    """A random network of the family with a processor that resizes to its number of pixels, mostly SIDE."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if family.startswith("timm:"):
            import timm

            network = timm.create_model(family.removeprefix("timm:"), num_classes=CLASSES, **TIMM)
            _enlarge(network)
            timm.models.save_for_hf(network, str(directory), model_args=TIMM, safe_serialization=True)
            return directory
        options = CONFIGURATIONS.get(family, VISION)
        config = getattr(transformers, f"{family}Config")(**options, num_labels=CLASSES)
        network = getattr(transformers, f"{family}ForImageClassification")(config)
        _enlarge(network)
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained(directory)
    transformers.utils.logging.enable_progress_bar()
    side = options.get("image_size", SIDE)
    transformers.ViTImageProcessor(size={"height": side, "width": side}).save_pretrained(directory)
    return directory


def _enlarge(network: torch.nn.Module) -> None:
    """Weights that let pixels and positions matter."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1 or "pos" in name or name.endswith("gamma"):  # of scales that begin near 0
                parameter.normal_(std=0.3)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_model(str(save(request.param, tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["zero", "blur"])
def test_a_neighbour_is_the_network_on_moved_pixels(model: LoadedModel, baseline: str) -> None:
    original = model.predictor(picture(), baseline=baseline)
    image: Any = original.masked_input
    masks = random_masks(12, original.n_features)
    masks[0], masks[1] = True, False
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal(image.point.shape))
    kept = torch.from_numpy(masks[:, image.labels])[:, None]
    empty = image.batch(np.zeros((1, original.n_features), dtype=bool))
    before = original(masks)
    for scale in (0.0, 1.0):
        near = shifted(original, scale * noise)
        with torch.inference_mode():
            pixels = torch.where(kept, image.point + scale * noise.float(), empty)
            expected = model.network.call(model.network.module, pixels).softmax(-1)  # type: ignore[union-attr]
        np.testing.assert_allclose(near(masks), expected.numpy(), atol=1e-5)
        np.testing.assert_allclose(near.alone(masks[:2]), expected[:2].numpy(), atol=1e-5)
        exact = near.masked_input.in_float64()
        assert exact is not None
        with torch.inference_mode():
            np.testing.assert_allclose(exact.logits(masks).softmax(-1).numpy(), expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(shifted(original, 0 * noise)(masks), before, atol=1e-6)
    assert np.abs(shifted(original, noise)(masks) - before)[masks.any(axis=1)].max(axis=1).min() > 1e-4
    assert original(masks).tolist() == before.tolist()


def test_removed_patches_of_a_neighbour_are_those_of_the_neighbour(tmp_path: Path) -> None:
    loaded = load_model(str(save("ViT", tmp_path)), device="cpu")
    dropped = loaded.predictor(picture(), baseline="drop")
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal(dropped.masked_input.point.shape))
    everything = np.ones((1, dropped.n_features), dtype=bool)
    expected = shifted(loaded.predictor(picture()), noise)(everything)
    np.testing.assert_allclose(shifted(dropped, noise)(everything), expected, atol=1e-6)
    assert np.abs(dropped(everything) - expected).max() > 1e-4

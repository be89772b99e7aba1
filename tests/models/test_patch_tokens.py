"""Patches as tokens: reused embeddings are the function of the pixels, removed ones are left out of the sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from stabcert.core.types import Masks
from stabcert.errors import ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.image import MaskedImage
from stabcert.models.patch_tokens import PatchLayout, TokenStage, feature_of_patches
from stabcert.models.preprocessing import resize_and_crop
from tests.models.tiny_images import CLASSES, CPU, MEAN, SIDE, STD, picture, random_masks

NAMES = tuple(f"class {i}" for i in range(CLASSES))
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def network(kind: str) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "timm":
            from timm.models.vision_transformer import VisionTransformer

            module = VisionTransformer(
                img_size=SIDE, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=CLASSES
            )
        else:
            import transformers

            config = getattr(transformers, f"{kind}Config")(
                **SIZES, image_size=SIDE, patch_size=8, num_labels=CLASSES, initializer_range=0.5
            )
            module = getattr(transformers, f"{kind}ForImageClassification")(config)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                if "pos" in name:  # positions are to matter
                    parameter.normal_()
    return module.eval().requires_grad_(False)


def call(module: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    output = module(pixels)
    return output if isinstance(output, torch.Tensor) else output.logits


def stage(module: torch.nn.Module) -> TokenStage:
    def part(module: Any) -> torch.nn.Module:
        return module.patch_drop if hasattr(module, "patch_drop") else module.base_model.embeddings

    return TokenStage(lambda: module, part, call, 8)


def image(kind: str, *, by_tokens: bool = True, **options: Any) -> MaskedImage:
    module = network(kind)
    exact = network(kind).double()
    given = {"stage": stage(module), "stage_in_float64": stage(exact)} if by_tokens else {}
    return MaskedImage(
        lambda pixels: call(module, pixels),
        picture(),
        resize_and_crop(SIDE, SIDE, MEAN, STD),
        patch_size=8,
        in_float64=lambda pixels: call(exact, pixels),
        device=CPU,
        **{**given, **options},
    )


def logits(masked: MaskedImage, masks: Masks) -> np.ndarray:
    with torch.inference_mode():
        return masked.logits(masks).numpy()


KINDS = ("ViT", "DeiT", "Dinov2", "timm")


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["zero", "mean", "blur"])
@pytest.mark.parametrize("kind", KINDS)
def test_reused_embeddings_give_what_pixels_give(kind: str, baseline: str) -> None:
    masks = random_masks(40, 16)
    by_tokens, by_pixels = image(kind, baseline=baseline), image(kind, by_tokens=False, baseline=baseline)
    assert by_tokens._tokens is not None
    assert by_pixels._tokens is None
    np.testing.assert_allclose(logits(by_tokens, masks), logits(by_pixels, masks), atol=1e-5)
    exact = by_tokens.in_float64()
    assert exact is not None
    np.testing.assert_allclose(logits(exact, masks), logits(by_pixels, masks), atol=1e-4)


def test_the_first_stage_is_run_for_one_image_whatever_the_number_of_masks() -> None:
    masked = image("ViT")
    masked.logits(random_masks(4, 16))
    rows: list[int] = []
    projection = masked._tokens._stage.module().base_model.embeddings.patch_embeddings.projection  # type: ignore
    projection.register_forward_hook(lambda module, inputs, output: rows.append(len(output)))
    masked.logits(random_masks(40, 16))
    assert rows == [1]


@pytest.mark.parametrize("kind", ["ViT", "DeiT", "timm"])
def test_removed_patches_are_left_out_of_the_sequence_and_the_others_stay_where_they_are(kind: str) -> None:
    """The oracle: the network's own layers on the kept tokens, one mask at a time."""
    module = network(kind)
    masks = np.concatenate([random_masks(12, 16), np.ones((1, 16), bool), np.zeros((1, 16), bool)])
    masked = image(kind, baseline="drop")
    pixels = masked.point
    for mask in masks:
        with torch.inference_mode():
            tokens = stage(module).tokens(pixels)
            assert tokens is not None
            kept = torch.tensor(np.concatenate([np.ones(len(tokens) - 16, bool), mask]))
            if kind == "timm":
                expected = module.forward_head(module.norm(module.blocks(tokens[kept][None])))  # type: ignore
            else:
                states = tokens[kept][None]
                base = module.base_model
                for layer in getattr(base, "layers", None) or base.encoder.layer:  # type: ignore[union-attr]
                    out = layer(states)
                    states = out if isinstance(out, torch.Tensor) else out[0]
                states = base.layernorm(states)  # type: ignore[operator]
                expected = module.classifier(states[:, 0])  # type: ignore[operator]
        np.testing.assert_allclose(logits(masked, mask[None]), expected.numpy(), atol=1e-5)


def test_all_patches_kept_is_the_plain_prediction_and_few_cost_less() -> None:
    masked = image("ViT", baseline="drop")
    every = np.ones((1, 16), dtype=bool)
    np.testing.assert_allclose(logits(masked, every), logits(image("ViT", by_tokens=False), every), atol=1e-5)
    masks = random_masks(30, 16)
    assert masked.cost(masks).tolist() == (masks.sum(axis=1) + 1).tolist()
    assert masked.settings["baseline"] == "drop"


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3, "auto"])
def test_the_predictor_evaluates_removed_patches_in_groups_of_equal_length(batch_size: Any) -> None:
    masks = random_masks(50, 16)
    given = ModelPredictor(image("timm", baseline="drop"), NAMES, device=CPU, batch_size=batch_size)
    alone = np.concatenate([logits(image("timm", baseline="drop"), mask[None]) for mask in masks])
    np.testing.assert_array_equal(given(masks).argmax(axis=1), alone.argmax(axis=1))


def test_superpixels_of_whole_patches_are_tokens_and_others_are_pixels() -> None:
    assert image("ViT", features="grid:2")._tokens is not None
    assert image("ViT", features="grid:3")._tokens is None
    labels = np.arange(16).reshape(4, 4).repeat(8, 0).repeat(8, 1)
    found = feature_of_patches(labels, PatchLayout(4, 4, 1, 8))
    assert found is not None
    assert found.tolist() == list(range(16))
    labels[3, 3] = 5
    assert feature_of_patches(labels, PatchLayout(4, 4, 1, 8)) is None


def test_the_mask_without_patches_is_the_mean_colour_for_a_network_that_takes_the_mean_of_its_patches() -> None:
    masked, none = image("Dinov2", baseline="drop"), np.zeros((1, 16), dtype=bool)
    assert masked.settings["nothing_kept"] == "zero"
    assert "nothing_kept" not in image("ViT", baseline="drop").settings
    np.testing.assert_allclose(logits(masked, none), logits(image("Dinov2"), none), atol=1e-5)
    # Both need as many tokens, and can come in one batch.
    ends = np.array([[False] * 16, [True] * 16, [False] * 16])
    assert len(set(masked.cost(ends).tolist())) == 1
    together = logits(masked, ends)
    np.testing.assert_array_equal(together[0], together[2])
    np.testing.assert_allclose(together[1:2], logits(image("Dinov2"), ends[1:2]), atol=1e-5)


def test_what_is_no_transformer_of_patches_cannot_leave_them_out() -> None:
    with pytest.raises(ParameterError, match=r"does not read patches as tokens .* Use baseline='zero"):
        image("ViT", by_tokens=False, baseline="drop")
    with pytest.raises(ParameterError, match="whole patches"):
        image("ViT", baseline="drop", features="grid:3")


def test_a_network_whose_tokens_say_something_else_than_its_pixels_is_asked_by_pixels() -> None:
    module = network("ViT")

    def other(module: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
        return call(module, pixels) + 0.01 * pixels.mean(dim=(1, 2, 3))[:, None]  # pixels go round the tokens

    masked = image("ViT", stage=TokenStage(lambda: module, lambda m: m.base_model.embeddings, other, 8))  # type: ignore
    assert masked._tokens is None

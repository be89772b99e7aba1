"""Training reads what is certified: the logits of masked inputs are those of the predictor, and have gradients."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from stabcert.adapt.examples import Example
from stabcert.adapt.images import random_crop
from stabcert.adapt.inputs import inputs_of
from stabcert.errors import InputError, ModelError
from stabcert.explainers import explain
from stabcert.models.hub import LoadedModel, load_model
from tests.models.text_families import FAMILIES as TEXT_FAMILIES
from tests.models.tiny_images import picture
from tests.models.vision_families import FAMILIES as VISION_FAMILIES
from tests.models.vision_families import save as save_vision
from tests.tiny_models import FAMILIES, SPECIAL_FAMILIES, save, save_vit, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer

TEXTS = ("the movie was good", "not a great film, and a bad movie", "bad")


def save_resnet(directory: Path) -> Path:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
    )
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.875)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = transformers.ResNetForImageClassification(config).eval()
    return save(network, directory, processor)


def save_text(family: str, directory: Path) -> Path:
    return save(tiny_network(family), directory, tiny_tokenizer(family))


def image_examples(count: int = 3) -> list[Example]:
    return [Example(f"{i}.png", picture(48, 40, seed=i), None, f"{i:064x}") for i in range(count)]


def text_examples() -> list[Example]:
    return [Example(text, text, None, hashlib.sha256(text.encode()).hexdigest()) for text in TEXTS]


def _compare(model: LoadedModel, examples: list[Example], features: str | None, baseline: str | None) -> None:
    inputs = inputs_of(model, features, baseline)
    rng = np.random.default_rng(0)
    rows, expected = [], []
    for example in examples:
        predictor = model.predictor(example.data, features=features, baseline=baseline)
        masks = np.concatenate(
            [np.ones((1, predictor.n_features), dtype=np.bool_), rng.random((4, predictor.n_features)) < 0.5]
        )
        masks[:, 0] = True
        if baseline == "drop":
            masks[2] = False  # of networks that average their patches, this mask is another image
        rows.append((inputs.masked(example), masks))
        expected.append(predictor(masks))
    module = model.network.module
    module.requires_grad_(True)
    with torch.inference_mode(False), torch.enable_grad():
        logits = inputs.logits(module, rows)
        torch.autograd.backward(torch.log_softmax(logits, dim=-1)[:, 0].sum())
    found = torch.softmax(logits.detach().double(), dim=-1).numpy()
    np.testing.assert_allclose(found, np.concatenate(expected), atol=2e-5)
    assert any(parameter.grad is not None and bool(parameter.grad.any()) for parameter in module.parameters())


@pytest.mark.parametrize(("features", "baseline"), [("grid:4", None), ("patch", "mean"), ("patch", "drop")])
def test_logits_of_a_vision_transformer_are_those_of_the_predictor(
    features: str, baseline: str | None, tmp_path: Path
) -> None:
    _compare(load_model(str(save_vit(tmp_path / "m", initializer_range=0.5))), image_examples(), features, baseline)


@pytest.mark.slow
@pytest.mark.parametrize("shown", ["DINOv2", "CLIP", "timm: EVA-02", "timm: DINOv3 `token`"])
def test_patches_are_removed_from_averaging_and_rotary_networks_as_by_the_predictor(shown: str, tmp_path: Path) -> None:
    (family,) = (one for one in VISION_FAMILIES if one.shown == shown)
    _compare(load_model(str(save_vision(family, tmp_path / "m"))), image_examples(), "patch", "drop")


@pytest.mark.parametrize("baseline", ["zero", "blur"])
def test_logits_of_a_convolutional_network_are_those_of_the_predictor(baseline: str, tmp_path: Path) -> None:
    _compare(load_model(str(save_resnet(tmp_path / "m"))), image_examples(), "grid:4", baseline)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "baseline"),
    [
        ("bert", None),
        ("bert", "mask"),
        ("roberta", None),
        ("roberta", "pad"),
        ("distilbert", None),
        ("gpt2-with-padding", "unk"),
        ("xlnet", "unk"),
    ],
)
def test_logits_of_texts_of_different_lengths_are_those_of_the_predictor(
    family: str, baseline: str | None, tmp_path: Path
) -> None:
    assert family in FAMILIES | SPECIAL_FAMILIES
    _compare(load_model(str(save_text(family, tmp_path / "m"))), text_examples(), None, baseline)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gpt2", "llama-no-padding", "t5", "convbert"])
def test_logits_of_texts_without_their_dropped_tokens_are_those_of_the_predictor(family: str, tmp_path: Path) -> None:
    shown = TEXT_FAMILIES[family]
    _compare(load_model(str(save(shown.network(), tmp_path / "m", shown.tokenizer))), text_examples(), None, None)


def test_patches_that_are_removed_train_the_embedding_of_patches(tmp_path: Path) -> None:
    model = load_model(str(save_vit(tmp_path / "m")))
    _compare(model, image_examples(), "patch", "drop")
    gradients = {key: value.grad for key, value in model.network.module.named_parameters()}
    found = [key for key in gradients if "patch_embeddings" in key]
    assert found
    assert all(gradients[key] is not None and bool(gradients[key].any()) for key in found)  # type: ignore[union-attr]


def test_saliency_of_several_images_is_the_attribution_of_each(tmp_path: Path) -> None:
    model = load_model(str(save_vit(tmp_path / "m")))
    inputs, examples = inputs_of(model, "patch", None), image_examples()
    found = inputs.saliency(model.network.module, [inputs.masked(example) for example in examples])
    for scores, example in zip(found, examples, strict=True):
        expected = explain(model.predictor(example.data, features="patch"), "saliency").scores
        np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-7)


def test_saliency_of_texts_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(save_text("bert", tmp_path / "m")))
    inputs, examples = inputs_of(model, None, None), text_examples()
    masked = [inputs.masked(example) for example in examples]
    first = inputs.saliency(model.network.module, masked)
    expected = [explain(model.predictor(example.data), "saliency").scores for example in examples]
    monkeypatch.setattr("stabcert.adapt.texts.explain", None)
    for scores, again, other in zip(first, inputs.saliency(model.network.module, masked), expected, strict=True):
        np.testing.assert_array_equal(scores, again)
        np.testing.assert_allclose(scores, other, rtol=1e-5)


def test_a_model_without_gradients_by_word_is_told_which_masks_to_leave_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> None:
        raise ModelError("no embeddings")

    model = load_model(str(save_text("bert", tmp_path / "m")))
    inputs = inputs_of(model, None, None)
    monkeypatch.setattr("stabcert.adapt.texts.explain", fails)
    with pytest.raises(ModelError, match="Leave attribution out"):
        inputs.saliency(model.network.module, [inputs.masked(text_examples()[0])])


def test_an_image_among_texts_is_refused(tmp_path: Path) -> None:
    inputs = inputs_of(load_model(str(save_text("bert", tmp_path / "m"))), None, None)
    with pytest.raises(InputError, match="Give texts"):
        inputs.masked(image_examples(1)[0])


@pytest.mark.parametrize("size", [(40, 60), (1, 1), (3, 200)])
def test_random_crops_are_parts_of_the_picture(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    crops = [random_crop(Image.new("RGB", size), rng) for _ in range(100)]
    assert all(crop.width <= size[0] and crop.height <= size[1] and crop.width * crop.height > 0 for crop in crops)
    if size == (40, 60):
        shares = [crop.width * crop.height / 2400 for crop in crops]
        assert min(shares) > 0.25
        assert len(set(shares)) > 50


def test_a_text_without_words_is_refused_by_name_before_the_training(tmp_path: Path) -> None:
    model = load_model(str(save_text("bert", tmp_path / "m")))
    empty = Example("row 7", " ", None, "0" * 64)
    with pytest.raises(InputError, match=r"^row 7: "):
        inputs_of(model, None, None).check(model, [*text_examples(), empty])

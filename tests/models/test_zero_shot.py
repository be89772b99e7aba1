"""CLIP, MetaCLIP 2 and SigLIP with classes that a user words: against the models of transformers themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from stabcert.core.streams import model_digest
from stabcert.errors import ModelError, ParameterError
from stabcert.models.hub import LoadedModel, load_model
from tests.models.tiny_images import picture
from tests.models.zero_shot_models import CLASSES, FAMILIES, save_zero_shot


@pytest.fixture(scope="module", params=FAMILIES)
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, LoadedModel]:
    directory = save_zero_shot(request.param, tmp_path_factory.mktemp("model"))
    return request.param, directory, load_model(str(directory), device="cpu", classes=CLASSES)


def of_transformers(family: str, directory: Path, pixels: torch.Tensor) -> torch.Tensor:
    """The model's own ``logits_per_image``, all classes in one padded batch."""
    model: Any = transformers.AutoModel.from_pretrained(directory).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    padding: dict[str, Any] = {"padding": True}
    if family == "Siglip":
        padding = {"padding": "max_length", "max_length": 64}
    with torch.inference_mode():
        encoded = tokenizer(list(CLASSES), return_tensors="pt", **padding)
        logits: torch.Tensor = model(pixel_values=pixels, **encoded).logits_per_image
    return logits


def masks_of(n: int, count: int = 20) -> np.ndarray:
    rng = np.random.default_rng(5)
    masks = rng.random((count, n)) < rng.uniform(0.1, 0.9, (count, 1))
    masks[0], masks[1] = True, False
    return masks


@pytest.mark.slow
def test_probabilities_are_the_softmax_of_the_models_own_logits(given: tuple[str, Path, LoadedModel]) -> None:
    family, directory, model = given
    assert model.class_names == CLASSES
    predictor = model.predictor(picture())
    masks = masks_of(predictor.n_features)
    masked: Any = predictor.masked_input
    assert masked.features.kind == "patch"
    expected = of_transformers(family, directory, masked.batch(masks)).softmax(-1).numpy()
    assert expected.std(axis=0).max() > 0.02
    np.testing.assert_allclose(predictor(masks), expected, atol=1e-5)
    np.testing.assert_allclose(model.predictor(picture()).alone(masks), expected, atol=1e-5)
    exact = masked.in_float64()
    assert exact is not None
    with torch.inference_mode():
        np.testing.assert_allclose(exact.logits(masks).softmax(-1).numpy(), expected, atol=1e-5)
    weights = torch.ones(1, predictor.n_features, requires_grad=True)
    (gradient,) = torch.autograd.grad(masked.relaxed_logits(weights)[0, 0], weights)
    assert float(gradient.abs().max()) > 1e-3


@pytest.mark.slow
def test_removed_patches_are_left_out_of_the_half_that_reads_images(given: tuple[str, Path, LoadedModel]) -> None:
    family, directory, model = given
    predictor = model.predictor(picture(), baseline="drop")
    masks, pixels = masks_of(predictor.n_features), predictor.masked_input.point
    own: Any = transformers.AutoModel.from_pretrained(directory).eval()
    vision = own.vision_model
    with torch.inference_mode():
        tokens = vision.embeddings(pixels)
        texts = model.network.module.texts
        for mask in masks:
            if family == "Siglip" and not mask.any():
                image = vision(torch.zeros_like(pixels)).pooler_output  # the mean colour
            else:
                states = tokens[
                    :, torch.from_numpy(np.pad(mask, (tokens.shape[1] - len(mask), 0), constant_values=True))
                ]
                states = vision.pre_layrnorm(states) if family != "Siglip" else states
                states = vision.encoder(inputs_embeds=states).last_hidden_state
                if family == "Siglip":
                    image = vision.head(vision.post_layernorm(states))
                else:
                    image = own.visual_projection(vision.post_layernorm(states[:, 0]))
            logits = torch.nn.functional.cosine_similarity(image, texts) * own.logit_scale.exp()
            np.testing.assert_allclose(predictor(mask[None])[0], logits.softmax(-1), atol=1e-5)
    assert ("nothing_kept" in predictor.masked_input.settings) == (family == "Siglip")


@pytest.mark.slow
def test_the_pipeline_of_transformers_ranks_the_classes_alike(given: tuple[str, Path, LoadedModel]) -> None:
    family, directory, model = given
    pipeline = transformers.pipeline("zero-shot-image-classification", model=str(directory))
    pairs = pipeline(picture(), candidate_labels=list(CLASSES), hypothesis_template="{}")
    scores = np.array([{pair["label"]: pair["score"] for pair in pairs}[one] for one in CLASSES])
    ours = model.predictor(picture())(np.ones((1, 16), dtype=bool))[0]
    if family == "Siglip":  # its own probabilities are sigmoids
        logits = np.log(scores / (1 - scores))
        scores = np.exp(logits) / np.exp(logits).sum()
        assert any("sigmoid" in note for note in model.notes)
    else:
        assert model.notes == ()
    np.testing.assert_allclose(ours, scores, atol=1e-5)


@pytest.mark.slow
def test_a_class_means_the_same_beside_other_classes(given: tuple[str, Path, LoadedModel]) -> None:
    _, directory, model = given
    fewer = load_model(str(directory), device="cpu", classes=CLASSES[2:0:-1])
    texts: Any = model.network.module.texts
    assert torch.equal(fewer.network.module.texts, texts[[2, 1]])  # type: ignore[arg-type]
    assert fewer.class_names == CLASSES[2:0:-1]
    assert (fewer.sha256, fewer.config_sha256) == (model.sha256, model.config_sha256)
    digests = {model_digest(one.sha256, one.config_sha256, one.id, one.settings) for one in (model, fewer)}
    assert len(digests) == 2


def test_what_is_refused_and_what_works(tmp_path: Path) -> None:
    directory = str(save_zero_shot("CLIP", tmp_path))
    with pytest.raises(
        ParameterError, match=r"classes must be given for .* CLIPModel, which .* classes='a photo of a cat,a photo of a"
    ):
        load_model(directory, device="cpu")
    with pytest.raises(ParameterError, match="prompt is for language models"):
        load_model(directory, device="cpu", classes=CLASSES, prompt="Is this {input}?")
    with pytest.raises(ParameterError, match=r"at most 64 tokens .* got one of 302: 'owl owl"):
        load_model(directory, device="cpu", classes=["cat", "owl " * 100])
    with pytest.raises(ParameterError, match=r"classes must differ .* reads 'A CAT' as it reads another"):
        load_model(directory, device="cpu", classes=["a cat", "A CAT"])
    model = load_model(directory, device="cpu", classes=CLASSES)
    assert model.settings == {"classes": list(CLASSES), "probabilities": "softmax"}
    predictor = model.predictor(picture(), baseline="drop")
    expected = of_transformers("CLIP", tmp_path, predictor.masked_input.point).softmax(-1)
    np.testing.assert_allclose(predictor(np.ones((1, 16), dtype=bool)), expected, atol=1e-5)


@pytest.mark.parametrize(("kept", "message"), [("tokenizer", "preprocessor_config"), ("preprocessor", "no tokenizer")])
def test_a_directory_without_its_processor_or_tokenizer_is_refused(kept: str, message: str, tmp_path: Path) -> None:
    directory = save_zero_shot("Siglip", tmp_path)
    for file in directory.iterdir():
        if not file.name.startswith((kept, "config.json", "model")):
            file.unlink()
    with pytest.raises(ModelError, match=message):
        load_model(str(directory), device="cpu", classes=CLASSES)


def test_other_models_of_images_and_texts_are_refused_by_name(tmp_path: Path) -> None:
    directory = save_zero_shot("CLIP", tmp_path)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | {"architectures": ["Siglip2Model"]}))
    with pytest.raises(ModelError, match=r"is Siglip2Model, which compares .* Use CLIP"):
        load_model(str(directory), device="cpu", classes=CLASSES)


def test_a_tokenizer_that_does_not_end_texts_is_refused(tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    directory = save_zero_shot("CLIP", tmp_path)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(directory)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    tokenizer.save_pretrained(directory)
    with pytest.raises(ModelError, match="does not end texts"):
        load_model(str(directory), device="cpu", classes=CLASSES)

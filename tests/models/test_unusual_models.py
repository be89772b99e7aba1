"""Models that are not like most: other colours, other sizes, other names of weights, and modes of torch around them."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

from stabcert.core.decisions import decide
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers import explain, explain_all
from stabcert.models.base import ModelPredictor
from stabcert.models.hub import load_model
from stabcert.models.neighbours import shifted
from stabcert.models.segmentation import segment
from stabcert.models.text import MaskedText, removes_tokens_exactly
from stabcert.models.text_baselines import BASELINES
from tests.models.test_neighbours_of_patches import SIZES
from tests.models.test_neighbours_of_patches import save as save_image_model
from tests.models.tiny_images import CPU, SIDE, picture
from tests.tiny_models import FAMILIES, SPECIAL_FAMILIES, save, save_tiny_bert, save_vit, seeded, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer

pytestmark = pytest.mark.slow

GRADIENTS = ("intgrad", "saliency", "inputxgrad", "smoothgrad", "clime", "mfaba")


# Colours


def save_mobilevit(directory: Path) -> Path:
    config = transformers.MobileViTConfig(
        image_size=SIDE,
        hidden_sizes=[8, 8, 8],
        neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 8],
        num_attention_heads=2,
        num_labels=3,
    )
    size = {"height": SIDE, "width": SIDE}
    processor = transformers.MobileViTImageProcessor(size={"shortest_edge": SIDE}, crop_size=size)
    return save(transformers.MobileViTForImageClassification(config), directory, processor)


def test_a_network_that_reads_blue_first_is_shown_and_divided_in_true_colours(tmp_path: Path) -> None:
    loaded = load_model(str(save_mobilevit(tmp_path)), device="cpu")
    image = picture()
    masked: Any = loaded.predictor(image, features="slic:9").masked_input
    assert np.array_equal(masked.pixels, np.array(image))
    assert np.array_equal(masked.labels, segment("slic:9", np.array(image)).labels)
    pixels = masked.point[0].numpy()
    assert np.allclose(pixels[::-1].transpose(1, 2, 0) * 255, np.array(image), atol=0.51)  # blue first


def test_red_first_stays_red_first(tmp_path: Path) -> None:
    loaded = load_model(str(save_vit(tmp_path, initializer_range=0.5)), device="cpu")
    assert loaded.network.preprocessing.colours == (0, 1, 2)  # type: ignore[union-attr]
    masked: Any = loaded.predictor(picture()).masked_input
    assert np.array_equal(masked.pixels, np.array(picture()))


LUMA = np.array([0.299, 0.587, 0.114])


def save_grey_vit(directory: Path) -> Path:
    config = transformers.ViTConfig(
        **SIZES, image_size=SIDE, patch_size=8, num_channels=1, num_labels=3, initializer_range=0.5
    )
    size = {"height": SIDE, "width": SIDE}
    processor = transformers.ViTImageProcessor(size=size, image_mean=[0.4], image_std=[0.3])
    return save(seeded(lambda: transformers.ViTForImageClassification(config)), directory, processor)


def save_grey_timm(directory: Path) -> Path:
    arguments = {"in_chans": 1, "img_size": SIDE, "patch_size": 8}

    def make() -> Any:
        network = timm.create_model("test_vit", num_classes=3, **arguments)
        for parameter in network.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.1)
        return network

    network = seeded(make)
    # The normalisation of colours: means are taken.
    network.pretrained_cfg |= {"mean": (0.3, 0.4, 0.5), "std": (0.2, 0.3, 0.4), "input_size": (3, SIDE, SIDE)}
    network.pretrained_cfg["crop_pct"] = 1.0
    timm.models.save_for_hf(network, str(directory), model_args=arguments, safe_serialization=True)
    return directory


@pytest.mark.parametrize("make", [save_grey_vit, save_grey_timm])
def test_a_network_of_one_channel_reads_the_grey_image(make: Callable[[Path], Path], tmp_path: Path) -> None:
    loaded = load_model(str(make(tmp_path)), device="cpu")
    assert any("grey" in note for note in loaded.notes)
    assert np.allclose((loaded.network.preprocessing.mean, loaded.network.preprocessing.std), ([0.4], [0.3]))  # type: ignore[union-attr]
    masks = np.random.default_rng(0).random((20, 16)) < 0.5
    spread = masks.reshape(-1, 4, 4).repeat(8, 1).repeat(8, 2)
    grey = (np.array(picture()) @ LUMA).round() / 255
    for baseline, fill in (("zero", 0.0), ("black", -0.4 / 0.3), ("mean", (grey.mean() - 0.4) / 0.3)):
        predictor = loaded.predictor(picture(), baseline=baseline)
        masked: Any = predictor.masked_input
        assert np.abs(masked.pixels.astype(int) - np.rint(grey * 255)[:, :, None]).max() <= 1
        pixels = np.where(spread, (grey - 0.4) / 0.3, fill)[:, None]
        with torch.inference_mode():
            logits = loaded.network.call(loaded.network.module, torch.from_numpy(pixels).float())  # type: ignore[union-attr]
        by_hand = logits.softmax(-1).numpy()
        assert by_hand.std(axis=0).max() > 1e-3
        np.testing.assert_allclose(predictor(masks), by_hand, atol=1e-3)  # Pillow rounds to 256 levels
    # A picture that is grey is read as it is, and gradients reach its features.
    flat = Image.fromarray(np.array(picture())[:, :, 0])
    masked = loaded.predictor(flat).masked_input
    assert np.array_equal(masked.pixels, np.repeat(np.array(flat)[:, :, None], 3, axis=2))
    weights = torch.ones(1, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(masked.relaxed_logits(weights)[0, 0], weights)
    assert float(gradient.abs().min()) > 0
    everything = np.ones((1, 16), dtype=bool)
    dropped = loaded.predictor(flat, baseline="drop")(everything)
    np.testing.assert_allclose(dropped, loaded.predictor(flat)(everything), atol=1e-5)
    (near,) = [shifted(loaded.predictor(flat), torch.ones_like(masked.point))]
    assert near(everything).shape == (1, 3)


def save_timm_wrapper(directory: Path, channels: int) -> Path:
    values = {"mean": [0.5] * channels, "std": [0.5] * channels, "crop_pct": 1.0, "interpolation": "bicubic"}
    config = transformers.TimmWrapperConfig.from_dict(
        {
            "architecture": "test_vit",
            "num_classes": 3,
            "model_args": {"in_chans": channels},
            "pretrained_cfg": {"input_size": [channels, 64, 64], **values},
        }
    )
    transformers.utils.logging.disable_progress_bar()
    transformers.TimmWrapperForImageClassification(config).save_pretrained(directory)
    transformers.utils.logging.enable_progress_bar()
    return directory


def test_a_network_of_timm_in_the_format_of_transformers_reads_grey_images_or_is_refused(tmp_path: Path) -> None:
    loaded = load_model(str(save_timm_wrapper(tmp_path / "grey", 1)), device="cpu")
    assert loaded.predictor(picture()).masked_input.point.shape[1] == 1
    with pytest.raises(ModelError, match=r"reads images of 4 channels, but .* Give a model"):
        load_model(str(save_timm_wrapper(tmp_path / "four", 4)), device="cpu")


def test_a_processor_that_makes_patches_or_clusters_of_colours_is_refused_with_what_it_makes(tmp_path: Path) -> None:
    vision = {**SIZES, "patch_size": 8, "num_patches": 16}
    siglip = transformers.Siglip2ForImageClassification(transformers.Siglip2Config(vision_config=vision, num_labels=3))
    save(siglip, tmp_path / "siglip2", transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=16))
    config = transformers.ImageGPTConfig(n_embd=16, n_layer=1, n_head=2, n_positions=64, vocab_size=17, num_labels=3)
    clusters = np.linspace(-1, 1, 48).reshape(16, 3).tolist()
    processor = transformers.ImageGPTImageProcessor(clusters=clusters, size={"height": 8, "width": 8})
    save(transformers.ImageGPTForImageClassification(config), tmp_path / "imagegpt", processor)
    for name, made in (("siglip2", r"in shape \(\d+, \d+\), not in"), ("imagegpt", "as input_ids, not as")):
        with pytest.raises(ModelError, match=rf"an image comes out {made} .*\. Give another model"):
            load_model(str(tmp_path / name), device="cpu")


# Sizes


def test_a_model_whose_images_are_not_resized_is_tried_with_images_of_its_size(tmp_path: Path) -> None:
    loaded = load_model(str(save_vit(tmp_path, processing={"do_resize": False}, initializer_range=0.5)), device="cpu")
    image = picture()
    predictor = loaded.predictor(image)
    with torch.inference_mode():
        pixels = loaded.network.preprocessing.to_pixels(image)[None]  # type: ignore[union-attr]
        expected = loaded.network.module(pixels).logits.softmax(-1)
    np.testing.assert_allclose(predictor(np.ones((1, 16), dtype=bool)), expected.numpy(), atol=1e-6)


def test_an_image_that_the_network_cannot_read_is_an_error_of_this_image(tmp_path: Path) -> None:
    loaded = load_model(str(save_vit(tmp_path, processing={"do_resize": False}, initializer_range=0.5)), device="cpu")
    with pytest.raises(ModelError, match=r"cannot be run on this input .*Give another input"):
        loaded.predictor(picture(SIDE, 2 * SIDE))(np.ones((1, 32), dtype=bool))
    assert loaded.predictor(picture())(np.ones((1, 16), dtype=bool)).shape == (1, 3)


def test_patches_that_do_not_divide_the_image_give_way_to_a_grid_and_that_is_noted(tmp_path: Path) -> None:
    config = transformers.Dinov2Config(**SIZES, image_size=32, patch_size=8, num_labels=3)
    processor = transformers.ViTImageProcessor(size={"height": 36, "width": 36})
    save(transformers.Dinov2ForImageClassification(config), tmp_path, processor)
    loaded = load_model(str(tmp_path), device="cpu")
    predictor = loaded.predictor(picture())
    masked = predictor.masked_input
    assert (masked.features.kind, masked.features.shape) == ("grid", (7, 7))
    assert masked.settings["features"] == "grid:7"
    (note,) = masked.notes
    assert note.endswith(
        "patches of 8 pixels do not divide the model's input of 36 x 36 pixels, so features='grid:7' is used"
    )
    assert loaded.predictor(picture(), features="grid:7").masked_input.notes == ()
    predictor(np.eye(49, dtype=bool))


# Patches that do not divide


def pixels_that_matter(call: Callable[[torch.Tensor], torch.Tensor], pixels: torch.Tensor) -> np.ndarray:
    """``(height, width)`` bool: where the gradient of the logits by the pixels is not zero."""
    point = pixels.clone().requires_grad_()
    (slope,) = torch.autograd.grad((call(point) * torch.arange(1, 4)).sum(), point)
    return slope.abs().sum(dim=(0, 1)).numpy() > 0


@pytest.mark.parametrize("size", [(36, 36), (37, 44), (39, 32)])
def test_patches_cover_what_the_network_reads_and_the_rest_is_counted(size: tuple[int, int], tmp_path: Path) -> None:
    """A margin that fills no patch is not read, at whatever size; the gradient by the pixels is the oracle."""
    height, width = size
    config = transformers.Dinov2Config(**SIZES, image_size=32, patch_size=8, num_labels=3, initializer_range=0.5)
    processor = transformers.ViTImageProcessor(size={"height": height, "width": width})
    save(transformers.Dinov2ForImageClassification(config), tmp_path, processor)
    loaded = load_model(str(tmp_path), device="cpu")
    masked: Any = loaded.predictor(picture(), features="patch").masked_input
    shape = (height // 8, width // 8)
    assert (masked.features.kind, masked.features.shape) == ("patch", shape)
    assert masked.settings["unread_pixels"] == [width % 8, height % 8]
    (note,) = masked.notes
    assert f"last {width % 8} columns and {height % 8} rows" in note
    read = pixels_that_matter(lambda pixels: loaded.network.module(pixels).logits, masked.point)
    assert read[: shape[0] * 8, : shape[1] * 8].all()
    assert read.sum() == shape[0] * shape[1] * 64
    rows, columns = np.mgrid[: shape[0] * 8, : shape[1] * 8] // 8
    assert np.array_equal(masked.labels[: len(rows), : rows.shape[1]], rows * shape[1] + columns)
    # The mask of one patch changes the pixels of that patch, and removal is the network on the other tokens.
    n, module = len(masked.features), loaded.network.module
    kept = np.random.default_rng(0).random((6, n)) < 0.5
    kept[:, 0] = True
    dropped = loaded.predictor(picture(), features="patch", baseline="drop")
    with torch.inference_mode():
        tokens = module.dinov2.embeddings(masked.point)
        for mask in kept:
            states = tokens[:, torch.from_numpy(np.r_[True, mask])]
            states = module.dinov2.layernorm(module.dinov2.encoder(states).last_hidden_state)
            expected = module.classifier(torch.cat([states[:, 0], states[:, 1:].mean(1)], 1)).softmax(-1)
            np.testing.assert_allclose(dropped(mask[None]), expected.numpy(), atol=1e-5)


def test_images_that_are_not_cropped_have_a_division_for_each_size(tmp_path: Path) -> None:
    config = transformers.Dinov2Config(**SIZES, image_size=32, patch_size=8, num_labels=3, initializer_range=0.5)
    processor = transformers.BitImageProcessor(size={"shortest_edge": 32}, do_center_crop=False)
    save(transformers.Dinov2ForImageClassification(config), tmp_path, processor)
    loaded = load_model(str(tmp_path), device="cpu")
    module: Any = loaded.network.module
    for size, shape, unread in (((32, 32), (4, 4), None), ((64, 32), (4, 8), None), ((32, 77), (9, 4), [0, 5])):
        predictor = loaded.predictor(picture(*size), features="patch", baseline="drop")
        assert predictor.features.shape == shape
        assert predictor.masked_input.settings.get("unread_pixels") == unread
        mask = np.arange(predictor.n_features) % 3 == 1
        with torch.inference_mode():
            tokens = module.dinov2.embeddings(predictor.masked_input.point)[:, torch.from_numpy(np.r_[True, mask])]
            states = module.dinov2.layernorm(module.dinov2.encoder(tokens).last_hidden_state)
            expected = module.classifier(torch.cat([states[:, 0], states[:, 1:].mean(1)], 1)).softmax(-1)
        np.testing.assert_allclose(predictor(mask[None]), expected.numpy(), atol=1e-5)


def test_patches_that_are_filled_up_are_all_read(tmp_path: Path) -> None:
    arguments = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
    arguments |= {"dynamic_img_size": True, "dynamic_img_pad": True}
    network = timm.create_model("vit_tiny_patch16_224", num_classes=3, **arguments)
    torch.nn.init.normal_(network.head.weight)
    network.pretrained_cfg["input_size"] = (3, 36, 36)
    timm.models.save_for_hf(network, str(tmp_path), model_args=arguments, safe_serialization=True)
    loaded = load_model(str(tmp_path), device="cpu")
    masked: Any = loaded.predictor(picture(), features="patch", baseline="drop").masked_input
    assert masked.features.shape == (5, 5)
    assert masked.notes == ()
    assert masked.features.items[24].box == (32, 32, 36, 36)
    assert pixels_that_matter(loaded.network.module, masked.point).all()


def test_patches_that_divide_nothing_and_are_not_tokens_are_refused(tmp_path: Path) -> None:
    loaded = load_model(str(save_vit(tmp_path, initializer_range=0.5)), device="cpu", compile=True)
    odd = dataclasses.replace(loaded.network, patch_size=5)  # type: ignore[type-var]
    with pytest.raises(ParameterError, match="do not divide"):
        dataclasses.replace(loaded, network=odd).predictor(picture(), features="patch")


# Weights


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("kind", ["bert", "timm", "pickle"])
def test_weights_that_were_saved_in_a_wrapper_are_those_of_the_network(kind: str, prefix: str, tmp_path: Path) -> None:
    if kind == "timm":
        save_image_model("timm:vit_tiny_patch16_224", tmp_path)
    else:
        save_tiny_bert(tmp_path)
    plain = load_model(str(tmp_path), device="cpu").network.module.state_dict()
    path = tmp_path / "model.safetensors"
    weights = {prefix + key: value for key, value in load_file(path).items()}
    if kind == "pickle":
        path.unlink()
        torch.save(weights, tmp_path / "pytorch_model.bin")
    else:
        save_file(weights, path, metadata={"format": "pt"})
    wrapped = load_model(str(tmp_path), device="cpu", allow_pickle=kind == "pickle").network.module.state_dict()
    assert list(wrapped) == list(plain)
    assert all(torch.equal(wrapped[key], plain[key]) for key in plain)


def test_the_advice_on_saving_timm_models_writes_no_pickle(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as raised:
        load_model(str(tmp_path), device="cpu")
    advice = re.search(r"timm\.models\.save_for_hf\(network, directory, (\w+)=(\w+)\)", str(raised.value))
    assert advice is not None
    timm.models.save_for_hf(timm.create_model("test_vit"), str(tmp_path), **{advice[1]: json.loads(advice[2].lower())})
    assert not list(tmp_path.glob("*.bin"))


# Modes of torch


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("kind", ["text", "image"])
def test_gradients_are_those_of_any_other_place_inside_of(mode: Callable[[], Any], kind: str, tmp_path: Path) -> None:
    directory = save_tiny_bert(tmp_path) if kind == "text" else save_vit(tmp_path, initializer_range=0.5)
    source: Any = "the movie was not good" if kind == "text" else picture()

    def attributions() -> list[np.ndarray]:
        predictor = load_model(str(directory), device="cpu").predictor(source)
        near = shifted(predictor, torch.ones_like(predictor.masked_input.point))
        found = [explain_all(which, GRADIENTS, n_samples=60) for which in (predictor, near)]
        return [attribution.scores for one in found for attribution in one]

    expected = attributions()
    with mode():
        inside = attributions()
    for outside, within in zip(expected, inside, strict=True):
        np.testing.assert_allclose(within, outside, atol=1e-6)


# Baselines and failures of texts


def text(family: str, baseline: str, string: str = "the movie was not good") -> ModelPredictor:
    network, tokenizer = tiny_network(family), tiny_tokenizer(family)
    removes = removes_tokens_exactly(network, tokenizer, CPU)
    masked = MaskedText(
        network, tokenizer, string, baseline=baseline, removes_tokens=removes, device=CPU, dtype=torch.float32
    )
    return ModelPredictor(masked, ("a", "b", "c"), device=CPU)


@pytest.mark.parametrize("family", [*FAMILIES, *SPECIAL_FAMILIES])
def test_every_baseline_that_is_advised_is_possible(family: str) -> None:
    advised: set[str] = set()
    possible = []
    for baseline in BASELINES:
        try:
            text(family, baseline)
        except ParameterError as error:
            found = re.search(r"Use baseline='([a-z|]+)'$", str(error))
            assert found is not None
            advised |= set(found[1].split("|"))
        else:
            possible.append(baseline)
    assert advised <= set(possible)


def test_a_text_that_the_network_cannot_read_is_an_error_of_this_text() -> None:
    masks = np.random.default_rng(0).random((8, 4)) < 0.5
    text("bart", "mask", "the movie was good")(masks)
    with pytest.raises(ModelError, match=r"Bart\w+ cannot be run on this input \(ValueError.*Give another input"):
        text("bart", "mask", "the</s> movie was")(masks)


def test_a_mixture_of_experts_has_near_ties_although_it_cannot_compute_in_float64() -> None:
    given = text("mixtral", "unk")
    network: Any = given.masked_input._network  # type: ignore[attr-defined]
    torch.nn.init.zeros_(network.score.weight)
    exact = copy.deepcopy(network).double()
    given.masked_input._network_in_float64 = lambda: exact  # type: ignore[attr-defined]
    predictor = ModelPredictor(given.masked_input, given.class_names, device=CPU)
    decisions = decide(predictor, np.eye(predictor.n_features, dtype=bool))
    assert decisions.near_tie.all()
    assert predictor.decision_tolerance == predictor.drift_tolerance


def test_a_network_without_gradients_says_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"gives no gradients for this input .*such as method='lime'"):
        explain(text("reformer", "remove"), "saliency")


@pytest.mark.parametrize("baseline", ["remove", "mask"])
@pytest.mark.parametrize("family", ["reformer", "perceiver", "longformer"])
def test_networks_that_read_tokens_in_ways_of_their_own_are_the_plain_network_on_the_full_text(
    family: str, baseline: str
) -> None:
    given = text(family, baseline)
    encoded = tiny_tokenizer(family)("the movie was not good", return_tensors="pt")
    with torch.inference_mode():
        expected = tiny_network(family)(
            input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]
        ).logits.softmax(-1)
    masks = np.ones((1, given.n_features), dtype=bool)
    np.testing.assert_allclose(given(masks), expected.numpy(), atol=1e-6)


def test_fewer_samples_than_features_are_noted_by_lime() -> None:
    predictor = text("bert", "remove")
    (note,) = explain(predictor, "lime", n_samples=5).notes
    assert note.startswith("lime evaluated 5 samples for 5 features")
    assert "n_samples=12 or more" in note
    assert explain(predictor, "lime", n_samples=6).notes == ()
    assert explain(predictor, "occlusion").notes == ()

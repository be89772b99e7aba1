"""`--baseline drop` for every family of vision transformers: against the documented function, computed by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from stabcert.errors import ParameterError
from stabcert.models.hub import LoadedModel, load_model
from tests.models.tiny_images import CLASSES, SIDE, picture, random_masks
from tests.models.vision_families import FAMILIES, FIXED, TIMM, Family, logits, make, prediction, save, table
from tests.tiny_models import save as save_to

QUICK = ("DINOv2", "timm: EVA-02")


def name_of(family: Family) -> str:
    return family.shown


def masks_of(count: int = 20) -> np.ndarray:
    """Random masks of many sizes, among them everything and nothing."""
    rng = np.random.default_rng(5)
    masks = rng.random((count, 16)) < rng.uniform(0.1, 0.9, (count, 1))
    masks[0], masks[1] = True, False
    return masks


@pytest.fixture(scope="module", params=FAMILIES, ids=name_of)
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Family, LoadedModel]:
    return request.param, load_model(str(save(request.param, tmp_path_factory.mktemp("model"))), device="cpu")


def expected(family: Family, model: LoadedModel, pixels: torch.Tensor, masks: np.ndarray) -> np.ndarray:
    module = model.network.module
    with torch.inference_mode():
        return np.stack([prediction(family, module, pixels, torch.from_numpy(mask)).numpy() for mask in masks])


@pytest.mark.slow
def test_probabilities_are_those_of_the_documented_function(loaded: tuple[Family, LoadedModel]) -> None:
    family, model = loaded
    masks = masks_of()
    predictor = model.predictor(picture(), baseline="drop")
    pixels = predictor.masked_input.point
    by_hand = expected(family, model, pixels, masks)
    assert by_hand.std(axis=0).max() > 0.02  # predictions vary
    assert np.abs(by_hand[0] - by_hand[1]).max() > 1e-3
    np.testing.assert_allclose(predictor(masks), by_hand, atol=2e-5)
    np.testing.assert_allclose(predictor(masks[:1]), logits(model.network.module, pixels).softmax(-1), atol=2e-5)
    # Alone, in batches of one and of three, and in float64: the same function.
    alone = model.predictor(picture(), baseline="drop").alone(masks)
    np.testing.assert_allclose(alone, by_hand, atol=2e-5)
    for batch_size in (1, 3):
        batched: Any = model.predictor(picture(), baseline="drop", batch_size=batch_size)
        np.testing.assert_allclose(batched(masks), alone, atol=1e-6)
    exact = predictor.masked_input.in_float64()
    assert exact is not None
    for mask, row in zip(masks, by_hand, strict=True):
        with torch.inference_mode():
            np.testing.assert_allclose(exact.logits(mask[None]).softmax(-1)[0].numpy(), row, atol=2e-5)
    assert ("nothing_kept" in predictor.masked_input.settings) is not family.remains
    assert len(predictor.masked_input.notes) == int(not family.remains)


@pytest.mark.slow
def test_gradients_at_the_whole_image_are_those_of_the_pixels(loaded: tuple[Family, LoadedModel]) -> None:
    _, model = loaded
    masked = model.predictor(picture(), baseline="drop").masked_input
    point = masked.point.requires_grad_()
    (slope,) = torch.autograd.grad(logits(model.network.module, point)[0, 1], point)
    by_hand = (slope * masked.point).sum(dim=1).view(4, 8, 4, 8).sum(dim=(1, 3)).flatten()
    weights = torch.ones(1, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(masked.relaxed_logits(weights)[0, 1], weights)
    np.testing.assert_allclose(gradient[0].numpy(), by_hand.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_filled_patches_are_pixels(loaded: tuple[Family, LoadedModel]) -> None:
    _, model = loaded
    masks = masks_of()
    predictor = model.predictor(picture(), baseline="blur")
    masked: Any = predictor.masked_input
    assert masked.features.kind == "patch"
    with torch.inference_mode():
        by_hand = logits(model.network.module, masked.batch(masks)).softmax(-1).numpy()
    np.testing.assert_allclose(predictor(masks), by_hand, atol=2e-5)


@pytest.mark.parametrize("name", QUICK)
def test_an_averaging_and_a_rotary_network_do_without_patches(name: str, tmp_path: Path) -> None:
    (family,) = (one for one in FAMILIES if name_of(one) == name)
    model = load_model(str(save(family, tmp_path)), device="cpu")
    masks = masks_of()[:6]
    predictor = model.predictor(picture(), baseline="drop")
    by_hand = expected(family, model, predictor.masked_input.point, masks)
    np.testing.assert_allclose(predictor(masks), by_hand, atol=2e-5)
    assert predictor.masked_input.settings["nothing_kept"] == "zero"
    zero = model.predictor(picture(), baseline="zero")
    np.testing.assert_allclose(predictor(masks[1:2]), zero(masks[1:2]), atol=1e-6)


@pytest.mark.slow
def test_a_rotary_network_of_timm_in_the_format_of_transformers(tmp_path: Path) -> None:
    (family,) = (one for one in FAMILIES if one.shown == "timm: EVA-02")
    colours = {"mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 1.0, "interpolation": "bicubic"}
    config = transformers.TimmWrapperConfig.from_dict(
        {
            "architecture": family.name.removeprefix("timm:"),
            "num_classes": CLASSES,
            "model_args": TIMM,
            "pretrained_cfg": {"input_size": [3, SIDE, SIDE], **colours},
        }
    )
    wrapper = transformers.TimmWrapperForImageClassification(config)
    wrapper.timm_model.load_state_dict(make(family).state_dict())
    model = load_model(str(save_to(wrapper, tmp_path)), device="cpu")
    predictor, masks = model.predictor(picture(), baseline="drop"), masks_of()
    module: Any = model.network.module.timm_model
    with torch.inference_mode():
        rows = [prediction(family, module, predictor.masked_input.point, torch.from_numpy(mask)) for mask in masks]
    np.testing.assert_allclose(predictor(masks), torch.stack(rows).numpy(), atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", FIXED)
def test_patches_of_other_networks_cannot_be_removed(name: str, tmp_path: Path) -> None:
    from tests.models.test_neighbours_of_patches import save as save_other

    model = load_model(str(save_other(name, tmp_path)), device="cpu")
    with pytest.raises(ParameterError, match="does not read patches as tokens that can be left out"):
        model.predictor(picture(), baseline="drop")


def test_the_readme_lists_the_families_that_are_compared_here() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    rows = re.search(r"^\| vision transformers \|.*\n\|[-|]+\n((?:\|.*\n)+)", readme, re.M)
    assert rows is not None
    assert rows[1].splitlines() == table()


def run_counts(model: LoadedModel, part: Any, call: Any) -> int:
    """How many images go through a part of the network while ``call`` runs."""
    rows: list[int] = []
    handle = part.register_forward_hook(lambda module, inputs, output: rows.append(len(inputs[0])))
    try:
        call()
    finally:
        handle.remove()
    return sum(rows)


@pytest.mark.parametrize("baseline", ["zero", "drop"])
def test_opening_a_second_image_runs_nothing_but_the_embedding(baseline: str, tmp_path: Path) -> None:
    model = load_model(str(save(FAMILIES[0], tmp_path)), device="cpu")
    last = model.network.module.classifier
    first = run_counts(model, last, lambda: model.predictor(picture(), baseline=baseline))
    assert first <= 6
    assert run_counts(model, last, lambda: model.predictor(picture(seed=1), baseline=baseline)) == 0
    second = model.predictor(picture(seed=2), baseline=baseline)
    assert run_counts(model, last, lambda: second(random_masks(12, 16))) == second.evaluations == 12

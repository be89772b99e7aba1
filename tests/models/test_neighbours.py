"""Neighbours of images and texts: the same masked input, moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stabcert.errors import ModelError, ParameterError
from stabcert.models.base import ModelPredictor
from stabcert.models.masked_input import MaskedInput
from stabcert.models.neighbours import gaussian_neighbours, shifted
from stabcert.models.text import MaskedText, removes_tokens_exactly
from tests.models.tiny_images import CLASSES, CPU, SIDE, masked, means, random_masks
from tests.tiny_models import FAMILIES, SPECIAL_FAMILIES, tiny_network, tiny_resnet
from tests.tiny_tokenizers import tiny_tokenizer

TEXT = "the movie was not good, the film was unbelievable!"
EMBEDDING_FAMILIES = [family for family in FAMILIES if family not in ("bart", "fnet", "gpt2")]
SPECIAL = [family for family in SPECIAL_FAMILIES if family not in ("t5", "perceiver", "xlnet")]


def predictor_of(masked_input: MaskedInput, n_classes: int, dtype: torch.dtype = torch.float32) -> ModelPredictor:
    names = tuple(f"class {i}" for i in range(n_classes))
    return ModelPredictor(masked_input, names, device=CPU, dtype=dtype)


def image(network: Any = means, n_classes: int = 3, **options: Any) -> ModelPredictor:
    return predictor_of(masked(network, features="grid:4", **options), n_classes)


def text(family: str, baseline: str = "remove") -> ModelPredictor:
    network, tokenizer = tiny_network(family), tiny_tokenizer(family)
    removes = removes_tokens_exactly(network, tokenizer, CPU)
    options: dict[str, Any] = {"baseline": baseline, "removes_tokens": removes, "device": CPU, "dtype": torch.float32}
    return predictor_of(MaskedText(network, tokenizer, TEXT, **options), 3)


def logits(predictor: ModelPredictor, masks: NDArray[np.bool_]) -> torch.Tensor:
    with torch.inference_mode():
        return predictor.masked_input.logits(masks)


@pytest.mark.parametrize("baseline", ["zero", "black", "mean", "blur"])
def test_a_kept_pixel_moves_and_a_dropped_one_stays_the_baseline_of_the_original(baseline: str) -> None:
    seen: list[torch.Tensor] = []

    def record(pixels: torch.Tensor) -> torch.Tensor:
        seen.append(pixels.clone())
        return means(pixels)

    original = image(record, baseline=baseline)
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 3, SIDE, SIDE)))
    masks = random_masks(5, 16)
    logits(original, masks)
    logits(shifted(original, noise), masks)
    before, after = seen[-2:]
    kept = torch.from_numpy(masks[:, original.masked_input.labels])[:, None]  # type: ignore[attr-defined]
    assert torch.equal(after, torch.where(kept, before + noise.float(), before))


@pytest.mark.parametrize("network", [means, tiny_resnet()], ids=["means", "resnet"])
def test_noise_of_zeros_changes_nothing_of_an_image(network: Any) -> None:
    original = image(network, CLASSES if network is not means else 3)
    same = shifted(original, torch.zeros(1, 3, SIDE, SIDE))
    masks = random_masks(9, 16)
    assert torch.equal(logits(original, masks), logits(same, masks))
    weights = torch.rand(3, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(original.relaxed(weights), same.relaxed(weights))


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["remove", "mask", "unk", "pad"])
@pytest.mark.parametrize("family", EMBEDDING_FAMILIES)
def test_noise_of_zeros_changes_nothing_of_a_text(family: str, baseline: str) -> None:
    """Embeddings are looked up by the network in one case, and handed to it in the other."""
    original = text(family, baseline)
    same = shifted(original, torch.zeros_like(original.masked_input.point))
    masks = random_masks(12, original.n_features)
    masks[0], masks[1] = True, False
    expected = logits(original, masks)
    torch.testing.assert_close(logits(same, masks), expected, rtol=1e-4, atol=1e-4)
    assert (expected.std(dim=0) > 0.01).all()  # the masks do matter
    assert same.masked_input.settings == original.masked_input.settings


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["remove", "mask", "unk"])
@pytest.mark.parametrize("family", SPECIAL)
def test_noise_of_zeros_changes_nothing_of(family: str, baseline: str) -> None:
    original = text(family, baseline) if family != "gpt2" else text(family, "unk")
    masks = random_masks(6, original.n_features)
    masks[0], masks[1] = True, False
    same = shifted(original, torch.zeros_like(original.masked_input.point))
    assert np.abs(same(masks) - original(masks)).max() < 1e-5
    full = original.masked_input.logits_at(original.masked_input.point)
    torch.testing.assert_close(full, logits(original, masks[:1]), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["remove", "mask", "unk"])
@pytest.mark.parametrize("family", [*SPECIAL, "bert", "roberta", "mpnet", "deberta-v3", "modernbert", "xlnet"])
def test_noise_gives_the_network_whose_table_of_embeddings_is_moved(family: str, baseline: str) -> None:
    """The oracle: a table with one more row for each token of the text, and ids that name these rows.

    Whatever a network does with ids itself (find the last token, count positions), it must not mind the new ids, so
    the oracle is used one mask at a time, without padding, and where the ids of special tokens do not matter.
    """
    original = text(family, baseline)
    noise = torch.from_numpy(0.5 * np.random.default_rng(2).standard_normal(original.masked_input.point.shape))
    masks = random_masks(5, original.n_features)
    masks[0] = True
    moved = shifted(original, noise)
    network = tiny_network(family)
    table = network.get_input_embeddings()
    rows = len(table.weight)
    points = moved.masked_input.point[0]
    given: list[torch.Tensor] = []

    def look_up(module: torch.nn.Module, arguments: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        vectors = torch.cat([table.weight, points])
        ids = given.pop() if given else arguments[0]
        if arguments[0].shape != ids.shape:  # padded to the length of a window, or tokens first
            if arguments[0].shape == ids.T.shape:
                return vectors[ids.T]
            ids = torch.cat([ids, arguments[0][:, ids.shape[1] :]], dim=1)
        return vectors[ids]

    for mask in masks:
        inputs = {}
        handle = original.masked_input._network.register_forward_pre_hook(  # type: ignore[attr-defined]
            lambda _, args, kwargs: inputs.update(kwargs),  # noqa: B023
            with_kwargs=True,
        )
        logits(original, mask[None])
        handle.remove()
        kept = original.masked_input._kept_tokens(mask[None])[0]  # type: ignore[attr-defined]
        row = inputs["input_ids"][0].clone()
        if original.masked_input.settings["removal"] == "tokens removed":
            row[: kept.sum()] = rows + torch.from_numpy(np.flatnonzero(kept))
        else:  # hidden tokens are there, and may be the moved ones or not
            row[torch.from_numpy(kept)] = rows + torch.from_numpy(np.flatnonzero(kept))
        given.append(row[None])
        hook = table.register_forward_hook(look_up)
        with torch.inference_mode():
            expected = network(**inputs).logits
        hook.remove()
        torch.testing.assert_close(logits(moved, mask[None]), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(moved(masks) - original(masks)).max() > 1e-4  # the noise does matter


def test_a_network_whose_embeddings_cannot_be_replaced_is_refused() -> None:
    original = text("perceiver", "mask")
    everything = np.ones((1, original.n_features), dtype=bool)
    with pytest.raises(ModelError, match="eave out neighbours="):
        shifted(original, torch.zeros_like(original.masked_input.point))(everything)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2", "modernbert"])
def test_noise_on_a_dropped_word_is_dropped_with_it(family: str) -> None:
    original = text(family)
    probe = torch.zeros_like(original.masked_input.point).requires_grad_()
    original.masked_input.per_feature(probe)[:, 2].sum().backward()
    assert probe.grad is not None
    everywhere = torch.randn(probe.shape, generator=torch.Generator().manual_seed(0))
    noise = 3 * everywhere * probe.grad  # on the tokens of feature 2 alone
    assert 0 < noise.count_nonzero() < noise.numel() / 2
    moved = shifted(original, noise)
    masks = random_masks(20, original.n_features)
    change = (logits(moved, masks) - logits(original, masks)).abs().amax(dim=1)
    assert (change[~masks[:, 2]] < 1e-4).all()
    assert (change[masks[:, 2]] > 1e-2).all()


def test_the_relaxed_neighbour_is_the_neighbour_at_all_ones() -> None:
    for original in (image(tiny_resnet(), CLASSES), text("bert")):
        noise = 0.3 * torch.randn(original.masked_input.point.shape, generator=torch.Generator().manual_seed(0))
        moved = shifted(original, noise)
        everything = np.ones((1, original.n_features), dtype=bool)
        expected = logits(moved, everything)
        torch.testing.assert_close(moved.relaxed(torch.ones(1, original.n_features)), expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(moved.logits_at(moved.masked_input.point), expected, rtol=1e-4, atol=1e-4)
        assert (logits(original, everything) - expected).abs().max() > 1e-3


def test_a_neighbour_counts_its_own_evaluations_and_leaves_the_original_alone() -> None:
    original = image()
    before = original(random_masks(4, 16))
    neighbour = next(gaussian_neighbours(original, count=1, sigma=1.0, rng=np.random.default_rng(0)))
    neighbour(random_masks(4, 16))
    assert (original.evaluations, neighbour.evaluations) == (4, 4)
    assert np.array_equal(original(random_masks(4, 16)), before)
    assert (neighbour.class_names, neighbour.features) == (original.class_names, original.features)


def test_the_noise_is_gaussian_with_the_deviation_that_was_asked_for() -> None:
    original = image()
    neighbours = gaussian_neighbours(original, count=20, sigma=0.25, rng=np.random.default_rng(3))
    noise = torch.cat([near.masked_input.point - original.masked_input.point for near in neighbours]).double()
    assert noise.shape == (20, 3, SIDE, SIDE)
    standard = noise.flatten() / 0.25
    # Six standard errors of the first two moments and of the share within one deviation.
    assert abs(standard.mean()) < 6 / standard.numel() ** 0.5
    assert abs(standard.square().mean() - 1) < 6 * (2 / standard.numel()) ** 0.5
    assert abs((standard.abs() < 1).double().mean() - 0.682689) < 6 * (0.2167 / standard.numel()) ** 0.5


def test_the_first_neighbours_do_not_depend_on_how_many_there_are() -> None:
    def points(count: int) -> list[torch.Tensor]:
        neighbours = gaussian_neighbours(image(), count=count, sigma=0.1, rng=np.random.default_rng(0))
        return [near.masked_input.point for near in neighbours]

    two, four = points(2), points(4)
    assert all(torch.equal(a, b) for a, b in zip(two, four, strict=False))
    assert not torch.equal(four[0], four[1])


@pytest.mark.parametrize(("count", "sigma"), [(0, 0.1), (-1, 0.1), (1, 0.0), (1, -0.1), (1, float("nan")), (1, 1e999)])
def test_neighbours_that_cannot_be_drawn_are_refused(count: int, sigma: float) -> None:
    with pytest.raises(ParameterError, match=r"(neighbours|sigma) must be .*\. Use a number such as"):
        next(gaussian_neighbours(image(), count=count, sigma=sigma, rng=np.random.default_rng(0)))


def test_noise_of_another_shape_is_refused() -> None:
    with pytest.raises(ParameterError, match="noise must have the shape of the input"):
        shifted(image(), torch.zeros(1, 3, SIDE, SIDE + 1))


def test_a_text_model_that_reads_its_embeddings_elsewhere_is_refused() -> None:
    original = text("bert", "mask")
    network: Any = original.masked_input._network  # type: ignore[attr-defined]
    elsewhere = torch.nn.Embedding(*network.bert.embeddings.word_embeddings.weight.shape)
    network.get_input_embeddings = lambda: elsewhere
    noise = torch.zeros_like(original.masked_input.point)
    with pytest.raises(ModelError, match="eave out neighbours="):
        shifted(original, noise)(np.ones((1, original.n_features), dtype=bool))

"""The trained weights: which they are, and that merged ones are the same function."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import transformers

from stabcert.adapt.settings import AdaptSettings, Method
from stabcert.adapt.weights import TrainedWeights, set_between
from stabcert.errors import ParameterError
from tests.tiny_models import seeded, tiny_network


def _resnet() -> Any:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3)
    return seeded(lambda: transformers.ResNetForImageClassification(config))


def _text_inputs() -> dict[str, torch.Tensor]:
    return {"input_ids": torch.arange(5, 17).view(2, 6), "attention_mask": torch.ones(2, 6, dtype=torch.long)}


def _pixel_inputs() -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))}


CASES = {
    "bert": (lambda: tiny_network("bert"), _text_inputs),
    "roberta": (lambda: tiny_network("roberta"), _text_inputs),
    "resnet": (_resnet, _pixel_inputs),
}


def _trained(module: torch.nn.Module, method: Method) -> TrainedWeights:
    weights = TrainedWeights(
        module,
        AdaptSettings(method=method, rank=3, train_head=True),
        n_classes=3,
        generator=torch.Generator().manual_seed(0),
    )
    generator = torch.Generator().manual_seed(1)
    changed = {
        key: value + 0.1 * torch.randn(value.shape, generator=generator) for key, value in weights.values().items()
    }
    weights.load(changed)
    return weights


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora", "norm"])
@pytest.mark.parametrize("case", CASES)
def test_merged_weights_are_the_trained_function(case: str, method: Method) -> None:
    make, inputs = CASES[case]
    original, student, candidate = make(), make(), make()
    weights = _trained(student, method)
    set_between(candidate, original, weights.merged(weights.values()), 1.0)
    with torch.no_grad():
        trained, merged, before = (network(**inputs()).logits for network in (student, candidate, original))
    torch.testing.assert_close(merged, trained, rtol=1e-4, atol=1e-4)
    assert (merged - before).abs().max() > 1e-3


def test_low_rank_changes_start_at_the_original_network_and_have_their_rank() -> None:
    original, student = _resnet(), _resnet()
    weights = TrainedWeights(
        student, AdaptSettings(method="lora", rank=3), n_classes=3, generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        assert torch.equal(student(**_pixel_inputs()).logits, original(**_pixel_inputs()).logits)
    weights = _trained(_resnet(), "lora")
    before = dict(original.named_parameters())
    for key, value in weights.merged(weights.values()).items():
        assert torch.linalg.matrix_rank((value - before[key]).flatten(1).double(), rtol=1e-4) <= 3


def test_norm_trains_only_norms() -> None:
    for case, part in (("bert", "LayerNorm"), ("resnet", "normalization")):
        names = _trained(CASES[case][0](), "norm").parameters
        assert names
        assert all(part in name for name in names)


def test_points_between_are_between() -> None:
    original, candidate = _resnet(), _resnet()
    trained = {key: value.detach() + 1 for key, value in original.named_parameters()}
    before = copy.deepcopy(dict(original.named_parameters()))
    for point in (0.0, 0.25, 1.0, 0.0):
        set_between(candidate, original, trained, point)
        for key, value in candidate.named_parameters():
            torch.testing.assert_close(value, before[key] + point)
    assert all(torch.equal(value, before[key]) for key, value in candidate.named_parameters())


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(
    ("case", "head"), [("bert", "classifier"), ("roberta", "classifier.out_proj"), ("resnet", "classifier.1")]
)
def test_the_head_is_left_out_unless_it_is_requested(case: str, head: str, method: Method) -> None:
    for trained in (False, True):
        module = CASES[case][0]()
        settings = AdaptSettings(method=method, train_head=trained)
        weights = TrainedWeights(module, settings, n_classes=3, generator=torch.Generator())
        assert any(key.startswith(head) for key in weights.parameters) == trained
        assert len(weights.parameters) > 4


def test_a_network_without_a_head_is_refused() -> None:
    with pytest.raises(ParameterError, match="Use train_head=True"):
        TrainedWeights(_resnet(), AdaptSettings(), n_classes=77, generator=torch.Generator())


def test_frozen_parts_are_not_trained() -> None:
    for method in ("full", "lora"):
        settings = AdaptSettings(method=method, freeze=("resnet.embedder", "*.stages.0.*"))  # type: ignore[arg-type]
        names = TrainedWeights(_resnet(), settings, n_classes=3, generator=torch.Generator()).parameters
        assert names
        assert all("stages.1" in name for name in names)


@pytest.mark.parametrize("pattern", ["resnet.embed", "nothing.*"])
def test_a_frozen_part_that_does_not_exist_is_refused(pattern: str) -> None:
    with pytest.raises(ParameterError, match="freeze must name parts"):
        TrainedWeights(_resnet(), AdaptSettings(freeze=(pattern,)), n_classes=3, generator=torch.Generator())

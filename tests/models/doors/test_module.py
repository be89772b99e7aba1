"""A network and a tensor: against the definition on all masks, against autograd by hand, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stabcert import certify_soft, explain, from_module
from stabcert.errors import InputError, ModelError, ParameterError, StabcertError
from tests.models.doors.all_masks import every_mask
from tests.tiny_models import seeded


def vector_network(dtype: torch.dtype = torch.float32) -> nn.Module:
    make = lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))  # noqa: E731
    network: nn.Module = seeded(make).to(dtype).eval()
    return network


def image_network() -> nn.Module:
    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 2)
        )

    network: nn.Module = seeded(make).eval()
    return network


VECTOR = torch.linspace(-1.5, 2.0, 6)
IMAGE = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 8, 8))).float()
CHANNELS = np.arange(3)[:, None, None] + np.zeros((3, 8, 8), dtype=int)


def by_definition(network: nn.Module, tensor: torch.Tensor, baseline: Any, labels: Any, masks: Any) -> Any:
    """Softmax in float64 of the network on the tensor, number by number chosen by the mask."""
    rows = []
    for mask in masks:
        kept = torch.tensor(mask[np.asarray(labels)])
        row = torch.where(kept.expand_as(tensor), tensor, torch.as_tensor(baseline, dtype=tensor.dtype))
        rows.append(torch.softmax(network(row[None]).detach().double(), dim=-1)[0].numpy())
    return np.array(rows)


@pytest.mark.parametrize("baseline", [0.0, 0.75, torch.linspace(0, 1, 6)])
@pytest.mark.parametrize("tensor", [VECTOR, VECTOR[None], VECTOR.numpy()])
def test_a_vector_has_the_probabilities_of_the_definition(tensor: Any, baseline: Any) -> None:
    predictor = from_module(vector_network(), tensor, baseline=baseline, names=list("abcdef"))
    masks = every_mask(6)
    expected = by_definition(vector_network(), VECTOR, baseline, np.arange(6), masks)
    assert np.abs(predictor(masks) - expected).max() < 1e-6
    assert [feature.label for feature in predictor.features.items] == list("abcdef")


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        ("grid:2", np.arange(8)[:, None] // 4 * 2 + np.arange(8) // 4),
        ("patch:4", np.arange(8)[:, None] // 4 * 2 + np.arange(8) // 4),
        (np.arange(64).reshape(8, 8) % 5 - 2, np.arange(64).reshape(8, 8) % 5),
        (
            np.arange(3)[:, None, None] + np.zeros((3, 8, 8), int),
            np.arange(3)[:, None, None] + np.zeros((3, 8, 8), int),
        ),
    ],
)
def test_an_image_has_the_probabilities_of_the_definition(features: Any, labels: Any) -> None:
    baseline = torch.tensor([0.1, 0.2, 0.3])[:, None, None]
    predictor = from_module(image_network(), IMAGE, features=features, baseline=baseline)
    masks = every_mask(predictor.n_features)
    expected = by_definition(image_network(), IMAGE, baseline, labels, masks)
    assert np.ptp(expected[:, 0]) > 1e-4
    assert np.abs(predictor(masks) - expected).max() < 1e-6


def test_rows_of_a_plane_can_be_features() -> None:
    network = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 2))).eval()
    plane = torch.linspace(-1, 1, 12).view(4, 3)
    predictor = from_module(network, plane, features=np.arange(4))
    assert predictor.n_features == 4
    expected = by_definition(network, plane, 0.0, np.repeat(np.arange(4), 3).reshape(4, 3), every_mask(4))
    assert np.abs(predictor(every_mask(4)) - expected).max() < 1e-6


def test_gradients_are_those_of_autograd_by_hand() -> None:
    network, baseline = vector_network(), torch.linspace(0, 1, 6)
    predictor = from_module(network, VECTOR, baseline=baseline)
    point = VECTOR.clone().requires_grad_()
    (by_hand,) = torch.autograd.grad(torch.softmax(network(point[None]), -1)[0, 1], point)
    saliency = explain(predictor, "saliency", target=1).scores
    assert np.abs(saliency - by_hand.abs().numpy()).max() < 1e-6
    scores = explain(predictor, "inputxgrad", target=1).scores
    assert np.abs(scores - (by_hand * (VECTOR - baseline)).detach().numpy()).max() < 1e-6
    path = explain(predictor, "intgrad", target=1, steps=60).scores
    ends = predictor(np.array([[True] * 6, [False] * 6]))[:, 1]
    assert abs(path.sum() - (ends[0] - ends[1])) < 1e-5


def test_gradients_of_an_image_are_summed_over_channels_and_cells() -> None:
    predictor = from_module(image_network(), IMAGE, features="grid:2")
    point = IMAGE.clone().requires_grad_()
    (by_hand,) = torch.autograd.grad(torch.softmax(image_network()(point[None]), -1)[0, 0], point)
    cells = by_hand.abs().view(3, 2, 4, 2, 4).sum(dim=(0, 2, 4)).flatten()
    assert np.abs(explain(predictor, "saliency", target=0).scores - cells.numpy()).max() < 1e-6


def test_the_network_is_left_as_it_is() -> None:
    network = image_network()
    before, mode = copy.deepcopy(network.state_dict()), [part.training for part in network.modules()]
    predictor = from_module(network, IMAGE, features="grid:2")
    explain(predictor, "intgrad")
    certify_soft(predictor, np.array([True, False, False, False]), radius=2, rng=np.random.default_rng(0))
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert [part.training for part in network.modules()] == mode
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())


def test_a_network_that_changes_afterwards_is_refused() -> None:
    network = vector_network()
    predictor = from_module(network, VECTOR)
    network.train()
    with pytest.raises(ModelError, match=r"network\.eval\(\)"):
        predictor(every_mask(6))
    network.eval()
    predictor(every_mask(6))
    with torch.no_grad():
        network[0].weight.add_(0.1)  # type: ignore[operator, union-attr]
    with pytest.raises(ModelError, match="changed since from_module"):
        predictor(every_mask(6))


@pytest.mark.parametrize("change", ["hook", "part"])
def test_a_network_with_another_part_or_hook_is_refused(change: str) -> None:
    network = vector_network()
    predictor = from_module(network, VECTOR)
    if change == "hook":
        network[1].register_forward_hook(lambda part, inputs, output: output + 1)  # type: ignore[operator, union-attr]
    else:
        network[1] = nn.Sigmoid().eval()  # type: ignore[index]
    with pytest.raises(ModelError, match="parts or hooks of Sequential have changed since from_module"):
        predictor(every_mask(6))


def test_float64_weights_make_float64_arithmetic() -> None:
    predictor = from_module(vector_network(torch.float64), VECTOR)
    expected = by_definition(vector_network(torch.float64), VECTOR.double(), 0.0, np.arange(6), every_mask(6))
    assert np.abs(predictor(every_mask(6)) - expected).max() < 1e-14
    assert predictor.decision_tolerance == 1e-10


class _Rounding(nn.Module):
    """Two classes that tie, and arithmetic in float32 whatever the type of the weights."""

    def __init__(self, inside: torch.dtype | None) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 1)
        self.inside = inside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.layer(x)
        z = z if self.inside is None else z.to(self.inside).sin().to(x.dtype)
        return torch.cat([z, z + 1e-7], dim=1)


def test_near_ties_are_decided_in_float64_only_if_the_copy_computes_in_it() -> None:
    for inside, tolerance in ((None, 1e-9), (torch.float32, 1e-4)):
        predictor = from_module(seeded(lambda inside=inside: _Rounding(inside)).eval(), VECTOR)
        predictor(every_mask(6))
        assert predictor.decision_tolerance == tolerance


def test_rounding_of_the_tensor_is_noted() -> None:
    tensor = torch.tensor([0.1] * 6, dtype=torch.float64)
    assert "float64 to float32" in from_module(vector_network(), tensor).masked_input.notes[0]
    assert from_module(vector_network(), VECTOR.double()).masked_input.notes == ()


def test_a_softmax_at_the_end_is_undone() -> None:
    network = nn.Sequential(vector_network(), nn.Softmax(dim=-1)).eval()
    with pytest.raises(ParameterError, match="outputs='probabilities'"):
        from_module(network, VECTOR)
    predictor = from_module(network, VECTOR, outputs="probabilities")
    expected = by_definition(vector_network(), VECTOR, 0.0, np.arange(6), every_mask(6))
    assert np.abs(predictor(every_mask(6)) - expected).max() < 1e-6


def test_names_of_classes_come_from_the_caller_or_the_configuration() -> None:
    network = vector_network()
    assert from_module(network, VECTOR).class_names == ("class 0", "class 1", "class 2")
    assert from_module(network, VECTOR, class_names=["a", "b", "a"]).class_names == ("a", "b", "a (2)")
    network.config = type("Config", (), {"id2label": {0: "x", 1: "y", 2: "z"}})()  # type: ignore[assignment]
    assert from_module(network, VECTOR).class_names == ("x", "y", "z")


class _Batchwise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2] - x[:, :2].mean(dim=0)


class _Random(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x[:, :2], 0.5, training=True)


@pytest.mark.parametrize(("network", "named"), [(_Batchwise(), "in a batch and alone"), (_Random(), "random numbers")])
def test_a_network_that_is_not_a_function_of_each_input_is_refused(network: nn.Module, named: str) -> None:
    with pytest.raises(ModelError, match=named):
        from_module(network.eval(), VECTOR + 3, batch_size=8)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((vector_network().train(), VECTOR), "network.eval()"),
        ((vector_network(), VECTOR[:5]), "(2, 5)"),
        ((vector_network(), torch.arange(6)), "from_pipeline"),
        ((vector_network(), torch.zeros(4, 6)), "features"),
        ((vector_network(), torch.zeros(2, 3, 4, 4)), "tensor[:1]"),
        ((vector_network(), VECTOR.log()), "finite"),
        ((vector_network(), "text"), "from_pipeline"),
        ((nn.Linear(6, 1).eval(), VECTOR), "torch.cat([t - z, z - t], dim=1)"),
        ((nn.LSTM(6, 3).eval(), VECTOR), "logits alone"),
        ((3, VECTOR), "torch.nn.Module"),
        ((torch.jit.ScriptModule(), VECTOR), "TorchScript"),
        ((lambda masks: masks, VECTOR), "from_function"),
        (("demo:image", VECTOR), "load_predictor"),
        ((vector_network(), torch.zeros(32, 32, 3)), "tensor.permute(2, 0, 1)"),
    ],
)
def test_what_is_refused_and_what_the_message_names(arguments: Any, named: str) -> None:
    with pytest.raises(StabcertError) as error:
        from_module(*arguments)
    assert named in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"baseline": torch.zeros(7)},
        {"baseline": float("nan")},
        {"baseline": "blur"},
        {"features": "words"},
        {"features": "grid:2"},
        {"features": np.zeros(5, int)},
        {"features": np.zeros(6)},
        {"names": ["a"]},
        {"names": ["a"] * 6},
        {"class_names": ["yes", "no"]},
        {"outputs": "logit"},
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises((InputError, ParameterError)):
        from_module(vector_network(), VECTOR, **options)

"""Adaptation on the accelerator, in bfloat16 where it is CUDA."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from stabcert.adapt.adapt import adapt
from stabcert.adapt.examples import Example
from stabcert.adapt.history import Adapted
from stabcert.adapt.settings import AdaptSettings, Method
from stabcert.models.hub import LoadedModel
from tests.accelerator.networks import DEVICE, loaded
from tests.adapt.tint import tint_model, tinted

FAST = AdaptSettings(temperature=1.0, epochs=6, learning_rate=0.1, batch_size=8, train_head=True)


def _tint() -> LoadedModel:
    model = tint_model()
    network = dataclasses.replace(model.network, module=model.network.module.to(DEVICE))
    return dataclasses.replace(model, network=network, device=torch.device(DEVICE))


def _weights(adapted: Adapted) -> dict[str, torch.Tensor]:
    return {name: value.cpu() for name, value in adapted.module.state_dict().items()}


@pytest.mark.parametrize("method", ["full", "lora", "norm"])
def test_masked_agreement_rises_and_clean_agreement_stays_within_its_bound(method: Method) -> None:
    adapted = adapt(_tint(), tinted(40), dataclasses.replace(FAST, method=method), features="grid:4")
    assert adapted.chosen.masked > adapted.original.masked + 0.1
    assert adapted.chosen.clean_agreement >= 1 - FAST.clean_loss
    assert adapted.epoch > 0


def test_two_adaptations_have_one_result() -> None:
    first, second = (adapt(_tint(), tinted(40), FAST, features="grid:4") for _ in range(2))
    assert first.history == second.history
    pairs = zip(*(_weights(each).values() for each in (first, second)), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_the_result_predicts_what_its_history_states() -> None:
    model, examples = _tint(), tinted(40)
    adapted = adapt(model, examples, FAST, features="grid:4")
    changed = dataclasses.replace(model, network=dataclasses.replace(model.network, module=adapted.module), batches={})
    held_out = [example for example in examples if example.id in adapted.held_out_ids]
    full = np.ones((1, 16), dtype=np.bool_)
    pairs = [
        [each.predictor(example.data, features="grid:4")(full).argmax() for each in (model, changed)]  # type: ignore[arg-type]
        for example in held_out
    ]
    assert np.mean([before == after for before, after in pairs]) == adapted.chosen.clean_agreement


@pytest.mark.parametrize("family", ["bert", "vit", "resnet"])
def test_networks_of_transformers_are_adapted(networks: dict[str, Path], family: str) -> None:
    model = loaded(networks[family])
    if model.kind == "text":
        words = ("good", "bad", "great", "not", "film", "movie", "the", "a")
        rng = np.random.default_rng(0)
        texts = [" ".join(rng.choice(words, 10)) for _ in range(24)]
        examples = [
            Example(f"text-{i}", text, None, hashlib.sha256(text.encode()).hexdigest()) for i, text in enumerate(texts)
        ]
        features = None
    else:
        examples, features = tinted(24), "grid:4"
    settings = AdaptSettings(epochs=2, batch_size=4)
    adapted = adapt(model, examples, settings, features=features)
    assert len(adapted.history) == 3
    assert all(np.isfinite(row.loss) for row in adapted.history[1:] if row.loss is not None)
    assert all(bool(torch.isfinite(value).all()) for value in _weights(adapted).values())

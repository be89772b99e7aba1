"""Adapted models load like any other, and are the network that was in memory."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from stabcert.adapt.adapt import adapt
from stabcert.adapt.examples import Example
from stabcert.adapt.history import Adapted
from stabcert.adapt.saving import adapted_model, save_adapted
from stabcert.adapt.settings import AdaptSettings
from stabcert.errors import ModelError, ParameterError
from stabcert.models.hub import LoadedModel, load_model
from stabcert.models.networks import ImageNetwork
from tests.adapt.test_inputs import image_examples, save_resnet, save_text
from tests.adapt.tint import tint_model
from tests.models.tiny_images import picture
from tests.tiny_models import save_bert, save_vit, seeded


def _changed(model: LoadedModel) -> Adapted:
    """Every weight moved a little, as if the model had been trained."""
    module = copy.deepcopy(model.network.module)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.05 * value.std(correction=0) * torch.randn(value.shape, generator=generator))
    return Adapted(module, (), 0, 0.0, "", (), (), False, {}, "", 1)


def _save_timm(directory: Path) -> Path:
    network = seeded(lambda: timm.create_model("test_vit", num_classes=3))
    names = {"label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "cat", "n2": "dog", "n3": "dog"}}
    timm.models.save_for_hf(network, str(directory), model_config=names, safe_serialization=True)
    return directory


MODELS = {
    "vit": lambda place: str(save_vit(place)),
    "resnet": lambda place: str(save_resnet(place)),
    "bert": lambda place: str(save_bert(place, id2label={0: "no", 1: "yes"})),
    "roberta": lambda place: str(save_text("roberta", place)),
    "timm": lambda place: str(_save_timm(place)),
    "demo:image": lambda place: "demo:image",
    "demo:text": lambda place: "demo:text",
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind.startswith("demo") else ()) for kind in MODELS]
)
def test_a_written_model_loads_as_the_network_in_memory(kind: str, tmp_path: Path) -> None:
    model = load_model(MODELS[kind](tmp_path / "original"))
    adapted = _changed(model)
    save_adapted(model, adapted, tmp_path / "out" / "adapted")
    loaded = load_model(str(tmp_path / "out" / "adapted"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["adapted"]
    assert loaded.class_names == model.class_names
    assert loaded.sha256 not in (None, model.sha256)
    inputs = ("the movie was not bad", "good") if model.kind == "text" else (picture(90, 70), picture(31, 64, seed=1))
    for source in inputs:
        predictors = [each.predictor(source) for each in (adapted_model(model, adapted), loaded, model)]
        memory, file, original = predictors
        masks = np.random.default_rng(0).random((6, memory.n_features)) < 0.5
        masks[0] = True
        assert memory.masked_input.settings == file.masked_input.settings
        assert torch.equal(memory.masked_input.point, file.masked_input.point)
        np.testing.assert_allclose(memory(masks), file(masks), atol=1e-6)
        assert np.abs(original(masks) - file(masks)).max() > 1e-5
    if isinstance(model.network, ImageNetwork) and isinstance(loaded.network, ImageNetwork):
        assert loaded.network.patch_size == model.network.patch_size
        assert (loaded.network.stage is None) == (model.network.stage is None)


@pytest.mark.slow
def test_a_directory_with_files_is_refused_and_an_empty_one_is_used(tmp_path: Path) -> None:
    model = load_model(str(save_vit(tmp_path / "original")))
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "notes.txt").write_text("mine")
    for place in (full, full / "notes.txt"):
        with pytest.raises(ParameterError, match="new or empty"):
            save_adapted(model, _changed(model), place)
    save_adapted(model, _changed(model), empty)
    assert (empty / "model.safetensors").is_file()
    assert [path.name for path in full.iterdir()] == ["notes.txt"]


def test_nothing_is_left_where_a_model_cannot_be_written(tmp_path: Path) -> None:
    model = tint_model()
    with pytest.raises(ModelError, match="neither transformers nor timm"):
        save_adapted(model, _changed(model), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_would_predict_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(save_vit(tmp_path / "original")))
    monkeypatch.setattr("stabcert.adapt.saving.load_model", lambda *arguments, **options: model)
    with pytest.raises(ModelError, match="probabilities would differ"):
        save_adapted(model, _changed(model), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "features", "baseline"),
    [
        ("vit", "patch", "zero"),
        ("vit", "patch", "drop"),
        ("resnet", "grid:4", None),
        ("bert", None, None),
        ("roberta", None, "mask"),
    ],
)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_real_architectures_are_adapted_and_written(
    kind: str, features: str | None, baseline: str | None, method: str, tmp_path: Path
) -> None:
    model = load_model(MODELS[kind](tmp_path / "original"))
    examples = image_examples(12)
    if model.kind == "text":
        words = ("good", "bad", "film", "the", "is", "very", "not", "a")
        texts = [" ".join(np.random.default_rng(i).choice(words, 3 + i % 4)) for i in range(12)]
        examples = [Example(text, text, None, hashlib.sha256(text.encode()).hexdigest()) for text in texts]
    settings = AdaptSettings(method=method, epochs=2, batch_size=4, rank=2, clean_loss=1.0)  # type: ignore[arg-type]
    adapted = adapt(model, examples, settings, features=features, baseline=baseline)
    assert all(row.loss is None or np.isfinite(row.loss) for row in adapted.history)
    save_adapted(model, adapted, tmp_path / "out")

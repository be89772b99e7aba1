"""Loading models: what is accepted, what is refused and in which words, and that nothing leaks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL import Image

from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models import download
from stabcert.models.checkpoint import choose_weights, weights_sha256
from stabcert.models.devices import choose_device
from stabcert.models.from_timm import patch_size
from stabcert.models.hub import load_model
from stabcert.models.networks import distinct
from stabcert.models.predictors import load_predictor
from tests.tiny_models import save, save_bert, save_vit, seeded
from tests.tiny_tokenizers import WORDS
from tests.waiting import LIMIT

# Not the values that a processor has of itself.
PROCESSING = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.5]}


def save_timm(directory: Path, architecture: str = "test_vit", **options: Any) -> Path:
    network = seeded(lambda: timm.create_model(architecture, pretrained=False, **options))
    timm.models.save_for_hf(network, str(directory), safe_serialization=True)
    return directory


def edit_config(directory: Path, **changes: Any) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    root = tmp_path_factory.mktemp("saved")
    return SimpleNamespace(
        vit=save_vit(root / "vit", processing=PROCESSING),
        bert=save_bert(root / "bert", id2label={0: "bad", 1: "good"}),
        timm=save_timm(root / "timm", num_classes=5),
    )


@pytest.fixture
def copy(saved: SimpleNamespace, tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copytree(getattr(saved, kind), tmp_path / kind))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub; functions of huggingface_hub read this constant when they are called."""
    from huggingface_hub import constants

    path = tmp_path / "hub-cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(path))
    return path


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    return cache


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put_into_cache(cache: Path, name: str, directory: Path) -> None:
    folder = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(directory, folder / "snapshots" / COMMIT)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)


def fake_hub(monkeypatch: pytest.MonkeyPatch, cache: Path, name: str, directory: Path) -> list[list[str]]:
    """A hub with one model. Returns the list of downloads, each the file names asked for."""
    import huggingface_hub

    downloads: list[list[str]] = []

    def model_info(*_: Any, **__: Any) -> Any:
        files = [SimpleNamespace(rfilename=path.name) for path in sorted(directory.iterdir())]
        return SimpleNamespace(sha=COMMIT, siblings=[*files, SimpleNamespace(rfilename="onnx/model.onnx")])

    def snapshot_download(repo_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        assert repo_id == name
        downloads.append(allow_patterns)
        snapshot = cache / "snapshots" / COMMIT
        snapshot.mkdir(parents=True, exist_ok=True)
        for file in allow_patterns:
            shutil.copy(directory / file, snapshot / file)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return downloads


def picture() -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    return Image.fromarray(values)


def full(predictor: Any) -> np.ndarray:
    row: np.ndarray = predictor(np.ones((1, predictor.n_features), dtype=bool))[0]
    return row


# What loads


def test_a_vit_directory_gives_the_probabilities_of_transformers_itself(saved: SimpleNamespace) -> None:
    loaded = load_model(str(saved.vit), device="cpu")
    predictor = loaded.predictor(picture())
    model = transformers.ViTForImageClassification.from_pretrained(saved.vit).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(saved.vit)
    with torch.no_grad():
        expected = model(**processor(images=picture(), return_tensors="pt")).logits.softmax(-1)[0].numpy()
    np.testing.assert_allclose(full(predictor), expected, atol=1e-6)
    assert (loaded.kind, loaded.class_names, loaded.revision) == ("image", ("cat", "dog", "owl"), None)
    assert loaded.id == str(saved.vit)
    assert loaded.sha256 == hashlib.sha256((saved.vit / "model.safetensors").read_bytes()).hexdigest()
    assert (predictor.features.kind, predictor.features.shape) == ("patch", (4, 4))
    assert loaded.notes == ()


def test_the_normalisation_of_an_image_processor_is_found_exactly(saved: SimpleNamespace) -> None:
    preprocessing = load_model(str(saved.vit), device="cpu").network.preprocessing  # type: ignore[union-attr]
    assert preprocessing.mean == (0.5, 0.4, 0.3)
    assert preprocessing.std == (0.2, 0.25, 0.5)


def test_a_processor_that_only_rescales_to_minus_one_and_one_is_measured(copy: Callable[[str], Path]) -> None:
    directory = copy("vit")
    path = directory / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_normalize": False, "rescale_factor": 2 / 255}))
    preprocessing = load_model(str(directory), device="cpu").network.preprocessing  # type: ignore[union-attr]
    np.testing.assert_allclose(preprocessing.mean, 0.0, atol=1e-6)
    np.testing.assert_allclose(preprocessing.std, 0.5, atol=1e-6)


def test_a_resnet_directory_has_a_grid_and_runs_channels_last(tmp_path: Path) -> None:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
    )
    save(seeded(lambda: transformers.ResNetForImageClassification(config)), tmp_path / "resnet")
    transformers.ConvNextImageProcessor(size={"shortest_edge": 64}).save_pretrained(tmp_path / "resnet")
    loaded = load_model(str(tmp_path / "resnet"), device="cpu")
    assert loaded.network.channels_last  # type: ignore[union-attr]
    predictor = loaded.predictor(picture())
    assert (predictor.features.kind, predictor.features.shape) == ("grid", (7, 7))
    assert loaded.class_names == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_a_swin_has_no_patches_although_its_configuration_has_a_patch_size(tmp_path: Path) -> None:
    config = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 1], window_size=4, num_labels=2
    )
    save(seeded(lambda: transformers.SwinForImageClassification(config)), tmp_path / "swin")
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path / "swin")
    assert load_model(str(tmp_path / "swin"), device="cpu").network.patch_size is None  # type: ignore[union-attr]


def test_a_bert_directory_gives_the_probabilities_of_transformers_itself(saved: SimpleNamespace) -> None:
    loaded = load_model(str(saved.bert), device="cpu")
    predictor = loaded.predictor("the film is very good")
    model = transformers.BertForSequenceClassification.from_pretrained(saved.bert).eval()
    ids = torch.tensor([[2] + [WORDS.index(w) for w in ["the", "film", "is", "very", "good"]] + [3]])
    with torch.no_grad():
        expected = model(input_ids=ids).logits.softmax(-1)[0].numpy()
    np.testing.assert_allclose(full(predictor), expected, atol=1e-6)
    assert (loaded.kind, loaded.class_names, predictor.n_features) == ("text", ("bad", "good"), 5)
    assert loaded.network.removes_tokens  # type: ignore[union-attr]


def test_a_timm_directory_gives_the_logits_of_timm_itself(saved: SimpleNamespace) -> None:
    loaded = load_model(str(saved.timm), device="cpu")
    predictor = loaded.predictor(picture())
    network = timm.create_model(f"local-dir:{saved.timm}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network), is_training=False)
    with torch.no_grad():
        expected = network(transform(picture())[None]).softmax(-1)[0].numpy()
    np.testing.assert_allclose(full(predictor), expected, atol=1e-6)
    assert loaded.class_names == tuple(f"class {i}" for i in range(5))
    assert (predictor.features.kind, predictor.features.shape) == ("patch", (10, 10))


@pytest.mark.slow
def test_a_convolutional_timm_directory_has_a_grid_and_its_own_label_names(tmp_path: Path) -> None:
    directory = save_timm(tmp_path / "resnet", "resnet10t", num_classes=3)
    edit_config(directory, label_names=["n1", "n2", "n3"], label_descriptions={"n1": "cat", "n2": "dog"})
    loaded = load_model(str(directory), device="cpu")
    assert loaded.class_names == ("cat", "dog", "n3")
    assert loaded.network.patch_size is None  # type: ignore[union-attr]
    assert loaded.network.channels_last  # type: ignore[union-attr]


def test_a_thousand_unnamed_timm_classes_are_called_by_imagenet_and_that_is_noted(tmp_path: Path) -> None:
    loaded = load_model(str(save_timm(tmp_path / "timm")), device="cpu")
    assert loaded.class_names[1] == "goldfish, Carassius auratus"
    assert len(set(loaded.class_names)) == 1000
    assert "imagenet-1k" in loaded.notes[0]


def test_a_timm_wrapper_directory_loads_with_the_preprocessing_of_its_configuration(tmp_path: Path) -> None:
    directory = tmp_path / "wrapper"
    config = transformers.TimmWrapperConfig(
        architecture="test_vit",
        num_labels=3,
        id2label={0: "a", 1: "b", 2: "c"},
        pretrained_cfg={"input_size": [3, 160, 160], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    )
    save(seeded(lambda: transformers.TimmWrapperForImageClassification(config)), directory)
    (directory / "preprocessor_config.json").write_text(
        json.dumps({"image_processor_type": "TimmWrapperImageProcessor", "pretrained_cfg": config.pretrained_cfg})
    )
    loaded = load_model(str(directory), device="cpu")
    assert loaded.class_names == ("a", "b", "c")
    np.testing.assert_allclose(loaded.network.preprocessing.std, 0.25, atol=1e-6)  # type: ignore[union-attr]
    assert loaded.network.patch_size == 16  # type: ignore[union-attr]


def test_a_half_precision_directory_loads_as_float32(tmp_path: Path) -> None:
    directory = save_vit(tmp_path / "vit", processing=PROCESSING)
    half = transformers.ViTForImageClassification.from_pretrained(directory).half()
    save(half, directory)
    loaded = load_model(str(directory), device="cpu")
    assert loaded.dtype == torch.float32
    single = half.float()
    pixels = loaded.network.preprocessing.to_pixels(picture())[None]  # type: ignore[union-attr]
    with torch.no_grad():
        logits = loaded.network.logits(pixels)  # type: ignore[union-attr]
        torch.testing.assert_close(logits, single(pixels).logits)
    assert logits.dtype == torch.float32


def test_bfloat16_is_used_when_asked_for(saved: SimpleNamespace) -> None:
    loaded = load_model(str(saved.bert), device="cpu", dtype="bfloat16")
    assert {p.dtype for p in loaded.network.module.parameters()} == {torch.bfloat16}  # type: ignore[union-attr]


def test_sharded_safetensors_load_and_are_hashed_together(saved: SimpleNamespace, tmp_path: Path) -> None:
    whole = transformers.BertForSequenceClassification.from_pretrained(saved.bert)
    directory = Path(shutil.copytree(saved.bert, tmp_path / "shards"))
    (directory / "model.safetensors").unlink()
    save(whole, directory, max_shard_size="4KB")
    shards = sorted(directory.glob("model-*.safetensors"))
    assert len(shards) > 1
    loaded = load_model(str(directory), device="cpu")
    expected = load_model(str(saved.bert), device="cpu")
    np.testing.assert_array_equal(full(loaded.predictor("a good film")), full(expected.predictor("a good film")))
    lines = "".join(f"{s.name}:{hashlib.sha256(s.read_bytes()).hexdigest()}\n" for s in shards)
    assert loaded.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_the_hash_of_shards_does_not_depend_on_their_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    assert weights_sha256([one, two]) == weights_sha256([two, one])


def test_load_predictor_takes_a_path_for_an_image_model_and_a_sentence_for_a_text_model(
    saved: SimpleNamespace, tmp_path: Path
) -> None:
    picture().save(tmp_path / "p.png")
    by_path = load_predictor(str(saved.vit), str(tmp_path / "p.png"), features="grid:2", device="cpu")
    by_image = load_predictor(str(saved.vit), picture(), features="grid:2", device="cpu")
    assert by_path.n_features == 4
    np.testing.assert_array_equal(full(by_path), full(by_image))
    by_text = load_predictor(str(saved.bert), "good film", baseline="mask", device="cpu", batch_size=3)
    assert (by_text.n_features, by_text.batch_size) == (2, 3)


def test_an_image_given_to_a_text_model_is_refused_with_the_way_out(saved: SimpleNamespace) -> None:
    with pytest.raises(InputError, match=r"classifies texts, got Image\. Give the text as a string"):
        load_predictor(str(saved.bert), picture(), device="cpu")


def test_duplicate_labels_are_told_apart(copy: Callable[[str], Path]) -> None:
    directory = copy("vit")
    edit_config(directory, id2label={"0": "crane", "1": "crane", "2": "owl"}, label2id=None)
    assert load_model(str(directory), device="cpu").class_names == ("crane", "crane (1)", "owl")


def test_distinct_names_stay_distinct_even_against_a_name_that_looks_like_a_repair() -> None:
    assert distinct(["a", "a", "a (1)", "a"]) == ("a", "a (1) (1)", "a (1)", "a (3)")


# What is refused


def refuse(directory: Path | str, match: str, error: type[Exception] = ModelError, **options: Any) -> None:
    with pytest.raises(error, match=match) as caught:
        load_model(str(directory), device="cpu", **options)
    assert "\n" not in str(caught.value)


def test_a_missing_head_is_refused_and_allowed_only_by_its_option(copy: Callable[[str], Path]) -> None:
    directory = remove_head(copy("bert"))
    refuse(directory, "no trained weights, .* classifier.bias, classifier.weight.*allow_random_head=True")
    first = load_model(str(directory), device="cpu", allow_random_head=True)
    assert "its predictions mean nothing" in first.notes[0]
    torch.rand(3)
    again = load_model(str(directory), device="cpu", allow_random_head=True)
    np.testing.assert_array_equal(full(first.predictor("good")), full(again.predictor("good")))


def test_a_head_of_another_shape_is_refused(copy: Callable[[str], Path]) -> None:
    directory = copy("bert")
    edit_config(directory, id2label={"0": "a", "1": "b", "2": "c"}, label2id={"a": 0, "b": 1, "c": 2})
    refuse(directory, "no trained weights, .* classifier.bias, classifier.weight")


@pytest.mark.parametrize("cls", ["BertModel", "BertForMaskedLM"])
def test_a_text_model_without_a_classifier_is_called_what_it_is(tmp_path: Path, cls: str) -> None:
    directory = save_bert(tmp_path / "bert", cls)
    refuse(directory, f"is {cls}, not a classifier. .*fine-tuned for classification.*allow_random_head=True")
    assert load_model(str(directory), device="cpu", allow_random_head=True).kind == "text"


def test_one_of_several_classes_needs_several_outputs(copy: Callable[[str], Path]) -> None:
    directory = copy("bert")
    edit_config(directory, problem_type="single_label_classification", id2label={"0": "score"})
    refuse(directory, r"has 1 label\(s\).*needs 2 or more.*multi_label_classification")
    edit_config(directory, problem_type="ranking")
    refuse(directory, "'ranking'.*single_label_classification, multi_label_classification or regression")


def test_pickled_weights_are_refused_before_loading_and_read_with_the_option(copy: Callable[[str], Path]) -> None:
    from safetensors.torch import load_file

    directory = copy("bert")
    torch.save(load_file(directory / "model.safetensors"), directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    refuse(directory, "only in pytorch_model.bin, a pickle, .*allow_pickle=True")
    assert load_model(str(directory), device="cpu", allow_pickle=True).kind == "text"


class _Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("executed", "w"))


@pytest.mark.parametrize("kind", ["bert", "timm"])
def test_a_pickle_with_code_is_not_run_even_when_pickles_are_allowed(
    copy: Callable[[str], Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = copy(kind)
    (directory / "model.safetensors").unlink()
    torch.save({"weight": _Attack()}, directory / "pytorch_model.bin")
    monkeypatch.chdir(directory)
    refuse(directory, "cannot be loaded", allow_pickle=True)
    assert not (directory / "executed").exists()


def test_safetensors_win_over_a_pickle_beside_them(copy: Callable[[str], Path]) -> None:
    for kind in ("bert", "timm"):
        directory = copy(kind)
        (directory / "pytorch_model.bin").write_bytes(b"never read")
        assert load_model(str(directory), device="cpu", allow_pickle=True).sha256 is not None


def test_remote_code_is_refused_and_run_only_with_the_option(
    copy: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    directory = copy("bert")
    (directory / "own.py").write_text(
        "from transformers import BertConfig, BertForSequenceClassification\n"
        "class OwnConfig(BertConfig):\n    model_type = 'own'\n"
        "class OwnForSequenceClassification(BertForSequenceClassification):\n    config_class = OwnConfig\n"
    )
    edit_config(
        directory,
        model_type="own",
        architectures=["OwnForSequenceClassification"],
        auto_map={
            "AutoConfig": "own.OwnConfig",
            "AutoModelForSequenceClassification": "own.OwnForSequenceClassification",
        },
    )
    refuse(directory, "brings its own Python code.*trust_remote_code=True")
    assert load_model(str(directory), device="cpu", trust_remote_code=True).class_names == ("bad", "good")


def test_code_beside_a_model_that_transformers_knows_is_not_run(copy: Callable[[str], Path]) -> None:
    directory = copy("bert")
    (directory / "own.py").write_text("raise RuntimeError('code of a stranger was run')\n")
    edit_config(directory, auto_map={"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"})
    assert load_model(str(directory), device="cpu").class_names == ("bad", "good")


def test_an_unknown_model_type_says_to_upgrade(copy: Callable[[str], Path]) -> None:
    directory = copy("bert")
    edit_config(directory, model_type="bert9")
    refuse(directory, "model_type 'bert9', which transformers .* does not support. Upgrade")


@pytest.mark.parametrize("keep", [4, 100, -8])
def test_truncated_safetensors_are_refused(copy: Callable[[str], Path], keep: int) -> None:
    directory = copy("bert")
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    refuse(directory, "model.safetensors of .* is damaged or cut off")


def test_a_missing_shard_is_named(saved: SimpleNamespace, tmp_path: Path) -> None:
    directory = Path(shutil.copytree(saved.bert, tmp_path / "shards"))
    (directory / "model.safetensors").unlink()
    save(transformers.BertForSequenceClassification.from_pretrained(saved.bert), directory, max_shard_size="4KB")
    lost = sorted(directory.glob("model-*.safetensors"))[1]
    lost.unlink()
    refuse(directory, f"lacks {lost.name}, which model.safetensors.index.json names")


def test_directories_that_are_no_models_say_why(tmp_path: Path, copy: Callable[[str], Path]) -> None:
    refuse(tmp_path, "contains no config.json, so it is not a model")
    (tmp_path / "config.json").write_text("{ not json")
    refuse(tmp_path, "config.json of .* cannot be read")
    (tmp_path / "config.json").write_text("[1]")
    refuse(tmp_path, "is not a JSON object")
    (tmp_path / "config.json").write_text('{"hidden_size": 8}')
    refuse(tmp_path, "has no weights, neither model.safetensors nor pytorch_model.bin. It contains config.json")
    (tmp_path / "adapter_config.json").write_text("{}")
    refuse(tmp_path, "is an adapter without the model")
    directory = copy("bert")
    edit_config(directory, model_type=None)
    refuse(directory, "neither a model_type .transformers. nor an architecture .timm.")
    refuse(directory / "config.json", "is a file. Give the directory")


def test_a_text_model_without_a_tokenizer_is_refused(copy: Callable[[str], Path]) -> None:
    directory = copy("bert")
    (directory / "tokenizer.json").unlink()
    refuse(directory, "has no tokenizer .neither tokenizer.json nor vocab.txt.. Save the tokenizer")


def test_an_image_model_without_an_image_processor_is_refused(copy: Callable[[str], Path]) -> None:
    directory = copy("vit")
    (directory / "preprocessor_config.json").unlink()
    refuse(directory, "has no preprocessor_config.json")


def test_a_processor_that_needs_a_missing_package_names_it(
    saved: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ImportError("this processor requires the zebra library\nbut it was not found")

    monkeypatch.setattr(transformers.AutoImageProcessor, "from_pretrained", fail)
    refuse(saved.vit, "needs a package that is not installed .*requires the zebra library.. Install it")


def test_a_decoder_without_a_padding_token_loads_and_gives_the_probabilities_of_transformers_itself(
    copy: Callable[[str], Path], tmp_path: Path
) -> None:
    directory = copy("bert")
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_positions=32, n_embd=8, n_layer=1, n_head=1, num_labels=2, pad_token_id=None
    )
    network = seeded(lambda: transformers.GPT2ForSequenceClassification(config))
    save(network, tmp_path / "gpt2")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(directory / file, tmp_path / "gpt2" / file)
    predictor = load_model(str(tmp_path / "gpt2"), device="cpu").predictor("the film is very good", baseline="unk")
    masks = np.array([[True] * 5, [True, False, True, False, False], [False] * 5])
    words = np.where(masks, [WORDS.index(word) for word in ("the", "film", "is", "very", "good")], 1)
    ids = torch.tensor([[2, *row, 3] for row in words])
    with torch.no_grad():
        expected = torch.cat([network(input_ids=row[None]).logits.softmax(-1) for row in ids])
    np.testing.assert_allclose(predictor(masks), expected.numpy(), atol=1e-6)


def test_preprocessing_of_another_size_than_the_network_takes_is_refused_at_load(copy: Callable[[str], Path]) -> None:
    directory = copy("vit")
    path = directory / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size": {"height": 48, "width": 48}}))
    refuse(directory, "cannot be run on a 48x48 image")


def test_a_timm_directory_without_a_head_is_refused(tmp_path: Path, copy: Callable[[str], Path]) -> None:
    refuse(save_timm(tmp_path / "features", num_classes=0), "has no classification head .0 classes.")
    from safetensors.torch import load_file, save_file

    directory = copy("timm")
    weights = load_file(directory / "model.safetensors")
    save_file({k: v for k, v in weights.items() if not k.startswith("head")}, directory / "model.safetensors")
    refuse(directory, "no weights, .*such as the classification head .*head.weight")


def test_a_hierarchical_timm_network_has_no_patches_although_it_embeds_them() -> None:
    small = {"img_size": 32, "window_size": 4, "embed_dim": 8, "depths": (1, 1), "num_heads": (1, 1)}
    swin = seeded(lambda: timm.create_model("swin_tiny_patch4_window7_224", **small))
    assert tuple(swin.patch_embed.patch_size) == (4, 4)
    assert patch_size(swin) is None


def test_a_timm_architecture_that_does_not_exist_is_refused(copy: Callable[[str], Path]) -> None:
    directory = copy("timm")
    edit_config(directory, architecture="resnet9000")
    refuse(directory, "cannot be loaded by timm .*resnet9000")


@pytest.mark.parametrize(
    "name", ["./nope", "../nope", "/nope/nope", "~/nope-at-all", "a/b/c", "a/model.safetensors", "nope/"]
)
def test_a_path_that_does_not_exist_is_called_a_missing_directory(name: str, no_network: None) -> None:
    refuse(name, f"^{name} does not exist")


def test_names_that_cannot_exist_list_the_ones_that_can(no_network: None) -> None:
    refuse("demo:sound", "demo model 'demo:sound' does not exist. Use demo:image, demo:image-masked or demo:text")
    refuse("timm:resnet51", "has no model 'resnet51'. Use timm:.*resnet50")
    refuse(
        "a b",
        "neither a directory nor a possible name of the hub .* timm:NAME, python:MODULE:NAME, demo:image and demo:text",
    )


def test_wrong_requests_are_parameter_errors_or_name_the_devices(saved: SimpleNamespace) -> None:
    refuse(
        saved.vit,
        "dtype must be one of float32, bfloat16, float16, got 'float64'",
        ParameterError,
        dtype="float64",
    )
    refuse(saved.vit, "revision='v1' is for models of the hub", ParameterError, revision="v1")
    refuse("demo:image", "revision='v1' is for models of the hub", ParameterError, revision="v1")
    with pytest.raises(ModelError, match=r"device 'cuda:99' does not exist here. Use one of cpu"):
        choose_device("cuda:99")
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_prefers_cuda_then_mps_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = []
    for cuda, mps in ((True, True), (False, True), (False, False)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.cuda, "device_count", lambda cuda=cuda: int(cuda))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        chosen.append(choose_device("auto").type)
    assert chosen == ["cuda", "mps", "cpu"]


# The hub


def test_a_model_in_the_cache_loads_offline_without_a_connection(
    saved: SimpleNamespace, cache: Path, no_network: None
) -> None:
    put_into_cache(cache, "org/tiny", saved.bert)
    loaded = load_model("org/tiny", device="cpu", offline=True)
    assert (loaded.id, loaded.revision, loaded.notes) == ("org/tiny", COMMIT, ())
    assert load_model("org/tiny", device="cpu", offline=True, revision=COMMIT[:40]).revision == COMMIT
    refuse("org/tiny", "org/tiny at revision other is not in the cache", offline=True, revision="other")


def test_the_environment_variable_means_offline_even_when_it_is_set_late(
    online: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refuse("org/none", "not in the cache .* forbids a download. Download the model first .* or give a local directory")


@pytest.mark.parametrize("kind", ["vit", "bert", "timm"])
def test_a_local_directory_opens_no_connection_even_online(
    saved: SimpleNamespace, kind: str, online: Path, no_network: None
) -> None:
    assert load_model(str(getattr(saved, kind)), device="cpu").revision is None


def test_an_unreachable_hub_is_one_line_at_once(online: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError("no route")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    refuse("org/none", "org/none is neither a local directory nor in the cache, and the hub cannot be reached")
    assert sum(waited) < 8


def test_a_hub_that_never_answers_is_given_up(online: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()
    answered: list[bool] = []
    monkeypatch.setattr(download, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(download, "_model_info", lambda *_: answered.append(given_up.wait(LIMIT)))
    refuse("org/none", "cannot be reached .TimeoutError: no answer in 0.05 s.")
    assert answered == [], "the answer was waited for"
    given_up.set()


def test_an_unreachable_hub_falls_back_to_the_cache_and_says_so(
    saved: SimpleNamespace, online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_into_cache(online, "org/tiny", saved.bert)

    def unreachable(*_: Any) -> None:
        raise OSError("no route")

    monkeypatch.setattr(download, "_model_info", unreachable)
    loaded = load_model("org/tiny", device="cpu")
    assert loaded.revision == COMMIT
    assert loaded.notes == ("the hub cannot be reached (OSError: no route). org/tiny is read from the cache",)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ("GatedRepoError", 403, "is gated. Request access at https://huggingface.co/org/tiny"),
        ("RepositoryNotFoundError", 404, "the hub has no model org/tiny, or it is private. Check the spelling"),
        ("RevisionNotFoundError", 404, "org/tiny has no revision v9. See https://huggingface.co/org/tiny/commits"),
        ("HfHubHTTPError", 401, "refuses access to org/tiny .status 401.. Log in"),
    ],
)
def test_each_refusal_of_the_hub_has_its_own_words(
    error: str, status: int, message: str, online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import errors

    exception = getattr(errors, error).__new__(getattr(errors, error))
    exception.response = SimpleNamespace(status_code=status)

    def fail(*_: Any) -> None:
        raise exception

    monkeypatch.setattr(download, "_model_info", fail)
    refuse("org/tiny", message, revision="v9")


def test_a_model_of_the_hub_loads_and_its_commit_is_the_revision(
    saved: SimpleNamespace, online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = fake_hub(monkeypatch, online, "org/tiny", saved.bert)
    loaded = load_model("org/tiny", device="cpu")
    assert (loaded.id, loaded.revision, loaded.kind) == ("org/tiny", COMMIT, "text")
    assert downloads[0] == ["config.json"]
    assert "onnx/model.onnx" not in downloads[1]


def test_what_is_refused_on_the_hub_is_refused_before_its_weights_are_downloaded(
    tmp_path: Path, online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = save_bert(tmp_path / "bert", "BertForMaskedLM")
    downloads = fake_hub(monkeypatch, online, "org/tiny", directory)
    refuse("org/tiny", "is BertForMaskedLM, not a classifier")
    assert downloads == [["config.json"]]
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    refuse("org/tiny", "only in pytorch_model.bin, a pickle")
    assert downloads == [["config.json"]]


def test_a_timm_name_loads_the_repository_timm_names_with_its_own_classes(
    tmp_path: Path, online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = save_timm(tmp_path / "timm")
    downloads = fake_hub(monkeypatch, online, "timm/test_vit.r160_in1k", directory)
    loaded = load_model("timm:test_vit", device="cpu")
    assert (loaded.id, loaded.revision, loaded.notes) == ("timm:test_vit", COMMIT, ())
    assert loaded.class_names[1] == "goldfish, Carassius auratus"
    assert downloads[1][-1] == "model.safetensors"
    local = load_model(str(directory), device="cpu")
    np.testing.assert_array_equal(full(loaded.predictor(picture())), full(local.predictor(picture())))


def test_the_choice_of_weights_prefers_safetensors_and_takes_whole_sets_of_shards() -> None:
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"]
    assert choose_weights("m", ["pytorch_model.bin", *shards, "x.safetensors"], allow_pickle=True) == tuple(shards)
    assert choose_weights("m", ["model.safetensors", *shards], allow_pickle=False) == ("model.safetensors",)
    assert choose_weights("m", ["model.pth"], allow_pickle=True) == ("model.pth",)


# What must not leak


def remove_head(directory: Path) -> Path:
    from safetensors.torch import load_file, save_file

    path = directory / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "classifier" not in k}, path, {"format": "pt"})
    return directory


@pytest.mark.slow
def test_loading_prints_nothing_even_where_transformers_has_a_report(
    saved: SimpleNamespace, copy: Callable[[str], Path]
) -> None:
    # A process of its own: the handlers of the libraries keep the stderr they first saw.
    code = (
        "import sys\nfrom stabcert.models.hub import load_model\n"
        "for name in sys.argv[1:]: load_model(name, device='cpu', allow_random_head=True)\n"
    )
    names = [str(path) for path in (remove_head(copy("bert")), saved.vit, saved.timm)]
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True, cwd=root)
    assert (done.stdout, done.stderr) == ("", "")


def test_loading_leaves_the_random_states_and_the_loggers_alone(
    saved: SimpleNamespace, copy: Callable[[str], Path]
) -> None:
    from transformers.utils import logging

    headless = remove_head(copy("bert"))
    before = (torch.get_rng_state(), logging.get_verbosity(), logging.is_progress_bar_enabled())
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    for directory in (saved.vit, saved.bert, saved.timm, headless):
        load_model(str(directory), device="cpu", allow_random_head=True)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before[1:]
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_a_loaded_model_is_in_evaluation_mode_without_gradients_and_cannot_be_changed(saved: SimpleNamespace) -> None:
    loaded = load_model(str(saved.bert), device="cpu")
    module = loaded.network.module  # type: ignore[union-attr]
    assert not module.training
    assert not any(p.requires_grad for p in module.parameters())
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.id = "other"  # type: ignore[misc]

"""Models by ``python:module:name``: what is accepted, what is hashed, and what a record may not run by itself."""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stabcert import PythonModel, explain, from_pipeline, load_model
from stabcert.errors import InputError, ModelError, ParameterError, StabcertError
from tests.known_model import call
from tests.models.doors.all_masks import every_mask

CODE = """
import numpy as np

print("noise on standard output")
WORDS = {"good": 1.5, "fine": 0.75, "bad": -2.0}


def moods(texts):
    print("more noise")
    score = np.array([sum(WORDS.get(word.strip(".,").lower(), 0) for word in text.split()) for text in texts]) - 0.4
    positive = 1 / (1 + np.exp(-score))
    return np.stack([1 - positive, positive], axis=1)


moods.kind = "text"
moods.class_names = ["bad", "good"]


def light(images):
    share = np.array([np.asarray(image)[:, : image.width // 2].mean() / 255 for image in images]).clip(0.01, 0.99)
    return np.stack([1 - share, share], axis=1)


def factory():
    from stabcert import PythonModel
    return PythonModel("image", light, ["dark", "light"])


def pipeline():
    import transformers
    from tests.tiny_models import tiny_network
    from tests.tiny_tokenizers import tiny_tokenizer
    return transformers.pipeline("text-classification", model=tiny_network("bert"), tokenizer=tiny_tokenizer("bert"))


def own_pipeline():
    import transformers
    from tests.tiny_models import tiny_network
    from tests.tiny_tokenizers import tiny_tokenizer

    class Own(transformers.TextClassificationPipeline):
        pass

    return Own(model=tiny_network("bert"), tokenizer=tiny_tokenizer("bert"))


def network():
    import torch
    from stabcert import PythonModel
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2)).eval()
    shrink = lambda image: torch.tensor(np.array(image.resize((8, 8)))).permute(2, 0, 1) / 255
    return PythonModel("image", layers, ["a", "b"], preprocess=shrink)


def training():
    model = network()
    model.predict.train()
    return model


def batchwise(texts):
    return [[0.5 + len(texts) / 10, 0.5 - len(texts) / 10]] * len(texts)


batchwise.kind, batchwise.class_names = "text", ["a", "b"]


def broken():
    raise ValueError("no weights")


def leaving():
    raise SystemExit(3)


def needs(argument):
    return None


def failing(texts):
    return [[1 / len(text), 1 - 1 / len(text)] for text in texts]


failing.kind, failing.class_names = "text", ["no", "yes"]


number = 3


def language_model():
    from pathlib import Path
    from stabcert import load_model
    from tests.tiny_language_models import save_language_model
    return load_model(str(save_language_model(Path("saved"), "gpt2")), classes=["xa", "yb"], prompt="Is {input} ok:")


def estimator():
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression()


def bare():
    import torch
    return torch.nn.Linear(2, 2)
"""
_NUMBERS = count()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The name of a module in the current directory that nothing imported before."""
    name = f"models_of_test_{next(_NUMBERS)}"
    (tmp_path / f"{name}.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    sys.modules.pop(name, None)


TEXT = " A good film, not bad."


def test_a_function_of_texts_loses_words_with_what_follows_them(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load_model(f"python:{module}:moods")
    predictor = model.predictor(TEXT)
    words = [" A ", "good ", "film", ", ", "not ", "bad", "."]
    moods = sys.modules[module].moods
    masks = every_mask(7)
    expected = moods(["".join(word for word, kept in zip(words, mask, strict=True) if kept) for mask in masks])
    assert np.abs(predictor(masks) - expected).max() < 1e-12
    assert model.class_names == ("bad", "good")
    assert predictor.masked_input.settings["removal"] == "characters removed"
    assert "SHA-256" in model.notes[0]
    moods_noise = capsys.readouterr().out.count("more noise")
    assert moods_noise == 1, "only what this test called itself"


def test_a_function_of_images_gets_images(module: str) -> None:
    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8))
    predictor = load_model(f"python:{module}:factory").predictor(picture, features="grid:2")
    light = sys.modules[module].light
    masks = every_mask(4)
    for mask, found in zip(masks, predictor(masks), strict=True):
        pixels = np.array(picture) * mask.reshape(2, 2).repeat(3, 0).repeat(4, 1)[..., None]
        assert np.abs(light([Image.fromarray(pixels.astype(np.uint8))])[0] - found).max() < 1e-12
    with pytest.raises(ParameterError, match="not a network"):
        explain(predictor, "saliency")


def test_a_pipeline_and_a_network_have_gradients_and_a_hash_of_their_weights(module: str) -> None:
    from PIL import Image

    pipeline = load_model(f"python:{module}:pipeline")
    assert (explain(pipeline.predictor("A fine film."), "saliency").scores > 0).all()
    network = load_model(f"python:{module}:network")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8))
    assert (explain(network.predictor(picture, features="grid:2"), "saliency").scores > 0).all()
    for model in (pipeline, network):
        assert len(model.sha256 or "") == len(model.code_sha256 or "") == 64


def test_the_hash_is_that_of_the_file(module: str) -> None:
    before = load_model(f"python:{module}:moods")
    sys.modules.pop(module)
    Path(f"{module}.py").write_text(CODE.replace("1.5", "1.25"))
    after = load_model(f"python:{module}:moods")
    assert before.config_sha256 != after.config_sha256
    assert before.code_sha256 != after.code_sha256


def test_a_file_that_changed_after_its_import_is_refused(module: str) -> None:
    load_model(f"python:{module}:moods")
    Path(f"{module}.py").write_text(CODE.replace("1.5", "1.25"))
    with pytest.raises(ModelError, match="Start Python again"):
        load_model(f"python:{module}:moods")


@pytest.mark.parametrize(
    ("attribute", "named"),
    [
        ("mood", "Did you mean moods"),
        ("broken", "ValueError: no weights"),
        ("leaving", "SystemExit"),
        ("needs", "needs.class_names = "),
        ("failing", "failed on a trial with 'a b' and '' (ZeroDivisionError"),
        ("number", "PythonModel"),
        ("estimator", "from_estimator"),
        ("bare", "preprocess"),
        ("training", "training mode"),
        ("batchwise", "in a batch and alone"),
        ("own_pipeline", "steps may be its own"),
    ],
)
def test_an_object_that_is_not_a_model_is_refused(module: str, attribute: str, named: str) -> None:
    with pytest.raises(ModelError) as error:
        load_model(f"python:{module}:{attribute}")
    assert named in str(error.value)


@pytest.mark.parametrize(
    "name", ["python:", "python:module", "python:a-b:c", "python:a/b.py:c", "python:a:b.c", "python::c"]
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="python:MODULE:NAME"):
        load_model(name)


def test_a_module_that_does_not_exist_is_refused_with_the_directory(module: str) -> None:
    with pytest.raises(ModelError, match="neither in"):
        load_model(f"python:no_{module}.part:x")


@pytest.mark.parametrize("options", [{"dtype": "float16"}, {"device": "cpu"}, {"compile": True}, {"revision": "main"}])
def test_options_that_the_code_decides_are_refused(module: str, options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        load_model(f"python:{module}:moods", **options)


def test_a_record_is_verified_only_if_its_code_may_run(module: str, tmp_path: Path) -> None:
    name = f"python:{module}:moods"
    arguments = ("certify-soft", "--text", TEXT, "--model", name, "-k", 2, "-r", 2, "--method", "occlusion", "--json")
    code, (record,), said = call(*arguments)
    assert code == 0
    assert "noise" in said
    assert record["model"]["code_sha256"]
    file = tmp_path / "records.jsonl"
    file.write_text(json.dumps(record))
    code, _, said = call("certify-soft", "--verify", file, "--json")
    assert code == 3
    assert "--trust-remote-code" in said
    code, (verified,), _ = call("certify-soft", "--verify", file, "--json", "--trust-remote-code")
    assert (code, verified["status"]) == (0, "stands")
    sys.modules.pop(module)
    Path(f"{module}.py").write_text(CODE + "\n# changed\n")
    code, (verified,), _ = call("certify-soft", "--verify", file, "--json", "--trust-remote-code")
    assert (code, verified["status"]) == (1, "does-not-stand")
    code, _, said = call("certify-soft", "--from", _explained(name, tmp_path), "-r", 1)
    assert code == 3
    assert "--trust-remote-code" in said


def test_a_model_without_files_is_not_adapted(module: str, tmp_path: Path) -> None:
    code, _, said = call("adapt", "--text", TEXT, "--model", f"python:{module}:moods", "--out", tmp_path / "out")
    assert code == 2
    assert "save_pretrained" in said


def _explained(name: str, folder: Path) -> Path:
    _, (record,), _ = call("explain", "--text", TEXT, "--model", name, "--method", "occlusion", "--json")
    file = folder / "explained.jsonl"
    file.write_text(json.dumps(record))
    return file


def test_a_model_in_python_is_a_door_of_the_library() -> None:
    def classify(texts: list[str]) -> Any:
        return [[0.9, 0.1] if "bad" in text else [0.2, 0.8] for text in texts]

    predictor = from_pipeline(PythonModel("text", classify, ["complaint", "praise"]), "a bad film")
    assert np.allclose(predictor(every_mask(3)), classify(["bad" if mask[1] else "" for mask in every_mask(3)]))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("sound", len, ["a", "b"]), "kind"),
        (("text", 3, ["a", "b"]), "predict"),
        (("text", len, ["a"]), "class_names"),
        (("text", len, "ab"), "class_names"),
    ],
)
def test_values_of_a_model_in_python_are_checked(values: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        PythonModel(*values)


@pytest.mark.parametrize(
    "options", [{"features": "token"}, {"baseline": "mask"}, {"text_pair": "b"}, {"features": "words"}]
)
def test_requests_that_a_function_of_texts_cannot_meet(options: dict[str, Any]) -> None:
    with pytest.raises(StabcertError):
        from_pipeline(PythonModel("text", lambda texts: [[0.4, 0.6]] * len(texts), ["a", "b"]), "a bad film", **options)


def test_other_classes_than_those_of_the_code_are_refused(module: str) -> None:
    name, prompt = f"python:{module}:language_model", "Is {input} ok:"
    assert load_model(name, classes=["xa", "yb"], prompt=prompt).class_names == ("xa", "yb")
    for classes, other in ((["yb", "xa"], prompt), (["xa", "yb"], None), (["good", "bad"], prompt)):
        with pytest.raises(ParameterError, match="has classes of its own"):
            load_model(name, classes=classes, prompt=other)

"""Models that are damaged, dangerous, or answer another question."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from tests.robustness.case import Build, Workshop, cases
from tests.robustness.workshop import SENTENCE, copy, with_config, with_weights

AREA = "models"


def _config(**changes: Any) -> Build:
    return lambda shop: _ask(with_config(shop.text_model, "model", **changes))


def _weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Build:
    return lambda shop: _ask(with_weights(shop.text_model, "model", change))


def _spoilt(change: Callable[[Path], None], *options: str) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        change(copy(shop.text_model, "model"))
        return _ask("model", *options)

    return build


def _spoilt_image(change: Callable[[Path], None]) -> Build:
    def build(shop: Workshop) -> Sequence[object]:
        from tests.models.image_bytes import encoded
        from tests.models.tiny_images import picture

        change(copy(shop.image_model, "model"))
        return [
            "explain",
            shop.write("photo.png", encoded(picture(), "PNG")),
            "-m",
            "model",
            "--method",
            "random",
            "--json",
        ]

    return build


def _ask(model: object, *options: str, method: str = "random") -> Sequence[object]:
    return ["explain", "-t", SENTENCE, "-m", model, "--method", method, *options, "--json"]


def _nan(weights: dict[str, torch.Tensor]) -> None:
    weights["classifier.bias"][0] = float("nan")


def _unused_nan(weights: dict[str, torch.Tensor]) -> None:
    """The embedding of a token that the sentence does not have."""
    weights["bert.embeddings.word_embeddings.weight"][7, 0] = float("nan")


def _infinite(weights: dict[str, torch.Tensor]) -> None:
    weights["classifier.weight"][0, 0] = float("inf")


def _huge(weights: dict[str, torch.Tensor]) -> None:
    weights["classifier.weight"] *= 1e38


def _headless(weights: dict[str, torch.Tensor]) -> None:
    del weights["classifier.weight"]


def _cut(path: Path) -> None:
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data[: len(data) // 2])


def _header(path: Path) -> None:
    """A header that says it is 2^60 bytes long."""
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + data[8:])


class _Trap:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path("trapped").touch, ()


def _pickle(path: Path) -> None:
    (path / "model.safetensors").unlink()
    (path / "pytorch_model.bin").write_bytes(pickle.dumps({"classifier.bias": _Trap()}))


def _index(path: Path) -> None:
    (path / "model.safetensors").unlink()
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../etc/passwd"}}))


def _replace(name: str, data: bytes | None) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        for file in path.glob(name):
            file.unlink()
        if data is not None:
            (path / name).write_bytes(data)

    return change


def _processor(**changes: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        file = path / "preprocessor_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def _with_code(shop: Workshop) -> Sequence[object]:
    """A known type of model, and code that is never looked at."""
    model = with_config(shop.text_model, "model", auto_map={"AutoModelForSequenceClassification": "trap.Model"})
    shop.write("model/trap.py", "raise SystemExit('this code must not run')")
    return _ask(model)


def _more_tokens(shop: Workshop) -> Sequence[object]:
    tokenizer = copy(shop.text_model, "model") / "tokenizer.json"
    text = json.loads(tokenizer.read_text())
    text["model"]["vocab"]["a"] = 9999
    tokenizer.write_text(json.dumps(text))
    return _ask("model")


def _folder(shop: Workshop) -> Sequence[object]:
    shop.write("folder/notes.txt", "nothing")
    return _ask("folder")


_THREE_NUMBERS = {"id2label": {"0": "valence", "1": "arousal", "2": "power"}, "label2id": None}

CASES = cases(
    AREA,
    (
        "one class out of several, and one output",
        _config(problem_type="single_label_classification", id2label={"0": "score"}, label2id={"score": 0}),
        3,
        "needs 2 or more",
    ),
    (
        "regression with three outputs",
        _config(problem_type="regression", **_THREE_NUMBERS),
        2,
        "Use --target valence",
    ),
    (
        "a head for any number of labels at once",
        _config(problem_type="multi_label_classification"),
        2,
        "each of which is on or off",
    ),
    ("a problem_type that does not exist", _config(problem_type="ranking"), 3, "problem_type"),
    ("no id2label", _config(id2label=None, label2id=None, num_labels=3), 0, "reported"),
    (
        "an id2label with fewer names than outputs",
        _config(id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1}),
        3,
        "classifier",
    ),
    ("an id2label with a gap", _config(id2label={"0": "a", "1": "b", "7": "c"}), 0, "reported"),
    ("an id2label whose names are all the same", _config(id2label={"0": "a", "1": "a", "2": "a"}), 0, "reported"),
    (
        "an id2label whose names are empty, null and a list",
        _config(id2label={"0": "", "1": None, "2": ["x"]}),
        0,
        "reported",
    ),
    ("an id2label that is a list", _config(id2label=["a", "b", "c"]), 3, "id2label"),
    ("an id2label whose keys are words", _config(id2label={"a": "0", "b": "1", "c": "2"}), 3, "id2label"),
    ("a weight of the head that is NaN", _weights(_nan), 3, "not finite"),
    ("a NaN that this sentence does not meet", _weights(_unused_nan), 3, "not finite"),
    ("an infinite weight", _weights(_infinite), 3, "not finite"),
    ("weights whose answers overflow", _weights(_huge), 3, "not finite"),
    (
        "weights that float16 cannot hold",
        lambda shop: _ask(
            with_weights(shop.text_model, "model", lambda w: w["classifier.weight"].fill_(1e6)), "--dtype", "float16"
        ),
        3,
        "not finite",
    ),
    ("weights without a head", _weights(_headless), 3, "no trained weights"),
    ("weights that are cut off", _spoilt(_cut), 3, "model.safetensors of model is damaged or cut off"),
    ("weights of zero bytes", _spoilt(_replace("model.safetensors", b"")), 3, "damaged or cut off"),
    ("a header of 2^60 bytes", _spoilt(_header), 3, "damaged or cut off"),
    (
        "a pointer of Git LFS instead of weights",
        _spoilt(_replace("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")),
        3,
        "damaged or cut off",
    ),
    ("no weights", _spoilt(_replace("model.safetensors", None)), 3, "has no weights"),
    ("a pickle", _spoilt(_pickle), 3, "a pickle, which can run code when it is read"),
    ("a pickle that runs code, allowed", _spoilt(_pickle, "--allow-pickle"), 3, "cannot be loaded"),
    ("an index that leads out of the directory", _spoilt(_index), 3, "model lacks ../../etc/passwd"),
    (
        "code that comes with the model",
        _config(model_type="mine", auto_map={"AutoConfig": "code.Config"}),
        3,
        "brings its own Python code",
    ),
    ("code beside a known type", lambda shop: _with_code(shop), 0, "reported"),
    (
        "a config.json that is not JSON",
        _spoilt(_replace("config.json", b"{")),
        3,
        "config.json of model cannot be read",
    ),
    ("a config.json of zero bytes", _spoilt(_replace("config.json", b"")), 3, "config.json of model cannot be read"),
    (
        "a config.json of 100,000 brackets",
        _spoilt(_replace("config.json", b"[" * 100_000)),
        3,
        "config.json of model cannot be read",
    ),
    ("a config.json that is a list", _spoilt(_replace("config.json", b"[]")), 3, "is not a JSON object"),
    ("a config.json of another network", _config(hidden_size=64), 3, "no trained weights, or weights of another shape"),
    ("a config.json with a width that is a word", _config(hidden_size="wide"), 3, "cannot be loaded"),
    ("a config.json with a type that does not exist", _config(model_type="telepathy"), 3, "does not support"),
    ("a config.json with a type that is a list", _config(model_type=["bert"]), 3, "must be a word"),
    ("a config.json whose architectures is a number", _config(architectures=7), 3, "architectures"),
    ("no tokenizer", _spoilt(_replace("tokenizer*", None)), 3, "has no tokenizer"),
    ("a tokenizer that is damaged", _spoilt(_replace("tokenizer.json", b"{}")), 3, "tokenizer"),
    ("a tokenizer with more tokens than the network", lambda shop: _more_tokens(shop), 3, "cannot be run on a text"),
    (
        "no preprocessing of images",
        _spoilt_image(_replace("preprocessor_config.json", None)),
        3,
        "has no preprocessor_config.json",
    ),
    ("a preprocessing that divides by zero", _spoilt_image(_processor(image_std=[0, 0, 0])), 3, "image processor"),
    (
        "a preprocessing to another size",
        _spoilt_image(_processor(size={"height": 999, "width": 999})),
        3,
        "cannot be run on a 999x999 image",
    ),
    ("a directory that is not a model", lambda shop: _folder(shop), 3, "contains no config.json"),
    (
        "a file instead of a directory",
        lambda shop: _ask(shop.write("model.safetensors", b"x")),
        3,
        "is a file. Give the directory",
    ),
    ("a directory that does not exist", lambda shop: _ask("./nowhere"), 3, "./nowhere does not exist"),
    (
        "a name the hub could not have",
        lambda shop: _ask("a b c"),
        3,
        "neither a directory nor a possible name of the hub",
    ),
    ("a model of the hub, offline", lambda shop: _ask("nobody/nothing", "--offline"), 3, "forbids a download"),
    (
        "the home of a user who does not exist",
        lambda shop: _ask("~nobody-at-all/model"),
        3,
        "~nobody-at-all/model does not exist",
    ),
    ("a demo model that does not exist", lambda shop: _ask("demo:sound"), 3, "demo model 'demo:sound' does not exist"),
    ("a name of nothing", lambda shop: _ask(""), 2, "--model is empty"),
)

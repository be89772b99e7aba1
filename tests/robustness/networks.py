"""Networks of other families than the two tiny models, and what they cannot read."""

from __future__ import annotations

import json
from collections.abc import Sequence

import torch
import transformers

from tests.models.image_bytes import encoded
from tests.models.tiny import tiny_network, tiny_tokenizer
from tests.models.tiny_images import picture
from tests.robustness.case import Workshop, cases
from tests.robustness.workshop import SENTENCE, copy, with_weights

AREA = "networks"
_SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def _family(family: str) -> str:
    transformers.utils.logging.disable_progress_bar()
    tiny_network(family).save_pretrained("model")
    transformers.utils.logging.enable_progress_bar()
    tiny_tokenizer(family).save_pretrained("model")
    return "model"


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


def _vision(kind: str, *, side: int = 32, **config: object) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        settings = getattr(transformers, f"{kind}Config")(
            **_SIZES, image_size=32, patch_size=8, id2label={0: "cat", 1: "dog"}, **config
        )
        network = getattr(transformers, f"{kind}ForImageClassification")(settings)
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained("model")
    transformers.utils.logging.enable_progress_bar()
    transformers.ViTImageProcessor(size={"height": side, "width": side}).save_pretrained("model")


def _one_channel(shop: Workshop) -> Sequence[object]:
    _vision("ViT", num_channels=1)
    return _explain(_photo(shop))


def _odd_size(shop: Workshop) -> Sequence[object]:
    _vision("Dinov2", side=36)
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
    transformers.utils.logging.disable_progress_bar()
    transformers.Siglip2ForImageClassification(config).save_pretrained("model")
    transformers.utils.logging.enable_progress_bar()
    transformers.Siglip2ImageProcessor(patch_size=8, max_num_patches=16).save_pretrained("model")
    return _explain(_photo(shop))


CASES = cases(
    AREA,
    ("a decoder without a padding token", lambda _: _text("llama-without-padding"), 0, "reported"),
    ("a baseline that a decoder does not have", lambda _: _text("gpt2", "--baseline", "mask"), 2, "use --baseline unk"),
    ("a baseline that T5 does not have", lambda _: _text("t5", "--baseline", "pad"), 2, "use --baseline mask|unk"),
    ("Perceiver", lambda _: _text("perceiver"), 0, "reported"),
    ("gradients of Perceiver", lambda _: _text("perceiver", "--method", "saliency"), 3, "use --method lime"),
    ("gradients of Reformer", lambda _: _text("reformer", "--method", "saliency"), 3, "such as --method lime"),
    (
        "Longformer with gradients and neighbours",
        lambda _: _text("longformer", "--method", "saliency", "--neighbours", "1"),
        0,
        "reported",
    ),
    ("neighbours of BART", lambda _: _text("bart", "--baseline", "mask", "--neighbours", "1"), 3, "leave out --neigh"),
    ("a typed end of text before BART, and another text", _typed, 4, "cannot be run on this input"),
    ("a mixture of experts with nothing but ties", _ties, 0, "reported"),
    ("an image processor that makes patches", _patches, 3, "Give another model, or save this one again"),
    ("an image model of one channel", _one_channel, 3, "reads images of 1 channel"),
    ("a preprocessing that does not resize", lambda shop: _unresized(shop, 32), 0, "reported"),
    (
        "an image of another size before it, and one that fits",
        lambda shop: _unresized(shop, 40, 32, options=("--keep-going",)),
        4,
        "cannot be run on this input",
    ),
    ("patches that do not divide the image", _odd_size, 0, "using --features grid:7"),
    ("weights that were saved from a compiled network", _wrapped, 0, "reported"),
    (
        "lime with fewer samples than words",
        lambda shop: ["explain", "-t", SENTENCE, "-m", shop.text_model, "--n-samples", "3", "--json"],
        0,
        "lime evaluated 3 samples",
    ),
)

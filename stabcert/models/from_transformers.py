"""Loading classifiers in the format of transformers from a checked directory."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from stabcert.errors import ModelError
from stabcert.models.checkpoint import Checkpoint, wrapper_prefix
from stabcert.models.failures import reason
from stabcert.models.kind import classifier_kind
from stabcert.models.networks import (
    ANOTHER_MODEL,
    ImageNetwork,
    Loaded,
    Part,
    Parts,
    TextNetwork,
    check_channels,
    check_image_network,
    check_logits,
    distinct,
    is_convolutional,
    place,
    quiet_transformers,
)
from stabcert.models.processors import measured
from stabcert.models.running import run

# One token for each square of patch_size pixels, all the way through the network. Hierarchical
# networks (Swin, PVT, ...) have a patch_size too, but merge patches.
_PLAIN_VISION_TRANSFORMERS = frozenset(
    {
        "vit",
        "deit",
        "beit",
        "vit_msn",
        "data2vec-vision",
        "dinov2",
        "dinov2_with_registers",
        "dinov3_vit",
        "ijepa",
        "clip",
        "metaclip_2",
        "siglip",
        "siglip2",
    }
)
# Vocabularies, by the beginning or end of their name; tokenizer_config.json is not one.
_VOCABULARY_STARTS = ("tokenizer.", "vocab", "spiece", "spm", "sentencepiece")
_VOCABULARY_ENDS = (".model", ".bpe", ".codes", ".tiktoken")
_PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")


def load_from_transformers(
    checkpoint: Checkpoint,
    *,
    trust_remote_code: bool,
    allow_random_head: bool,
    device: torch.device,
    dtype: torch.dtype,
) -> Loaded:
    """Load a checked directory; no network is used.

    Raises:
        ModelError: `classifier_kind` refuses it; the weights do not cover the network
            (``allow_random_head`` turns this into a note); the preprocessing or the tokenizer is
            missing or cannot be loaded.
    """
    kind = classifier_kind(
        checkpoint.name, checkpoint.config, trust_remote_code=trust_remote_code, allow_random_head=allow_random_head
    )
    with quiet_transformers():
        return _load(checkpoint, kind, trust_remote_code, allow_random_head, device, dtype)


def _load(
    checkpoint: Checkpoint,
    kind: Literal["image", "text"],
    trust_remote_code: bool,
    allow_random_head: bool,
    device: torch.device,
    dtype: torch.dtype,
) -> Loaded:
    from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification

    name = checkpoint.name
    auto = AutoModelForImageClassification if kind == "image" else AutoModelForSequenceClassification
    prefix = wrapper_prefix(checkpoint) if "auto_map" not in checkpoint.config else ""
    # Without an explicit dtype, weights stored in half precision would be another function.
    module, info = _attempt(
        name,
        "cannot be loaded",
        lambda: auto.from_pretrained(
            str(checkpoint.directory),
            local_files_only=True,
            trust_remote_code=trust_remote_code,
            dtype=dtype,
            use_safetensors=not checkpoint.pickled,
            weights_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **({"key_mapping": {f"^{re.escape(prefix)}": ""}} if prefix else {}),
        ),
    )
    notes = _check_coverage(name, info, allow_random_head)
    classes = int(module.config.num_labels)
    labels = module.config.id2label or {}
    class_names = distinct([str(labels.get(i, f"class {i}")) for i in range(classes)])
    if classes < 2:
        raise ModelError(f"{name} has {classes} label(s), but a certificate needs 2 or more. Give another classifier")
    if kind == "text":
        text = _text_network(checkpoint, module, classes, trust_remote_code, device, dtype)
        return Loaded(text, class_names, notes)
    image = _image_network(checkpoint, module, trust_remote_code, device, dtype)
    check_image_network(name, image, classes, device, dtype)
    return Loaded(image, class_names, notes)


def _attempt(name: str, failure: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except ImportError as error:
        raise ModelError(f"{name} needs a package that is not installed ({reason(error)}). Install it") from error
    except Exception as error:  # loaders, and the code of a model, raise whatever they like
        raise ModelError(f"{name} {failure} ({reason(error)}). {ANOTHER_MODEL}") from error


def _check_coverage(name: str, info: dict[str, Any], allow_random_head: bool) -> tuple[str, ...]:
    # A mismatched key is the key itself, or the key with both shapes.
    mismatched = {key if isinstance(key, str) else str(key[0]) for key in info.get("mismatched_keys") or ()}
    keys = sorted({str(key) for key in info.get("missing_keys") or ()} | mismatched)
    if keys:
        some = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        what = f"{name} has no trained weights, or weights of another shape, for {some}"
        if not allow_random_head:
            raise ModelError(
                f"{what}, so its predictions would be random. Give a model that was fine-tuned for classification, "
                "or allow_random_head=True for a test"
            )
        return (f"{what}. They are random (allow_random_head=True), so its predictions mean nothing",)
    return ()


def _image_network(
    checkpoint: Checkpoint, module: Any, trust_remote_code: bool, device: torch.device, dtype: torch.dtype
) -> ImageNetwork:
    from transformers import AutoImageProcessor

    directory = checkpoint.directory
    check_channels(checkpoint.name, _channels(module))
    described = any((directory / file).is_file() for file in _PROCESSOR_FILES)
    # TimmWrapper keeps the preprocessing in config.json.
    if not described and checkpoint.config.get("model_type") != "timm_wrapper":
        raise ModelError(
            f"{checkpoint.name} has no preprocessor_config.json, which contains the resizing and normalisation of "
            "images. Save the image processor into it with save_pretrained"
        )
    processor = _attempt(
        checkpoint.name,
        "has an image processor that cannot be loaded",
        lambda: AutoImageProcessor.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=trust_remote_code
        ),
    )

    preprocessing = _attempt(checkpoint.name, "has an image processor that cannot be used", lambda: measured(processor))
    channels_last = is_convolutional(module)
    place(checkpoint.name, module, device, dtype, channels_last=channels_last)
    stage, rotated = _token_stage(module) or (None, None)
    return ImageNetwork(
        module,
        _call,
        preprocessing,
        _patch_size(module),
        channels_last,
        stage=stage,
        rotated=rotated,
        trial_size=_trial_size(module),
    )


def _call(network: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = network(pixel_values=pixels).logits
    return logits


def _patch_size(module: Any) -> int | None:
    config = module.config
    if config.model_type == "timm_wrapper":
        from stabcert.models.from_timm import patch_size

        return patch_size(module.timm_model)
    if config.model_type not in _PLAIN_VISION_TRANSFORMERS:
        return None
    size = getattr(_vision_config(module), "patch_size", None)
    if isinstance(size, (list, tuple)) and len(set(size)) == 1:
        size = size[0]
    return size if isinstance(size, int) else None


def _channels(module: Any) -> int:
    """Return how many planes of colour the network reads by its configuration."""
    if module.config.model_type == "timm_wrapper":
        from stabcert.models.from_timm import channels

        return channels(module.timm_model)
    return int(getattr(_vision_config(module), "num_channels", 3))


def _trial_size(module: Any) -> tuple[int, int]:
    """Return width and height of the images that the network reads by its configuration."""
    size = getattr(_vision_config(module), "image_size", None)
    if isinstance(size, int):
        return size, size
    if isinstance(size, (list, tuple)) and len(size) == 2:
        return int(size[1]), int(size[0])
    return 256, 256


def _vision_config(module: Any) -> Any:
    return getattr(module.config, "vision_config", module.config)


def _token_stage(module: Any) -> tuple[Part, Parts | None] | None:
    """Return functions that find the part of a plain vision transformer after which patches are tokens, and blocks."""
    if module.config.model_type == "timm_wrapper":
        from stabcert.models.from_timm import token_stage

        found = token_stage(module.timm_model)
        if found is None:
            return None
        stage, rotated = found
        return (
            lambda wrapper: stage(wrapper.timm_model),
            None if rotated is None else lambda wrapper: rotated(wrapper.timm_model),
        )
    if module.config.model_type not in _PLAIN_VISION_TRANSFORMERS or _embeddings_of(module) is None:
        return None
    return _embeddings_of, None


def _embeddings_of(module: Any) -> Any:
    base = module.base_model
    return getattr(getattr(base, "vision_model", base), "embeddings", None)


def _text_network(
    checkpoint: Checkpoint,
    module: Any,
    classes: int,
    trust_remote_code: bool,
    device: torch.device,
    dtype: torch.dtype,
) -> TextNetwork:
    tokenizer = _tokenizer(checkpoint.name, checkpoint.directory, trust_remote_code)
    place(checkpoint.name, module, device, dtype, channels_last=False)
    encoded = tokenizer(["a b", "a b"], return_tensors="pt")
    inputs = {key: encoded[key].to(device) for key in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        logits = _attempt(checkpoint.name, "cannot be run on a text", lambda: run(module, inputs))
    check_logits(checkpoint.name, logits, classes)
    from stabcert.models.text import removes_tokens_exactly

    return TextNetwork(module, tokenizer, removes_tokens_exactly(module, tokenizer, device))


def _tokenizer(name: str, directory: Path, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    # Without any of its files, transformers makes an empty tokenizer, and every word is unknown.
    files = [path.name for path in directory.iterdir()]
    if not any(file.startswith(_VOCABULARY_STARTS) or file.endswith(_VOCABULARY_ENDS) for file in files):
        raise ModelError(
            f"{name} has no tokenizer (neither tokenizer.json nor vocab.txt). Save the tokenizer into it with "
            "save_pretrained"
        )
    tokenizer = _attempt(
        name,
        "has a tokenizer that cannot be loaded",
        lambda: AutoTokenizer.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=trust_remote_code
        ),
    )
    if not tokenizer.is_fast:
        raise ModelError(
            f"{name} has only a slow tokenizer, which does not return the characters of each token. "
            "Use a model with tokenizer.json"
        )
    return tokenizer

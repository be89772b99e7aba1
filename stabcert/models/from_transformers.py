"""Loading classifiers in the format of transformers from a checked directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from stabcert.errors import ModelError
from stabcert.models.asking import meaning_of
from stabcert.models.attempts import attempt
from stabcert.models.checkpoint import Checkpoint
from stabcert.models.image_checks import check_image_network
from stabcert.models.images_from_transformers import image_network
from stabcert.models.kind import check_labels, classifier_kind
from stabcert.models.language_model import answering
from stabcert.models.networks import (
    Loaded,
    TextNetwork,
    check_logits,
    distinct,
    place,
    quiet_transformers,
)
from stabcert.models.pretrained import load_module, tokenizer_of
from stabcert.models.removal_probe import removal_at_load
from stabcert.models.running import run
from stabcert.models.text_baselines import removal_notes
from stabcert.models.wording import Wording


def load_from_transformers(
    checkpoint: Checkpoint,
    *,
    trust_remote_code: bool,
    allow_random_head: bool,
    device: torch.device,
    dtype: torch.dtype,
    wording: Wording,
) -> Loaded:
    """Load a checked directory; no network is used.

    Raises:
        ModelError: `classifier_kind` refuses it; the weights do not cover the network
            (``allow_random_head`` turns this into a note); the preprocessing or the tokenizer is
            missing or cannot be loaded.
    """
    kind = classifier_kind(
        checkpoint.name,
        checkpoint.config,
        trust_remote_code=trust_remote_code,
        allow_random_head=allow_random_head,
        wording=wording,
    )
    with quiet_transformers():
        return _load(checkpoint, kind, trust_remote_code, allow_random_head, device, dtype, wording)


def _load(
    checkpoint: Checkpoint,
    kind: Literal["image", "text", "language"],
    trust_remote_code: bool,
    allow_random_head: bool,
    device: torch.device,
    dtype: torch.dtype,
    wording: Wording,
) -> Loaded:
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForImageClassification,
        AutoModelForSequenceClassification,
    )

    name = checkpoint.name
    auto = {
        "image": AutoModelForImageClassification,
        "text": AutoModelForSequenceClassification,
        "language": AutoModelForCausalLM,
    }[kind]
    module, notes = load_module(
        checkpoint, auto, trust_remote_code=trust_remote_code, allow_random_head=allow_random_head, dtype=dtype
    )
    if kind == "language":
        tokenizer = _tokenizer(name, checkpoint.directory, trust_remote_code)
        place(name, module, device, dtype, channels_last=False)
        return answering(name, module, tokenizer, wording, device, notes)
    classes = int(module.config.num_labels)
    labels = module.config.id2label or {}
    class_names = distinct([str(labels.get(i, f"class {i}")) for i in range(classes)])
    problem = getattr(module.config, "problem_type", None)
    check_labels(name, classes, problem)
    meaning = meaning_of(problem, classes)
    if kind == "text":
        text = _text_network(checkpoint, module, classes, trust_remote_code, device, dtype)
        return Loaded(text, class_names, (*notes, *removal_notes(text.tokenizer, text.leftover)), meaning=meaning)
    image = image_network(checkpoint, module, trust_remote_code, device, dtype)
    check_image_network(name, image, classes, device, dtype)
    return Loaded(image, class_names, (*notes, *image.notes), meaning=meaning)


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
        logits = attempt(checkpoint.name, "cannot be run on a text", lambda: run(module, inputs))
    check_logits(checkpoint.name, logits, classes)
    return TextNetwork(module, tokenizer, *removal_at_load(module, tokenizer, device))


def _tokenizer(name: str, directory: Path, trust_remote_code: bool) -> Any:
    tokenizer = tokenizer_of(name, directory, trust_remote_code)
    if not tokenizer.is_fast:
        raise ModelError(
            f"{name} has only a slow tokenizer, which does not return the characters of each token. "
            "Use a model with tokenizer.json"
        )
    return tokenizer

"""Classifiers of transformers in memory: their parts, and the network that is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from stabcert.core.given import door_of, is_one
from stabcert.errors import InputError, ModelError
from stabcert.models.asking import meaning_of
from stabcert.models.attempts import attempt
from stabcert.models.doors.watched import place_of
from stabcert.models.failures import failing, reason
from stabcert.models.heads import Meaning
from stabcert.models.image_checks import check_channels, check_image_network
from stabcert.models.images_from_transformers import image_network_of
from stabcert.models.kind import check_labels
from stabcert.models.networks import (
    ImageNetwork,
    TextNetwork,
    check_logits,
    distinct,
    quiet_transformers,
)
from stabcert.models.processors import measured
from stabcert.models.removal_probe import removal_at_load
from stabcert.models.running import run

_STEPS = ("__call__", "preprocess", "forward", "_forward", "postprocess", "run_single")
_TASKS = ("text-classification", "image-classification")


@dataclass(frozen=True)
class Parts:
    """A model of transformers and what reads its inputs: a tokenizer or an image processor."""

    model: Any
    tokenizer: Any
    processor: Any
    pipeline: Any = None
    """The pipeline that it came from, whose own answer is compared."""

    @property
    def name(self) -> str:
        return type(self.model).__name__


def _changed(pipeline: Any) -> bool:
    """Return whether a class that is not of transformers defines a step of a pipeline."""
    own = [one for one in type(pipeline).__mro__ if one.__module__.split(".")[0] not in ("transformers", "builtins")]
    return any(step in vars(one) for one in own for step in _STEPS)


def parts_of(given: Any, tokenizer: Any, processor: Any) -> Parts:
    """Return the parts of a pipeline, or of a model with a tokenizer or a processor.

    Raises:
        InputError: the object is another one (the message names the function for it), or has no tokenizer or processor.
        ModelError: the pipeline has another task, or computes something other than a softmax.
    """
    if is_one(given, "transformers", "Pipeline"):
        if tokenizer is not None or processor is not None:
            raise InputError("leave out tokenizer and processor, because the pipeline has its own")
        is_text, is_image = (
            is_one(given, "transformers", f"{what}ClassificationPipeline") for what in ("Text", "Image")
        )
        if not (is_text or is_image):
            raise ModelError(
                f"the pipeline must be one for {' or '.join(_TASKS)}, got {type(given).__name__} ({given.task}). Give "
                "a classifier of texts or images"
            )
        if _changed(given):
            raise ModelError(
                f"{type(given).__name__} changes the pipeline of transformers, but stabcert evaluates the model and "
                "the tokenizer or processor in it. Give these with tokenizer=... or processor=..., or use PythonModel"
            )
        function = (given._postprocess_params or {}).get("function_to_apply")
        if function is not None and str(getattr(function, "value", function)).lower() != "softmax":
            raise ModelError(
                f"the pipeline applies {function} to its logits, but stabcert certifies the class of largest softmax. "
                "Make the pipeline without function_to_apply"
            )
        return Parts(
            given.model, given.tokenizer if is_text else None, None if is_text else given.image_processor, given
        )
    if not isinstance(given, torch.nn.Module):
        door = door_of(given)
        hint = f"Use {door}" if door else "Give a pipeline, or a model with tokenizer=..."
        raise InputError(f"pipeline must be a pipeline or a model of transformers, got {type(given).__name__}. {hint}")
    if (tokenizer is None) == (processor is None):
        raise InputError(
            "give tokenizer=... for a model of texts, or processor=... for a model of images, and not both. For a "
            "tensor that is already preprocessed use from_module(network, tensor)"
        )
    if getattr(given, "config", None) is None:
        raise InputError(
            f"pipeline must be a model of transformers, got {type(given).__name__} without a config. Use "
            "from_module(network, tensor)"
        )
    return Parts(given, tokenizer, processor)


def meaning_in(parts: Parts) -> Meaning:
    """Return the meaning of the outputs of a model in memory."""
    config = parts.model.config
    return meaning_of(getattr(config, "problem_type", None), int(getattr(config, "num_labels", 0)))


def network_of(parts: Parts) -> tuple[ImageNetwork | TextNetwork, tuple[str, ...], torch.device, torch.dtype]:
    """Return the network of a model in memory, its class names, and where it is. The model is left as it is.

    Raises:
        ModelError: it is not a classifier, or cannot be run.
    """
    model, name = parts.model, parts.name
    device, dtype = place_of(model, "from_pipeline")
    problem = getattr(model.config, "problem_type", None)
    classes = int(getattr(model.config, "num_labels", 0))
    check_labels(name, classes, problem)
    labels = model.config.id2label or {}
    class_names = distinct([str(labels.get(i, f"class {i}")) for i in range(classes)])
    with torch.inference_mode(False), quiet_transformers():
        if parts.tokenizer is not None:
            if not getattr(parts.tokenizer, "is_fast", False):
                raise ModelError(
                    f"the tokenizer {type(parts.tokenizer).__name__} does not return the positions of its tokens, so "
                    "words cannot be dropped. Use a fast tokenizer"
                )
            return _text_network(name, model, parts.tokenizer, classes, device), class_names, device, dtype
        vision = getattr(model.config, "vision_config", model.config)
        channels = check_channels(name, int(getattr(vision, "num_channels", 3)))
        try:
            with failing(f"the processor {type(parts.processor).__name__}"):
                preprocessing = measured(parts.processor, channels)
        except ModelError as error:
            raise ModelError(
                f"the processor {type(parts.processor).__name__} cannot be used ({reason(error)}). Give the image "
                "processor of the model"
            ) from error
        network = image_network_of(model, preprocessing, channels_last=False)
        check_image_network(name, network, classes, device, dtype)
        return network, class_names, device, dtype


def _text_network(name: str, model: Any, tokenizer: Any, classes: int, device: torch.device) -> TextNetwork:
    """Return a classifier of texts after it was run on two texts."""
    with failing(f"the tokenizer {type(tokenizer).__name__}"):
        encoded = tokenizer(["a b", "a b"], return_tensors="pt")
    inputs = {key: encoded[key].to(device) for key in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        logits = attempt(name, "cannot be run on a text", lambda: run(model, inputs))
    check_logits(name, logits, classes)
    with _weights_in_place(model):
        found = removal_at_load(model, tokenizer, device)
    return TextNetwork(model, tokenizer, *found)


@contextmanager
def _weights_in_place(model: torch.nn.Module) -> Iterator[None]:
    """Put the tensors of a model back after a measurement in float32, which leaves copies in half precision."""
    before = [(one, one.data) for one in chain(model.parameters(), model.buffers())]
    try:
        yield
    finally:
        for one, data in before:
            one.data = data

"""The kind of inputs that a transformers model classifies by its ``config.json``, and checks before loading."""

from __future__ import annotations

from typing import Any, Literal

from stabcert.errors import ModelError
from stabcert.models.wording import NO_WORDING, Wording, own_classes

_LANGUAGE_MODELS = ("ForCausalLM", "LMHeadModel")
"""Parts of the names of networks that predict the next token."""

_PROBLEMS = ("single_label_classification", "multi_label_classification", "regression")


def classifier_kind(
    name: str,
    config: dict[str, Any],
    *,
    trust_remote_code: bool,
    allow_random_head: bool,
    wording: Wording = NO_WORDING,
) -> Literal["image", "text", "language"]:
    """Return the kind of inputs that a model classifies by its ``config.json`` of transformers.

    Args:
        wording: the classes of the user. With them, only a model without classes of its own is accepted.

    Raises:
        ParameterError: classes are given for a model with classes of its own.
        ModelError: it is not a classifier of images or texts, its ``problem_type`` does not exist or does not fit its
            outputs, or its code is not part of transformers and ``trust_remote_code`` is false.
    """
    _check_types(name, config)
    _check_code(name, config, trust_remote_code)
    architectures = [str(a) for a in config.get("architectures") or ()]
    if wording.given:
        _check_language_model(name, config, architectures)
        return "language"
    _check_task(name, config)
    model_type = config.get("model_type")
    by_type = _kinds_of_type(model_type)
    for marker, kind in (("ForImageClassification", "image"), ("ForSequenceClassification", "text")):
        if any(marker in a for a in architectures) or (not architectures and marker in str(config.get("auto_map", ""))):
            if kind not in by_type and "auto_map" not in config:
                raise ModelError(
                    f"{name} is {architectures[0]}, which classifies neither images nor texts. Give a classifier"
                )
            return "image" if kind == "image" else "text"
    if architectures and not allow_random_head:
        if any(marker in architectures[0] for marker in _LANGUAGE_MODELS):
            raise ModelError(
                f"{name} is {architectures[0]}, a language model. Name the words that it answers with, such as "
                "classes='yes,no'"
            )
        raise ModelError(
            f"{name} is {architectures[0]}, not a classifier. Give a model that was fine-tuned for classification "
            "(...ForImageClassification or ...ForSequenceClassification). Use allow_random_head=True to test an "
            "untrained head"
        )
    if len(by_type) != 1:
        raise ModelError(
            f"config.json of {name} names no architecture that classifies images or texts (model_type {model_type!r}). "
            "Give a model saved by save_pretrained from ...ForImageClassification or ...ForSequenceClassification"
        )
    return by_type[0]


def _check_language_model(name: str, config: dict[str, Any], architectures: list[str]) -> None:
    """Raise an error unless a model predicts the next token of a text, and so has no classes of its own."""
    if any("Classification" in architecture for architecture in architectures):
        labels = config.get("id2label") or {}
        raise own_classes(name, [str(label) for label in labels.values()])
    known = architectures or [str(config.get("auto_map", ""))]
    if not any(marker in architecture for marker in _LANGUAGE_MODELS for architecture in known):
        raise ModelError(
            f"{name} is {known[0] or config.get('model_type')}, which does not continue a text. With classes, give a "
            "decoder (...ForCausalLM such as GPT-2, Llama or Qwen)"
        )


def _check_types(name: str, config: dict[str, Any]) -> None:
    for key, kind, what in (
        ("model_type", str, "a word"),
        ("architectures", list, "a list of names"),
        ("id2label", dict, 'an object such as {"0": "no", "1": "yes"}'),
    ):
        value = config.get(key)
        if value is not None and not isinstance(value, kind):
            raise ModelError(f"{key} in config.json of {name} must be {what}, got {value!r:.60}. Correct the file")
    for key in config.get("id2label") or ():
        if not (key.isascii() and key.isdecimal()):
            raise ModelError(
                f"config.json of {name} has the key {key!r:.60} in id2label, which must be the number of an output. "
                'Write {"0": "no", "1": "yes"}'
            )


def _check_code(name: str, config: dict[str, Any], trust_remote_code: bool) -> None:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    model_type = config.get("model_type")
    if model_type in CONFIG_MAPPING_NAMES or (config.get("auto_map") and trust_remote_code):
        return
    if config.get("auto_map"):
        raise ModelError(
            f"{name} brings its own Python code, which would run on this machine. Read it, "
            "then use trust_remote_code=True if you trust it"
        )
    raise ModelError(
        f"{name} has model_type {model_type!r}, which transformers {transformers.__version__} does not support. "
        "Upgrade transformers"
    )


def _check_task(name: str, config: dict[str, Any]) -> None:
    problem = config.get("problem_type")
    if problem not in (None, *_PROBLEMS):
        raise ModelError(
            f"config.json of {name} has problem_type {problem!r:.60}, which transformers does not support. Give a "
            f"model trained with problem_type {', '.join(_PROBLEMS[:-1])} or {_PROBLEMS[-1]}"
        )
    labels = config.get("id2label")
    count = len(labels) if isinstance(labels, dict) else config.get("num_labels", config.get("num_classes"))
    if isinstance(count, int):
        check_labels(name, count, problem)


def check_labels(name: str, labels: int, problem: object) -> None:
    """Raise a ModelError unless a network with so many outputs can solve a problem of ``config.json``.

    One output is a number, or one label that is on or off, but never one of several classes.
    """
    if labels < 1 or (labels < 2 and problem == "single_label_classification"):
        raise ModelError(
            f"{name} has {labels} label(s), but one class out of several (problem_type single_label_classification) "
            "needs 2 or more. Give another classifier, or correct problem_type in config.json to "
            "multi_label_classification (on or off) or regression (a number)"
        )


def _kinds_of_type(model_type: object) -> tuple[Literal["image", "text"], ...]:
    from transformers.models.auto import modeling_auto

    kinds: list[Literal["image", "text"]] = []
    if model_type in modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES:
        kinds.append("image")
    if model_type in modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        kinds.append("text")
    return tuple(kinds)

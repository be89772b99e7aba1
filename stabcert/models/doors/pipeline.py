"""A pipeline or a model of transformers in memory and one input, as a predictor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stabcert.core.given import is_one
from stabcert.errors import InputError, ModelError
from stabcert.models.doors.python_model import PythonModel
from stabcert.models.heads import Outputs
from stabcert.models.hub import LoadedModel

if TYPE_CHECKING:
    from PIL import Image

    from stabcert.models.base import ModelPredictor
    from stabcert.models.batches import BatchSize
    from stabcert.models.doors.in_memory import Parts

_DOOR = "from_pipeline"


def from_pipeline(
    pipeline: Any,
    input: str | Path | bytes | Image.Image,
    *,
    tokenizer: Any = None,
    processor: Any = None,
    text_pair: str | None = None,
    explain_side: str | None = None,
    features: str | None = None,
    baseline: str | None = None,
    truncate: bool = False,
    batch_size: BatchSize = "auto",
    target: int | str | None = None,
    threshold: float | None = None,
    tolerance: float | None = None,
) -> ModelPredictor:
    """Make a predictor of a pipeline of transformers and one text or image; gradient methods work, too.

    The predictor is that of a model with a name, see `load_predictor`: the same features, the same baselines, the same
    tests. The model is left as it is: its mode, weights, device and ``requires_grad``. If its mode or its weights
    change afterwards, the predictor refuses to be evaluated. The probabilities of the whole input are compared with
    those that the pipeline returns.

    Args:
        pipeline: a pipeline for text classification or image classification, a model of transformers for that, or a
            `PythonModel`.
        input: the text, or an image (a path, the bytes of a file, or an image of PIL).
        tokenizer: the fast tokenizer of a model of texts; not with a pipeline.
        processor: the image processor of a model of images; not with a pipeline.
        text_pair: the second text, for a model that classifies pairs (``input`` is the first one).
        explain_side: of a pair the texts whose words are features: ``both`` (also None), ``first`` or ``second``.
        features: kind of the features; None: the words of a text, the patches or ``grid:7`` of an image.
        baseline: replacement of a dropped feature; None: ``remove`` for texts, ``zero`` for images.
        truncate: if True, cut a text that is too long for the model; otherwise refuse it.
        batch_size: number of masks in a batch.
        target: the label or the number that a question is about, see `load_model`.
        threshold: of a label or a number, see `load_model`.
        tolerance: of a number, see `load_model`.

    Raises:
        InputError: an argument is another kind of object (the message names the function for it), or the input cannot
            be used.
        ParameterError: the features or the baseline do not exist for this model, or its outputs do not allow the
            question.
        ModelError: the model is in training mode, is not a classifier, cannot be run, or predicts something other than
            its pipeline.
    """
    from stabcert.models.asking import ask
    from stabcert.models.decode import decode_image
    from stabcert.models.doors.in_memory import meaning_in, network_of, parts_of
    from stabcert.models.doors.watched import Watch, WatchedPredictor

    if isinstance(pipeline, PythonModel):
        if any(one is not None for one in (tokenizer, processor, text_pair, explain_side)) or truncate:
            raise InputError(
                "leave out tokenizer, processor, text_pair, explain_side and truncate, because a PythonModel is a "
                "function of single inputs"
            )
        ask("a PythonModel", Outputs("classes", ()), target=target, threshold=threshold, tolerance=tolerance)
        return _of_python(pipeline, input, features, baseline, batch_size)
    parts = parts_of(pipeline, tokenizer, processor)
    watch = Watch(parts.model, _DOOR)
    is_text = parts.tokenizer is not None
    if is_text and not isinstance(input, str):
        raise InputError(f"input must be a text for {parts.name}, got {type(input).__name__}. Give a string")
    if not is_text and not isinstance(input, (str, Path, bytes)) and not is_one(input, "PIL", "Image"):
        raise InputError(
            f"input must be an image for {parts.name}, got {type(input).__name__}. Give a path, an image of PIL "
            "(PIL.Image.fromarray(pixels)), or use from_module(network, tensor) for a tensor after preprocessing"
        )
    source: Any = input if is_text else decode_image(input)
    network, class_names, device, dtype = network_of(parts)
    outputs = Outputs(meaning_in(parts), class_names)
    question = ask(parts.name, outputs, target=target, threshold=threshold, tolerance=tolerance)
    loaded = LoadedModel(
        id=parts.name,
        kind="text" if is_text else "image",
        revision=None,
        sha256=None,
        config_sha256=None,
        class_names=class_names,
        device=device,
        dtype=dtype,
        notes=(),
        network=network,
    )
    masked = loaded.predictor(
        source,
        text_pair=text_pair,
        explain_side=explain_side,
        features=features,
        baseline=baseline,
        truncate=truncate,
    ).masked_input
    names = class_names if question is None else question.answers
    predictor = WatchedPredictor(masked, names, watch, device=device, dtype=dtype, batch_size=batch_size, head=question)
    if parts.pipeline is not None:
        whole = (
            source.image if not is_text else source if text_pair is None else {"text": source, "text_pair": text_pair}
        )
        _compare(predictor, parts, whole, truncate=truncate)
    return predictor.around()


def _compare(predictor: ModelPredictor, parts: Parts, source: Any, *, truncate: bool) -> None:
    """Compare the probabilities of the whole input with those that the pipeline returns.

    Raises:
        ModelError: they differ by more than rounding.
    """
    from stabcert.models.doors.in_memory import meaning_in

    options = {"truncation": True} if truncate and parts.tokenizer is not None else {}
    found = parts.pipeline(source, top_k=None, **options)
    rows = found[0] if found and isinstance(found[0], list) else found
    everything, question = np.ones((1, predictor.n_features), dtype=np.bool_), predictor.question
    if question is None:
        own, here = np.sort([float(row["score"]) for row in rows]), np.sort(predictor(everything)[0])
    else:
        label = parts.model.config.id2label[question.output]
        own = np.array([float(row["score"]) for row in rows if row["label"] == label])[:1]
        here = np.asarray(predictor.outputs(everything))
        if question.kind == "within" and meaning_in(parts) == "unknown":  # the pipeline reads it as a logit
            here = 1 / (1 + np.exp(-here))
    predictor.evaluations += 1  # that of the pipeline
    close = 10 * predictor.drift_tolerance * max(1.0, float(np.abs(own).max(initial=0.0)))
    if own.shape != here.shape or float(np.abs(own - here).max()) > close:
        raise ModelError(
            f"the pipeline returns {own[-1]:.4f} as largest output for the whole input, but its {parts.name} "
            f"{here[-1]:.4f}. Its preprocessing or its output is not that of a plain classifier. Give the "
            "model with tokenizer=... or processor=..., or use from_function"
        )


def _of_python(
    model: PythonModel, input: Any, features: str | None, baseline: str | None, batch_size: BatchSize
) -> ModelPredictor:
    """Return the predictor of a function on lists of inputs after three masks of this input were compared."""
    from stabcert.models.doors.called_network import network_of_function
    from stabcert.models.doors.module import check_repeated

    name = getattr(model.predict, "__name__", type(model.predict).__name__)
    found = network_of_function(model, name)
    loaded = LoadedModel(
        id=name,
        kind=model.kind,
        revision=None,
        sha256=None,
        config_sha256=None,
        class_names=found.class_names,
        device=found.device,
        dtype=found.dtype,
        notes=(),
        network=found.network,
    )
    predictor = loaded.predictor(input, features=features, baseline=baseline, batch_size=batch_size)
    check_repeated(predictor)
    return predictor

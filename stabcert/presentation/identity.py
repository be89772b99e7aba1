"""The identity of a predictor's input and model, as far as a record can name them."""

from __future__ import annotations

import hashlib
import json

from stabcert.core.types import MaskedPredictor
from stabcert.errors import InputError
from stabcert.models.base import ModelPredictor
from stabcert.models.doors.called import MaskedFunction
from stabcert.models.doors.tensor import MaskedTensor
from stabcert.models.doors.watched import WatchedPredictor
from stabcert.models.image import MaskedImage
from stabcert.models.text import MaskedText
from stabcert.records.findings import InputInfo, ModelInfo
from stabcert.report.canvas import Canvas


def model_predictor(predictor: MaskedPredictor) -> ModelPredictor:
    """Return the predictor if it has names of features and classes.

    Raises:
        InputError: it is a plain function.
    """
    if isinstance(predictor, ModelPredictor):
        return predictor
    raise InputError(
        f"predictor must be one of load_predictor, from_module, from_pipeline, from_estimator or from_function, got "
        f"{type(predictor).__name__}. For a plain function use from_function"
    )


def input_info(predictor: ModelPredictor, name: str) -> InputInfo:
    """Return the input: a text, an image, a tensor, a row of a table, or the input of a function of masks.

    The hash is that of the text in UTF-8, of the pixels that the network reads, of the numbers of a tensor, or of the
    settings that define a function of masks, in which a table has its own hash.
    """
    masked = predictor.masked_input
    if isinstance(masked, MaskedText):
        truncated, pair = bool(masked.settings.get("truncated", False)), masked.text_pair
        data = masked.text.encode() if pair is None else masked.text.encode() + b"\xff" + pair.encode()
        return InputInfo(name, "text", _sha256(data), text=masked.text, text_pair=pair, truncated=truncated)
    if isinstance(masked, MaskedImage):
        height, width = masked.labels.shape
        return InputInfo(name, "image", _sha256(masked.pixels.tobytes()), size=(width, height))
    if isinstance(masked, MaskedTensor):
        return InputInfo(name, "tensor", masked.sha256)
    if isinstance(masked, MaskedFunction) and masked.text is not None:
        return InputInfo(name, "text", _sha256(masked.text.encode()), text=masked.text)
    settings = json.dumps(masked.settings, sort_keys=True)
    kind = "table" if "table_sha256" in masked.settings else "function"
    return InputInfo(name, kind, _sha256(settings.encode()))  # type: ignore[arg-type]


def model_info(predictor: ModelPredictor, name: str | None) -> ModelInfo:
    """Return the model: its name, and the hash of the weights of a network in memory."""
    sha256, own = None, "a model in memory"
    if isinstance(predictor, WatchedPredictor):
        own, sha256 = predictor.network_name, predictor.network_sha256()
    elif isinstance(predictor.masked_input, MaskedFunction):
        own = predictor.masked_input.name
    question = None if predictor.question is None else predictor.question.record()
    return ModelInfo(name or own, None, sha256, predictor.class_names, question=question)


def canvas_of(predictor: ModelPredictor) -> Canvas | None:
    """Return the picture of an image or of a tensor with one or three channels; None for everything else."""
    masked = predictor.masked_input
    if isinstance(masked, MaskedImage):
        return Canvas(masked.pixels, masked.labels)
    if isinstance(masked, MaskedTensor) and masked.division.plane is not None:
        pixels = masked.pixels()
        return None if pixels is None else Canvas(pixels, masked.division.plane)
    return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

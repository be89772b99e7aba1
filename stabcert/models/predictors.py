"""A model and one of its inputs in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from stabcert.models.base import ModelPredictor
from stabcert.models.batches import BatchSize
from stabcert.models.hub import load_model


def load_predictor(
    model: str,
    input: str | Path | Image.Image,
    *,
    text_pair: str | list[str] | None = None,
    explain_side: str | None = None,
    features: str | None = None,
    baseline: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    batch_size: BatchSize = "auto",
    target: int | str | None = None,
    threshold: float | None = None,
    tolerance: float | None = None,
    classes: Sequence[str] | None = None,
    prompt: str | None = None,
    chat: bool = False,
) -> ModelPredictor:
    """Load a model and return its predictor: `load_model` and `LoadedModel.predictor` in one call.

    Args:
        model: name of the model, see `load_model`.
        input: a path or image; a string is the text itself for a text model, a path for an image model.
        text_pair: the second text of a pair, see `LoadedModel.predictor`.
        explain_side: ``both``, ``first`` or ``second``: the texts of a pair whose words are features.
        features: kind of the features.
        baseline: replacement of a dropped feature.
        device: device of the network.
        dtype: type of weights and arithmetic.
        batch_size: number of masks in a batch.
        target: the label or the number that a question is about, see `load_model`.
        threshold: of a label or a number, see `load_model`.
        tolerance: of a number, see `load_model`.
        classes: of a language model or of CLIP, see `load_model`.
        prompt: of a language model, see `load_model`.
        chat: use the chat template of a language model.
    """
    loaded = load_model(
        model,
        device=device,
        dtype=dtype,
        target=target,
        threshold=threshold,
        tolerance=tolerance,
        classes=classes,
        prompt=prompt,
        chat=chat,
    )
    return loaded.predictor(
        input,
        text_pair=text_pair,
        explain_side=explain_side,
        features=features,
        baseline=baseline,
        batch_size=batch_size,
    )

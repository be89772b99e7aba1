"""Directories of adapted models, which load like any other model."""

from __future__ import annotations

from pathlib import Path

from stabcert.adapt.history import Adapted
from stabcert.models.hub import LoadedModel


def save_adapted(model: LoadedModel, adapted: Adapted, directory: Path) -> None:
    """Write an adapted model as a directory of transformers or timm: weights, configuration, preprocessing, labels.

    The directory appears complete or not at all: it is written beside its place, loaded, compared with the network in
    memory, and renamed. ``load_model(str(directory))`` then gives the same classes, preprocessing, features and logits.

    Args:
        model: the original model.
        adapted: the result of `stabcert.adapt.adapt.adapt` for it.
        directory: a path that does not exist, or an empty directory.

    Raises:
        ParameterError: ``directory`` is a file or is not empty.
        ModelError: the model is of a kind that cannot be written, or the directory would give other predictions.
    """
    raise NotImplementedError

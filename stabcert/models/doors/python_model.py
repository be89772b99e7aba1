"""A classifier of texts or images that is a Python function, without an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stabcert.errors import InputError

KINDS = ("text", "image")


@dataclass(frozen=True)
class PythonModel:
    """A classifier in Python, for the model name ``python:package.module:name`` and for `from_pipeline`.

    ``predict`` maps a list of k inputs to ``(k, n_classes)`` probabilities, for every k from 1. Inputs are texts, or
    RGB images of PIL. Each row must depend on its own input alone. That is tested on two inputs when the model is
    loaded, and not guaranteed. ``predict`` must also read the empty text, which is left when every word is dropped.

    A text with dropped words is the text without their characters and those up to the next word. An image with dropped
    pixels has the colour of the baseline there; without a normalisation, ``zero`` is black.

    If ``predict`` is a ``torch.nn.Module`` for images, it maps the tensors of ``preprocess`` to logits, and gradient
    methods work.

    Raises:
        InputError: a value is not possible.
    """

    kind: Literal["text", "image"]
    """The kind of the inputs."""
    predict: Callable[[list[Any]], Any]
    """The function, or a network for images."""
    class_names: Sequence[str]
    """One name for each class."""
    precision: str | None = None
    """Type of the arithmetic of a function: ``float64``, ``float32``, ``bfloat16`` or ``float16``. None: that of the
    output. Name it where the arithmetic is less precise than the output."""
    preprocess: Callable[[Any], Any] | None = None
    """Function from an RGB image of PIL to a normalised tensor ``(3, height, width)``, if ``predict`` is a network."""
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Means of the normalisation in ``preprocess``."""
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    """Standard deviations of the normalisation in ``preprocess``."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind must be 'text' or 'image', got {self.kind!r}. Use one of the two")
        if not callable(self.predict):
            raise InputError(f"predict must be a function, got {type(self.predict).__name__}. Give a function")
        names = self.class_names
        if isinstance(names, str) or len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise InputError(f"class_names must be two or more texts, got {names!r:.60}. Name every class")

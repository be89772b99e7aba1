"""A model whose function is known, in the place of a network: commands run as they are, down to record and exit code.

`stabcert.models.hub.load_model` is the seam. What it returns here ignores the text of an input (unless it is asked
to choose by it) and answers with a function of `tests.doubles`; options, seeds, draws, certificates, records and
exit codes are the real ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from typer.testing import CliRunner

from stabcert.cli.app import app
from stabcert.core.types import Feature, Features, MaskedPredictor, Masks, Probs

CLASS_NAMES = ("zero", "one", "two")


class KnownPredictor:
    """A function of masks, with everything that a command asks a `ModelPredictor` for."""

    device = torch.device("cpu")
    dtype = torch.float32
    batch_size = 32

    def __init__(self, function: MaskedPredictor, n_classes: int = 2, text: str = "") -> None:
        n = function.n_features
        self.function = function
        self.n_features = n
        self.class_names = CLASS_NAMES[:n_classes]
        self.n_classes = n_classes
        # The words of the text where it has as many, else words that are nowhere.
        words = list(re.finditer(r"\S+", text))[:n]
        known = tuple(Feature(word[0], span=word.span()) for word in words)
        items = known if len(known) == n else tuple(Feature(f"word {i}") for i in range(n))
        self.features = Features("word", items, (n,), ("word", "words"))
        self.masked_input = SimpleNamespace(settings={"features": "word", "baseline": "remove"}, notes=())
        self.decision_tolerance = float(getattr(function, "decision_tolerance", 0.0))
        self.evaluations = self.rechecked = 0
        self.drift = 0.0
        self.batches = SimpleNamespace(largest=self.batch_size)
        self.on_progress: Callable[[int], None] | None = None
        self.question = None

    def outputs(self, masks: Masks) -> None:
        """Nothing: it predicts one of several classes."""

    def __call__(self, masks: Masks, /) -> Probs:
        self.evaluations += len(masks)
        return self.function(masks)

    alone = __call__


@dataclass(frozen=True)
class KnownModel:
    """Like `stabcert.models.hub.LoadedModel`; ``function_of`` maps the text of an input to its function."""

    function_of: Callable[[str], MaskedPredictor]
    n_classes: int = 2
    id: str = "known"
    kind: str = "text"
    revision: str | None = None
    sha256: str | None = None
    config_sha256: str | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    code_sha256: str | None = None
    notes: tuple[str, ...] = ()
    outputs: None = None
    question: None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def asking(self, **options: object) -> KnownModel:
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        return CLASS_NAMES[: self.n_classes]

    def predictor(self, source: str, **options: object) -> KnownPredictor:
        return KnownPredictor(self.function_of(source), self.n_classes, source)


@contextmanager
def loaded(function_of: Callable[[str], MaskedPredictor], n_classes: int = 2) -> Iterator[None]:
    """Every model that a command loads is the known one."""
    model = KnownModel(function_of, n_classes)
    with mock.patch("stabcert.models.hub.load_model", return_value=model):
        yield


def write_inputs(directory: Path, number: int, *, name: str = "inputs.txt", first: int = 0) -> Path:
    """A list of so many different texts: their draws are independent, because draws depend on seed and text."""
    path = directory / name
    path.write_text("".join(f"text {first + i}\n" for i in range(number)))
    return path


def write_mask(directory: Path, mask: Sequence[bool] | np.ndarray) -> Path:
    path = directory / "mask.json"
    path.write_text(json.dumps([int(kept) for kept in mask]))
    return path


def call(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
    """One command line: exit code, the records on stdout, stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr

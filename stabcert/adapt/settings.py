"""The settings of an adaptation, checked when they are made."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

from stabcert.errors import ParameterError

Method = Literal["full", "lora", "norm"]
METHODS: tuple[Method, ...] = get_args(Method)
MaskKind = Literal["uniform", "blocks", "smoothing", "attribution"]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)

LEARNING_RATES: dict[Method, tuple[float, float]] = {"full": (3e-5, 2e-4), "lora": (1e-3, 1e-3), "norm": (1e-3, 1e-3)}
"""Peak learning rate of each method where none is given: for transformers, and for convolutional networks."""
TEMPERATURES: dict[Literal["image", "text"], float] = {"image": 8.0, "text": 1.0}
"""Temperature for each kind of inputs where none is given."""


@dataclass(frozen=True)
class AdaptSettings:
    """Everything that decides the result of an adaptation, besides the model, the inputs and the feature space.

    Raises:
        ParameterError: a value is out of range; ``parameter`` is its name.
    """

    method: Method = "full"
    """The trained part: all weights, low-rank changes of linear and pointwise layers, or normalisation layers."""
    train_head: bool = False
    """Train the last layer, which names the classes, too. Without it, classes that no input has keep their weights."""
    freeze: tuple[str, ...] = ()
    """Names of parts or parameters that are not trained, such as ``blocks.0`` or ``*.conv_dw.*``."""
    epochs: int = 8
    """Passes over the training inputs, 1 or more."""
    learning_rate: float | None = None
    """Peak learning rate, reached after the warm-up; None: see `LEARNING_RATES`."""
    batch_size: int = 16
    """Inputs of one step, each with its masked copies; 1 or more."""
    copies: int = 2
    """Masked copies of each input in a step, 1 or more."""
    clean_weight: float = 0.35
    """Share of the loss on unmasked inputs, which hold the model to the original one; from 0, below 1."""
    temperature: float | None = None
    """Divisor of the logits before probabilities are compared, above 0. Above 1, unlikely classes count more. None: see
    `TEMPERATURES`."""
    label_weight: float = 0.0
    """Share of the labels in the loss, from 0 (the original model's prediction alone) to 1 (labels alone)."""
    lambdas: tuple[Fraction, ...] = (Fraction(1, 2), Fraction(1, 4))
    """Keep probabilities of the noise with which the model will be smoothed, above 0 and at most 1."""
    mask_kinds: tuple[MaskKind, ...] = MASK_KINDS
    """Kinds of masks, drawn equally often; ``smoothing`` is left out where ``lambdas`` is empty."""
    further_features: tuple[str, ...] = ()
    """Kinds of features that half of the training inputs are divided into instead, such as a finer grid."""
    clean_loss: float = 0.02
    """Largest loss of clean agreement (of accuracy, where inputs have labels) on the held-out inputs, 0 to 1."""
    held_out: float = 0.2
    """Share of the inputs that choose the result and are not trained on; above 0, below 1."""
    rank: int = 8
    """Rank of the changes of ``lora``, 1 or more."""
    augment: bool = True
    """Train on random crops of images, mirrored half of the time; not used for texts."""
    average: float = 0.0
    """Decay per step of the moving average of the weights, from 0 (none) to below 1; it is what is evaluated."""
    interpolations: tuple[float, ...] = tuple(i / 10 for i in range(1, 11))
    """Points between the original weights (0) and the trained ones (1) that are candidates; above 0, at most 1."""
    seed: int = 0
    """Seed of all draws, 0 or more."""

    def __post_init__(self) -> None:
        _one_of("method", self.method, METHODS)
        for name in ("epochs", "batch_size", "copies", "rank"):
            if getattr(self, name) < 1:
                raise _refused(name, "1 or more", getattr(self, name), "2")
        if self.seed < 0:
            raise _refused("seed", "0 or more", self.seed, "0")
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise _refused("learning_rate", "above 0 and finite", self.learning_rate, "1e-4")
        if self.temperature is not None and not 0 < self.temperature < math.inf:
            raise _refused("temperature", "above 0 and finite", self.temperature, "1")
        if not 0 <= self.clean_weight < 1:
            raise _refused("clean_weight", "from 0 to below 1", self.clean_weight, "0.5")
        if not 0 <= self.average < 1:
            raise _refused("average", "from 0 to below 1", self.average, "0.99")
        for name in ("label_weight", "clean_loss"):
            if not 0 <= getattr(self, name) <= 1:
                raise _refused(name, "from 0 to 1", getattr(self, name), "0.02")
        if not 0 < self.held_out < 1:
            raise _refused("held_out", "above 0 and below 1", self.held_out, "0.2")
        for value in self.lambdas:
            if not 0 < value <= 1:
                raise _refused("lambdas", "above 0 and at most 1", value, "1/4")
        for point in self.interpolations:
            if not 0 < point <= 1:
                raise _refused("interpolations", "above 0 and at most 1", point, "0.5,1")
        if not self.interpolations:
            raise _refused("interpolations", "one number or more", "none", "1")
        for kind in self.mask_kinds:
            _one_of("mask_kinds", kind, MASK_KINDS)
        if not self.kinds:
            raise _refused(
                "mask_kinds", "one or more that can be drawn", ",".join(self.mask_kinds) or "none", "uniform"
            )

    def settled(self, kind: Literal["image", "text"], *, convolutional: bool) -> AdaptSettings:
        """Return settings with the values for a network of this kind where none is given."""
        rate, temperature = LEARNING_RATES[self.method][convolutional], TEMPERATURES[kind]
        return replace(
            self,
            learning_rate=rate if self.learning_rate is None else self.learning_rate,
            temperature=temperature if self.temperature is None else self.temperature,
        )

    def plain(self) -> dict[str, Any]:
        """Return all settings as JSON-ready values."""
        return {
            **asdict(self),
            "lambdas": [str(value) for value in self.lambdas],
            "mask_kinds": list(self.kinds),
            "freeze": list(self.freeze),
            "further_features": list(self.further_features),
            "interpolations": list(self.interpolations),
        }

    @property
    def kinds(self) -> tuple[MaskKind, ...]:
        """The kinds of masks that are drawn."""
        return tuple(kind for kind in self.mask_kinds if kind != "smoothing" or self.lambdas)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ParameterError(f"{name} must be one of {', '.join(known)}, got {value!r}. Use {known[0]}", name)


def _refused(name: str, possible: str, value: object, example: str) -> ParameterError:
    return ParameterError(f"{name} must be {possible}, got {value}. Use {name}={example}", name)

"""Questions with two answers, for networks whose outputs are not the logits of classes of which one is predicted.

A certificate is about a function that predicts one of several classes. A network with one output, with several labels
that are on or off, or whose outputs are numbers becomes such a function by a `Question`. Its answers are the classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from stabcert.errors import ModelError

if TYPE_CHECKING:
    import torch

Meaning = Literal["classes", "labels", "numbers", "unknown"]
"""The meaning of a network's outputs: logits of classes of which one is predicted, logits of labels each of which is on
or off, numbers, or one output whose meaning the configuration does not name."""

_FEW = 40
"""The largest number of labels that a message lists."""


class Head(Protocol):
    """A function of the outputs of a network with two classes."""

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""

    @property
    def of_numbers(self) -> bool:
        """True if the outputs are numbers of any size, with which the tolerances of the arithmetic grow."""

    def logits(self, outputs: torch.Tensor) -> torch.Tensor:
        """Map ``(k, n_outputs)`` outputs to ``(k, 2)`` logits, differentiable."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of a network."""

    meaning: Meaning
    names: tuple[str, ...]
    """One distinct name for each output."""

    @property
    def listed(self) -> str:
        """The names, in messages."""
        shown = ", ".join(repr(name) if "," in name else name for name in self.names[:_FEW])
        return shown + (f" and {len(self.names) - _FEW} more" if len(self.names) > _FEW else "")


@dataclass(frozen=True)
class Question:
    """A question about one output of a network. Class 1 is the affirmative answer, class 0 the negative one.

    The logits of the two classes are ``(0, margin)``. The margin is monotone in the output, and changes with it by at
    most the same amount. So the tolerances of the arithmetic apply to it:

    - ``probability``: the probability of a label, the logistic function of the output, is above ``threshold``. The
      margin is the output minus the logit of the threshold.
    - ``value``: the output is above ``threshold``. The margin is the difference, in the unit of the output.
    - ``within``: the output is less than ``tolerance`` from ``reference``. The margin is the tolerance minus the
      distance, in the unit of the output.

    The reference is a fixed number and a part of the function. It was measured before any mask is certified.
    """

    kind: Literal["probability", "value", "within"]
    output: int
    """Index of the output."""
    name: str
    """Name of the output, or ``value`` for the only number of a network if it has no name."""
    n_outputs: int
    threshold: float | None = None
    tolerance: float | None = None
    reference: float | None = None
    """The output for one input; None until it is measured, see `around`."""
    reference_of: Literal["full", "mask"] = "full"
    """The masked input whose output is the reference."""

    @property
    def of_numbers(self) -> bool:
        return self.kind != "probability"

    @property
    def answers(self) -> tuple[str, str]:
        """The classes in words: the negative answer, then the affirmative one."""
        name = self.name.replace(",", ";")  # screens show a class up to its first comma
        if self.kind == "probability":
            limit = _plain(self.threshold or 0.0)
            return f"{name}: off (probability at most {limit})", f"{name}: on (probability above {limit})"
        if self.kind == "value":
            limit = _plain(self.threshold or 0.0)
            return f"{name} at most {limit}", f"{name} above {limit}"
        distance = _plain(self.tolerance or 0.0)
        if self.reference is None:
            return f"{name} at least {distance} from the reference", f"{name} within {distance} of the reference"
        place = _near(self.reference, self.tolerance or 0.0)
        return f"{name} at least {distance} from {place}", f"{name} within {distance} of {place}"

    def logits(self, outputs: torch.Tensor) -> torch.Tensor:
        """Map ``(k, n_outputs)`` outputs to ``(k, 2)`` logits, differentiable.

        Raises:
            ModelError: the reference is not known.
        """
        import torch

        value = _at_least_float32(outputs[:, self.output])
        if self.kind == "within":
            if self.reference is None or self.tolerance is None:
                raise ModelError("the question has no reference. Use Question.around to set one")
            margin = self.tolerance - (value - self.reference).abs()
        elif self.kind == "probability":
            margin = value - _logit(self.threshold or 0.0)
        else:
            margin = value - (self.threshold or 0.0)
        return torch.stack([torch.zeros_like(margin), margin], dim=-1)

    def shown(self, output: float) -> float:
        """Return what people read of an output: the probability of a label, or the number itself."""
        if self.kind != "probability":
            return output
        return 1 / (1 + math.exp(-output)) if output >= 0 else math.exp(output) / (1 + math.exp(output))

    def around(self, reference: float, of: Literal["full", "mask"]) -> Question:
        """Return this question with a reference, for a question of the kind ``within``."""
        return replace(self, reference=reference, reference_of=of)

    def record(self) -> dict[str, Any]:
        """Return plain values that define the function, as records contain them; `from_record` reads them."""
        asked: dict[str, Any] = {"threshold": self.threshold}
        if self.kind == "within":
            asked = {"tolerance": self.tolerance, "reference": self.reference, "reference_of": self.reference_of}
        own = {"kind": self.kind, "output": self.output, "outputs": self.n_outputs, "name": self.name}
        return {**own, **asked, "answers": list(self.answers)}

    def of_draws(self) -> dict[str, Any]:
        """Return the values that identify random draws.

        The reference is not one of them: the input, the mask and the model determine it, up to the last digits, which
        differ between machines.
        """
        left_out = ("answers", "reference")
        return {name: value for name, value in self.record().items() if name not in left_out}


@dataclass(frozen=True)
class Scored:
    """The function that attribution methods explain for a number: the number itself, scaled.

    The logits of the two classes are ``(0, (output - centre) / scale)``. Without the scale, the probabilities of
    numbers far from a threshold would all be 0 or 1, and all scores 0.
    """

    output: int
    n_outputs: int
    centre: float
    scale: float
    """Negative if the affirmative answer becomes more probable the smaller the number is."""
    of_numbers: bool = True

    def settings(self) -> dict[str, float]:
        """Return the numbers that define the function, for the settings of an attribution."""
        return {"number_centre": self.centre, "number_scale": self.scale}

    def logits(self, outputs: torch.Tensor) -> torch.Tensor:
        """Map ``(k, n_outputs)`` outputs to ``(k, 2)`` logits, differentiable."""
        import torch

        margin = (_at_least_float32(outputs[:, self.output]) - self.centre) / self.scale
        return torch.stack([torch.zeros_like(margin), margin], dim=-1)


def _logit(probability: float) -> float:
    return math.log(probability) - math.log1p(-probability)


def _at_least_float32(values: torch.Tensor) -> torch.Tensor:
    return values.float() if values.element_size() < 4 else values


def _plain(number: float) -> str:
    """Return a number as the user wrote it, without an exponent where that is short."""
    return format(number, ".12g")


def _near(reference: float, tolerance: float) -> str:
    """Return a reference with as many digits as the tolerance needs."""
    decimals = max(0, 1 - math.floor(math.log10(tolerance)))
    if decimals > 12 or abs(reference) >= 1e12:
        return _plain(reference)
    return format(round(reference, decimals) + 0.0, f".{decimals}f")  # not -0

"""The question that a hard certificate answers: the noise and the effort, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stabcert.core.hard.certificate import Noise
from stabcert.core.noise import grid_count
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import ParameterError

_SMALLEST_PILOT = 8


@dataclass(frozen=True)
class HardQuestion:
    """The smoothing that a hard certificate is about, and how it is proved; checked when made.

    Raises:
        ParameterError: a keep probability that smooths nothing or everything away or is off the grid, too few samples,
            or a negative number of evaluations.
    """

    keep_probability: Fraction
    """lambda, exactly."""
    quantization: int | None = None
    """Number of frozen noise masks, 1 / which is the grid of lambda; None for Bernoulli noise."""
    delta: float = 0.1
    """Probability that a certificate for Bernoulli noise is wrong; frozen noise leaves nothing to chance."""
    n_samples: int = 1000
    """Draws of Bernoulli noise, pilot included."""
    refine: int = 0
    """Evaluations that may be spent on a larger radius."""
    decremental: bool = True
    """Certify also from the full input downwards."""

    def __post_init__(self) -> None:
        check_refine(self.refine)
        if self.quantization is not None:
            grid_count(self.keep_probability, self.quantization)
            return
        check_delta(self.delta)
        check_keep_probability(self.keep_probability)
        if self.n_samples <= self.pilot:
            raise ParameterError(
                f"{self.n_samples} samples are too few: {self.pilot} choose the class and the others bound its "
                f"probability. Use more than {_SMALLEST_PILOT}, such as n_samples=1000"
            )

    @property
    def noise(self) -> Noise:
        return "bernoulli" if self.quantization is None else "quantized"

    @property
    def keep(self) -> int:
        """Number of frozen noise masks that keep a feature."""
        if self.quantization is None:
            raise TypeError("Bernoulli noise has no frozen masks")
        return grid_count(self.keep_probability, self.quantization)

    @property
    def pilot(self) -> int:
        """Number of draws that choose the class; the others bound its probability."""
        return pilot_size(self.n_samples)

    @property
    def delta_each(self) -> float:
        """The share of each bound: of the masked input, and of the full one where it is evaluated."""
        return self.delta / 2 if self.decremental else self.delta


def pilot_size(n_samples: int) -> int:
    """Return how many of ``n_samples`` draws choose the class."""
    return max(_SMALLEST_PILOT, n_samples // 10)


def check_keep_probability(keep_probability: Fraction | float) -> None:
    """Refuse what Bernoulli noise cannot smooth with; a float need not be a number.

    Raises:
        ParameterError: nothing or everything would be smoothed away.
    """
    if not 0 < keep_probability < 1:
        raise ParameterError(
            f"keep_probability must be between 0 and 1, such as 1/8, got {keep_probability}", "keep_probability"
        )


def check_refine(refine: int) -> None:
    """Refuse a negative number of evaluations.

    Raises:
        ParameterError: ``refine`` is negative.
    """
    if refine < 0:
        raise ParameterError(f"refine must be 0 or more, got {refine}", "refine")

"""The questions that hard certificates answer: all of their parameters, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import ParameterError

_SMALLEST_PILOT = 8


@dataclass(frozen=True)
class HardQuestion:
    """The parameters of `stabcert.core.hard.certify.certify_hard`; checked when made.

    A question depends neither on a mask nor on the frozen noise masks, which belong to the smoothed predictor. A sweep
    is therefore one question about several predictors.

    Raises:
        ParameterError: a negative number of evaluations.
    """

    refine: int = 0
    """Evaluations that may be spent on a larger radius."""
    decremental: bool = True
    """Certify also from the full input downwards."""

    def __post_init__(self) -> None:
        if self.refine < 0:
            raise ParameterError(f"refine must be 0 or more, got {self.refine}.", "refine")


@dataclass(frozen=True)
class BernoulliQuestion:
    """The parameters of `stabcert.core.hard.bernoulli.certify_hard_bernoulli`; checked when made.

    Noise that is not frozen belongs to the question, because its draws are not part of a function.

    Raises:
        ParameterError: a keep probability that smooths nothing or everything away, a ``delta`` that is not a
            probability, or too few samples.
    """

    keep_probability: Fraction
    """lambda, exactly."""
    delta: float = 0.1
    """Probability that any certificate of the family is wrong."""
    n_samples: int = 1000
    """Draws, pilot included."""
    decremental: bool = True
    """Certify also from the full input downwards."""
    family: int = 1
    """Certificates among which one may be chosen afterwards; each has an equal share of ``delta``."""

    def __post_init__(self) -> None:
        check_delta(self.share)
        check_keep_probability(self.keep_probability)
        if self.n_samples <= self.pilot:
            raise ParameterError(
                f"{self.n_samples} samples are too few: {self.pilot} choose the class and the others bound its "
                f"probability. Use more than {_SMALLEST_PILOT}, such as n_samples=1000"
            )

    @property
    def share(self) -> float:
        """Probability that this certificate is wrong."""
        return self.delta / self.family

    @property
    def delta_each(self) -> float:
        """Share of each bound: of the masked input, and of the full one where it is evaluated."""
        return self.share / 2 if self.decremental else self.share

    @property
    def pilot(self) -> int:
        """Number of draws that choose the class; the others bound its probability."""
        return max(_SMALLEST_PILOT, self.n_samples // 10)

    @property
    def draws(self) -> int:
        """Number of draws that bound the probability of the class."""
        return self.n_samples - self.pilot

    def of_draws(self) -> dict[str, Any]:
        """Return the parameters that select the draws for a mask, as plain values.

        ``decremental`` is excluded. The full input is evaluated under the draws of the masked input.
        """
        return {
            "lambda": str(self.keep_probability),
            "delta": self.delta,
            "family": self.family,
            "n_samples": self.n_samples,
        }


def check_keep_probability(keep_probability: Fraction | float) -> None:
    """Refuse what Bernoulli noise cannot smooth with; a float need not be a number.

    Raises:
        ParameterError: nothing or everything would be smoothed away.
    """
    if not 0 < keep_probability < 1:
        raise ParameterError(
            f"keep_probability must be between 0 and 1, such as 1/8, got {keep_probability}", "keep_probability"
        )

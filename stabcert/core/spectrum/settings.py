"""Arguments of a spectrum, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from stabcert.core.spectrum.result import BasisKind, Coefficient, Quantity
from stabcert.core.spectrum.transforms import exact_cost, transform
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import ParameterError

DEFAULT_SAMPLES = 1000


@dataclass(frozen=True)
class SpectrumSettings:
    """Arguments of `stabcert.core.spectrum.analyse.degree_weights`, checked when they are created.

    Raises:
        ParameterError: an argument is out of range, or two arguments are not compatible.
    """

    n_features: int
    basis: BasisKind
    bias: float | None
    degree: int | None
    n_samples: int
    keep_probabilities: tuple[float, ...]
    restrict: int | None
    restrict_draws: int
    top: int
    delta: float

    def __post_init__(self) -> None:
        transform([0.0], self.basis, self.bias)  # refuses a basis and a bias that are not compatible
        check_delta(self.delta)
        n = self.n_features
        if n < 1:
            raise ParameterError(f"n_features must be at least 1, got {n}. Use an input with 1 or more features")
        if self.degree is not None and not 0 <= self.degree <= n:
            raise ParameterError(
                f"degree {self.degree} is not possible with {n} features; use a --degree from 0 to {n}"
            )
        if self.n_samples < 2:
            raise ParameterError(f"{self.n_samples} samples cannot estimate a spectrum; use --n-samples 2 or more")
        if not self.keep_probabilities:
            raise ParameterError("no keep probability was given; use --lambdas 1 for the function as it is")
        for keep_probability in self.keep_probabilities:
            if not 0.0 <= keep_probability <= 1.0:
                raise ParameterError(
                    f"a keep probability of {keep_probability} is not possible; use --lambdas in 0 to 1"
                )
        if self.restrict is not None:
            if not 1 <= self.restrict <= n:
                raise ParameterError(f"{self.restrict} of {n} features cannot be left; use --restrict 1 to {n}")
            exact_cost(self.restrict)
        if self.restrict_draws < 2:
            raise ParameterError(f"restrict_draws must be at least 2, got {self.restrict_draws}. Use 2 or more")
        if self.top < 0:
            raise ParameterError(f"the largest {self.top} coefficients cannot be listed; use --top 0 or more")

    @property
    def probability(self) -> float:
        """p: keep probability of a feature in the masks over which weight, influence and variance are taken."""
        return 0.5 if self.bias is None else self.bias

    @property
    def orthonormal_basis(self) -> BasisKind:
        """The basis in which weights add up to a mean square."""
        return "standard" if self.basis == "monotone" else self.basis

    def variance_over(self, keep_probability: float) -> float:
        """Return the keep probability of the masks over which the variance of the smoothed function is taken."""
        p = self.probability
        return p / keep_probability if keep_probability > p else p

    def contraction(self, keep_probability: float) -> float:
        """Return the factor of Theorem A.8, the correlation of the noise from smoothing at ``p / keep_probability``."""
        return (keep_probability - self.probability) / (1 - self.probability)


def exactly(value: float) -> Quantity:
    """Return a known number as a quantity."""
    return Quantity(float(value), float(value), float(value), exact=True)


def largest_coefficients(candidates: list[Coefficient], top: int) -> tuple[Coefficient, ...]:
    """Return the ``top`` largest by absolute value, without zeros; among equals the first."""
    found = sorted(candidates, key=lambda one: -abs(one.value.value))[:top]
    return tuple(one for one in found if one.value.value != 0.0)

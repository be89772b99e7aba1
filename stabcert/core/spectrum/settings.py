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
                f"degree must be from 0 to {n}, got {self.degree}. The input has {n} features", "degree"
            )
        if self.n_samples < 2:
            raise ParameterError(f"n_samples must be 2 or more, got {self.n_samples}", "n_samples")
        if not self.keep_probabilities:
            raise ParameterError(
                "keep_probabilities must have at least one value, got none. Use 1 for the unsmoothed function",
                "keep_probabilities",
            )
        for keep_probability in self.keep_probabilities:
            if not 0.0 <= keep_probability <= 1.0:
                raise ParameterError(
                    f"keep_probabilities must be from 0 to 1, got {keep_probability}", "keep_probabilities"
                )
        if self.restrict is not None:
            if not 1 <= self.restrict <= n:
                raise ParameterError(
                    f"restrict must be from 1 to {n}, got {self.restrict}. The input has {n} features", "restrict"
                )
            exact_cost(self.restrict)
        if self.restrict_draws < 2:
            raise ParameterError(f"restrict_draws must be 2 or more, got {self.restrict_draws}", "restrict_draws")
        if self.top < 0:
            raise ParameterError(f"top must be 0 or more, got {self.top}", "top")

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

"""The spectrum of a function of many features, estimated from its values at random masks."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from stabcert.core.masks import bernoulli_keep_masks
from stabcert.core.spectrum.intervals import mean_quantity, square_quantity
from stabcert.core.spectrum.low_degree import low_degree_coefficients, monotone_parts
from stabcert.core.spectrum.result import DegreeWeight, Quantity, Restriction, SmoothingStep, Spectrum
from stabcert.core.spectrum.settings import SpectrumSettings
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.spectrum.transforms import every_mask, transform, weights_by_degree
from stabcert.core.spectrum.weight_estimates import check_degree, estimate_weights, samples_for_weight, weight_interval
from stabcert.core.streams import part_of, words_of
from stabcert.core.types import Masks, Scores

DEFAULT_DEGREE = 3
_BASE, _INFLUENCE, _RESTRICTION, _SMOOTHED, _SMOOTHED_AGAIN, _CORRELATED = range(6)


class SampledSpectrum:
    """Random masks and the estimates from them.

    One sample of N independent masks is used for everything. Each keep probability below 1 adds N masks for the
    weights, N for noise stability and N for the variance. The influence adds N. The draws for one keep
    probability do not depend on which others are requested.
    """

    def __init__(self, function: TargetFunction, settings: SpectrumSettings, rng: Generator) -> None:
        self._function = function
        self._settings = settings
        self._root = words_of(rng)
        self._degree = min(DEFAULT_DEGREE, settings.n_features) if settings.degree is None else settings.degree
        if settings.basis != "monotone":
            check_degree(settings.n_features, self._degree, settings.probability)
        self._masks = self._draw(settings.probability, self._stream(_BASE))
        self._values = function.values(self._masks)
        self._smoothed: dict[float, Scores] = {1.0: self._values}
        self._correlated: dict[float, Scores] = {1.0: self._values}

    def spectrum(self) -> Spectrum:
        """Return all estimates; see `stabcert.core.spectrum.analyse.degree_weights`."""
        settings, function = self._settings, self._function
        if settings.basis == "monotone":
            degrees, coefficients = monotone_parts(function, settings)
        else:
            degrees = tuple(one for keep in settings.keep_probabilities for one in self._weights(keep))
            coefficients = low_degree_coefficients(self._masks, self._centred(self._values), function, settings)
        return Spectrum(
            basis=settings.basis,
            bias=settings.bias,
            target=function.kind,
            target_class=function.target_class,
            other_class=function.other_class,
            n_features=settings.n_features,
            exact=False,
            delta=settings.delta,
            degrees=degrees,
            coefficients=coefficients,
            total_influence=self._influence(),
            smoothing=tuple(self._step(keep) for keep in settings.keep_probabilities),
            restriction=None if settings.restrict is None else self._restriction(settings.restrict),
            evaluations=function.evaluations,
        )

    def _weights(self, keep_probability: float) -> list[DegreeWeight]:
        settings, c = self._settings, self._function.half_range
        values = self._smoothed_values(keep_probability)
        estimates = estimate_weights(self._masks, self._centred(values), self._degree, settings.probability)
        found = [square_quantity(values, self._function, settings.delta)]
        for degree, estimate in enumerate(estimates[1:].tolist(), start=1):
            lower, upper = weight_interval(
                estimate,
                samples=settings.n_samples,
                n_features=settings.n_features,
                degree=degree,
                delta=settings.delta,
                half_range=c,
            )
            value = min(max(estimate, lower), upper)
            needed = None
            if upper - lower > c**2 / 2:
                needed = samples_for_weight(
                    c**2 / 2,
                    weight=value,
                    n_features=settings.n_features,
                    degree=degree,
                    delta=settings.delta,
                    half_range=c,
                )
            found.append(
                Quantity(value, lower, upper, exact=False, meaningful=needed is None, needed_evaluations=needed)
            )
        return [DegreeWeight(keep_probability, degree, weight, None) for degree, weight in enumerate(found)]

    def _smoothed_values(self, keep_probability: float) -> Scores:
        """Return an unbiased estimate of the smoothed function at each mask, from one draw of the noise."""
        if keep_probability not in self._smoothed:
            noise = self._draw(keep_probability, self._stream(_SMOOTHED, keep_probability))
            self._smoothed[keep_probability] = self._function.values(self._masks & noise)
        return self._smoothed[keep_probability]

    def _step(self, keep_probability: float) -> SmoothingStep:
        settings, function = self._settings, self._function
        largest = max(abs(function.low), abs(function.high)) ** 2
        products = self._values * self._correlated_values(keep_probability)
        stability = mean_quantity(
            products, low=function.low * function.high, high=largest, possible=(0.0, largest), delta=settings.delta
        )
        return SmoothingStep(
            keep_probability=keep_probability,
            variance=self._variance(keep_probability),
            variance_bound=None,
            noise_stability=stability,
            tail_mass=None,
            tail_mass_bound=None,
            variance_over=settings.variance_over(keep_probability),
        )

    def _variance(self, keep_probability: float) -> Quantity:
        """Return the variance of the smoothed function: the covariance of two values that differ only in the noise."""
        settings, c = self._settings, self._function.half_range
        factor = settings.contraction(keep_probability)
        if (
            factor > 0
        ):  # a and z, a and z' with a kept at p / lambda: each is kept at p, their correlation is the factor
            first, second = self._values, self._correlated_values(factor)
        else:
            first = self._smoothed_values(keep_probability)
            noise = self._draw(keep_probability, self._stream(_SMOOTHED_AGAIN, keep_probability))
            second = self._function.values(self._masks & noise)
        # Half the product of the differences of two independent pairs has the covariance as its mean.
        pairs = len(first) // 2
        products = np.subtract(*first[: 2 * pairs].reshape(pairs, 2).T)
        products = products * np.subtract(*second[: 2 * pairs].reshape(pairs, 2).T) / 2
        low = 0.0 if keep_probability == 1.0 else -2 * c**2
        return mean_quantity(
            products, low=low, high=2 * c**2, possible=(0.0, c**2), delta=settings.delta, samples_each=2
        )

    def _correlated_values(self, correlation: float) -> Scores:
        """Return the values at partner masks, which share each feature with this probability or draw it again."""
        if correlation not in self._correlated:
            rng = self._stream(_CORRELATED, correlation)
            kept, fresh = self._draw(correlation, rng), self._draw(self._settings.probability, rng)
            self._correlated[correlation] = self._function.values(np.where(kept, self._masks, fresh))
        return self._correlated[correlation]

    def _influence(self) -> Quantity:
        """Estimate the influence: the mean square of the change when one random feature is flipped, scaled."""
        settings, c, p = self._settings, self._function.half_range, self._settings.probability
        n, rows = settings.n_features, np.arange(settings.n_samples)
        turned = self._masks.copy()
        feature = self._stream(_INFLUENCE).integers(n, size=settings.n_samples)
        turned[rows, feature] ^= True
        squares = n * p * (1 - p) * (self._function.values(turned) - self._values) ** 2
        high = n * p * (1 - p) * (2 * c) ** 2
        return mean_quantity(squares, low=0.0, high=high, possible=(0.0, n * c**2), delta=settings.delta)

    def _restriction(self, size: int) -> Restriction:
        settings, function = self._settings, self._function
        rng, weights = self._stream(_RESTRICTION), []
        for _ in range(settings.restrict_draws):
            left = rng.choice(settings.n_features, size=size, replace=False)
            others = bernoulli_keep_masks(settings.n_features, keep_probability=settings.probability, draws=1, rng=rng)
            tables = []
            for part in every_mask(size):
                masks = np.repeat(others, len(part), axis=0)
                masks[:, left] = part
                tables.append(function.values(masks))
            coefficients = transform(np.concatenate(tables), settings.orthonormal_basis, settings.bias)
            weights.append(weights_by_degree(coefficients))
        largest = max(abs(function.low), abs(function.high)) ** 2
        quantities = []
        for degree, column in enumerate(np.array(weights).T):
            high = largest if degree == 0 else function.half_range**2
            quantities.append(
                mean_quantity(
                    column, low=0.0, high=high, possible=(0.0, high), delta=settings.delta, samples_each=2**size
                )
            )
        return Restriction(size, settings.restrict_draws, tuple(quantities))

    def _centred(self, values: Scores) -> Scores:
        return values - self._function.centre

    def _draw(self, keep_probability: float, rng: Generator) -> Masks:
        settings = self._settings
        return bernoulli_keep_masks(
            settings.n_features, keep_probability=keep_probability, draws=settings.n_samples, rng=rng
        )

    def _stream(self, purpose: int, keep_probability: float = 1.0) -> Generator:
        """Return a separate generator for each purpose and keep probability."""
        return part_of(self._root, purpose, int(np.float64(keep_probability).view(np.uint64)))

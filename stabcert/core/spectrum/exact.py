"""The spectrum of a function of few features, from its values at all masks."""

from __future__ import annotations

import math

import numpy as np

from stabcert.core.spectrum.result import Coefficient, DegreeWeight, Restriction, SmoothingStep, Spectrum
from stabcert.core.spectrum.settings import SpectrumSettings, exactly, largest_coefficients
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.spectrum.transforms import (
    features_of,
    mass_by_degree,
    smooth_coefficients,
    transform,
    weights_by_degree,
)
from stabcert.core.types import Scores


def exact_spectrum(function: TargetFunction, settings: SpectrumSettings) -> Spectrum:
    """Return the whole `Spectrum`, exact up to rounding, from 2^n evaluations."""
    values = function.table()
    coefficients = transform(values, settings.basis, settings.bias)
    monotone = settings.basis == "monotone"
    orthonormal = transform(values, "standard") if monotone else coefficients
    weights = weights_by_degree(orthonormal)
    return Spectrum(
        basis=settings.basis,
        bias=settings.bias,
        target=function.kind,
        target_class=function.target_class,
        other_class=function.other_class,
        n_features=settings.n_features,
        exact=True,
        delta=None,
        degrees=tuple(one for keep in settings.keep_probabilities for one in _degrees(coefficients, keep, settings)),
        coefficients=_largest(coefficients, settings.top),
        total_influence=exactly(float(np.arange(len(weights)) @ weights)),
        smoothing=tuple(_step(coefficients, orthonormal, keep, settings) for keep in settings.keep_probabilities),
        restriction=None if settings.restrict is None else restricted_weights(weights, settings.restrict),
        evaluations=function.evaluations,
        values=coefficients,
    )


def restricted_weights(weights: Scores, size: int) -> Restriction:
    """Return the mean spectrum over all restrictions to ``size`` features, from the weights of the whole function.

    A set of j features keeps k of them with the hypergeometric probability
    ``C(j, k) C(n - j, size - k) / C(n, size)``. Its squared coefficient then belongs, on average over the other
    features, to the weight of degree k.
    """
    n = len(weights) - 1
    means = [
        sum(weights[j] * (math.comb(j, k) * math.comb(n - j, size - k) / math.comb(n, size)) for j in range(n + 1))
        for k in range(size + 1)
    ]
    return Restriction(size, 0, tuple(exactly(mean) for mean in means))


def tail_mass_bound(masses: Scores, keep_probability: float, settings: SpectrumSettings) -> tuple[float, ...] | None:
    """Return an upper bound on the smoothed mass of degree k or more, for k = 0, 1, ... n; see `SmoothingStep`."""
    from scipy.special import bdtrc

    n = len(masses) - 1
    if settings.basis == "biased":
        return None
    degrees = np.arange(n + 1)
    if settings.basis == "monotone":
        factors = keep_probability**degrees
    else:
        factors = np.concatenate([[1.0], bdtrc(degrees[:-1].astype(np.float64), n, keep_probability)])
    return tuple((factors * _tails(masses)).tolist())


def _degrees(coefficients: Scores, keep_probability: float, settings: SpectrumSettings) -> list[DegreeWeight]:
    smoothed = smooth_coefficients(coefficients, keep_probability, settings.basis, settings.bias)
    last = settings.n_features if settings.degree is None else settings.degree
    table = zip(weights_by_degree(smoothed), mass_by_degree(smoothed), strict=True)
    return [
        DegreeWeight(keep_probability, degree, exactly(weight), float(mass))
        for degree, (weight, mass) in enumerate(table)
        if degree <= last
    ]


def _step(
    coefficients: Scores, orthonormal: Scores, keep_probability: float, settings: SpectrumSettings
) -> SmoothingStep:
    weights = weights_by_degree(orthonormal)
    powers = np.arange(len(weights))
    factor = settings.contraction(keep_probability)
    if factor > 0:  # in the basis of p / lambda each coefficient shrinks by sqrt(factor) a feature (Lemma A.7)
        variance, bound = (weights * factor**powers)[1:].sum(), factor * weights[1:].sum()
    else:
        smoothed = smooth_coefficients(orthonormal, keep_probability, settings.orthonormal_basis, settings.bias)
        variance, bound = weights_by_degree(smoothed)[1:].sum(), None
    smoothed = smooth_coefficients(coefficients, keep_probability, settings.basis, settings.bias)
    return SmoothingStep(
        keep_probability=keep_probability,
        variance=exactly(variance),
        variance_bound=None if bound is None else float(bound),
        noise_stability=exactly((weights * keep_probability**powers).sum()),
        tail_mass=tuple(_tails(mass_by_degree(smoothed)).tolist()),
        tail_mass_bound=tail_mass_bound(mass_by_degree(coefficients), keep_probability, settings),
        variance_over=settings.variance_over(keep_probability),
    )


def _tails(masses: Scores) -> Scores:
    """Return ``(n + 1,)`` sums over each degree and all higher ones."""
    tails: Scores = np.cumsum(masses[::-1])[::-1]
    return tails


def _largest(coefficients: Scores, top: int) -> tuple[Coefficient, ...]:
    order = np.argsort(-np.abs(coefficients), kind="stable")[:top]
    return largest_coefficients(
        [Coefficient(features_of(int(code)), exactly(coefficients[code])) for code in order], top
    )

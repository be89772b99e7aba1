"""The Boolean spectrum of a predictor on one input: weight by degree, influence, noise stability, smoothing.

Weight on a high degree means that the prediction depends on many features jointly. A sum of
importances of single features then cannot describe it.
"""

from __future__ import annotations

from collections.abc import Iterable

from numpy.random import Generator

from stabcert.core.given import n_features_of
from stabcert.core.spectrum.exact import exact_spectrum
from stabcert.core.spectrum.result import BasisKind, Spectrum, TargetKind
from stabcert.core.spectrum.sampled import SampledSpectrum
from stabcert.core.spectrum.settings import DEFAULT_SAMPLES, SpectrumSettings
from stabcert.core.spectrum.target import TargetFunction
from stabcert.core.spectrum.transforms import exact_cost
from stabcert.core.types import MaskedPredictor


def degree_weights(
    predictor: MaskedPredictor,
    *,
    target_class: int | None = None,
    target: TargetKind = "probability",
    basis: BasisKind = "standard",
    bias: float | None = None,
    degree: int | None = None,
    n_samples: int | None = None,
    exact_max: int = 14,
    keep_probabilities: Iterable[float] = (1.0,),
    restrict: int | None = None,
    restrict_draws: int = 32,
    top: int = 10,
    delta: float = 0.1,
    rng: Generator,
) -> Spectrum:
    """Return the spectrum of one number that the predictor gives each mask, and the effect of smoothing on it.

    With at most ``exact_max`` features all 2^n masks are evaluated, and everything is exact up to rounding. With
    more, everything except monotone coefficients is estimated from random masks. Then each interval individually
    contains the truth with probability at least 1 - delta, whatever the function and the number of samples. The
    intervals of the coefficients do so jointly. Intervals too wide to be informative are marked, with the number of
    samples needed.

    Args:
        predictor: any `MaskedPredictor`.
        target_class: None for the class predicted on the full input.
        target: ``probability`` of the class; its ``margin`` over the best other class of the full input;
            ``indicator``, 1 where the class is predicted.
        basis: ``standard``, ``monotone`` or ``biased``.
        bias: keep probability p of the masks, between 0 and 1, only for the biased basis.
        degree: the largest reported degree. Default: all degrees if exact, otherwise 3, or in the monotone basis the
            largest that fits.
        n_samples: masks for each estimate (1000). An estimated spectrum takes 2 of these, and 3 for each keep
            probability below 1. The monotone one also takes every mask with at most ``degree`` features.
        exact_max: number of features up to which the spectrum is exact.
        keep_probabilities: lambda of each analysed smoothed function; 1 is the unsmoothed function.
        restrict: number of features in random restrictions, whose mean spectrum is added, each exact; None to omit it.
        restrict_draws: number of restrictions, 2^restrict evaluations each; not used if the spectrum is exact.
        top: number of the largest coefficients that are listed.
        delta: failure probability of each interval.
        rng: source of all randomness in estimates and restrictions; not used by an exact spectrum.

    Raises:
        ParameterError: an argument is out of range, or the spectrum is too large to be exact (see `exact_cost`).
        ModelError: see `stabcert.core.decisions.predict`.

    Source: Soft stability (Jin et al. 2025), Appendices A and B, with E1 and E5; `weight_interval` for the estimates.
    """
    settings = SpectrumSettings(
        n_features=n_features_of(predictor),
        basis=basis,
        bias=bias,
        degree=degree,
        n_samples=DEFAULT_SAMPLES if n_samples is None else n_samples,
        keep_probabilities=tuple(float(keep_probability) for keep_probability in keep_probabilities),
        restrict=restrict,
        restrict_draws=restrict_draws,
        top=top,
        delta=delta,
    )
    exact = settings.n_features <= exact_max
    if exact:
        exact_cost(settings.n_features)  # refused before anything is evaluated
    function = TargetFunction(predictor, target, target_class)
    return exact_spectrum(function, settings) if exact else SampledSpectrum(function, settings, rng).spectrum()

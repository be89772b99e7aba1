"""``result`` of ``fourier``: the spectrum, what smoothing does to it, and the stability bounds beside the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from stabcert.core.spectrum.result import DegreeWeight, Quantity, Spectrum, StabilityBounds
from stabcert.report.record import class_record


@dataclass(frozen=True)
class LeftOut:
    """Stability bounds that were not computed, for they would have taken too many evaluations."""

    radius: int
    keep_probability: float
    variant: str
    needed_evaluations: int


@dataclass(frozen=True)
class SpectrumFinding:
    """Everything that ``fourier`` found on one input."""

    spectrum: Spectrum
    bounds: tuple[StabilityBounds, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def spectrum_result(finding: SpectrumFinding, class_names: tuple[str, ...]) -> dict[str, Any]:
    """``result`` of ``fourier``."""
    spectrum = finding.spectrum
    other = spectrum.other_class
    restriction = spectrum.restriction
    return {
        "basis": spectrum.basis,
        "bias": spectrum.bias,
        "function": spectrum.target,
        "target_class": class_record(spectrum.target_class, class_names),
        "other_class": None if other is None else class_record(other, class_names),
        "exact": spectrum.exact,
        "n": spectrum.n_features,
        "delta": spectrum.delta,
        "degrees": [_degree(degree) for degree in spectrum.degrees],
        "coefficients": [
            {"features": list(found.features), **_quantity(found.value)} for found in spectrum.coefficients
        ],
        "total_influence": _quantity(spectrum.total_influence),
        "smoothing": [
            {
                "lambda": step.keep_probability,
                "variance": _quantity(step.variance),
                "variance_over": step.variance_over,
                "variance_bound": step.variance_bound,
                "noise_stability": _quantity(step.noise_stability),
                "tail_mass": None if step.tail_mass is None else list(step.tail_mass),
                "tail_mass_bound": None if step.tail_mass_bound is None else list(step.tail_mass_bound),
            }
            for step in spectrum.smoothing
        ],
        "restriction": None
        if restriction is None
        else {
            "size": restriction.size,
            "draws": restriction.draws,
            "weights": [_quantity(weight) for weight in restriction.weights],
        },
        "bounds": [_bounds(bounds) for bounds in finding.bounds],
        "bounds_left_out": [
            {
                "radius": one.radius,
                "lambda": one.keep_probability,
                "variant": one.variant,
                "needed_evaluations": one.needed_evaluations,
            }
            for one in finding.left_out
        ],
    }


def _degree(degree: DegreeWeight) -> dict[str, Any]:
    weight = degree.weight
    return {
        "lambda": degree.keep_probability,
        "degree": degree.degree,
        "weight": weight.value,
        "weight_lower": weight.lower,
        "weight_upper": weight.upper,
        "exact": weight.exact,
        "meaningful": weight.meaningful,
        "needed_evaluations": weight.needed_evaluations,
        "mass": degree.mass,
    }


def _quantity(quantity: Quantity) -> dict[str, Any]:
    return asdict(quantity)


def _bounds(bounds: StabilityBounds) -> dict[str, Any]:
    return {
        "radius": bounds.radius,
        "lambda": float(bounds.keep_probability),
        "variant": bounds.variant,
        "sets": bounds.sets,
        "degrees": bounds.degrees,
        "hard_radius": bounds.hard_radius,
        "rate": bounds.rate,
        "class_rate": bounds.class_rate,
        "class_bound": bounds.class_bound,
        "evaluations": bounds.evaluations,
    }

"""The spectrum of one case, and the stability bounds beside it, within the evaluations that may be spent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.result import BasisKind, Spectrum, StabilityBounds, TargetKind
from stabcert.core.spectrum.settings import DEFAULT_SAMPLES
from stabcert.core.spectrum.stability_bounds import bounds_cost, stability_bounds
from stabcert.core.spectrum.transforms import exact_cost
from stabcert.core.streams import Stream
from stabcert.errors import ParameterError
from stabcert.report.spectrum.record import LeftOut, SpectrumFinding

if TYPE_CHECKING:
    from stabcert.cli.session import Case
    from stabcert.core.types import Mask

_BOUND_EVALUATIONS = 4096
_RESTRICTIONS = 32


@dataclass(frozen=True)
class SpectrumRequest:
    """What the user asked for, checked as far as that is possible without an input."""

    function: TargetKind
    basis: BasisKind
    bias: float | None
    lambdas: tuple[Fraction, ...]
    degree: int | None
    exact_max: int
    n_samples: int | None
    restrict: int | None
    top: int
    delta: float
    radii: list[int] | Literal["all"] | None
    max_evaluations: int | None

    def check_mask(self, mask: Mask) -> None:
        """Refuse a radius above the number of features that can be added.

        Raises:
            ParameterError: says what is possible.
        """
        _radii(self.radii, int((~mask).sum()))

    def of_draws(self) -> dict[str, Any]:
        """Return what another draw belongs to, as plain values; the bounds beside the spectrum draw nothing."""
        names = ("function", "basis", "bias", "degree", "exact_max", "n_samples", "restrict", "delta")
        return {**{name: getattr(self, name) for name in names}, "lambdas": [str(share) for share in self.lambdas]}


def analyse(case: Case, request: SpectrumRequest) -> Spectrum:
    """The spectrum of ``case``; what it will take is said before it starts.

    Raises:
        ParameterError: a radius above the number of features that can be added, or see `degree_weights`.
    """
    _radii(request.radii, int((~case.choice.mask).sum()))  # refused before the spectrum costs anything
    case.say(_announcement(case.predictor.n_features, request))
    return degree_weights(
        case.predictor,
        target_class=case.choice.target,
        target=request.function,
        basis=request.basis,
        bias=request.bias,
        degree=request.degree,
        n_samples=request.n_samples,
        exact_max=request.exact_max,
        keep_probabilities=tuple(float(share) for share in request.lambdas),
        restrict=request.restrict,
        restrict_draws=_RESTRICTIONS,
        top=request.top,
        delta=request.delta,
        rng=case.draws.generator(Stream.spectrum, case.choice.mask, request.of_draws()),
    )


def bounded(case: Case, request: SpectrumRequest, spectrum: Spectrum) -> SpectrumFinding:
    """The spectrum with the stability bounds at every radius, as far as the evaluations reach."""
    mask = case.choice.mask
    free = int((~mask).sum())
    # Where all masks were evaluated, none of the bounds asks for a new one.
    budget = request.max_evaluations or (2**spectrum.n_features if spectrum.exact else _BOUND_EVALUATIONS)
    bounds: list[StabilityBounds] = []
    left_out: list[LeftOut] = []
    for radius in _radii(request.radii, free):
        for share, smooth in _functions(request.lambdas):
            needed = bounds_cost(
                mask, radius, keep_probability=float(share), smooth=smooth, target_class=spectrum.target_class
            )
            if needed > budget:
                variant = "unsmoothed" if share == 1 else "smoothed" if smooth == "all" else "smoothed-free"
                left_out.append(LeftOut(radius, float(share), variant, needed))
                continue
            found = stability_bounds(
                case.predictor,
                mask,
                radius=radius,
                keep_probability=share,
                smooth=smooth,
                target_class=spectrum.target_class,
                max_evaluations=budget,
            )
            bounds.append(found)
    return SpectrumFinding(spectrum, tuple(bounds), tuple(left_out))


def _functions(lambdas: tuple[Fraction, ...]) -> list[tuple[Fraction, Literal["all", "free"]]]:
    """The unsmoothed function once, each smoothed one with all features and with the free ones smoothed."""
    found: list[tuple[Fraction, Literal["all", "free"]]] = []
    for share in lambdas:
        found += [(share, "all")] if share == 1 else [(share, "all"), (share, "free")]
    return found


def _radii(radii: list[int] | Literal["all"] | None, free: int) -> list[int]:
    """The radii to bound; none where there is nothing to add, unless somebody asked for one."""
    if radii is None:
        return [1] if free else []
    if radii == "all":
        return list(range(1, free + 1))
    for radius in radii:
        if radius > free:
            raise ParameterError(
                f"radius {radius} is not possible: {free} features are not kept; use a radius from 0 to {free}"
            )
    return sorted({radius for radius in radii if radius > 0})


def _announcement(n_features: int, request: SpectrumRequest) -> str:
    """What is about to be spent."""
    if n_features <= request.exact_max:
        cost = exact_cost(n_features)
        return (
            f"exact spectrum of {n_features} feature{'' if n_features == 1 else 's'}: "
            f"{cost.evaluations} evaluations and "
            f"{max(0.1, cost.memory_bytes / 1e6):.1f} MB beside the model"
        )
    samples = DEFAULT_SAMPLES if request.n_samples is None else request.n_samples
    smoothed = sum(share < 1 for share in request.lambdas)
    evaluations = samples * (2 + 3 * smoothed)
    if request.restrict is not None:
        exact_cost(request.restrict)  # refuses what is too large
        evaluations += _RESTRICTIONS * 2**request.restrict
    low_degrees = " and all masks of low degree" if request.basis == "monotone" else ""
    return (
        f"{n_features} features are more than --exact-max {request.exact_max}: estimates, from at most {evaluations} "
        f"evaluations{low_degrees}, instead of the exact spectrum, which takes 2^{n_features}"
    )

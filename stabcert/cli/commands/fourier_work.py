"""The work of ``fourier`` on one input: the spectrum, and the stability bounds that the evaluations allow."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from stabcert.cli.command import Beside, Command, Found
from stabcert.cli.reporting import report_of
from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.result import BasisKind, LeftOut, Spectrum, SpectrumFinding, StabilityBounds, TargetKind
from stabcert.core.spectrum.settings import DEFAULT_SAMPLES
from stabcert.core.spectrum.stability_bounds import bounds_cost, stability_bounds
from stabcert.core.spectrum.transforms import exact_cost
from stabcert.core.streams import Stream
from stabcert.errors import ParameterError
from stabcert.records.spectrum import SpectrumResult

if TYPE_CHECKING:
    from stabcert.cli.opening import Case
    from stabcert.core.types import Mask
    from stabcert.report.canvas import Exhibit
    from stabcert.report.document import Document
    from stabcert.report.record import Report

_BOUND_EVALUATIONS = 4096
_RESTRICTIONS = 32


@dataclass(frozen=True)
class SpectrumRequest:
    """The request of the user, after the checks that do not need an input."""

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
        """Check that every radius is at most the number of features that can be added.

        Raises:
            ParameterError: a radius is larger.
        """
        _radii(self.radii, int((~mask).sum()))

    def of_draws(self) -> dict[str, Any]:
        """Return the settings that identify a draw, as plain values. The stability bounds do not draw."""
        names = ("function", "basis", "bias", "degree", "exact_max", "n_samples", "restrict", "delta")
        return {**{name: getattr(self, name) for name in names}, "lambdas": [str(share) for share in self.lambdas]}


@dataclass(frozen=True)
class Fourier(Command[Found]):
    """``fourier`` with its request."""

    name: ClassVar[str] = "fourier"
    request: SpectrumRequest

    def check_mask(self, mask: Mask) -> None:
        self.request.check_mask(mask)

    def certify(self, case: Case) -> Found:
        return Found("reported", certificate=bounded(case, self.request, analyse(case, self.request)))

    def record(self, case: Case, found: Found, beside: Beside) -> Report:
        if not isinstance(found.certificate, SpectrumFinding):
            raise TypeError("fourier finds a spectrum")
        result = SpectrumResult.of(found.certificate, case.class_names).to_dict()
        return report_of(self.name, case, found, beside, result)

    def document(self, exhibit: Exhibit) -> Document:
        from stabcert.report.says.spectrum import spectrum_document

        return spectrum_document(exhibit)


def analyse(case: Case, request: SpectrumRequest) -> Spectrum:
    """Return the spectrum of ``case`` after announcing its cost.

    Raises:
        ParameterError: a radius exceeds the number of features that can be added, or see `degree_weights`.
    """
    _radii(request.radii, int((~case.choice.mask).sum()))  # before the evaluations of the spectrum
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
    """Return the spectrum with the stability bounds at every radius that the evaluations allow."""
    mask = case.choice.mask
    free = int((~mask).sum())
    # If all masks were evaluated, the bounds do not need new evaluations.
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
    """Return the unsmoothed function, and each smoothed one with all features or with the free features smoothed."""
    found: list[tuple[Fraction, Literal["all", "free"]]] = []
    for share in lambdas:
        found += [(share, "all")] if share == 1 else [(share, "all"), (share, "free")]
    return found


def _radii(radii: list[int] | Literal["all"] | None, free: int) -> list[int]:
    """Return the radii to bound. Without features to add, these are only the requested radii."""
    if radii is None:
        return [1] if free else []
    if radii == "all":
        return list(range(1, free + 1))
    for radius in radii:
        if radius > free:
            raise ParameterError(
                f"radius {radius} is not possible: {free} features are not kept. Use a radius from 0 to {free}"
            )
    return sorted({radius for radius in radii if radius > 0})


def _announcement(n_features: int, request: SpectrumRequest) -> str:
    """Return a note on the number of evaluations that follow."""
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
        exact_cost(request.restrict)  # raises an error if it is too large
        evaluations += _RESTRICTIONS * 2**request.restrict
    low_degrees = " and all masks of low degree" if request.basis == "monotone" else ""
    return (
        f"{n_features} features are more than --exact-max {request.exact_max}: estimates, from at most {evaluations} "
        f"evaluations{low_degrees}, instead of the exact spectrum, which takes 2^{n_features}"
    )

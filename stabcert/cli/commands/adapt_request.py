"""The request of a user of ``adapt``, checked as far as that is possible without an input."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stabcert.adapt.settings import AdaptSettings
from stabcert.cli.choices import METHODS
from stabcert.cli.commands.adapt_options import AdaptOptions
from stabcert.cli.commands.adapt_report_options import AdaptReportOptions
from stabcert.cli.parsing import exact_share, parse_lambdas, parse_radii, read_top_k
from stabcert.core.adaptation.settings import ComparisonSettings
from stabcert.core.statistics.bounds import check_delta
from stabcert.errors import ParameterError

MOST_LAMBDAS = 4
_DEFAULT = AdaptSettings()


@dataclass(frozen=True)
class AdaptRequest:
    """The recipe of the training and the settings of the report."""

    out: Path
    settings: AdaptSettings
    comparison: ComparisonSettings
    attribution: str
    top_k: str
    report_share: float
    delta: float
    min_gain: float | None


def request_of(options: AdaptOptions, report: AdaptReportOptions, *, seed: int) -> AdaptRequest:
    """Return the request.

    Raises:
        ParameterError: an option that no input and no model could make possible.
    """
    if options.out is None or str(options.out) in ("", "."):
        raise ParameterError("--out must be a new directory for the adapted model. Write --out DIR")
    lambdas = _lambdas(options.lambdas)
    if report.attribution not in METHODS:
        raise ParameterError(
            f"attribution must be one of {', '.join(METHODS)}, got {report.attribution!r}. Use attribution=occlusion",
            "attribution",
        )
    read_top_k(report.top_k)
    check_delta(report.mean_delta)
    if report.min_gain is not None and not 0 <= report.min_gain <= 1:
        raise ParameterError(f"--min-gain must be from 0 to 1, got {report.min_gain}. Write --min-gain 0.1")
    if not 0 < report.report_share < 1:
        raise ParameterError(
            f"report_share must be between 0 and 1, got {report.report_share:g}. Use report_share=0.2", "report_share"
        )
    settings = AdaptSettings(
        method=options.method.value,
        train_head=options.train_head,
        further_features=_names(options.further_features),
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        temperature=options.temperature,
        freeze=tuple(options.freeze or ()),
        batch_size=options.train_batch_size,
        copies=options.copies,
        clean_weight=options.clean_weight,
        label_weight=options.label_weight,
        lambdas=lambdas,
        rank=options.rank,
        clean_loss=options.clean_loss,
        held_out=options.held_out,
        augment=not options.no_augment,
        interpolations=_DEFAULT.interpolations if options.interpolations is None else _points(options.interpolations),
        seed=seed,
    )
    comparison = ComparisonSettings(
        masks=report.masks,
        radii=_radii(report.radii),
        n_samples=report.n_samples,
        lambdas=lambdas,
        draws=report.draws,
        noise=report.noise.value,
    )
    return AdaptRequest(
        options.out,
        settings,
        comparison,
        report.attribution,
        report.top_k,
        report.report_share,
        report.mean_delta,
        report.min_gain,
    )


def _lambdas(text: str) -> tuple[Fraction, ...]:
    """Return the keep probabilities below 1: with 1 alone nothing is smoothed."""
    return tuple(share for share in parse_lambdas(text, most=MOST_LAMBDAS, zero=False) if share < 1)


def _points(text: str) -> tuple[float, ...]:
    """Return the points in a list.

    Raises:
        ParameterError: something in the list is not a number.
    """
    points = [exact_share(part) for part in text.split(",")]
    if None in points:
        raise ParameterError(f"--interpolations {text!r:.80} is not a list of numbers. Write 0.5,1 or 1")
    return tuple(float(point) for point in points if point is not None)


def _names(text: str | None) -> tuple[str, ...]:
    """Return the names in a list.

    Raises:
        ParameterError: a name is missing at a comma.
    """
    names = () if text is None else tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ParameterError(f"--further-features {text!r} has no name at a comma. Write grid:14 or grid:14,grid:3")
    return names


def _radii(text: str) -> tuple[int, ...]:
    try:
        radii = parse_radii(text)
    except ParameterError:
        radii = "all"
    if isinstance(radii, str):
        raise ParameterError(f"--radii {text!r} is not a list of radii. Write 4, 1,2,5 or 1:10")
    return tuple(sorted(set(radii)))

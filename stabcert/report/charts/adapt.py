"""The diagrams of ``adapt``: before and after, over keep shares and over radii."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stabcert.core.adaptation.result import Measure, Quantity
from stabcert.records.adaptation import Compared
from stabcert.report.charts.lines import Panel, Series, panel_charts
from stabcert.report.curve.wording import lambda_text
from stabcert.report.document import Chart

NAMES = ("before", "after")


def adapt_charts(compared: Compared) -> list[Chart]:
    """Return all diagrams of a comparison; the last one names the two lines."""
    return panel_charts(panels(compared), NAMES)


def panels(compared: Compared) -> list[list[Panel]]:
    """Return rows of diagrams: over keep shares, then over radii, those of smoothed models by lambda."""
    measures, labelled = compared.comparison.measures, bool(compared.comparison.labelled)
    rates = [one for one in measures if one.quantity == "rate"]
    rate = [_over_radii(rates, "stability rate", "mean over inputs", "added")] if rates else []
    first = [_over_shares(measures, "agreement")]
    rows = [[*first, _over_shares(measures, "accuracy")], rate] if labelled else [[*first, *rate]]
    certified: Quantity = "certified accuracy" if labelled else "certified agreement"
    for share in compared.settings.lambdas:
        proved = [one for one in measures if one.quantity == "proved radius" and one.at == share]
        removed = [one for one in measures if one.quantity == certified and one.at == share]
        if proved:
            added = _over_radii(proved, "proved radius", "share of inputs that reach r", "added")
            rows.append([added, _over_radii(removed, certified, "whichever r are removed", "removed")])
    return [row for row in rows if row]


def _over_shares(measures: Sequence[Measure], quantity: Quantity) -> Panel:
    found = [one for one in measures if one.quantity == quantity and one.at is not None]
    return _panel(
        found,
        quantity,
        "share of random masks",
        "share of features kept",
        lambda one: (float(one.at or 0), str(one.at)),
    )


def _over_radii(found: Sequence[Measure], title: str, subtitle: str, change: str) -> Panel:
    at = found[0].at
    smoothed = "" if at is None or at == 1 else f", λ = {lambda_text(at)}"
    return _panel(
        found,
        f"{title}{smoothed}",
        subtitle,
        f"features {change}, r",
        lambda one: (float(one.radius or 0), str(one.radius)),
    )


def _panel(
    found: Sequence[Measure], title: str, subtitle: str, x_name: str, place: Callable[[Measure], tuple[float, str]]
) -> Panel:
    places = [place(one) for one in found]
    before = tuple((x, one.before) for (x, _), one in zip(places, found, strict=True))
    after = tuple((x, one.after) for (x, _), one in zip(places, found, strict=True))
    series = (Series(NAMES[0], 0, before), Series(NAMES[1], 1, after))
    return Panel(title, subtitle, x_name, tuple(places), series, True)

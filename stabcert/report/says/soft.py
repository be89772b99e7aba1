"""The document of ``certify-soft``: the table of rates, what it guarantees, and what it cost."""

from __future__ import annotations

from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.core.soft.trials import MAX_FLIPS
from stabcert.report.canvas import Exhibit, added
from stabcert.report.charts.rates import rates_chart
from stabcert.report.document import (
    EVERYWHERE,
    PICTURES,
    Block,
    Cell,
    Column,
    Document,
    Line,
    Table,
    Tone,
    Word,
    line,
    table,
)
from stabcert.report.numbers import confidence, lambda_shown, rounded, rounded_down, rounded_up, threshold_shown
from stabcert.report.record import Report
from stabcert.report.says.common import doubts, evidence, facts, family_lines, footer, heading, mask_alone
from stabcert.report.says.question import question_lines
from stabcert.report.wording import ranges, recorded_prediction, short

_TONES: dict[str, Tone] = {"certified": "good", "not-certified": "bad", "undecided": "doubtful"}
_WIDEST_BOUNDS = len("0.0000 .. 1.0000")


def soft_document(exhibit: Exhibit) -> Document:
    """Return what is said of one input.

    Raises:
        TypeError: the report is not one of ``certify-soft``.
    """
    report = exhibit.report
    certificate = report.certificate
    if not isinstance(certificate, SoftCertificate):
        raise TypeError("soft_document needs a report with a certificate")
    blocks: list[Block] = [
        *evidence(exhibit, flip="smallest flip"),
        *([line(f"formulation: {certificate.formulation}")] if certificate.formulation != "up-to" else []),
        rates_chart(certificate),
        rates(certificate),
        mask_alone(report),
        *_largest_radius(certificate),
        line(guarantee(certificate), on=EVERYWHERE),
        *question_lines(report),
        *family_lines(report),
        line(about(report, certificate), "faint", on=EVERYWHERE),
        *_choice(report),
        line(flip_summary(exhibit), on=PICTURES),
    ]
    if report.result.get("interrupted"):
        blocks.append(line("interrupted: these are the results so far", "doubtful"))
    numbers = [f"r = {ranges([rate.radius for rate in certificate.rates])}", f"δ = {certificate.delta:g}"]
    return Document(heading(report), (*blocks, *doubts(report), footer(report)), facts(report, numbers))


def rates(certificate: SoftCertificate) -> Table:
    """Return a row for each radius."""
    percent = confidence(certificate.delta)
    bounds = f"{percent} interval" if certificate.sides == 2 else f"{percent} bounds"
    columns = [
        *(Column(title) for title in ("radius", "samples", "matches")),
        Column("rate", width=6),
        Column(bounds, "left", width=_WIDEST_BOUNDS, gap=3),
        Column("", "left"),
    ]
    return table(columns, [_rate(rate) for rate in certificate.rates])


def _rate(rate: StabilityRate) -> list[Cell]:
    remarks = []
    if rate.threshold is not None:
        remarks.append(Word(verdict_shown(rate), _TONES[rate.verdict]))
    if rate.covers_up_to is not None:
        remarks.append(Word(f"  and at every radius up to {rate.covers_up_to}"))
    if rate.near_ties:
        lead = "  " if remarks else ""
        remarks.append(Word(f"{lead}{rate.near_ties} too close to call", "doubtful"))
    estimate = "-" if rate.rate is None else rounded(rate.rate)
    return [str(rate.radius), str(rate.samples), str(rate.matches), estimate, bounds_shown(rate), tuple(remarks)]


def _largest_radius(certificate: SoftCertificate) -> list[Line]:
    """Return what was found if the largest radius was requested."""
    radius, threshold = certificate.largest_radius, certificate.rates[0].threshold
    if radius is None:
        return []
    if radius < certificate.rates[0].radius:
        return [line("no radius is certified", "bad", strong=True, on=EVERYWHERE)]
    said = f"largest radius {radius}: the rate is at least {threshold!r} at every tested radius up to {radius}"
    return [line(said, strong=True, on=EVERYWHERE)]


def guarantee(certificate: SoftCertificate) -> str:
    """Return what the numbers say, with the probability with which they may be wrong."""
    percent = confidence(certificate.delta)
    if all(rate.enumerated and not rate.near_ties for rate in certificate.rates) and certificate.largest_radius is None:
        return "Every addition was tested: the rate is exact."
    if certificate.largest_radius is not None:
        return (
            f"The largest radius holds with probability at least {percent} over the random draws. "
            "Each bound holds individually with the same probability, not jointly."
        )
    several = len(certificate.rates) > 1
    scope = (
        ", jointly for all radii"
        if several and certificate.simultaneous
        else ", individually for each radius"
        if several
        else ""
    )
    if certificate.sides == 1:
        if not several:
            return f"Each bound holds individually with probability at least {percent} over the random draws."
        return (
            f"The lower bounds hold with probability at least {percent} over the random draws{scope}, "
            "and so do the upper bounds."
        )
    return f"The rate lies in its interval with probability at least {percent} over the random draws{scope}."


def about(report: Report, certificate: SoftCertificate) -> str:
    """Return what a rate is a share of, and of which function: the unsmoothed model or the smoothed one."""
    explanation, smoothing = report.explanation, report.result["smoothing"]
    many = explanation.features.nouns[1]
    size = {"up-to": "up to r", "exactly": "exactly r", "worst": "the worst number (from 1 to r) of"}
    ways = f"Rate: the share of all ways to add {size[certificate.formulation]} {many} for which"
    name, label = report.model.id, short(explanation.masked.label)
    if not smoothing:
        return f"{ways} {name} (unsmoothed) still predicts {label}."
    plain = smoothing["unsmoothed_prediction"]
    return (
        f"{ways} the smoothed model still predicts {label}. The smoothed model is {name} under "
        f"{smoothing['draws']} frozen masks that "
        f"keep each feature with probability {lambda_shown(smoothing['lambda'])}. Unsmoothed, {name} predicts "
        f"{recorded_prediction(plain)} on the full input."
    )


def _choice(report: Report) -> list[Line]:
    """Return which lambda was chosen for the input among which, and why; nothing if lambda was named."""
    found = report.result.get("choice")
    if found is None:
        return []
    asked = report.result["request"]["choice"]
    lambdas = ", ".join(map(lambda_shown, (1.0, *asked["lambdas"])))
    if found["prediction"] is None:
        text = f"Lambda 1 (unsmoothed) of {lambdas}: the unsmoothed model is too close to call on the full input."
        return [line(text, on=EVERYWHERE)]
    kept = f"{short(found['prediction']['label'])} on the full input and on the mask"
    lead = f"each with a lead of at least {found['needed']} of {asked['draws']} votes"
    if found["chosen"] == 1:
        text = f"Lambda 1 (unsmoothed) of {lambdas}: no smoothed model predicts {kept}, {lead}."
        return [line(text, "doubtful", on=EVERYWHERE)]
    text = f"Lambda {lambda_shown(found['chosen'])} was chosen of {lambdas}: the smallest whose smoothed model predicts"
    return [line(f"{text} {kept}, {lead}.", on=EVERYWHERE)]


def bounds_shown(rate: StabilityRate) -> str:
    """Return ``0.9491 .. 0.9946``, each rounded to the side on which it still holds, or ``exact``."""
    if rate.enumerated and not rate.near_ties:
        return "exact"
    return f"{rounded_down(rate.lower)} .. {rounded_up(rate.upper)}"


def verdict_shown(rate: StabilityRate) -> str:
    """Return ``met (>= 0.9)``; with enough digits to see why it is not. Empty without a threshold."""
    if rate.threshold is None:
        return ""
    close = not rate.met and abs(rate.lower - rate.threshold) <= 5e-4
    number = threshold_shown(rate.threshold) + (f", lower bound {rate.lower!r}" if close else "")
    if rate.verdict == "certified":
        return f"met (>= {number})"
    return f"refuted (< {number})" if rate.verdict == "not-certified" else f"undecided (>= {number} not shown)"


def flip_summary(exhibit: Exhibit) -> str:
    """Return whether any of the tried additions changed the prediction, and how small the smallest is."""
    explanation, certificate = exhibit.report.explanation, exhibit.report.certificate
    if not isinstance(certificate, SoftCertificate):
        return ""
    if not exhibit.flips:
        sure = all(rate.matches == rate.samples for rate in certificate.rates)
        return f"None of the tested additions {'changes' if sure else 'certainly changes'} the prediction."
    found = len(exhibit.flips)
    size = explanation.features.counted(int(added(exhibit.flips[0], explanation.mask).sum()))
    if found == 1:
        return f"1 addition that changes the prediction was found. It adds {size}."
    number = f"{found}" if found < MAX_FLIPS else f"At least {found}"
    return f"{number} different additions that change the prediction were found. The smallest adds {size}."

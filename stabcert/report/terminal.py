"""A report as lines of text for people; returns them, prints nothing.

User text and labels only ever enter as plain `Text`, with control characters made visible: they are
never read as markup or as terminal escape sequences.
"""

from __future__ import annotations

import numpy as np
from rich.text import Text

from stabcert.core.soft.certificate import SoftCertificate, StabilityRate
from stabcert.report.agreement import comparison_lines, neighbour_lines, until_stable_lines
from stabcert.report.numbers import (
    confidence,
    family_shown,
    rounded,
    rounded_down,
    rounded_up,
    seed_shown,
    threshold_shown,
)
from stabcert.report.record import Explanation, InputInfo, Prediction, Report, Status
from stabcert.report.refusal import reason_of
from stabcert.report.sentence import Sentence
from stabcert.report.spectrum.bars import Bars
from stabcert.report.visible import visible

Line = Text | Sentence | Bars

_NOUNS = {
    "patch": ("patch", "patches"),
    "grid": ("cell", "cells"),
    "segment": ("segment", "segments"),
    "word": ("word", "words"),
    "token": ("token", "tokens"),
    "sentence": ("sentence", "sentences"),
}
_NAME_WIDTH = 48


def render_explain(report: Report, show: int) -> list[Line]:
    """Prediction, what is left of it on the mask alone, and the ``show`` features of largest score."""
    explanation = report.explanation
    lines: list[Line] = [heading(report)]
    if explanation.scores is not None and show > 0:
        order = np.argsort(-explanation.scores, kind="stable")[:show]
        width = max(len(visible(explanation.features.items[i].label)) for i in order)
        for rank, index in enumerate(order, start=1):
            label = visible(explanation.features.items[index].label).ljust(width)
            line = Text(f"  {rank:>3}  {label}  {explanation.scores[index]:+.4f}")
            if explanation.mask[index]:
                line.append("  kept", style="green")
            lines.append(line)
    result, k = report.result, int(explanation.mask.sum())
    lines += [
        *until_stable_lines(result),
        *family_lines(report),
        *comparison_lines(result, k),
        *neighbour_lines(result, k),
    ]
    return [*lines, *marked_text(report), *verdict(report), *notes(explanation, report.status), footer(report)]


def render_soft(report: Report) -> list[Line]:
    """The table of rates, what it guarantees in words, and what it cost."""
    certificate = report.certificate
    if not isinstance(certificate, SoftCertificate):
        raise TypeError("render_soft needs a report with a certificate")
    lines: list[Line] = [heading(report), *marked_text(report)]
    if certificate.formulation != "up-to":
        lines.append(Text(f"  formulation: {certificate.formulation}"))
    lines.append(_rates_header(certificate))
    lines += [_rate_line(rate) for rate in certificate.rates]
    if certificate.largest_radius is not None:
        lines.append(_largest_radius(certificate))
    lines += [
        Text("  " + guarantee(certificate)),
        *family_lines(report),
        Text("  " + about(report, certificate), style="dim"),
    ]
    if report.result["interrupted"]:
        lines.append(Text("  interrupted: this is what is known so far", style="yellow"))
    return [*lines, *verdict(report), *notes(report.explanation, report.status), footer(report)]


def family_lines(report: Report) -> list[Text]:
    """Return what changes where the certificate is one of several to choose from."""
    search = report.result.get("until_stable")
    shared = search if search is not None else report.result.get("request") or {}
    said = family_shown(search["delta"] if search else report.result.get("delta") or 0.0, shared.get("family", 1))
    return [] if said is None else [Text("  " + said, style="dim")]


def guarantee(certificate: SoftCertificate) -> str:
    """What the numbers say, with the probability with which they may be wrong."""
    percent = confidence(certificate.delta)
    if all(rate.enumerated and not rate.near_ties for rate in certificate.rates) and certificate.largest_radius is None:
        return "Every addition was tried: the rate is exact."
    if certificate.largest_radius is not None:
        return (
            f"The statement on the largest radius holds with probability at least {percent} over the draws. "
            "Each bound holds individually with the same probability, not all of them together."
        )
    several = len(certificate.rates) > 1
    scope = (
        ", all radii together" if several and certificate.simultaneous else ", each radius by itself" if several else ""
    )
    if certificate.sides == 1:
        if not several:
            return f"Each bound by itself holds with probability at least {percent} over the draws."
        return (
            f"The lower bounds hold with probability at least {percent} over the draws{scope}; so do the upper bounds."
        )
    return f"The rate lies in its interval with probability at least {percent} over the draws{scope}."


def about(report: Report, certificate: SoftCertificate) -> str:
    """What a rate is a share of, and of which function: the model itself or the smoothed one."""
    explanation, smoothing = report.explanation, report.result["smoothing"]
    many = _NOUNS.get(explanation.features.kind, ("feature", "features"))[1]
    size = {"up-to": "up to r", "exactly": "exactly r", "worst": "the worst number from 1 to r of"}
    ways = f"Rate: of the ways to add {size[certificate.formulation]} {many}, the share on which"
    name, label = visible(report.model.id), short(explanation.masked.label)
    if not smoothing:
        return f"{ways} {name}, not smoothed, still says {label}."
    plain = smoothing["unsmoothed_prediction"]
    return (
        f"{ways} the smoothed model still says {label}: {name} under {smoothing['draws']} frozen masks that keep each "
        f"feature with probability {smoothing['lambda']:g}. Not smoothed it says {short(plain['label'])} "
        f"({plain['probability']:.2f}) of the full input."
    )


def counted(number: int, kind: str) -> str:
    """``"1 patch"``, ``"12 words"``."""
    one, many = _NOUNS.get(kind, ("feature", "features"))
    return f"{number} {one if number == 1 else many}"


def bounds_shown(rate: StabilityRate) -> str:
    """``0.9491 .. 0.9946``, each rounded to the side on which it still holds, or ``exact``."""
    if rate.enumerated and not rate.near_ties:
        return "exact"
    return f"{rounded_down(rate.lower)} .. {rounded_up(rate.upper)}"


def verdict_shown(rate: StabilityRate) -> str:
    """``met (>= 0.9)``; with enough digits to see why it is not. Empty without a threshold."""
    if rate.threshold is None:
        return ""
    close = not rate.met and abs(rate.lower - rate.threshold) <= 5e-4
    number = threshold_shown(rate.threshold) + (f", lower bound {rate.lower!r}" if close else "")
    if rate.verdict == "certified":
        return f"met (>= {number})"
    return f"refuted (< {number})" if rate.verdict == "not-certified" else f"undecided (>= {number} not shown)"


def short(label: str) -> str:
    """A class name for the screen: ImageNet's are lists of synonyms, of which the first is enough."""
    return visible(label).split(",")[0]


def name_of(info: InputInfo) -> str:
    """What the user calls the input: its name, or the beginning of the text."""
    if info.kind == "text" and info.path is None and info.text is not None:
        text = visible(info.text)
        return f'"{text}"' if len(text) <= _NAME_WIDTH else f'"{text[: _NAME_WIDTH - 1]}…"'
    return visible(info.id)


def heading(report: Report) -> Text:
    """The first line: the input, the prediction, the explanation and what is left of the prediction on it."""
    explanation = report.explanation
    n, k = len(explanation.features), int(explanation.mask.sum())
    line = Text(name_of(report.input), style="bold")
    line.append(f"   {_show(explanation.full)}", style="not bold")
    line.append(
        f"   {counted(n, explanation.features.kind)}, {k} kept ({100 * k / n:.0f}%), {visible(explanation.method)}",
        style="not bold",
    )
    line.append(f"   mask alone: {_show(explanation.masked)}, ", style="not bold")
    if explanation.consistent:
        line.append("consistent", style="not bold green")
    elif explanation.consistent is None:
        line.append("too close to call", style="bold yellow")
    else:
        line.append("NOT consistent", style="bold yellow")
    return line


def _show(prediction: Prediction) -> str:
    return f"{short(prediction.label)} ({prediction.probability:.2f})"


def marked_text(report: Report) -> list[Sentence]:
    """The user's text with its kept features marked."""
    text = report.input.text
    return [] if text is None else [Sentence(text, report.explanation.features, report.explanation.mask)]


def _rates_header(certificate: SoftCertificate) -> Text:
    percent = confidence(certificate.delta)
    title = f"{percent} interval" if certificate.sides == 2 else f"{percent} bounds"
    return Text(f"  radius  samples  matches    rate   {title}", style="dim")


def _rate_line(rate: StabilityRate) -> Text:
    estimate = "     -" if rate.rate is None else rounded(rate.rate)
    line = Text(f"  {rate.radius:>6}  {rate.samples:>7}  {rate.matches:>7}  {estimate}   ")
    bounds = bounds_shown(rate)
    line.append(bounds if rate.threshold is None else bounds.ljust(len("0.0000 .. 1.0000")))
    if rate.threshold is not None:
        style = {"certified": "green", "not-certified": "red", "undecided": "yellow"}[rate.verdict]
        line.append("  " + verdict_shown(rate), style=style)
    if rate.covers_up_to is not None:
        line.append(f"  and at every radius up to {rate.covers_up_to}")
    if rate.near_ties:
        line.append(f"  {rate.near_ties} too close to call", style="yellow")
    return line


def _largest_radius(certificate: SoftCertificate) -> Text:
    radius = certificate.largest_radius
    if radius is None or radius < certificate.rates[0].radius:
        return Text("  no radius is certified", style="bold red")
    threshold = certificate.rates[0].threshold
    return Text(
        f"  largest radius {radius}: the rate is at least {threshold!r} at every tested radius up to {radius}", "bold"
    )


def verdict(report: Report) -> list[Text]:
    """Why a threshold that is met certifies nothing, and what accepts that; nothing otherwise."""
    reason = reason_of(report.to_dict(), short)
    if reason is None:
        return []
    return [Text(f"  NOT certified: {report.status}: {reason}; --allow-{report.status} accepts it", "bold red")]


def notes(explanation: Explanation, status: Status = "reported") -> list[Text]:
    """What makes the explanation worth less than it seems, but for what the status already says."""
    lines = []
    if explanation.consistent is None and status != "inconsistent":
        lines.append(Text("  note: whether the mask is consistent is too close to call", style="yellow"))
    if explanation.consistent is False and status != "inconsistent":
        lines.append(
            Text(
                f"  note: the mask alone says {short(explanation.masked.label)}, the full input "
                f"{short(explanation.full.label)}: stability is about the former",
                style="yellow",
            )
        )
    if explanation.vacuous is None and status != "vacuous":
        lines.append(Text("  note: whether the mask is vacuous is too close to call", style="yellow"))
    if explanation.vacuous and status != "vacuous":
        lines.append(
            Text(
                f"  note: vacuous: with everything dropped the model already says {short(explanation.empty.label)}",
                style="yellow",
            )
        )
    tied = tie_note(explanation)
    if tied is not None:
        lines.append(Text(f"  note: {tied}", style="yellow"))
    return lines


def tie_note(explanation: Explanation) -> str | None:
    """What the user should know where the scores do not decide which features are the best."""
    tie = explanation.tie
    if tie is None:
        return None
    n, k = len(explanation.mask), int(explanation.mask.sum())
    if tie.kept + tie.left_out == n:
        first = "the first" if np.ptp(explanation.scores) == 0 else "any"  # type: ignore[arg-type]
        return f"all scores are equal: the top {k} are {first} {k} of {n}"
    both = tie.kept + tie.left_out
    return f"{both} features share the lowest score that is kept: {tie.kept} kept, {tie.left_out} left out"


def footer(report: Report) -> Text:
    """The last line: what it cost, and with what."""
    run = report.run
    cost = f"{run.evaluations} evaluations, {run.seconds:.1f} s"
    line = f"  {cost}, {visible(report.model.id)}, {run.device} {run.dtype}, "
    return Text(line + seed_shown(run.seed, default=run.default_seed), style="dim")

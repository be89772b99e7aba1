"""What a picture says in words: the same in every format."""

from __future__ import annotations

from stabcert.core.soft.certificate import SoftCertificate
from stabcert.records.refusal import reason_of
from stabcert.report.canvas import Exhibit, Flip, added, certified, hard_finding, spectrum_finding
from stabcert.report.hard.wording import hard_sentences, smoothing_numbers
from stabcert.report.numbers import seed_shown
from stabcert.report.record import Report
from stabcert.report.says.common import family_lines
from stabcert.report.says.explain import until_stable
from stabcert.report.says.soft import about, guarantee
from stabcert.report.spectrum.wording import spectrum_sentences
from stabcert.report.wording import counted, predicted, ranges, short, tie_note


def caption(report: Report) -> str:
    """Everything a reader of a picture has to know: the numbers, the mask by itself, what is guaranteed."""
    certificate, finding, spectrum = certified(report), hard_finding(report), spectrum_finding(report)
    if finding is not None:
        promise = " ".join(hard_sentences(report, finding))
    elif spectrum is not None:
        promise = " ".join(spectrum_sentences(spectrum.spectrum, report))
    elif certificate is not None:
        promise = " ".join([*largest_radius(certificate), guarantee(certificate), about(report, certificate)])
    elif report.result["until_stable"] is not None:
        promise = "; ".join(line.text for line in until_stable(report.result)) + "."
    else:
        promise = "An attribution by itself guarantees nothing."
    promise = " ".join([promise, *(line.text for line in family_lines(report))])
    masked = f"Mask alone: {predicted(report.explanation.masked)}"
    alone = [f"{masked}, as on the full input."] if report.explanation.consistent else []
    return " ".join([numbers(report), *alone, *warnings(report), promise])


def numbers(report: Report) -> str:
    """n, k, the method and the model; of a certificate also r and delta."""
    explanation, certificate, finding = report.explanation, certified(report), hard_finding(report)
    spectrum = spectrum_finding(report)
    n, k = len(explanation.features), int(explanation.mask.sum())
    parts = [f"n = {counted(n, explanation.features.kind)}", f"k = {k} kept by {explanation.method}"]
    if certificate is not None:
        parts += [f"r = {ranges([rate.radius for rate in certificate.rates])}", f"δ = {certificate.delta:g}"]
    elif finding is not None:
        parts += smoothing_numbers(finding)
    elif spectrum is not None and spectrum.spectrum.delta is not None:
        parts.append(f"δ = {spectrum.spectrum.delta:g}")
    elif report.result.get("until_stable") is not None:
        search = report.result["until_stable"]
        parts += [f"r = {search['radius']}", f"δ = {search['delta']:g}"]
    seed = seed_shown(report.run.seed, default=report.run.default_seed)
    return f"{', '.join(parts)}. Model {report.model.id}, {seed}."


def largest_radius(certificate: SoftCertificate) -> list[str]:
    """What was found if the largest radius was asked for."""
    radius, threshold = certificate.largest_radius, certificate.rates[0].threshold
    if radius is None or threshold is None:
        return []
    if radius < certificate.rates[0].radius:
        return ["No radius is certified."]
    return [f"Largest radius {radius}: the rate is at least {threshold!r} at every tested radius up to {radius}."]


def warnings(report: Report) -> list[str]:
    """What makes the explanation worth less than it seems."""
    explanation, status = report.explanation, report.status
    reason = reason_of(report.to_dict(), short)
    found = [] if reason is None else [f"NOT certified, {status}: {reason}."]
    if explanation.consistent is None and status != "inconsistent":
        found.append("Whether the mask is consistent is too close to call.")
    if explanation.consistent is False and status != "inconsistent":
        about = "." if report.command == "explain" else ": stability is about the former."
        found.append(
            f"The mask alone says {predicted(explanation.masked)}, the full input {predicted(explanation.full)}{about}"
        )
    if explanation.vacuous is None and status != "vacuous":
        found.append("Whether the mask is vacuous is too close to call.")
    if explanation.vacuous and status != "vacuous":
        found.append(f"Vacuous: with everything dropped the model already says {short(explanation.empty.label)}.")
    tied = tie_note(explanation)
    if tied is not None:
        found.append(f"{tied[0].upper()}{tied[1:]}.")
    return found


def flip_title(flip: Flip, exhibit: Exhibit) -> str:
    """How many features were added, and what the model says then."""
    explanation = exhibit.report.explanation
    size = counted(int(added(flip, explanation.mask).sum()), explanation.features.kind)
    return f"{size} added: {predicted(flip.prediction)}"

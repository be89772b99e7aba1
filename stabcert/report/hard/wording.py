"""Sentences and table rows for a hard certificate, which the screen, figures and pages share."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stabcert.core.hard.certificate import EnumeratedRadius, HardCertificate
from stabcert.core.hard.finding import HardFinding, keeps_prediction, lambda_text
from stabcert.core.masks import count_additions
from stabcert.core.prediction import Prediction
from stabcert.report.numbers import confidence
from stabcert.report.record import Report
from stabcert.report.wording import predicted, short

_LEAST_SHOWN = 6
"""Radii on the axis of a picture."""


@dataclass(frozen=True)
class RadiusRow:
    """The radii of one function and one direction: the proved radius and the smallest known change."""

    name: str
    proved: int | None
    """The largest number of features that can change without effect, or None without a proof."""
    by: str
    """The kind of proof."""
    broken: int | None
    """The number of features of a change with effect, or None if none was found."""
    everything: bool
    """True if no change of any size has an effect."""

    @property
    def radius(self) -> str:
        """The proved radius as tables and charts show it."""
        return radius_text(self.proved, everything=self.everything and self.proved is not None)


def radius_text(radius: int | None, *, everything: bool) -> str:
    """Return a proved radius in words. ``everything`` means that no change of any size has an effect."""
    return "all" if everything else "-" if radius is None else str(radius)


def radius_rows(finding: HardFinding) -> list[RadiusRow]:
    """Return the rows of the table of radii, and of the axis in pictures."""
    certificate = finding.certificate
    everything = certificate.stable_for_all_supersets
    rows = []
    if finding.direction != "decremental":
        rows.append(
            RadiusRow(
                "smoothed, adding",
                certificate.radius_incremental,
                proof(certificate),
                finding.broken_at,
                everything,
            )
        )
    if finding.direction != "incremental":
        by = proof(certificate) if everything else "the votes on the full input"
        rows.append(RadiusRow("smoothed, removing", finding.radius_decremental, by, None, everything))
    plain = finding.smallest_plain_flip
    if finding.enumerated is not None or plain is not None:
        tried = finding.enumerated
        rows.append(
            RadiusRow(
                "unsmoothed, adding",
                None if tried is None else tried.radius,
                "testing them all" if tried is None else _tried(tried, finding.certificate.n_free),
                None if plain is None else int(plain.sum()),
                tried is not None and tried.stable_for_all_supersets,
            )
        )
    return rows


def _tried(tried: EnumeratedRadius, n_free: int) -> str:
    """Return how the radius was tested, and how many evaluations the next radius takes."""
    if tried.exact or tried.near_ties or tried.radius >= n_free:
        return "testing them all"
    more = tried.radius + 1
    return f"testing them all (--enumerate {count_additions(n_free, more)} tests {more})"


def proof(certificate: HardCertificate) -> str:
    """Return what the incremental radius rests on, and what less would have proved."""
    if certificate.noise == "bernoulli":
        return "a confidence bound"
    by_votes, found = certificate.radius_votes, certificate.refinement
    before = max(by_votes, certificate.radius_arcs or 0)
    if found is not None and certificate.radius_incremental > before:
        return f"refinement (votes alone: {before})"
    if certificate.radius_arcs is not None and certificate.radius_arcs > by_votes:
        return f"the votes touched (lead alone: {by_votes})"
    return "the lead of the votes"


def axis_end(rows: list[RadiusRow], n_free: int) -> int:
    """Return the last radius that a picture shows: a little beyond what is known."""
    known = [value for row in rows for value in (row.proved, row.broken) if value is not None]
    return min(n_free, max(_LEAST_SHOWN, max(known, default=0) * 5 // 4 + 1))


def ticks(end: int) -> list[int]:
    """Return radii with a number on an axis from 0 to ``end``."""
    return list(range(0, end + 1, max(1, -(-end // 12))))


def smoothing_text(finding: HardFinding) -> str:
    """Return ``lambda 15/64, 64 frozen noise masks``."""
    certificate = finding.certificate
    ratio = lambda_text(certificate, finding.quantization)
    if certificate.noise == "bernoulli":
        return f"lambda {ratio}, Bernoulli noise, {certificate.draws} draw{'' if certificate.draws == 1 else 's'}"
    return f"lambda {ratio}, {certificate.draws} frozen noise masks"


def choice_text(finding: HardFinding) -> str:
    """Return which lambda was chosen among which, and by which rule; empty where lambda was not chosen."""
    if not finding.chosen:
        return ""
    shares = [one.certificate.keep_probability or Fraction(0) for one in finding.sweep]
    ratios = [lambda_text(one.certificate, finding.quantization) for one in finding.sweep]
    if len(ratios) == 1:
        return f"Lambda {ratios[0]} is the only lambda that was tested."
    ends = f"{ratios[shares.index(min(shares))]} to {ratios[shares.index(max(shares))]}"
    label = short(finding.plain.label)
    kept = sum(keeps_prediction(one, finding.plain) for one in finding.sweep)
    if kept == 0:
        return (
            f"Lambda {ratios[0]} was chosen among {len(ratios)} from {ends}. None of these smoothed models predicts "
            f"{label} both on the full input and on the mask."
        )
    among = "It is the only one" if kept == 1 else f"No larger radius is proved for any other of the {kept}"
    return (
        f"Lambda {ratios[0]} was chosen among {len(ratios)} from {ends}. {among} whose smoothed model predicts {label} "
        "on the full input and on the mask."
    )


def guarantees(report: Report, finding: HardFinding) -> list[str]:
    """Return all guarantees in sentences, each about one function, with its probability."""
    return [_of_smoothed(report, finding), *_of_model(report, finding)]


def whose(finding: HardFinding) -> str:
    """Return which function the predictions that are shown belong to."""
    if finding.certificate.noise == "quantized":
        plain = shown(finding.plain)
        changed = "Smoothing changes them: the" if finding.agrees is False else "The"
        return f"Predictions are those of the smoothed model. {changed} unsmoothed model predicts {plain}."
    full = finding.smoothed.full
    smoothed = f"{shown(finding.smoothed.masked)} for the mask" if full is None else shown(full)
    changed = "Smoothing changes them: the" if finding.agrees is False else "The"
    return f"Predictions are those of the unsmoothed model. {changed} smoothed model predicts {smoothed} on most draws."


def smoothing_numbers(finding: HardFinding) -> list[str]:
    """Return ``["λ = 15/64", "q = 64 noise masks"]``"""
    certificate = finding.certificate
    ratio = f"λ = {lambda_text(certificate, finding.quantization)}"
    if certificate.delta is None:
        return [ratio, f"q = {certificate.draws} noise masks"]
    return [ratio, f"{certificate.draws} draws of Bernoulli noise", f"δ = {certificate.delta:g}"]


def attack_text(report: Report, finding: HardFinding) -> str:
    """Return the result of the search for counterexamples; empty without a search."""
    attack = finding.attack
    if attack is None:
        return ""
    found = [(attack.model, "the unsmoothed model")]
    if finding.certificate.noise == "quantized":
        found.insert(0, (attack.smoothed, "the smoothed model"))
    features = report.explanation.features
    parts = [
        f"nothing that changes {name}"
        if broken is None
        else f"{features.counted(broken.size)} that turn{'s' if broken.size == 1 else ''} {name} to "
        f"{short(broken.prediction.label)}"
        for broken, name in found
    ]
    known = finding.broken_at if attack.smoothed is None else None
    missed = "" if known is None else f", though refinement shows that {features.counted(known)} can change the former"
    return f"A search within {attack.calls} evaluations found {' and '.join(parts)}{missed}."


def check_text(report: Report, finding: HardFinding) -> str:
    """Return whether the user's own addition is guaranteed, and the smoothed prediction with it; empty without one."""
    check = finding.check
    if check is None:
        return ""
    features = report.explanation.features
    predicts = f"The smoothed model predicts {shown(check.prediction)} with it"
    if not check.added.any():
        return "The checked mask adds nothing to the explanation."
    size = features.counted(int(check.added.sum()))
    if finding.check_guaranteed:
        return f"The checked addition of {size} is guaranteed, and so is every part of it. {predicts}."
    changed = check.prediction.id != finding.smoothed.masked.id
    hint = "it changes the prediction" if changed else "it keeps the prediction, but parts of it are not proved to"
    return f"The checked addition of {size} is NOT guaranteed. {predicts}: {hint}."


def smoothing_warning(finding: HardFinding) -> str:
    """Return what smoothing changed; empty if it changed nothing that is shown."""
    said = finding.smoothed.full
    may_sweep = finding.certificate.noise == "quantized" and not finding.sweep
    if said is None or finding.agrees is not False:
        return ""
    return (
        f"smoothing changes the prediction: the unsmoothed model predicts {shown(finding.plain)}, "
        f"the smoothed model {shown(said)}" + (". --sweep searches for a lambda that keeps it" if may_sweep else "")
    )


def published_note(certificate: HardCertificate) -> str:
    """Return where the radius as published claims more than is true of every model with these votes; else empty."""
    published = certificate.published_radius
    # With no more features to add than are proved, there is nothing that it claims too much.
    if published is None or min(int(published), certificate.n_free) <= certificate.radius_votes:
        return ""
    return (
        f"The published formula, gap / (2 lambda), gives {int(published)} here. It is not sound "
        "at ties, and is not guaranteed."
    )


def shown(prediction: Prediction) -> str:
    """Return ``tabby (0.91)``; a share below 1 is never shown as 1."""
    if prediction.output is not None:
        return predicted(prediction)
    probability = prediction.probability
    return f"{short(prediction.label)} ({'0.99' if 0.99 <= probability < 1.0 else f'{probability:.2f}'})"


def _of_smoothed(report: Report, finding: HardFinding) -> str:
    certificate, features = finding.certificate, report.explanation.features
    label = short(report.model.class_names[certificate.prediction])
    added, removed = finding.radius_incremental, finding.radius_decremental
    claims = []
    if certificate.stable_for_all_supersets:
        claims.append(f"whatever is added to the explanation, the smoothed model predicts {label}")
    elif added:
        claims.append(
            f"no addition of up to {features.counted(added)} to the explanation changes the prediction of the smoothed "
            f"model ({label})" + (f" (one of {added + 1} does)" if finding.broken_at == added + 1 else "")
        )
    if removed and not certificate.stable_for_all_supersets:
        claims.append(
            f"no removal of up to {features.counted(removed)} outside the explanation from the full input "
            f"changes {'it' if claims else f'the prediction of the smoothed model ({label})'}"
        )
    if not claims:
        single = features.nouns[0]
        if finding.broken_at == 1:
            return f"There is a single {single} whose addition changes the prediction of the smoothed model ({label})."
        if finding.direction == "decremental" and certificate.why_no_decremental is not None:
            return f"Nothing is guaranteed for the smoothed model: {certificate.why_no_decremental}."
        return f"Nothing is guaranteed for the smoothed model: its lead is too small for a single {single}."
    text = ", and ".join(claims)
    if certificate.delta is not None:
        return f"With probability at least {confidence(certificate.delta)} over the random draws, {text}."
    return f"{text[0].upper()}{text[1:]}. Proved, not sampled."


def _of_model(report: Report, finding: HardFinding) -> list[str]:
    tried, features = finding.enumerated, report.explanation.features
    if tried is None:
        return []
    label = short(report.model.class_names[tried.prediction])
    if tried.stable_for_all_supersets:
        return [f"Every addition was tested on the unsmoothed model: it predicts {label} for all of them."]
    if tried.radius == 0:
        what = "one changes its prediction" if tried.flip is not None else "one is too close to call"
        return [f"Single additions were tested on the unsmoothed model ({label}): {what}."]
    exact = f" One of {tried.radius + 1} changes it." if tried.flip is not None else ""
    return [
        f"Every addition of up to {features.counted(tried.radius)} was tested on the unsmoothed model, and all keep "
        f"its prediction ({label}).{exact}"
    ]

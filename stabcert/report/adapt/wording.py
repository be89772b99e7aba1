"""Results of ``adapt`` in words, the same on the screen, in figures and on pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from stabcert.core.adaptation.result import MeanRadius, Measure, Quantity
from stabcert.records.adaptation import AdaptFinding, Compared
from stabcert.report.curve.wording import gained, gained_interval, lambda_text
from stabcert.report.numbers import confidence, rounded, rounded_down, threshold_shown

_NAMES: dict[Quantity, str] = {
    "masked agreement": "mean of the masked",
    "consistency": "consistent",
    "kept class": "original class",
    "rate": "rate",
    "proved radius": "proved",
    "proved share": "proved share",
    "smoothed agreement": "agreement",
    "smoothed accuracy": "accuracy",
    "certified agreement": "certified",
    "certified accuracy": "certified",
}
_SMALLEST_P = 0.0001
_PROVED = (
    "Proved: the explanation gives the original class, and it is proved that no addition of up to r features changes "
    "it."
)


def row_name(measure: Measure) -> str:
    """Return what a row of a table is about: ``1/4 kept``, ``λ 0.5: proved, r=4``."""
    if measure.quantity == "masked agreement":
        return _NAMES["masked agreement"]
    if measure.at is None:
        return measure.quantity
    if measure.quantity in ("agreement", "accuracy"):
        return "full input" if measure.at == 1 else f"{share_text(measure.at)} kept"
    radius = "" if measure.radius is None else f", r={measure.radius}"
    return f"λ {lambda_text(measure.at)}: {_NAMES[measure.quantity]}{radius}"


def share_text(share: Fraction) -> str:
    """Return a keep share as people write it."""
    return str(share)


def p_shown(p_value: float) -> str:
    """Return a p-value with four digits, rounded up."""
    if p_value < _SMALLEST_P:
        return f"<{_SMALLEST_P}"
    # Digits of the float as they are written, because 0.0003 times 10,000 is more than 3.
    return str(min(Decimal(1), Decimal(repr(p_value))).quantize(Decimal("0.0001"), ROUND_CEILING))


def gain_words(measure: Measure) -> str:
    """Return a difference with its interval."""
    return f"{gained(measure.difference)} ({gained_interval(measure.difference)})"


def clean_words(compared: Compared) -> str:
    """Return whether the loss on full inputs is within its bound."""
    change, bound = compared.clean, threshold_shown(compared.clean_bound)
    name = "accuracy on full inputs" if change.quantity == "accuracy" else "agreement on full inputs"
    said = f"{name} {rounded(change.before.mean)} before, {rounded(change.after.mean)} after, {gain_words(change)}"
    return (
        said
        + {
            "within": f": within the accepted loss of {bound}",
            "open": f": within the accepted loss of {bound} on these inputs; the interval reaches beyond it",
            "beyond": f": BEYOND the accepted loss of {bound} on these inputs",
        }[compared.clean_verdict]
    )


def threshold_words(compared: Compared) -> str | None:
    """Return whether the requested gain is met; None if none was requested."""
    threshold = compared.threshold
    if threshold is None:
        return None
    if threshold.met:
        return f"gain in masked agreement met (>= {threshold.value!r})"
    return (
        f"gain in masked agreement undecided (>= {threshold.value!r} not shown): "
        f"the lower bound is {rounded_down(threshold.lower)}"
    )


def data_words(finding: AdaptFinding) -> str:
    """Return how many inputs had which purpose."""
    training, held_out, reporting = (finding.count(part) for part in ("training", "held-out", "reporting"))
    reported = "" if finding.compared is None else f", and {reporting} others are reported on"
    return f"{_inputs(training)} trained the model, {held_out} others chose the epoch{reported}"


def choice_words(finding: AdaptFinding) -> str:
    """Return which candidate was chosen, and why."""
    last = len(finding.chosen.history) - 1
    return f"chosen from {last} epoch{'' if last == 1 else 's'}: {finding.chosen.reason}"


def headline(finding: AdaptFinding) -> str:
    """Return which model was made, or that it is the original one."""
    made = "adapted" if finding.chosen.epoch > 0 else "unchanged"
    return f"{finding.model['id']} {made} in {finding.directory}"


def advice_words(finding: AdaptFinding) -> str | None:
    """Return what to try where the original model was chosen; None where another one was."""
    if finding.chosen.epoch > 0 or len(finding.chosen.history) == 1:
        return None
    bound = threshold_shown(finding.chosen.settings["clean_loss"])
    return (
        f"the model is unchanged: within the accepted loss of {bound} no epoch was better on masked inputs. Try more "
        "inputs, more epochs, another --learning-rate or a larger --clean-loss"
    )


def point_words(labelled: bool) -> str:
    """Return what the table of epochs contains."""
    columns = f"{'accuracy, ' if labelled else ''}agreement and masked"
    return (
        f"point: from the original weights (0) to those of the epoch (1); 0 where no point was better. {columns} are "
        "of this point, on the held-out inputs."
    )


def cut_words(finding: AdaptFinding) -> str | None:
    """Return how many texts were cut; None if none was."""
    if finding.cut == 0:
        return None
    texts = "1 text was" if finding.cut == 1 else f"{finding.cut} texts were"
    return f"{texts} too long for the model and cut at the end: everything is about the rest"


def distribution_words(compared: Compared) -> list[str]:
    """Return for each model where it is shown to be overconfident about masked inputs."""
    comparison, said = compared.comparison, []
    for name, found in (("original", comparison.overconfidence_before), ("adapted", comparison.overconfidence_after)):
        shown = [share_text(one.keep_share) for one in found if one.p_value <= comparison.delta]
        other = [share_text(one.keep_share) for one in found if one.p_value > comparison.delta]
        if not shown:
            said.append(f"That the {name} model is overconfident about masked inputs is not shown.")
            continue
        rest = f" With {_listed(other)} kept this is not shown." if other else ""
        said.append(f"The {name} model is overconfident about masked inputs with {_listed(shown)} kept.{rest}")
    return said


def distribution_meaning(delta: float) -> str:
    """Return what the test compares, and its guarantee."""
    return (
        "Overconfident: the model has the original class of masked inputs, one mask each, less often than its "
        "probabilities state. They state the mean of the largest one. Inputs out of its distribution have this effect. "
        "Each test individually finds such a difference where none exists with probability at most "
        f"{threshold_shown(delta)}, if the inputs are as the intervals need them. "
        "A difference need not be a fault. "
        "Probabilities state how often a class is right, and the original model may be unsure of full inputs."
    )


def radii_words(radii: Sequence[MeanRadius]) -> str:
    """Return the mean proved radii."""
    each = [f"λ {lambda_text(one.keep_probability)}: {one.before:.2f} before, {one.after:.2f} after" for one in radii]
    return f"mean proved radius: {'; '.join(each)}"


def meanings(finding: AdaptFinding, compared: Compared) -> list[str]:
    """Return what the numbers mean, with the probability with which they may be wrong, and what they leave out."""
    comparison, settings, explained = compared.comparison, compared.settings, compared.explained
    labelled = bool(comparison.labelled)
    name = finding.model["id"]
    said = [
        f"{_guarantee(comparison.delta)} It covers the mean over that population, or the "
        "difference of two means. The reporting inputs neither trained nor chose the model. Inputs with equal bytes "
        "have one purpose; near duplicates are not found.",
        *_repeats_words(finding),
        f"Agreement: the share for which a model predicts the class that {name} predicts for the full input. "
        "Both models get the same random masks, up to "
        f"{settings.masks} of each share, the same noise and the same additions.",
        f"Explanations: the top {explained.top_k} of the features by {explained.method} of {name}, for both models. "
        "Consistent: the explanation gives the class that the same model predicts for the full input. Original class: "
        f"it gives the class that {name} predicts for it.",
        "Rate: the share of all ways to add up to r features to the explanation that keep the prediction.",
    ]
    if settings.lambdas:
        said += [
            f"{_PROVED} Proved share: the share of the remaining features that may certainly be added.",
            _certified(labelled),
            f"Below λ 1 both models are smoothed with {settings.draws} frozen {settings.noise} noise masks, the same "
            "for all inputs with equally many features.",
        ]
    return said


def caption_words(finding: AdaptFinding, compared: Compared) -> list[str]:
    """Return what a reader of the figure alone has to know: the page and the screen have the rest."""
    said = [_guarantee(compared.comparison.delta), *_repeats_words(finding)]
    if compared.settings.lambdas:
        said += [_PROVED, _certified(bool(compared.comparison.labelled))]
    return said


def _guarantee(delta: float) -> str:
    return (
        f"Each interval holds individually with probability at least {confidence(delta)}, if the inputs are "
        "independent draws from one population that repeats no input."
    )


def _certified(labelled: bool) -> str:
    return (
        f"Certified: the {'label' if labelled else 'original class'}, and it is proved that no removal of up to r "
        "features from the full input changes that."
    )


def _repeats_words(finding: AdaptFinding) -> list[str]:
    """Return what repeated inputs undo; nothing if no two inputs are equal.

    Equal inputs are on one side as a whole. So one value with many copies is reported on with all of them or not at
    all, and training lacks the values that are reported on: neither gives independent draws of the population.
    """
    repeats = len(finding.inputs) - len({one.sha256 for one in finding.inputs}) + finding.repeats_left_out
    if repeats == 0:
        return []
    are = "1 input is" if repeats == 1 else f"{repeats} inputs are"
    return [
        f"Here {are} equal to another one, and equal inputs have one purpose. So the reporting inputs are not such "
        "draws: no interval and no test is guaranteed."
    ]


def _inputs(number: int) -> str:
    return "1 input" if number == 1 else f"{number} inputs"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

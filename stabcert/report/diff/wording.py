"""Words for the comparison of two files of certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stabcert.report.document import Tone
from stabcert.report.numbers import confidence, rounded_down, threshold_shown
from stabcert.report.visible import visible
from stabcert.report.wording import ranges, short

CHANGES: dict[str, tuple[str, Tone]] = {
    "lost": ("lost", "bad"),
    "gained": ("gained", "good"),
    "failed": ("failed", "doubtful"),
    "interrupted": ("interrupted", "doubtful"),
    "other-statement": ("not comparable", "doubtful"),
    "only-old": ("only before", "doubtful"),
    "only-new": ("only now", "plain"),
    "not-certified": ("certified in neither", "plain"),
    "no-threshold": ("without a threshold", "plain"),
    "kept": ("certified in both", "plain"),
}
UNCHANGED = ("not-certified", "no-threshold", "kept")
_IN_TABLE = {"not-certified": "neither", "no-threshold": "none", "kept": "kept", "other-statement": "other"}
"""Shorter words for the rows of a table."""
_QUANTITIES = {"proved share": "proved radius, share", "proved removals": "removable, share"}
_LONGEST, _MOST = 40, 3
_HASH = 8


def plural(number: int, noun: str) -> str:
    """Return a number and a noun: ``1 input``, ``2 inputs``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def change_in_table(change: str) -> tuple[str, Tone]:
    """Return the word for a change in the row of a table, and its tone."""
    words, tone = CHANGES[change]
    return _IN_TABLE.get(change, words), tone


def side_words(side: dict[str, Any]) -> str:
    """Return one of the files: records, commands, models with the beginning of their hashes, and methods."""
    models = [f"{visible(one['id'])} {_hash(one)}".rstrip() for one in side["models"]]
    parts = [f"{plural(side['records'], 'record')} of {' and '.join(side['commands'])}"]
    parts += [_listed(models) or "no model", *([_listed(list(map(visible, side["methods"])))] if models else [])]
    failed = [f"{side['failed']} failed"] if side["failed"] else []
    return f"{visible(side['source'])}: {', '.join([*parts, *failed])}"


def proved(entry: dict[str, Any] | None) -> str:
    """Return what a record proves: the lower bound at its largest radius, or its radius."""
    if entry is None or entry["status"] == "failed":
        return ""
    if "rates" in entry:
        return rounded_down(max(entry["rates"], key=lambda one: one["radius"])["lower"])
    radii = entry["radii"]
    if radii["stable_for_all_supersets"]:
        return "all"
    radius = radii["radius_decremental"] if radii["radius_incremental"] is None else radii["radius_incremental"]
    return "" if radius is None else f"r={radius}"


def status_words(one: dict[str, Any]) -> str:
    """Return the statuses of both records, or where they follow from the change only the other one."""
    old, new = ("none" if one[side] is None else one[side]["status"] for side in ("old", "new"))
    if one["change"] == "lost":
        return "" if new == "certified" else f"now {new}"
    if one["change"] == "gained":
        return f"was {old}"
    return "" if old == new == "certified" else old if old == new else f"{old} → {new}"


def class_change(one: dict[str, Any]) -> str:
    """Return both classes where they differ."""
    old, new = (one[side] and one[side]["prediction"] for side in ("old", "new"))
    return "" if old is None or new is None or old == new else f"{short(old)} → {short(new)}"


def incomparable_words(inputs: Sequence[dict[str, Any]], most: int) -> list[str]:
    """Return how statements differ, with the number of inputs for each way, most frequent first."""
    ways = Counter(_settings(one["differs"]) for one in inputs if one["change"] == "other-statement")
    found = [f"not comparable, {plural(number, 'input')}: {way}" for way, number in ways.most_common(most)]
    return found + (
        [f"and {plural(len(ways) - most, 'more way')} in which statements differ"] if len(ways) > most else []
    )


def statement_words(group: dict[str, Any]) -> str:
    """Return the statement that the certificates of a group have in common."""
    known = group["statement"]
    parts = [group["command"]]
    if group["command"] == "certify-soft":
        radius = known["radius"]
        parts += [f"r = {ranges(radius) if isinstance(radius, list) else radius}", known["formulation"]]
        parts += [f"rate >= {threshold_shown(one)}" for one in known["rate"]]
    else:
        parts += [f"lambda {known['lambda']}" if known["lambda"] else "lambda chosen", f"{known['noise']} noise"]
        parts += [] if known["radius"] is None else [f"radius >= {known['radius']}"]
    parts += [f"delta {threshold_shown(known['delta'])}"] if known["delta"] is not None else []
    return ", ".join([*parts, visible(known["masking.features"]), plural(group["inputs"], "input")])


def row_name(measure: dict[str, Any]) -> str:
    """Return the name of a quantity, with its radius."""
    name = _QUANTITIES.get(measure["quantity"], measure["quantity"])
    return name if measure["radius"] is None else f"{name} r={measure['radius']}"


def lost_words(result: dict[str, Any]) -> str | None:
    """Return whether --max-lost is met, and why certificates are missing."""
    limit = result["max_lost"]
    if limit is None:
        return None
    reasons = Counter(
        one["change"]
        for one in result["inputs"]
        if one["old"] is not None and one["old"]["status"] == "certified" and one["change"] != "kept"
    )
    why = ", ".join(f"{number} {CHANGES[change][0]}" for change, number in reasons.items())
    missing = f"{limit['missing']} of {plural(limit['certified_before'], 'certificate')} missing now"
    met = "met" if limit["met"] else "NOT met"
    return f"at most {limit['threshold']} lost: {met}, {missing}{f' ({why})' if why else ''}"


def circumstance_words(result: dict[str, Any]) -> str | None:
    """Return what else differs between compared records."""
    if not result["circumstances"]:
        return None
    return f"a change may also come from other differences: {_settings(result['circumstances'])}"


def meanings(result: dict[str, Any]) -> list[str]:
    """Return what is guaranteed, with its probability, and what is not."""
    groups = result["groups"]
    if not groups:
        return ["No two records of one input state the same, so that nothing is compared."]
    quantities = {measure["quantity"] for group in groups for measure in group["measures"]}
    found = []
    if quantities:
        found.append(
            f"Each interval holds individually with probability at least {confidence(result['delta'])}, if the inputs "
            "are independent draws from one population. It covers the mean over that population, or the difference of "
            "both means, for these two models with masks made in the same way."
        )
    if "proved rate" in quantities:
        found.append("Proved rate: the lower bound of a record, not the rate itself.")
    if quantities & {"proved share", "proved removals"}:
        found.append(
            "Share: the proved radius for the class on the mask, divided by the number of features outside of it. "
            "Smoothed models include their frozen noise."
        )
    found.append(
        "A record is matched by the SHA-256 of its input, and lost if its class is another one now. A certificate "
        "from draws is wrong with probability at most its own delta. Near its threshold the draws alone can lose it. "
        "Records are checked by arithmetic alone: --verify of their command reproduces them."
    )
    return found


def note_words(result: dict[str, Any]) -> list[str]:
    """Return what makes the comparison worth less than it seems."""
    found, counts = [], result["counts"]
    repeated = sum(group["inputs"] - group["distinct"] for group in result["groups"])
    if repeated:
        found.append(
            f"equal inputs are repeated ({plural(repeated, 'time')}), so that they are not independent draws: the "
            "intervals are not guaranteed"
        )
    left = counts["failed"] + counts["interrupted"] + counts["other_statement"]
    left += counts["only_old"] + counts["only_new"]
    if left and result["groups"]:
        found.append(f"{plural(left, 'input')} cannot be compared: means and intervals do not cover such inputs")
    ids = [{one[s]["id"] for one in result["inputs"] if one["change"] == f"only-{s}"} for s in ("old", "new")]
    if ids[0] & ids[1]:
        found.append(f"{plural(len(ids[0] & ids[1]), 'id')} in both files with other contents: the input has changed")
    unchecked = result["old"]["unchecked"] + result["new"]["unchecked"]
    if unchecked:
        found.append(f"{plural(unchecked, 'record')} without a request, taken as written")
    return found


def _hash(model: dict[str, Any]) -> str:
    """Return the beginnings of the hashes of weights and configuration."""
    return " ".join(model[name][:_HASH] for name in ("sha256", "config_sha256", "code_sha256") if model.get(name))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return " + ".join(names[:_MOST]) + more


def _settings(differs: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{visible(one['name'])} {_value(one['old'])} → {_value(one['new'])}" for one in differs)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    text = visible(
        value if isinstance(value, str) else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    )
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

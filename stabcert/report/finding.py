"""The result for one input in one line: for annotations and test reports, from the record alone.

From the record and not from the certificate, so that an input whose record is there already says the same.
"""

from __future__ import annotations

from typing import Any

from stabcert.records.refusal import reason_of
from stabcert.report.numbers import rounded, rounded_down, rounded_up
from stabcert.report.wording import ranges

_WITHOUT_THRESHOLD = "no threshold was given"
_INTERRUPTED = "the run was interrupted before the comparison"


def found_of(record: dict[str, Any]) -> str:
    """Return why a threshold is met or not met, why a result is missing, or that no threshold was given."""
    if record["status"] == "failed":
        return str(record["error"]["message"])
    if record["status"] == "incomplete":
        return _INTERRUPTED
    if record["status"] == "reported":
        return _WITHOUT_THRESHOLD
    reason = reason_of(record)
    found = _FOUND[record["command"]](record["result"])
    if reason is None or not _met(record):
        return reason or found
    return f"{reason}; the threshold itself is met: {found}"


def marked_text_of(record: dict[str, Any]) -> str | None:
    """Return the text of the user with its kept features in brackets; None for images."""
    text = record["input"].get("text") if record["input"] else None
    if text is None:
        return None
    second = record["input"].get("text_pair")
    if second is None:
        return _marked(record, text, None)
    return f"first: {_marked(record, text, 'first')}\nsecond: {_marked(record, second, 'second')}"


def _marked(record: dict[str, Any], text: str, side: str | None) -> str:
    parts, end = [], 0
    kept = set(record["explanation"]["selected"])
    for feature in record["explanation"]["features"]:
        if feature["index"] in kept and feature.get("side") == side and feature.get("end", 0) > end:
            parts += [text[end : feature["start"]], f"[{text[feature['start'] : feature['end']]}]"]
            end = feature["end"]
    return "".join([*parts, text[end:]])


def _soft(result: dict[str, Any]) -> str:
    rates, radius = result["rates"], result["largest_radius"]
    threshold = rates[0]["threshold"]
    if radius is not None:
        if radius < rates[0]["radius"]:
            return f"no radius is certified: the rate is {_rate(rates[0])}; the threshold is {threshold!r}"
        return f"the rate is at least {threshold!r} at every tested radius up to {radius}"
    missed = [rate for rate in rates if not rate["met"]]
    if not missed:
        return f"the rate is at least {threshold!r} at radius {ranges([rate['radius'] for rate in rates])}"
    first, *others = (_rate(rate) for rate in missed)
    said = [first, *(rate.replace(" additions keep the prediction", "") for rate in others)]
    return f"the rate is {', '.join(said)}; the threshold is {threshold!r}"


def _rate(rate: dict[str, Any]) -> str:
    if rate["enumerated"] and not rate["near_ties"]:
        bound = rounded(rate["rate"])
    elif rate["verdict"] == "not-certified":
        bound = f"at most {rounded_up(rate['upper'])}"
    else:
        bound = f"between {rounded_down(rate['lower'])} and {rounded_up(rate['upper'])}"
    return f"{bound} at radius {rate['radius']} ({rate['matches']} of {rate['samples']} additions keep the prediction)"


def _hard(result: dict[str, Any]) -> str:
    removing = result["direction"] == "decremental"
    radius = result["radius_decremental"] if removing else result["radius_incremental"]
    way = "removing" if removing else "adding"
    everything = result["stable_for_all_supersets"]
    proved = "every radius" if everything else "no radius" if radius is None else f"radius {radius}"
    return f"{proved} is proved for {way} features, and radius {result['threshold']} is required"


def _met(record: dict[str, Any]) -> bool:
    """Return whether anything was found that reaches the threshold."""
    search = record["result"].get("until_stable")
    return search is None or search["k"] is not None


def _explain(result: dict[str, Any]) -> str:
    search = result["until_stable"]
    asked = f"rate >= {search['min_rate']!r} at radius {search['radius']}"
    if search["k"] is None:
        return f"no k up to {search['largest_k']} is consistent and certified: {asked}"
    return f"k = {search['k']} is the first that is consistent and certified: {asked}"


def _smooth(result: dict[str, Any]) -> str:
    found = []
    for name, key in (("accuracy", "min_accuracy"), ("rate", "min_rate")):
        if result[key] is not None:
            lower, threshold = rounded_down(result[key]["smallest_lower"]), result[key]["threshold"]
            found.append(f"{name}: the smallest lower bound is {lower}, and the threshold is {threshold!r}")
    return "; ".join(found)


def _adapt(result: dict[str, Any]) -> str:
    gain = result["comparison"]["min_gain"]
    return (
        f"gain in masked agreement: the lower bound is {rounded_down(gain['lower'])}, and the threshold is "
        f"{gain['threshold']!r}"
    )


_FOUND = {"certify-soft": _soft, "certify-hard": _hard, "explain": _explain, "smooth-eval": _smooth, "adapt": _adapt}

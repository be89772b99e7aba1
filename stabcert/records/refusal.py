"""Reasons why an explanation that meets its threshold is not certified, or is trivial.

The words follow from the record alone, so that an input whose record exists already gets the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stabcert.core.mask_flags import Allowed, MaskFlags
from stabcert.core.types import SIDES

REFUSED = ("inconsistent", "vacuous")
"""Statuses of a threshold that is met for the wrong class, or for nothing."""


def reason_of(record: dict[str, Any], name: Callable[[str], str] = str) -> str | None:
    """Return why a record has one of the statuses `REFUSED`; None for every other status.

    Args:
        record: valid against the schema, or about to be one.
        name: how a class is called.
    """
    if record["status"] not in REFUSED:
        return None
    explanation, result = record["explanation"], record["result"]
    full, masked, empty = (
        name(one["label"])
        for one in (record["prediction"], explanation["masked_prediction"], explanation["empty_prediction"])
    )
    who = "the smoothed model" if _smoothed(result) else "the model"
    nothing = _nothing(explanation["masking"].get("explain_side"))
    search = result.get("until_stable")
    if search is not None and search["k"] is None:
        # No mask was tested: it is the class of the full input that the empty one already has.
        return _vacuous(who, search["vacuous"], full, empty, nothing)
    if record["status"] == "inconsistent":
        if explanation["consistent"] is not True:
            return _inconsistent(who, explanation["consistent"], masked, full)
        other = result["full_prediction"]
        return _inconsistent(
            "the smoothed model",
            result["consistent"],
            name(result["prediction"]["label"]),
            "" if other is None else name(other["label"]),
        )
    if explanation["vacuous"] is not False:
        return _vacuous(who, explanation["vacuous"], masked, empty, nothing)
    return _vacuous("the smoothed model", result["vacuous"], name(result["prediction"]["label"]), empty, nothing)


def doubts_of(record: dict[str, Any], name: Callable[[str], str] = str) -> list[str]:
    """Return what makes an explanation worth less than it seems, and is not said by the status.

    Args:
        record: valid against the schema, or about to be one.
        name: how a class is called.
    """
    explanation, status = record.get("explanation"), record["status"]
    if explanation is None:
        return []
    found = []
    consistent, vacuous = explanation["consistent"], explanation["vacuous"]
    if consistent is False and status != "inconsistent":
        masked, full = (name(one["label"]) for one in (explanation["masked_prediction"], record["prediction"]))
        found.append(
            f"the prediction is {masked} on the mask alone and {full} on the full input. "
            "Stability refers to the mask alone"
        )
    elif consistent is None and status != "inconsistent":
        found.append("it is too close to call whether the mask is consistent")
    if vacuous is None and status != "vacuous":
        found.append("it is too close to call whether the mask is vacuous")
    elif vacuous and status != "vacuous":
        empty = name(explanation["empty_prediction"]["label"])
        side = explanation["masking"].get("explain_side")
        dropped = f"the {side} text" if side in SIDES else "everything"
        found.append(f"vacuous: the prediction is already {empty} with {dropped} dropped")
    return found


def flags_of_record(record: dict[str, Any]) -> list[MaskFlags]:
    """Return what a record claims of its mask: of the function that it shows, and of the one that is certified."""
    return [
        MaskFlags(part["consistent"], part["vacuous"])
        for part in (record["explanation"], record["result"])
        if "consistent" in part and "vacuous" in part
    ]


def allowed_of(request: dict[str, Any]) -> Allowed:
    """Return what a request of a record allows; a record that was made before the rule allows everything."""
    return Allowed(
        inconsistent=request.get("allow_inconsistent") is not False, vacuous=request.get("allow_vacuous") is not False
    )


def _smoothed(result: dict[str, Any]) -> bool:
    """Return whether the shown predictions are those of a smoothed model."""
    return bool(result.get("smoothing")) or result.get("noise") == "quantized"


def _inconsistent(who: str, known: bool | None, masked: str, full: str) -> str:
    if known is None:
        return f"whether {who} predicts the same class on the mask alone and on the full input is too close to call"
    return f"{who} predicts {masked} on the mask alone and {full} on the full input"


def _vacuous(who: str, known: bool | None, masked: str, empty: str, nothing: str) -> str:
    if known is None:
        return f"whether {who} already predicts {masked} on {nothing} is too close to call"
    return f"{who} already predicts {empty} on {nothing}"


def _nothing(side: str | None) -> str:
    """Return what is left of an input without features: of a pair the text that is always kept, if one is."""
    return f"the {SIDES[1 - SIDES.index(side)]} text alone" if side in SIDES else "the empty input"

"""The flags of a mask in a record, and the status that follows: consistent, vacuous, or certified all the same."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from stabcert.core.hard.proof import SeenDraws
from stabcert.core.mask_flags import compare_classes, refusal
from stabcert.records.refusal import REFUSED, allowed_of, flags_of_record, reason_of
from stabcert.verify.checks import Check, equal, holds

_NAMES = ("allow_inconsistent", "allow_vacuous")


def has_rule(request: dict[str, Any]) -> bool:
    """Return whether the record was made with the rule that only a consistent mask that is not vacuous is certified."""
    return any(name in request for name in _NAMES)


def flag_checks(record: dict[str, Any], *, consistent: bool, vacuous: bool) -> list[Check]:
    """Check the flags of an explanation against the classes in the record; and that the rule is there, or not.

    Null means a near tie and counts against the mask. Records from before the rule do not contain it.
    """
    explanation, request = record["explanation"], record["result"].get("request") or {}
    checks = []
    for name, same in (("consistent", consistent), ("vacuous", vacuous)):
        recorded = explanation[name]
        if recorded is None and has_rule(request):
            continue
        checks.append(equal(f"explanation.{name}", recorded, same))
    given = [name for name in _NAMES if name in request]
    return [*checks, holds("result.request", given, f"{' and '.join(_NAMES)}, or neither", len(given) != 1)]


def hard_flag_checks(record: dict[str, Any]) -> list[Check]:
    """Check the flags of the smoothed model: against its predictions, or against what the draws prove of them."""
    result, explanation = record["result"], record["explanation"]
    prediction, full = result["prediction"]["id"], result["full_prediction"]
    same = None if full is None else full["id"] == prediction
    if not has_rule(result["request"]):
        return [equal("result.consistent", result["consistent"], same)]
    if "vacuous" not in result:
        return [holds("result.vacuous", None, "there, as the request has the rule", ok=False)]
    if result["noise"] == "quantized":  # the explanation is of the same function
        return [equal(f"result.{name}", result[name], explanation[name]) for name in ("consistent", "vacuous")]
    if full is not None and result["full_gap"] is None:
        return [holds("result.full_gap", None, "a number, as the full input has a prediction", ok=False)]
    full_gap = None if full is None else Fraction(result["full_gap"])
    seen = SeenDraws(prediction, Fraction(result["gap"]), full_gap, None if full is None else full["id"])
    mask, empty = np.arange(explanation["n"]) < explanation["k"], explanation["empty_prediction"]["id"]
    flags = compare_classes(mask, seen.certain_full_class, seen.certain_class, empty)
    # The empty input may be a near tie, which is shown of the explanation: null counts against the mask.
    unknown = result["vacuous"] is None and explanation["vacuous"] is None
    return [
        equal("result.consistent", result["consistent"], flags.consistent),
        holds("result.vacuous", result["vacuous"], f"{flags.vacuous}", unknown or result["vacuous"] is flags.vacuous),
    ]


def status_checks(record: dict[str, Any], verdict: str) -> list[Check]:
    """Return checks of the status, and of the reason for a refusal.

    Args:
        record: valid, with flags that were checked.
        verdict: what follows of the threshold alone.
    """
    request, status = record["result"]["request"], verdict
    if verdict == "certified" and has_rule(request):
        status = refusal(flags_of_record(record), allowed_of(request)) or verdict
    reason = None
    if record["status"] in REFUSED and record["status"] == status:
        reason = reason_of(record)
    return [equal("status", record["status"], status), equal("reason", record.get("reason"), reason)]


def notes_of(record: dict[str, Any]) -> list[str]:
    """Return notes on a record that is certified although its mask explains another class or nothing."""
    if record["status"] != "certified":
        return []
    against = refusal(flags_of_record(record) or [], allowed_of(dict.fromkeys(_NAMES, False)))
    if against is None:
        return []
    why = (
        f"--allow-{against} was given"
        if has_rule(record["result"]["request"])
        else "it is older than the rule against such masks. Certify the input again to apply the rule"
    )
    return [f"the mask is {against} and was certified all the same: {why}"]


def without_rule(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as it was made before the rule: flags by the two predictions, near ties or not."""
    explanation, result = dict(record["explanation"]), dict(record["result"])
    masked = explanation["masked_prediction"]["id"]
    explanation["consistent"] = masked == record["prediction"]["id"]
    explanation["vacuous"] = masked == explanation["empty_prediction"]["id"]
    if record["command"] == "certify-hard":
        result.pop("vacuous", None)
        full = result["full_prediction"]
        result["consistent"] = None if full is None else full["id"] == result["prediction"]["id"]
        result["sweep"] = result["sweep"] and [_swept_without_rule(one) for one in result["sweep"]]
    return record | {"explanation": explanation, "result": result}


def _swept_without_rule(one: dict[str, Any]) -> dict[str, Any]:
    full = one["prediction"]
    return one | {"consistent": None if full is None else full["id"] == one["masked_prediction"]["id"]}

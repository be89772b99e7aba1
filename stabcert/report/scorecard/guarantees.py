"""The guarantees of a scorecard in words, each with its probability."""

from __future__ import annotations

from typing import Any

from stabcert.report.numbers import confidence
from stabcert.report.scorecard.estimates import DELTA
from stabcert.report.scorecard.groups import Divided, Group

_FROZEN = "A proved radius holds with certainty for the smoothed model with its frozen noise masks."
_TESTED = "A radius of the unsmoothed model holds with certainty, because every addition up to it was tested."


def guarantees(found: Divided, summary: dict[str, Any] | None) -> list[str]:
    """Return each guarantee in words, with its probability."""
    said = [sentence for group in found.groups for sentence in _of_group(group)]
    delta = DELTA if summary is None else summary["result"]["delta"]
    if max(len(group.records) for group in found.groups) > 1:
        percent = confidence(delta)
        said.append(
            f"Each interval over inputs covers the share or the mean of the population with probability at least "
            f"{percent}, individually and not jointly. This needs inputs that are independent draws of one population."
        )
        said.append("Shares have exact Clopper-Pearson intervals. Means have intervals by betting on bounded values.")
    if summary is not None and summary["result"]["delta"] != DELTA:
        said.append(f"The intervals under Fidelity have probability {confidence(DELTA)}.")
    return list(dict.fromkeys(said))


def _of_group(group: Group) -> list[str]:
    number, result = len(group.records), group.first["result"]
    if group.first["command"] == "smooth-eval":
        return [_FROZEN]
    if group.first["command"] == "certify-soft":
        if all(rate["enumerated"] for one in group.records for rate in one["result"]["rates"]):
            return ["Every addition of every input was tested, so that the bounds on the rates are certain."]
        jointly = ", jointly for all of its radii" if result["simultaneous"] else ", individually for each radius"
        several = jointly if len(result["rates"]) > 1 else ""
        what = "The bounds" if result["sides"] == 2 else "Each of the two bounds"
        verb = "hold" if result["sides"] == 2 else "holds"
        return [
            f"{what} on the rate of an input {verb} with probability at least {confidence(result['delta'])} over the "
            f"random draws{several}.",
            _expected(number, result["delta"]),
        ]
    tested = [_TESTED] if any(one["result"]["enumerated_radius"] is not None for one in group.records) else []
    if result["delta"] is None:
        return [_FROZEN, *tested]
    return [
        *tested,
        f"A proved radius of the smoothed model holds with probability at least {confidence(result['delta'])} over the "
        "random draws.",
        _expected(number, result["delta"]),
    ]


def _expected(number: int, delta: float) -> str:
    return (
        f"Of {number} such statements, at most {number * delta:g} are expected to be wrong. "
        "Shares and counts of inputs include these."
    )

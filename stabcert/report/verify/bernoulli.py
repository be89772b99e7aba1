"""Radii under independent noise again from the votes: closed forms, so that everything follows from counts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from stabcert.core.hard.bernoulli import pilot_size
from stabcert.core.hard.bernoulli_radius import decremental_radius, gap_lower, incremental_radius
from stabcert.core.hard.certificate import covers_everything
from stabcert.report.verify.checks import Check, at_most, equal, holds, share_of_delta


def bernoulli_checks(record: dict[str, Any], free: int) -> list[Check]:
    """Leads and radii of a certificate for Bernoulli noise.

    Near ties do not count as votes for the prediction. How many of them were such votes is not recorded, so
    with near ties the leads are bounded by those without.
    """
    result, prediction = record["result"], record["result"]["prediction"]["id"]
    request = result["request"]
    sides = ["votes"] if result["direction"] == "incremental" else ["votes", "full_votes"]
    delta, ratio = share_of_delta(request) or 0.0, Fraction(request["lambda"])
    delta /= len(sides)
    draws = result["draws"]
    checks = [
        equal("result.draws", draws, request["n_samples"] - pilot_size(request["n_samples"])),
        holds("result.request.lambda", request["lambda"], "above 0 and at most 1", 0 < ratio <= 1),
    ]
    gaps = []
    for votes, name in zip(sides, ("gap", "full_gap"), strict=False):
        own = next((one["votes"] for one in result[votes] if one["id"] == prediction), 0)
        most = gap_lower(own, draws, delta)
        recorded = result[name]
        if recorded is None:
            return [*checks, holds(f"result.{name}", None, "a number", ok=False)]
        if name == "gap" and result["near_ties"] == 0:
            checks.append(equal(f"result.{name}", recorded, float(most)))
        else:
            checks.append(at_most(f"result.{name}", recorded, float(most)))
        # The float that is recorded stands for a fraction; where it is that of the votes, it is this one.
        gaps.append(most if recorded == float(most) else min(most, Fraction(recorded)))
    radius = incremental_radius(gaps[0], ratio, free)
    checks += [
        equal("result.radius_votes", result["radius_votes"], radius),
        equal("result.radius_arcs", result["radius_arcs"], None),
        equal("result.refinement", result["refinement"], None),
        equal("result.published_radius", result["published_radius"], max(0.0, float(gaps[0] / (2 * ratio)))),
    ]
    full = None if len(sides) == 1 else result["full_votes"][0]["id"]
    said = None if result["full_prediction"] is None else result["full_prediction"]["id"]
    checks.append(equal("result.full_prediction.id", said, full))
    reason = _reason(result, prediction, gaps, full)
    checks.append(equal("result.why_no_decremental", result["why_no_decremental"], reason))
    down = decremental_radius(gaps[1], ratio, free) if reason is None else None
    stable = gaps[0] > 0 and covers_everything(radius, down, free)
    checks += [
        equal("result.stable_for_all_supersets", result["stable_for_all_supersets"], stable),
        equal("result.radius_decremental", result["radius_decremental"], free if stable and down is not None else down),
    ]
    agrees = prediction == result["unsmoothed_prediction"]["id"] if len(gaps) > 1 and gaps[1] > 0 else None
    checks.append(equal("result.agrees_with_unsmoothed", result["agrees_with_unsmoothed"], agrees))
    return checks


def _reason(result: dict[str, Any], prediction: int, gaps: list[Fraction], full: int | None) -> str | None:
    """Why nothing is said of removals."""
    if result["direction"] == "incremental":
        return "not asked for"
    if gaps[0] <= 0:
        return "the prediction of the masked input is too close to call"
    if gaps[1] > 0:
        return None
    if full != prediction:
        return "the full input has another prediction than the masked one"
    return "the prediction of the full input is too close to call"

"""Radii under independent noise again from the votes: closed forms, so that everything follows from counts.

Leads come from the recorded votes in the place of draws; what they prove is computed by the code of the certificate.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from stabcert.core.hard.bernoulli_radius import gap_lower, incremental_radius
from stabcert.core.hard.certificate import NoRadius
from stabcert.core.hard.proof import SeenDraws, bernoulli_proof
from stabcert.core.hard.question import pilot_size
from stabcert.verify.checks import Check, at_most, equal, holds, share_of_delta


def bernoulli_checks(record: dict[str, Any], free: int) -> list[Check]:
    """Return checks of the leads and radii of a certificate for Bernoulli noise.

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
        # The float in the record represents a fraction; where it is that of the votes, it is this one.
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
    proof = bernoulli_proof(SeenDraws(prediction, gaps[0], gaps[1] if len(gaps) > 1 else None, full), ratio, free)
    removal = NoRadius("not asked for") if result["direction"] == "incremental" else proof.removal
    down, reason = (None, removal.reason) if isinstance(removal, NoRadius) else (removal, None)
    checks += [
        equal("result.why_no_decremental", result["why_no_decremental"], reason),
        equal("result.stable_for_all_supersets", result["stable_for_all_supersets"], proof.stable_for_all_supersets),
        equal("result.radius_decremental", result["radius_decremental"], down),
    ]
    agrees = prediction == result["unsmoothed_prediction"]["id"] if len(gaps) > 1 and gaps[1] > 0 else None
    checks.append(equal("result.agrees_with_unsmoothed", result["agrees_with_unsmoothed"], agrees))
    return checks

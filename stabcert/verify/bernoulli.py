"""Radii under independent noise again from the votes: closed forms, so that everything follows from counts.

Leads come from the recorded votes in the place of draws; what they prove is computed by the code of the certificate.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from stabcert.core.hard.finding import reported
from stabcert.core.hard.proof import SeenDraws, bernoulli_proof, draws_gap
from stabcert.core.hard.question import BernoulliQuestion
from stabcert.verify.checks import Check, at_most, equal, holds


def bernoulli_checks(record: dict[str, Any], question: BernoulliQuestion, free: int) -> list[Check]:
    """Return checks of the leads and radii of a certificate for Bernoulli noise.

    Near ties do not count as votes for the prediction. How many of them were such votes is not recorded, so
    with near ties the leads are bounded by those without.
    """
    result, prediction = record["result"], record["result"]["prediction"]["id"]
    checks = [
        equal("result.draws", result["draws"], question.draws),
        equal("result.delta", result["delta"], question.share),
    ]
    if not checks[0].ok:
        return checks  # nothing follows from another number of votes
    if not question.decremental:
        checks.append(equal("result.full_gap", [result["full_votes"], result["full_gap"]], [None, None]))
    gaps = []
    for votes, name in (("votes", "gap"), ("full_votes", "full_gap")) if question.decremental else (("votes", "gap"),):
        own = next((one["votes"] for one in result[votes] if one["id"] == prediction), 0)
        most, recorded = draws_gap(own, question), result[name]
        if recorded is None:
            return [*checks, holds(f"result.{name}", None, "a number", ok=False)]
        if name == "gap" and result["near_ties"] == 0:
            checks.append(equal(f"result.{name}", recorded, float(most)))
        else:
            checks.append(at_most(f"result.{name}", recorded, float(most)))
        # The float in the record represents a fraction; where it is that of the votes, it is this one.
        gaps.append(most if recorded == float(most) else min(most, Fraction(recorded)))
    full = result["full_votes"][0]["id"] if question.decremental else None
    seen = SeenDraws(prediction, gaps[0], gaps[1] if question.decremental else None, full)
    proof = bernoulli_proof(seen, question, free)
    shown = reported(proof, result["direction"])
    agrees = prediction == result["unsmoothed_prediction"]["id"] if (seen.full_gap or 0) > 0 else None
    said = None if result["full_prediction"] is None else result["full_prediction"]["id"]
    return [
        *checks,
        equal("result.radius_votes", result["radius_votes"], proof.radius_votes),
        equal("result.radius_arcs", result["radius_arcs"], proof.radius_arcs),
        equal("result.refinement", result["refinement"], proof.refinement),
        equal(
            "result.published_radius",
            result["published_radius"],
            seen.published_radius(question.keep_probability),
        ),
        equal("result.full_prediction.id", said, seen.full_class),
        equal("result.radius_incremental", result["radius_incremental"], shown.incremental),
        equal("result.radius_decremental", result["radius_decremental"], shown.decremental),
        equal("result.why_no_decremental", result["why_no_decremental"], shown.why_no_decremental),
        equal("result.stable_for_all_supersets", result["stable_for_all_supersets"], proof.stable_for_all_supersets),
        equal("result.agrees_with_unsmoothed", result["agrees_with_unsmoothed"], agrees),
    ]

"""Checks that the radii of a record fit together with what proved, tested and broke them."""

from __future__ import annotations

import math
from typing import Any

from stabcert.core.hard.certificate import covers_everything
from stabcert.verify.checks import Check, at_least, at_most, equal, holds


def refinement_checks(result: dict[str, Any], free: int) -> list[Check]:
    """Return checks that the radius follows from what proved it."""
    request, found = result["request"], result["refinement"]
    before = max(result["radius_votes"], result["radius_arcs"] or 0)
    stable, down = result["stable_for_all_supersets"], result["radius_decremental"]
    radius = before
    checks = []
    if found is not None:
        radius = max(before, found["radius"])
        name = "result.refinement"
        checks += [
            holds(f"{name}.radius", found["radius"], f"{before} to {free}", before <= found["radius"] <= free),
            at_most(f"{name}.evaluations", found["evaluations"], request["refine"]),
            equal(f"{name}.stable_for_all_supersets", found["stable_for_all_supersets"], found["radius"] == free),
            holds(
                f"{name}.exact", found["exact"], "true where everything holds", found["exact"] or found["radius"] < free
            ),
            # A radius above the depth can only come out of tables that are complete.
            holds(
                f"{name}.depth",
                found["depth"],
                "at least the radius that the tables prove, unless they are complete",
                found["complete"] or found["radius"] == before or found["depth"] >= found["radius"],
            ),
        ]
    asked = request["refine"] > 0
    checks.append(holds("result.refinement", asked, "only if evaluations were requested", found is None or asked))
    everything = radius >= free or (found is not None and found["stable_for_all_supersets"])
    if stable:
        # A removal radius of everything is shown as such, and says nothing any more of what it was.
        if down is None:
            checks.append(holds("result.stable_for_all_supersets", stable, "proved by a radius", everything))
        else:
            checks.append(equal("result.radius_decremental", down, free))
        radius = free
    elif result["noise"] == "quantized" and result["scores"] == "vote" and result["near_ties"] == 0:
        # The prediction is beyond doubt; otherwise even where there is nothing to add, nothing is claimed.
        expected = everything or covers_everything(radius, down, free)
        checks.append(equal("result.stable_for_all_supersets", stable, expected))
    expected_radius = None if result["direction"] == "decremental" else radius
    checks.append(equal("result.radius_incremental", result["radius_incremental"], expected_radius))
    return checks


def tried_checks(result: dict[str, Any], explanation: dict[str, Any]) -> list[Check]:
    """Return checks of counterexamples and enumeration: nonempty additions of the claimed size."""
    free = sorted(set(range(explanation["n"])) - set(explanation["selected"]))
    tried, attack, check = result["enumerated"], result["attack"], result["check"]
    radius = result["radius_incremental"]
    checks = [
        equal("result.enumerated_radius", result["enumerated_radius"], None if tried is None else tried["radius"])
    ]
    if tried is not None:
        flip, name = tried["flip"], "result.enumerated"
        everything = tried["radius"] == len(free) and tried["near_ties"] == 0
        checks += [
            at_most(f"{name}.radius", tried["radius"], len(free)),
            equal(f"{name}.stable_for_all_supersets", tried["stable_for_all_supersets"], everything and flip is None),
            equal(f"{name}.exact", tried["exact"], flip is not None or tried["stable_for_all_supersets"]),
            at_most(f"{name}.evaluations", tried["evaluations"], result["request"]["enumerate"]),
        ]
        least = sum(math.comb(len(free), j) for j in range(min(tried["radius"], 64) + 1)) if len(free) <= 10**4 else 1
        checks.append(at_least(f"{name}.evaluations", tried["evaluations"], least))
        if flip is not None:
            checks += _addition(f"{name}.flip", flip, free)
            checks.append(equal(f"{name}.flip: size", len(flip), tried["radius"] + 1))
    broken = None if attack is None else attack["smoothed"]
    attacked = None if broken is None else len(broken["added"]) - 1
    checks.append(equal("result.attack_radius", result["attack_radius"], attacked))
    for one in ("smoothed", "model"):
        found = None if attack is None else attack[one]
        if found is not None:
            name = f"result.attack.{one}"
            checks += _addition(f"{name}.added", found["added"], free)
            said = result["prediction"] if one == "smoothed" else result["unsmoothed_masked_prediction"]
            differs = found["prediction"]["id"] != said["id"]
            checks.append(
                holds(f"{name}.prediction.id", found["prediction"]["id"], f"another than {said['id']}", differs)
            )
            known = radius if one == "smoothed" else result["enumerated_radius"]
            if known is not None:
                checks.append(at_least(f"{name}.added: size", len(found["added"]), known + 1))
    if check is not None:
        checks += _addition("result.check.added", check["added"], free, may_be_empty=True)
        checks.append(at_most("result.check.touched", check["touched"], result["draws"]))
    refinement, stable = result["refinement"], result["stable_for_all_supersets"]
    exact = refinement is not None and refinement["exact"] and not stable
    size = None if broken is None else len(broken["added"])
    checks.append(equal("result.broken_at", result["broken_at"], refinement["radius"] + 1 if exact else size))
    return checks


def _addition(name: str, added: list[int], free: list[int], *, may_be_empty: bool = False) -> list[Check]:
    fits = added == sorted(set(added)) and set(added) <= set(free) and (may_be_empty or len(added) > 0)
    return [holds(name, added, "features outside of the explanation, in order", fits)]

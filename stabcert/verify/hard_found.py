"""Checks that the radii of a record fit together with what proved, tested and broke them."""

from __future__ import annotations

from typing import Any

import numpy as np

from stabcert.core.hard.certificate import EnumeratedRadius
from stabcert.core.hard.exhaustive import impossible_numbers
from stabcert.verify.checks import Check, at_least, at_most, equal, holds


def refinement_checks(result: dict[str, Any], free: int) -> list[Check]:
    """Return checks of what --refine proved, against the radii without it."""
    found, name = result["refinement"], "result.refinement"
    if found is None:
        return []
    before = max(result["radius_votes"], result["radius_arcs"] or 0)
    return [
        holds(f"{name}.radius", found["radius"], f"{before} to {free}", before <= found["radius"] <= free),
        at_most(f"{name}.evaluations", found["evaluations"], result["request"]["refine"]),
        equal(f"{name}.stable_for_all_supersets", found["stable_for_all_supersets"], found["radius"] == free),
        holds(f"{name}.exact", found["exact"], "true where everything holds", found["exact"] or found["radius"] < free),
        # A radius above the depth can only come out of tables that are complete.
        holds(
            f"{name}.depth",
            found["depth"],
            "at least the radius that the tables prove, unless they are complete",
            found["complete"] or found["radius"] == before or found["depth"] >= found["radius"],
        ),
    ]


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
        ]
        if flip is not None:
            checks += _addition(f"{name}.flip", flip, free)
            checks.append(equal(f"{name}.flip: size", len(flip), tried["radius"] + 1))
        if all(check.ok for check in checks):
            checks += _numbers(tried, result, explanation)
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
    if attack is not None and tried is not None and tried["exact"]:
        found = None if attack["model"] is None else attack["model"]["added"]
        checks.append(equal("result.attack.model.added", found, tried["flip"]))
    refinement, stable = result["refinement"], result["stable_for_all_supersets"]
    exact = refinement is not None and refinement["exact"] and not stable
    size = None if broken is None else len(broken["added"])
    checks.append(equal("result.broken_at", result["broken_at"], refinement["radius"] + 1 if exact else size))
    return checks


def _addition(name: str, added: list[int], free: list[int], *, may_be_empty: bool = False) -> list[Check]:
    fits = added == sorted(set(added)) and set(added) <= set(free) and (may_be_empty or len(added) > 0)
    return [holds(name, added, "features outside of the explanation, in order", fits)]


def _numbers(tried: dict[str, Any], result: dict[str, Any], explanation: dict[str, Any]) -> list[Check]:
    """Return checks of the numbers of an enumeration, and of the class that must survive."""
    mask = np.zeros(explanation["n"], dtype=np.bool_)
    mask[explanation["selected"]] = True
    flip = mask.copy() if tried["flip"] is not None else None
    found = EnumeratedRadius(
        prediction=tried["prediction"]["id"],
        radius=tried["radius"],
        flip=flip,
        stable_for_all_supersets=tried["stable_for_all_supersets"],
        near_ties=tried["near_ties"],
        evaluations=tried["evaluations"],
    )
    possible = impossible_numbers(found, mask, max_evaluations=result["request"]["enumerate"])
    checks = [holds("result.enumerated.evaluations", tried["evaluations"], possible or "possible", possible is None)]
    if (tried["evaluations"], tried["near_ties"]) != (1, 1):  # the mask is not a near tie
        said = result["unsmoothed_masked_prediction"]["id"]
        checks.append(equal("result.enumerated.prediction.id", tried["prediction"]["id"], said))
    return checks

"""The radii that votes of frozen noise masks prove, and the most that any arrangement of these votes could."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from stabcert.core.hard.arcs import circular_arcs, largest_cover
from stabcert.core.noise import quantized_keep_masks
from stabcert.core.streams import noise_generator
from stabcert.verify.checks import Check, at_least, at_most, equal, holds

_MAX_CELLS = 10**7


def quantized_checks(record: dict[str, Any], free: int) -> list[Check]:
    """Return checks of leads and radii of voting noise masks; for mean probabilities only of recorded leads."""
    result = record["result"]
    keep = share_on_grid(result["lambda"], result["quantization"]) or 1
    votes = {one["id"]: one["votes"] for one in result["votes"]}
    cover = _largest_covers(record, keep)
    lead = _Lead(votes, result["prediction"]["id"], record["model"]["labels"], keep, free, cover)
    by_vote = result["scores"] == "vote"
    checks = _side(result["gap"], result["draws"], lead, "result.gap", result["near_ties"], by_vote)
    radius, arcs = result["radius_votes"], result["radius_arcs"]
    if by_vote:
        exactly = result["near_ties"] == 0
        checks.append(
            equal("result.radius_votes", radius, lead.radius())
            if exactly
            else at_most("result.radius_votes", radius, lead.radius())
        )
        if arcs is not None:
            checks += [
                at_most("result.radius_arcs", arcs, lead.largest()),
                at_least("result.radius_arcs", arcs, radius),
            ]
    else:
        checks.append(
            at_most("result.radius_votes", radius, min(free, _floor(result["gap"] * result["draws"] / (2 * keep))))
        )
        checks.append(equal("result.near_ties", result["near_ties"], 0))
    checks.append(
        equal("result.published_radius", result["published_radius"], result["gap"] / (2 * keep / result["draws"]))
    )
    checks += _downwards(record, keep, free, cover)
    return checks


class _Lead:
    """The best case of a proof by the votes on one input.

    Near ties count against the prediction; that they do not is the best case, and what is proved then is the most
    that can be proved.
    """

    def __init__(
        self, votes: dict[int, int], prediction: int, labels: int, keep: int, free: int, cover: list[int]
    ) -> None:
        self.votes, self.prediction, self.keep, self.free, self.cover = votes, prediction, keep, free, cover
        # Of classes without votes the one of lowest number has the least to lose.
        silent = next((k for k in range(labels) if k != prediction and k not in votes), None)
        self.others = [k for k in votes if k != prediction] + ([] if silent is None else [silent])

    @property
    def gap(self) -> int:
        own = self.votes.get(self.prediction, 0)
        return min(own - self.votes.get(k, 0) for k in self.others)

    def _budget(self, k: int) -> int:
        return self.votes.get(self.prediction, 0) - self.votes.get(k, 0) - (k < self.prediction)

    def radius(self) -> int:
        """Return the radius from the lead alone."""
        budget = min(self._budget(k) for k in self.others)
        return max(0, min(self.free, budget // (2 * self.keep))) if budget >= 0 else 0

    def largest(self) -> int:
        """Return a radius that no assignment of these votes to the noise masks exceeds: r features are kept in so many
        of them, and whatever votes those cast, they lose as much."""
        for r in range(1, len(self.cover)):
            if any(self._least_loss(k, self.cover[r]) > self._budget(k) for k in self.others):
                return r - 1
        return self.free if all(self._budget(k) >= 0 for k in self.others) else 0

    def _least_loss(self, k: int, touched: int) -> int:
        """Return the least loss: votes for k lose nothing, votes for third classes 1, votes for the prediction 2."""
        touched -= min(touched, self.votes.get(k, 0))
        third = sum(self.votes.values()) - self.votes.get(k, 0) - self.votes.get(self.prediction, 0)
        return min(touched, third) + 2 * max(0, touched - third)


def _largest_covers(record: dict[str, Any], keep: int) -> list[int]:
    """Return for r = 0, 1, ... how many noise masks keep at least one of some r free features, from new noise."""
    result, explanation = record["result"], record["explanation"]
    q, n = result["quantization"], explanation["n"]
    if q * n > _MAX_CELLS or q * min(q, n) > _MAX_CELLS:
        return [0]  # bounds nothing
    rng = noise_generator(*result["noise_seed"])
    noise = quantized_keep_masks(n, keep=keep, quantization=q, rng=rng)
    outside = np.ones(n, dtype=np.bool_)
    outside[explanation["selected"]] = False
    design = circular_arcs(noise[:, outside])
    if design is None:
        return [0]
    covers = []
    for covered in largest_cover(np.ones(q), *design):
        covers.append(int(covered))
        if covered == q:
            break
    return covers


def _side(gap: float, draws: int, lead: _Lead, name: str, near_ties: int | None, by_vote: bool) -> list[Check]:
    """Return checks of the lead on one input, as a share."""
    if not by_vote:
        return [at_most(name, gap, 1.0)]
    if near_ties == 0:
        return [equal(name, gap, lead.gap / draws)]
    # A near tie takes at most 2 from a lead; how many there are on the full input is not recorded.
    least = lead.gap - 2 * (draws if near_ties is None else near_ties)
    return [at_most(name, gap, lead.gap / draws), at_least(name, gap, least / draws)]


def _downwards(record: dict[str, Any], keep: int, free: int, cover: list[int]) -> list[Check]:
    """Return checks of the radius from the full input downwards."""
    result, prediction = record["result"], record["result"]["prediction"]["id"]
    radius, reason, name = result["radius_decremental"], result["why_no_decremental"], "result.radius_decremental"
    checks = [holds(name, radius, "null with a reason, or a number without", (radius is None) == (reason is not None))]
    if result["direction"] == "incremental":
        asked = (radius, reason, result["full_votes"], result["full_gap"])
        return [*checks, equal("result.why_no_decremental", list(asked), [None, "not asked for", None, None])]
    full, gap = result["full_prediction"], result["full_gap"]
    if full is None or gap is None or result["full_votes"] is None:
        return [*checks, holds("result.full_votes", None, "there, unless nothing is removed", ok=False)]
    by_vote = result["scores"] == "vote"
    votes = {one["id"]: one["votes"] for one in result["full_votes"]}
    lead = _Lead(votes, full["id"], record["model"]["labels"], keep, free, cover)
    checks += _side(gap, result["draws"], lead, "result.full_gap", None, by_vote)
    checks.append(
        holds(name, radius, "null where the full input has another class", radius is None or full["id"] == prediction)
    )
    if by_vote and radius is not None and not result["stable_for_all_supersets"]:
        checks.append(at_most(name, radius, lead.largest()))
    elif by_vote and radius is not None:
        found = result["refinement"]
        upwards = max(result["radius_votes"], result["radius_arcs"] or 0, 0 if found is None else found["radius"])
        together = upwards if upwards >= free else upwards + lead.largest() + 1
        checks.append(at_least("result.stable_for_all_supersets: both radii", together, free))
    if not by_vote and radius is not None:
        checks.append(at_most(name, radius, free))
    return checks


def _floor(value: float) -> int:
    return max(0, math.floor(value + 1e-9))


def share_on_grid(text: str, quantization: int) -> int | None:
    """Return l of ``l/q``; None if that is not a share on the grid."""
    over, _, under = text.partition("/")
    if len(text) > 40 or (under and int(under) == 0):
        return None
    count = Fraction(int(over), int(under or 1)) * quantization
    return int(count) if count.denominator == 1 and 1 <= count <= quantization else None

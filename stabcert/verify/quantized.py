"""Radii under frozen noise again from the votes: what they prove, and the most that any arrangement of them could.

A record does not contain which noise mask cast which vote, and of near ties only how many there are on the masked
input. Leads and radii are therefore bounded where these decide, and equal to the recount where they do not. The
computations are those of the certificate; noise masks come from their recorded seed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from stabcert.core.hard.certificate import NoRadius, Proof, Refinement
from stabcert.core.hard.finding import reported
from stabcert.core.hard.proof import conclude, published_radius, why_no_removal
from stabcert.core.hard.question import HardQuestion
from stabcert.core.hard.recount import (
    VoteRecount,
    count_distinct,
    covers,
    evaluated_masks,
    largest_radius_of_means,
    lead_of_gap,
    radius_of,
)
from stabcert.core.noise import grid_count, quantized_keep_masks
from stabcert.core.streams import noise_generator
from stabcert.core.types import Masks
from stabcert.errors import ParameterError
from stabcert.verify.checks import Check, at_least, at_most, equal, holds

_MAX_CELLS = 10**7
_SLACK = 1e-9
"""Absolute, of a lead in noise masks: what rounding a mean probability to a float may do."""


class RecordedNoise:
    """The frozen noise masks of a record, from their seed."""

    def __init__(self, record: dict[str, Any]) -> None:
        explanation, result = record["explanation"], record["result"]
        self.quantization: int = result["quantization"]
        self.n: int = explanation["n"]
        self._seed = result["noise_seed"]
        self.free = np.ones(self.n, dtype=np.bool_)
        self.free[explanation["selected"]] = False

    @property
    def n_free(self) -> int:
        return int(self.free.sum())

    def keep_masks(self, keep: int) -> Masks | None:
        """Return the noise masks; None if there are too many to compute them."""
        q, n = self.quantization, self.n
        if q * n > _MAX_CELLS or q * min(q, n) > _MAX_CELLS:
            return None
        return quantized_keep_masks(n, keep=keep, quantization=q, rng=noise_generator(*self._seed))

    def covers(self, keep: int) -> list[int] | None:
        """Return how many noise masks keep at least one of r free features, for r = 0, 1, ...."""
        masks = self.keep_masks(keep)
        return None if masks is None else covers(masks[:, self.free])


def quantized_checks(record: dict[str, Any], question: HardQuestion, noise: RecordedNoise) -> list[Check]:
    """Return checks of leads and radii of frozen noise masks, on the masked and on the full input."""
    sides = _Sides(record, noise)
    result = record["result"]
    return [
        equal("result.delta", result["delta"], None),
        *sides.masked(),
        *sides.full(),
        *_proof(result, question, sides),
        *_evaluations(result, question, sides),
        *_addition(result, sides),
    ]


class _Sides:
    """The votes on the masked and on the full input."""

    def __init__(self, record: dict[str, Any], noise: RecordedNoise) -> None:
        self.result, self.noise, self.free = record["result"], noise, noise.n_free
        self.labels: int = record["model"]["labels"]
        self.keep = share_on_grid(self.result["lambda"], noise.quantization) or 1
        self.draws: int = self.result["draws"]
        self.by_vote = self.result["scores"] == "vote"

    @cached_property
    def touched(self) -> list[int] | None:
        return self.noise.covers(self.keep)

    def recount(self, name: str) -> VoteRecount:
        """Return what votes prove: of classes without votes the one of lowest number has the least to lose."""
        votes = {one["id"]: one["votes"] for one in self.result[name]}
        silent = next((k for k in range(self.labels) if k not in votes), None)
        classes = sorted([*votes, *([] if silent is None else [silent])])
        return VoteRecount(np.array([votes.get(k, 0) for k in classes]), self.keep, self.free, self.touched)

    def from_gap(self, gap: float, reserve: float) -> int:
        """Return the radius from a recorded lead, less some votes."""
        return radius_of(lead_of_gap(gap, self.draws, reserve), self.keep, self.free)

    def masked(self) -> list[Check]:
        """Return checks of the lead on the masked input and of the two radii that follow."""
        result, found = self.result, self.recount("votes")
        gap, radius, arcs = result["gap"], result["radius_votes"], result["radius_arcs"]
        share = published_radius(gap, Fraction(self.keep, self.draws))
        checks = [
            equal("result.published_radius", result["published_radius"], share),
            holds("result.radius_arcs", arcs, "a number for quantized noise", arcs is not None),
        ]
        arcs = radius if arcs is None else arcs
        if not self.by_vote:
            touched = self.touched
            most = self.free if touched is None else largest_radius_of_means(touched, self.draws, self.free)
            return [
                *checks,
                at_most("result.gap", gap, 1.0),
                equal("result.near_ties", result["near_ties"], 0),
                at_most("result.radius_votes", radius, self.from_gap(gap, -_SLACK)),
                at_most("result.radius_arcs", arcs, max(radius, most)),
            ]
        checks += self._gap("result.gap", gap, found, result["near_ties"])
        if result["near_ties"] == 0:
            checks.append(equal("result.radius_votes", radius, found.radius))
        else:
            checks += [
                at_most("result.radius_votes", radius, min(found.radius, self.from_gap(gap, 0))),
                at_least("result.radius_votes", radius, self.from_gap(gap, 1)),
            ]
        least = found.smallest if result["near_ties"] == 0 else 0
        return [
            *checks,
            at_most("result.radius_arcs", arcs, found.largest),
            at_least("result.radius_arcs", arcs, max(radius, least)),
        ]

    def full(self) -> list[Check]:
        """Return checks of the lead on the full input and of the radius downwards."""
        result, name = self.result, "result.radius_decremental"
        radius, gap = result["radius_decremental"], result["full_gap"]
        if result["direction"] == "incremental":
            return [equal("result.full_votes", [result["full_votes"], gap], [None, None])]
        if result["full_prediction"] is None or gap is None or result["full_votes"] is None:
            return [holds("result.full_votes", None, "there, unless nothing is removed", ok=False)]
        if not self.by_vote:
            return [
                at_most("result.full_gap", gap, 1.0),
                *([] if radius is None else [at_most(name, radius, self.free)]),
            ]
        found = self.recount("full_votes")
        checks = self._gap("result.full_gap", gap, found, None)
        if radius is not None:
            checks.append(at_least(name, radius, self.from_gap(gap, 1)))
        if radius is not None and not result["stable_for_all_supersets"]:
            checks.append(at_most(name, radius, found.largest))
        return checks

    def _gap(self, name: str, gap: float, found: VoteRecount, near_ties: int | None) -> list[Check]:
        """Return checks of the lead of votes on one input, as a share."""
        if near_ties == 0:
            return [equal(name, gap, found.lead.smallest)]
        # A near tie takes at most 2 from a lead; how many there are on the full input is not recorded.
        least = found.lead.smallest - 2 * (self.draws if near_ties is None else near_ties) / self.draws
        whole = abs(gap * self.draws - round(gap * self.draws)) < _SLACK
        return [
            at_most(name, gap, found.lead.smallest),
            at_least(name, gap, least),
            holds(name, gap, f"a multiple of 1/{self.draws}", whole),
        ]

    @property
    def certain(self) -> set[bool]:
        """Possible answers to: is the prediction on the masked input beyond doubt?"""
        result = self.result
        if result["radius_votes"] > 0 or (self.by_vote and result["near_ties"] == 0):
            return {True}
        return self._certain(result["gap"])

    @property
    def full_certain(self) -> set[bool]:
        """Possible answers to: is the prediction on the full input beyond doubt?"""
        return self._certain(self.result["full_gap"])

    def _certain(self, gap: float) -> set[bool]:
        if self.by_vote and round(gap * self.draws) != 0:
            return {gap > 0}
        # At a lead of 0 the numbers of the classes decide. How exact mean probabilities are is not recorded.
        return {True, False}


def _proof(result: dict[str, Any], question: HardQuestion, sides: _Sides) -> list[Check]:
    """Return checks of what is concluded: with the code of the certificate, in each case that the record allows."""
    seen, shown = result["refinement"], _shown(result)
    asked = question.refine > 0
    checks = [holds("result.refinement", asked, "only if evaluations were requested", asked or seen is None)]
    if question.decremental and (result["full_prediction"] is None or result["full_gap"] is None):
        return checks  # refused already
    cases = [
        reported(conclude_recorded(result, question, sides, certain=certain, full_certain=full), result["direction"])
        for certain in sorted(sides.certain, reverse=True)
        for full in (sorted(sides.full_certain, reverse=True) if question.decremental else [True])
    ]
    names = ("incremental", "decremental", "why_no_decremental", "stable_for_all_supersets")

    def agreeing(case: Any) -> int:
        return sum(getattr(case, name) == value for name, value in zip(names, shown, strict=True))

    best = max(cases, key=agreeing)
    fields = ("radius_incremental", "radius_decremental", "why_no_decremental", "stable_for_all_supersets")
    checks += [
        equal(f"result.{field}", value, getattr(best, name))
        for field, name, value in zip(fields, names, shown, strict=True)
    ]
    if asked and not result["stable_for_all_supersets"] and len(sides.certain) == 1:
        certain = sides.certain == {True}
        words = "there" if certain else "null, as the prediction is too close to call"
        checks.append(holds("result.refinement", seen is not None, words, (seen is not None) == certain))
    return checks


def _shown(result: dict[str, Any]) -> tuple[Any, ...]:
    names = ("radius_incremental", "radius_decremental", "why_no_decremental", "stable_for_all_supersets")
    return tuple(result[name] for name in names)


def conclude_recorded(
    result: dict[str, Any], question: HardQuestion, sides: _Sides, *, certain: bool, full_certain: bool
) -> Proof:
    """Return the proof that recorded radii give.

    The radius downwards is the recorded one; where everything is stable that is not shown, and is taken to be as large
    as the votes allow.
    """
    removal: NoRadius | int = NoRadius("")
    if question.decremental:
        same = result["full_prediction"]["id"] == result["prediction"]["id"]
        reason = why_no_removal(certain=certain, full_certain=full_certain, same=same)
        recorded = result["radius_decremental"] or 0
        if result["stable_for_all_supersets"] and sides.by_vote:
            recorded = min(recorded, sides.recount("full_votes").largest)
        removal = recorded if reason is None else reason
    seen = result["refinement"]
    return conclude(
        certain=certain,
        radius_votes=result["radius_votes"],
        radius_arcs=result["radius_arcs"],
        refinement=None if seen is None else Refinement(**seen),
        removal=removal,
        n_free=sides.free,
    )


def _evaluations(result: dict[str, Any], question: HardQuestion, sides: _Sides) -> list[Check]:
    """Return the check of the number of different masks that were evaluated."""
    masks = sides.noise.keep_masks(sides.keep)
    if masks is None:
        return []
    rows = evaluated_masks(masks, ~sides.noise.free, full=question.decremental, empty=False)
    more = 0 if result["refinement"] is None else result["refinement"]["evaluations"]
    return [equal("result.evaluations", result["evaluations"], count_distinct(rows) + more)]


def _addition(result: dict[str, Any], sides: _Sides) -> list[Check]:
    """Return checks of the addition given to --check: what it touches, and what the votes guarantee of it."""
    check, name = result["check"], "result.check"
    masks = sides.noise.keep_masks(sides.keep)
    if check is None or masks is None or any(i >= sides.noise.n for i in check["added"]):
        return []
    touched = int(masks[:, check["added"]].any(axis=1).sum())
    known = result["stable_for_all_supersets"] or 0 < len(check["added"]) <= (result["radius_incremental"] or 0)
    checks = [equal(f"{name}.touched", check["touched"], touched)]
    if known:
        checks.append(equal(f"{name}.guaranteed", check["guaranteed"], known))
    elif sides.by_vote and not sides.recount("votes").possible(touched):
        checks.append(equal(f"{name}.guaranteed", check["guaranteed"], False))
    elif sides.by_vote and result["near_ties"] == 0 and sides.recount("votes").sure(touched):
        checks.append(equal(f"{name}.guaranteed", check["guaranteed"], True))
    if check["guaranteed"]:
        checks.append(equal(f"{name}.prediction.id", check["prediction"]["id"], result["prediction"]["id"]))
    return checks


def share_on_grid(text: str, quantization: int) -> int | None:
    """Return l of ``l/q``; None if that is not a share on the grid."""
    if len(text) > 40:
        return None
    try:
        return grid_count(Fraction(text), quantization)
    except (ParameterError, ZeroDivisionError):
        return None

"""Rows of a sweep: each against itself, all against the lambdas that are tested and their order."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from stabcert.core.hard.certificate import covers_everything
from stabcert.core.hard.finding import Reported
from stabcert.core.hard.question import HardQuestion
from stabcert.core.hard.recount import largest_radius_of_means, lead_of_gap, radius_of
from stabcert.core.hard.sweep import Rank, rank_of, swept_counts
from stabcert.verify.checks import Check, at_least, at_most, compare, equal, holds
from stabcert.verify.mask_flags import has_rule
from stabcert.verify.quantized import RecordedNoise, share_on_grid

NOT_CHECKED = (
    "the votes of the rows of a sweep after the first. Only their consistency with one another and with the order of "
    "the rows was checked"
)


def sweep_checks(record: dict[str, Any], question: HardQuestion, noise: RecordedNoise) -> list[Check]:
    """Return checks of a sweep: that every lambda is there, best first, and that no row contradicts itself.

    A row does not contain its votes, so that its radii are bounded by what the noise masks allow.
    """
    result, rows, q = record["result"], record["result"]["sweep"], noise.quantization
    if rows is None:
        return []
    counts = [share_on_grid(row["lambda"], q) for row in rows]
    expected = swept_counts(q, noise.n_free, share_on_grid(result["request"]["lambda"], q) or 1)
    tested = sorted((count for count in counts if count is not None), reverse=True)
    checks = [
        equal("result.sweep: lambda", [row["lambda"] for row in rows], [f"{count}/{q}" for count in counts]),
        equal("result.sweep: lambda, in falling order", tested, list(expected)),
    ]
    if not all(check.ok for check in checks):
        return checks
    for number, (row, count) in enumerate(zip(rows, counts, strict=True)):
        checks += _row(f"result.sweep[{number}]", row, record, question, noise, count or 1)
    if all(check.ok for check in checks):
        ranks = [_rank(row, record, noise.n_free) for row in rows]
        words = "best first: prediction kept, then the largest radius, then the least noise"
        for number, (better, worse) in enumerate(pairwise(ranks), start=1):
            checks.append(holds(f"result.sweep[{number}]", rows[number]["lambda"], words, better < worse))
    return [*checks, *_first(record)]


def _row(
    name: str, row: dict[str, Any], record: dict[str, Any], question: HardQuestion, noise: RecordedNoise, keep: int
) -> list[Check]:
    result, free = record["result"], noise.n_free
    up, down, stable = row["radius_incremental"], row["radius_decremental"], row["stable_for_all_supersets"]
    full, masked = row["prediction"], row["masked_prediction"]
    if full is None:
        return [holds(f"{name}.prediction", None, "a prediction, as noise is frozen", ok=False)]
    same = full["id"] == masked["id"]
    wanted = {"decremental": [True, down is None], "incremental": [False, True]}.get(
        result["direction"], [False, down is None]
    )
    checks = [
        equal(f"{name}: radii left out", [up is None, down is None], wanted),
        equal(
            f"{name}.agrees_with_unsmoothed",
            row["agrees_with_unsmoothed"],
            full["id"] == result["unsmoothed_prediction"]["id"],
        ),
        holds(
            f"{name}.stable_for_all_supersets",
            stable,
            "false where the full input has another class",
            same or not stable,
        ),
        holds(f"{name}.radius_decremental", down, "null where the full input has another class", same or down is None),
    ]
    if not (row["consistent"] is None and has_rule(result["request"])):
        checks.append(equal(f"{name}.consistent", row["consistent"], same or free == 0))
    most_up, most_down = _most(noise, keep, refined=question.refine > 0), _most(noise, keep, refined=False)
    for field, radius, most in (("radius_incremental", up, most_up), ("radius_decremental", down, most_down)):
        if radius is not None:
            check = equal if stable else at_most
            checks.append(check(f"{name}.{field}", radius, free if stable else most))
    possible = covers_everything(most_up, most_down if question.decremental else None, free)
    words = "false, as radii of any votes cannot cover everything"
    checks.append(holds(f"{name}.stable_for_all_supersets", stable, words, possible or not stable))
    if not stable and up is not None and (up > 0 or down is not None):
        checks.append(
            equal(f"{name}.stable_for_all_supersets", stable, covers_everything(up, down, free))
        )  # the prediction is beyond doubt
    if result["scores"] == "vote":
        q = noise.quantization
        if up is not None:
            least = radius_of(lead_of_gap(row["gap"], q, 1), keep, free)
            checks.append(at_least(f"{name}.radius_incremental", up, least))
        checks += [
            holds(f"{name}.radius_incremental", up, "0 without a lead", row["gap"] > -0.5 / q or not (up or stable)),
            at_most(f"{name}.gap", row["gap"], masked["probability"]),
            holds(
                f"{name}.gap",
                row["gap"],
                f"a multiple of 1/{q}",
                abs(row["gap"] * q - round(row["gap"] * q)) < 1e-9,
            ),
        ]
    return checks


def _most(noise: RecordedNoise, keep: int, *, refined: bool) -> int:
    """Return the largest radius that votes can prove; evaluations for a larger one can prove any radius."""
    touched = None if refined else noise.covers(keep)
    return noise.n_free if touched is None else largest_radius_of_means(touched, noise.quantization, noise.n_free)


def _rank(row: dict[str, Any], record: dict[str, Any], free: int) -> Rank:
    shown = Reported(row["radius_incremental"], row["radius_decremental"], None, row["stable_for_all_supersets"])
    return rank_of(
        shown,
        Fraction(row["lambda"]),
        masked=row["masked_prediction"]["id"],
        plain=record["result"]["unsmoothed_prediction"]["id"],
        agrees=row["agrees_with_unsmoothed"],
        n_free=free,
    )


def _first(record: dict[str, Any]) -> list[Check]:
    """Return checks that the record is about the first row."""
    result, best = record["result"], record["result"]["sweep"][0]
    names = (
        "lambda",
        "radius_incremental",
        "radius_decremental",
        "stable_for_all_supersets",
        "gap",
        "consistent",
        "agrees_with_unsmoothed",
    )
    checks = [equal(f"result.sweep[0].{name}", best[name], result[name]) for name in names]
    for name, whole in (
        ("prediction", record["prediction"]),
        ("masked_prediction", record["explanation"]["masked_prediction"]),
    ):
        checks += compare(f"result.sweep[0].{name}", best[name], whole)
    return checks

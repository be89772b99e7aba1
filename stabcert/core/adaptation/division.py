"""The inputs that an adaptation is reported on, which neither train nor choose the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from stabcert.errors import InputError, ParameterError

FEWEST = 2
"""Fewest distinct inputs to report on."""


def fewest_inputs(report_share: float, held_out: float) -> int:
    """Return how many distinct inputs it takes to have `FEWEST` to report on, to hold out and to train on.

    Above 1,000 inputs it may be slightly more than the smallest number.

    Args:
        report_share: share of the inputs that is reported on.
        held_out: share of the others that is held out.
    """
    smaller = min(held_out, 1 - held_out) * (1 - report_share)
    needed = max(3 * FEWEST, int((FEWEST - 0.5) / report_share), int((FEWEST - 0.5) / smaller - 1 / (1 - report_share)))
    while True:
        reported = round(needed * report_share)
        others = needed - reported
        if min(reported, round(others * held_out), others - round(others * held_out)) >= FEWEST:
            return needed
        needed += 1 + needed // 1000


def reporting_order(hashes: Iterable[str], *, seed: int) -> list[str]:
    """Return the distinct hashes in an order that depends on them and on ``seed`` alone, not on the given order."""
    return sorted(set(hashes), key=lambda one: hashlib.sha256(f"reporting:{seed}:{one}".encode()).hexdigest())


def reporting_part(hashes: Iterable[str], *, share: float, seed: int) -> list[str]:
    """Return the hashes of the inputs to report on, drawn at random by ``seed``; equal inputs are on one side.

    Args:
        hashes: SHA-256 of every input.
        share: share of the distinct inputs to report on.
        seed: seed of the draw.

    Raises:
        ParameterError: ``share`` is not between 0 and 1.
        InputError: fewer than `FEWEST` distinct inputs would be left to report on.
    """
    if not 0 < share < 1:
        raise ParameterError(f"report_share must be between 0 and 1, got {share:g}. Use report_share=0.2")
    order = reporting_order(hashes, seed=seed)
    count = round(len(order) * share)
    if count < FEWEST:
        raise InputError(
            f"inputs must leave at least {FEWEST} to report on, got {len(order)} distinct ones with "
            f"report_share={share:g}. Give more inputs, or name others to report on"
        )
    return order[:count]

"""The inputs that an adaptation is reported on, which neither train nor choose the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from stabcert.errors import InputError, ParameterError

FEWEST = 2
"""Fewest distinct inputs to report on."""


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

"""Numbers for display. Rounding never makes a number appear better than it is."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

_LARGEST_DENOMINATOR = 1000


def rounded(rate: float) -> str:
    """Return four digits of an estimate or an exact rate; 1.0000 means 1 and 0.0000 means 0."""
    nearest = f"{rate:.4f}"
    if nearest == "1.0000" and rate < 1.0:
        return "0.9999"
    return "0.0001" if nearest == "0.0000" and rate > 0.0 else nearest


def rounded_down(number: float) -> str:
    """Return four digits; for lower bounds."""
    return _rounded(number, ROUND_FLOOR)


def rounded_up(number: float) -> str:
    """Return four digits; for upper bounds."""
    return _rounded(number, ROUND_CEILING)


def threshold_shown(number: float) -> str:
    """Return all digits of a requested number, as people write it: ``0.9``, ``1``."""
    return repr(number).removesuffix(".0")


def lambda_shown(number: float) -> str:
    """Return a lambda so that no two lambdas look the same: ``0.75``, ``1/3``, ``0.7000001``."""
    short = f"{number:g}"
    if float(short) == number:
        return short
    fraction = Fraction(number).limit_denominator(_LARGEST_DENOMINATOR)
    return str(fraction) if float(fraction) == number else repr(number)


def confidence(delta: float) -> str:
    """Return 1 - delta in percent, in decimals: as a float 1 - 1e-17 would be shown as 100%."""
    return f"{(100 * (1 - Decimal(repr(delta)))).normalize():f}%"


def _rounded(number: float, direction: str) -> str:
    return str(Decimal(repr(number)).quantize(Decimal("0.0001"), rounding=direction))


def seed_shown(seed: int, *, default: bool) -> str:
    """Return ``seed 0``; one that somebody chose is marked, because it may have been chosen for its result."""
    return f"seed {seed}" if default else f"seed {seed} (not the default)"


def family_shown(delta: float, family: int) -> str | None:
    """Return what a certificate guarantees as one of several to choose from; None for a single one.

    Args:
        delta: of this certificate, its share.
        family: certificates that share the failure probability.
    """
    if family == 1:
        return None
    return (
        f"One of at most {family} certificates to choose from: this one is wrong with probability at most {delta:g}, "
        f"any of them with at most {delta * family:g}."
    )

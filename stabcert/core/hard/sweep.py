"""A sweep: one question about several smoothed predictors, and the order of the answers.

The order may choose the lambda of a certificate. The choice costs nothing in certainty: frozen noise is deterministic,
and each answer is proved for the smoothed predictor of its own lambda. All answers are true at once, whichever of them
is looked at first.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

from stabcert.core.hard.finding import Reported
from stabcert.core.noise import tie_free_counts

Choice: TypeAlias = Literal["largest-radius"]
"""Rule that chooses lambda for one input: the best `Rank`. Only those that keep the prediction are refined."""


class Rank(NamedTuple):
    """The place of one lambda in a sweep; the smallest is the best.

    Those that keep the prediction come first. Among these the largest radius decides, then the least noise.
    """

    changes_prediction: bool
    disagrees: bool
    radius: int
    keep_probability: Fraction


def swept_counts(quantization: int, n_free: int, otherwise: int) -> tuple[int, ...]:
    """Return how many noise masks keep a feature, for each lambda that a sweep tests; largest first.

    Args:
        otherwise: count that is tested where no lambda is free of ties.
    """
    return tie_free_counts(quantization, max(1, n_free)) or (otherwise,)


def rank_of(
    shown: Reported, keep_probability: Fraction, *, masked: int, plain: int, agrees: bool | None, n_free: int
) -> Rank:
    """Return the place of one lambda.

    Args:
        shown: the radii that are reported for it.
        masked: class of the smoothed model on the masked input.
        plain: class of the unsmoothed model on the full input.
        agrees: the smoothed model has that class on the full input, too; None if not known.
    """
    agreeing = agrees is not False
    radius = n_free if shown.stable_for_all_supersets else shown.radius
    return Rank(not (masked == plain and agreeing), not agreeing, 1 if radius is None else -radius, -keep_probability)

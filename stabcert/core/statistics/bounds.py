"""Bounds on a probability from independent draws: Hoeffding, Clopper-Pearson, anytime-valid.

Names: ``matches`` and ``failures`` are counts, and ``delta`` is the probability with which a statement
may be wrong. A *lower* or *upper* bound is one-sided and fails with probability at most ``delta``.
An *interval* fails on either side with probability at most ``delta`` in total.
"""

from __future__ import annotations

import math
import sys

from scipy import special

from stabcert.errors import ParameterError

# Parameters of the Beta mixture of the sequential test. Jeffreys' 1/2, 1/2 is nearly the best at
# every rate from .9 up (mathematics of the test: `log_e_value`).
A = B = 0.5
_BISECTIONS = 200
_SMALLEST_INVERTED = 1e-100
_INVERSION_ERROR = 1e-13
"""Upper bound on the relative error of scipy's inverse of the Beta distribution. The error was at most 4e-14 for 5,159
bounds that were compared with 60 digits. A bound is rounded to the side on which it is valid."""

MAX_SAMPLES = 10**9
"""Largest number of evaluations that a computed sample size may reach."""

SMALLEST_DELTA = 1e-290
"""Smallest failure probability of a statement. Shares of it, for many radii or sides, are still positive floats."""


def check_delta(delta: float) -> None:
    """Check that ``delta`` can be the failure probability of a statement.

    Raises:
        ParameterError: ``delta`` is not a number from `SMALLEST_DELTA` to below 1.
    """
    check_share(delta)
    if delta < SMALLEST_DELTA:
        raise ParameterError(
            f"delta must be at least {SMALLEST_DELTA}, got {delta}. Use a larger one, such as 0.001", "delta"
        )


def check_share(delta: float) -> None:
    """Check that ``delta`` can be a share of a failure probability.

    Raises:
        ParameterError: ``delta`` is not between 0 and 1, or is so small that it is not a normal float.
    """
    if not sys.float_info.min <= delta < 1.0:
        raise ParameterError(
            f"delta must be between 0 and 1, got {delta}. Use a failure probability such as 0.1", "delta"
        )


def hoeffding_sample_size(epsilon: float, delta: float) -> int:
    """Return the number of draws after which the mean lies within ``epsilon`` of the truth with probability 1 - delta.

    ``ceil(ln(2 / delta) / (2 epsilon^2))``, two-sided (Soft stability, Theorem 3.1).

    Raises:
        ParameterError: ``epsilon`` or ``delta`` is not between 0 and 1, or more than `MAX_SAMPLES` draws are needed.
    """
    check_share(delta)
    if not 0.0 < epsilon < 1.0:
        raise ParameterError(
            f"epsilon must be between 0 and 1, got {epsilon}. Use an error of a rate such as 0.1", "epsilon"
        )
    samples = _log_two_over(delta) / 2.0 / epsilon / epsilon
    if samples > MAX_SAMPLES:
        raise ParameterError(
            f"epsilon must need at most {MAX_SAMPLES} samples, got {epsilon:g}. Use a larger epsilon such as 0.01",
            "epsilon",
        )
    return math.ceil(_log_two_over(delta) / (2.0 * epsilon**2))


def hoeffding_epsilon(samples: int, delta: float) -> float:
    """Return the half-width of ``samples`` draws with probability 1 - delta: the inverse of `hoeffding_sample_size`."""
    return math.sqrt(_log_two_over(delta) / (2.0 * samples))


def hoeffding_lower(matches: int, samples: int, delta: float) -> float:
    """Return the one-sided lower bound, clipped to 0.

    It is valid for independent draws and for draws without replacement. At ``delta / 2`` it is the lower end of the
    paper's two-sided interval.
    """
    return max(0.0, matches / samples - math.sqrt(-math.log(delta) / (2.0 * samples)))


def hoeffding_upper(matches: int, samples: int, delta: float) -> float:
    """Return the one-sided upper bound, clipped to 1: the mirror image of `hoeffding_lower`."""
    return min(1.0, matches / samples + math.sqrt(-math.log(delta) / (2.0 * samples)))


def clopper_pearson_lower(matches: int, samples: int, delta: float) -> float:
    """Return the largest rate under which ``matches`` or more of ``samples`` draws still have probability <= delta.

    The bound is exact for a number of samples fixed in advance, and not valid when one may stop early. It is rounded
    down.
    """
    if matches == 0:
        return 0.0
    return math.nextafter(_rate_with_tail(matches, samples, delta) * (1.0 - _INVERSION_ERROR), 0.0)


def clopper_pearson_upper(matches: int, samples: int, delta: float) -> float:
    """Return the upper bound, rounded up: the mirror image of `clopper_pearson_lower`."""
    if matches == samples:
        return 1.0
    if delta < _SMALLEST_INVERTED:
        inverted = 1.0 - _rate_with_tail(samples - matches, samples, delta)
    else:
        inverted = float(special.betainccinv(matches + 1, samples - matches, delta))
    return min(1.0, math.nextafter(inverted * (1.0 + _INVERSION_ERROR), 1.0))


def _rate_with_tail(matches: int, samples: int, delta: float) -> float:
    """Return, nearly, the rate under which ``matches`` or more of ``samples`` draws have probability ``delta``."""
    if delta >= _SMALLEST_INVERTED:
        return float(special.betaincinv(matches, samples - matches + 1, delta))
    # For such a small delta scipy's distribution and its inverse have large errors. Chernoff's bound, whose tail is
    # larger, is valid for every delta. It is nearly as good where the logarithm of delta determines the bound.
    share, enough = matches / samples, -math.log(delta) / samples * (1.0 + _INVERSION_ERROR)
    rejected, kept = 0.0, share
    while rejected < (middle := (rejected + kept) / 2) < kept:
        divergence = share * math.log(share / middle)
        if matches < samples:
            divergence += (1.0 - share) * (math.log1p(-share) - math.log1p(-middle))
        if divergence >= enough:
            rejected = middle
        else:
            kept = middle
    return rejected


def log_e_value(threshold: float, matches: int, failures: int) -> float:
    """Return the evidence, as a logarithm, against "the rate is at most ``threshold``".

    It is the e-process of a Beta(1/2, 1/2) mixture truncated to rates above the threshold. If the rate is
    at most the threshold, the probability that it *ever* reaches ``log(1 / delta)``, at whatever
    moment one looks or stops, is at most delta (Ville's inequality). The process is a supermartingale
    for every rate up to the threshold because each likelihood ratio grows with the rate.
    """
    if threshold >= 1.0:
        return -math.inf
    if threshold <= 0.0:
        return math.inf if matches > 0 else 0.0
    above = float(special.betaincc(A + matches, B + failures, threshold))
    if above == 0.0:
        return -math.inf  # an underflow, where assuming zero evidence is safe
    return (
        float(special.betaln(A + matches, B + failures) - special.betaln(A, B))
        + math.log(above)
        - math.log(float(special.betaincc(A, B, threshold)))
        - matches * math.log(threshold)
        - failures * math.log1p(-threshold)
    )


def anytime_lower(matches: int, failures: int, delta: float) -> float:
    """Return the lower bound that is valid at every sample size at once, so that one may stop at any moment.

    With probability at least 1 - delta the rate is at least this bound at all moments jointly. It is
    the largest threshold rejected by `log_e_value`. Bisection returns the rejected end.
    """
    if matches == 0:
        return 0.0
    rejected, kept = 0.0, matches / (matches + failures)
    for _ in range(_BISECTIONS):
        middle = (rejected + kept) / 2
        if middle in (rejected, kept):
            break
        if log_e_value(middle, matches, failures) >= -math.log(delta):
            rejected = middle
        else:
            kept = middle
    return rejected


def anytime_upper(matches: int, failures: int, delta: float) -> float:
    """Return the upper bound, rounded up: the mirror image of `anytime_lower`."""
    return math.nextafter(1.0 - anytime_lower(failures, matches, delta), 1.0)


def _log_two_over(delta: float) -> float:
    """Return log(2 / delta), also where the quotient overflows."""
    ratio = 2.0 / delta
    return math.log(ratio) if math.isfinite(ratio) else math.log(2.0) - math.log(delta)

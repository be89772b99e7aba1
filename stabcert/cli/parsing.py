"""Parsers of options that are typed as text: lists of methods, radii and lambdas, shares, counts.

Each parser raises a `ParameterError` that names the option if the text is not a possible value.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from stabcert.errors import ParameterError

if TYPE_CHECKING:
    from stabcert.core.spectrum.result import BasisKind
    from stabcert.models.batches import BatchSize

DEFAULT_METHOD = "lime"
_RADII = re.compile(r"(\d{1,9})(?::(\d{1,9}))?", re.ASCII)
_MOST_RADII = 10_000
_SHARE = re.compile(r"\d+\s*/\s*0*[1-9]\d*|\d+\.?\d*|\.\d+", re.ASCII)
# Only short exponents, because `Fraction("1e999999999")` would compute all of its digits.
_LONGEST_SHARE = 60
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,9})?", re.ASCII)
_MOST_LAMBDAS = 64
_MOST_DIGITS = 18  # Python does not parse numbers of some thousand digits


def parse_methods(text: str | None) -> tuple[str, ...]:
    """Parse ``"lime,shap"`` as names in the order given, without checking that they exist. None is the default method.

    Raises:
        ParameterError: a name is empty or repeated.
    """
    methods = tuple(name.strip() for name in (DEFAULT_METHOD if text is None else text).split(","))
    if not all(methods):
        raise ParameterError(f"--method {text!r} has no name at a comma. Write lime or lime,shap")
    for name in methods:
        if methods.count(name) > 1:
            raise ParameterError(f"--method {text} names {name} twice. Leave one out")
    return methods


def parse_radii(text: str) -> list[int] | Literal["all"]:
    """Parse ``4``, ``1,2,5``, ``1:10`` (both ends), any mixture of these, or ``all``.

    Raises:
        ParameterError: the text is not such a list, or has too many radii.
    """
    if text.strip() == "all":
        return "all"
    radii: list[int] = []
    for part in text.split(","):
        found = _RADII.fullmatch(part.strip())
        first, last = (0, -1) if found is None else (int(found[1]), int(found[2] or found[1]))
        if last < first:
            raise ParameterError(f"--radius {text!r} is not a radius. Write 4, 1,2,5, 1:10 or all")
        if len(radii) + last - first >= _MOST_RADII:
            raise ParameterError(
                f"--radius {text} names more than {_MOST_RADII} radii. Write all for every radius that an input has"
            )
        radii += range(first, last + 1)
    return radii


def parse_lambdas(text: str, *, most: int, zero: bool) -> tuple[Fraction, ...]:
    """Parse ``1,0.9,15/64`` as exact numbers, in the order given.

    Args:
        most: the largest possible number of them.
        zero: whether 0 is possible, which keeps nothing.

    Raises:
        ParameterError: the text is not such a list, a number is above 1 or repeated, or there are too many.
    """
    found: list[Fraction] = []
    for part in text.split(","):
        share = exact_share(part)
        if share is None:
            raise ParameterError(f"--lambdas {text!r} is not a list of keep probabilities. Write 1,0.9,0.5 or 1,15/64")
        if share > 1 or (share == 0 and not zero):
            raise ParameterError(
                f"--lambdas {text} contains {part.strip()}, which is not possible. Use shares "
                f"{'from' if zero else 'above'} 0 and at most 1 (not smoothed), such as 1,0.9,0.5"
            )
        if share in found:
            raise ParameterError(f"--lambdas {text} names {part.strip()} twice. Leave one out")
        found.append(share)
    if len(found) > most:
        raise ParameterError(f"--lambdas names {len(found)} keep probabilities. Give at most {most}")
    return tuple(found)


def parse_keep_probability(text: str) -> Fraction:
    """Parse ``"15/64"`` or ``"0.234375"`` exactly.

    Raises:
        ParameterError: the text is not a number, or the number is not above 0 and at most 1.
    """
    share = exact_share(text)
    if share is None:
        raise ParameterError(f"--lambda {text!r:.80} is not a fraction, a decimal or auto. Write 15/64, 0.25 or auto")
    if not 0 < share <= 1:
        raise ParameterError(f"--lambda {text} is not possible. Use a share above 0 and at most 1, such as 15/64")
    return share


def parse_smooth(text: str) -> float | tuple[float, ...]:
    """Parse ``0.75`` or ``3/4`` as one lambda, ``auto`` or ``auto:1/2,1/4`` as lambdas to choose from, largest first.

    Raises:
        ParameterError: anything else, or lambdas that nothing can be chosen from.
    """
    name, colon, lambdas = text.strip().partition(":")
    if name == "auto":
        from stabcert.core.choice import DEFAULT_LAMBDAS, ChoiceQuestion

        if not colon:
            return DEFAULT_LAMBDAS
        shares = [exact_share(part) for part in lambdas.split(",")]
        if any(share is None or not 0 < float(share) < 1 for share in shares):
            raise ParameterError(
                f"--smooth {text!r:.80} must name lambdas above 0 and below 1 after the colon. Write auto:1/2,1/4, or "
                "auto for every eighth"
            )
        if len(shares) > _MOST_LAMBDAS or len(set(shares)) < len(shares):
            raise ParameterError(
                f"--smooth must name at most {_MOST_LAMBDAS} lambdas and each of them once, got {len(shares)} of which "
                f"{len(set(shares))} are different. Leave some out"
            )
        return ChoiceQuestion(tuple(float(share) for share in shares if share is not None)).lambdas
    share = exact_share(text)
    try:
        number = float(text) if share is None else float(share)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ParameterError(
            f"--smooth must be a share from 0 to 1, or auto, got {text!r:.80}. Write 0.75, auto or auto:1/2,1/4"
        )
    return number


def exact_share(text: str) -> Fraction | None:
    """Parse ``"15/64"`` or ``"0.234375"`` exactly, or return None if the text is not a number."""
    text = text.strip()
    if len(text) > _LONGEST_SHARE or not _SHARE.fullmatch(text):
        return None
    return Fraction(re.sub(r"\s", "", text))


def parse_basis(text: str) -> tuple[BasisKind, float | None]:
    """Parse ``standard``, ``monotone`` or ``biased:0.3``, the latter with its keep probability.

    Raises:
        ParameterError: the text is not a basis.
    """
    name, colon, bias = text.strip().partition(":")
    if name == "standard" and not colon:
        return "standard", None
    if name == "monotone" and not colon:
        return "monotone", None
    if name == "biased":
        try:
            probability = float(bias)
        except ValueError:
            probability = 0.0
        if 0.0 < probability < 1.0:
            return "biased", probability
        raise ParameterError(f"--basis {text} needs a probability between 0 and 1. Write biased:0.3")
    raise ParameterError(f"--basis {text!r} does not exist. Use standard, monotone or biased:P, such as biased:0.3")


def parse_top_k(text: str, n_features: int) -> int:
    """Parse ``"12"`` or ``"25%"`` as a number of features. A share is rounded half up, to at least 1.

    Raises:
        ParameterError: the text is not a number, or the result is not from 1 to ``n_features``.
    """
    number, share = read_top_k(text)
    if share:
        return max(1, int(number * n_features / 100 + Decimal("0.5")))
    if number > n_features:
        raise ParameterError(
            f"--top-k {text} is not possible with {n_features} features. Use 1 to {n_features}, or a share such as 25%"
        )
    return int(number)


def read_top_k(text: str) -> tuple[Decimal, bool]:
    """Return a count from 1 or a percentage above 0 and up to 100, and whether it is a percentage.

    Raises:
        ParameterError: the text is impossible for any number of features.
    """
    share = text.strip().endswith("%")
    try:
        number = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ParameterError(f"--top-k {text!r:.80} is not a number. Write a count (12) or a share (25%)")
    if share and not 0 < number <= 100:
        raise ParameterError(f"--top-k {text} is not possible. Use a share above 0% and at most 100%")
    if not share and (number < 1 or number != number.to_integral_value()):
        raise ParameterError(f"--top-k {text} is not possible. Use a whole number from 1, or a share such as 25%")
    return number, share


def check_device(text: str) -> None:
    """Check that a text is the name of a device. The device need not exist.

    Raises:
        ParameterError: the text is not auto, cpu, cuda, cuda:N or mps.
    """
    if not _DEVICE.fullmatch(text):
        raise ParameterError(f"--device {text!r} is not a device. Use auto, cpu, cuda, cuda:0 (or another N) or mps")


def parse_batch_size(text: str) -> BatchSize:
    """Parse ``auto``, or a number from 1.

    Raises:
        ParameterError: the text is neither.
    """
    if text == "auto":
        return "auto"
    if not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise ParameterError(f"--batch-size {text!r} is not possible. Use auto or a number from 1")
    return int(text)

"""Shares of features as exact numbers."""

from __future__ import annotations

import re
from fractions import Fraction

# Short ones only: `Fraction("1e999999999")` would compute all of its digits.
_LONGEST = 60
_SHARE = re.compile(r"\d+\s*/\s*0*[1-9]\d*|\d+\.?\d*|\.\d+", re.ASCII)


def exact_share(text: str) -> Fraction | None:
    """``"15/64"``, ``"0.234375"`` as the number that is written; None if none is."""
    text = text.strip()
    if len(text) > _LONGEST or not _SHARE.fullmatch(text):
        return None
    return Fraction(re.sub(r"\s", "", text))

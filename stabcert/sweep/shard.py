"""The part of a list that one process handles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from stabcert.errors import ParameterError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Part ``index`` (from 1) of ``count``: a contiguous block of the list.

    Guarantees for every list: the parts are disjoint, their union is the list, and their lengths differ by at
    most one. They are in order, so that their joined results are those of the whole list.
    """

    index: int
    count: int

    def of(self, items: Sequence[T]) -> Sequence[T]:
        first, last = ((i * len(items)) // self.count for i in (self.index - 1, self.index))
        return items[first:last]


def parse_shard(text: str) -> Shard:
    """Return the second of four parts for ``"2/4"``.

    Raises:
        ParameterError: the text does not name a part.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ParameterError(f"--shard must be I/N with I from 1 to N, such as 1/4, got {text!r}")
    return Shard(int(found[1]), int(found[2]))

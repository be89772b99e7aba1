"""One process's part of a list."""

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

    Guaranteed for every list: the parts are disjoint, their union is the list, their lengths differ by
    at most one, and they are in order, so that their results one after another are those of the whole.
    """

    index: int
    count: int

    def of(self, items: Sequence[T]) -> Sequence[T]:
        first, last = ((i * len(items)) // self.count for i in (self.index - 1, self.index))
        return items[first:last]


def parse_shard(text: str) -> Shard:
    """``"2/4"`` as the second of four parts.

    Raises:
        ParameterError: anything that is no part.
    """
    found = re.fullmatch(r"([0-9]{1,18})/([0-9]{1,18})", text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ParameterError(f"--shard {text!r} is not possible; write I/N with I from 1 to N, such as 1/4 to 4/4")
    return Shard(int(found[1]), int(found[2]))

"""The number of rows that are evaluated together in one batch."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from stabcert.errors import ParameterError

BatchSize: TypeAlias = int | Literal["auto"]

# The work of one block, in the units of `MaskedInput.cost`: an image of a convolutional network counts
# as IMAGE_COST, a text as its tokens.
IMAGE_COST = 64
_BLOCK_UNITS = {"cpu": 512}
_BLOCK_UNITS_ELSEWHERE = 4096
_ROWS = 4
"""Batches are multiples of this: kernels treat other numbers of rows in another way, which changes last bits."""
_LARGEST = 16
"""Most blocks in a batch."""
_GAIN = 0.97
"""A size is taken if it needs at most this share of the time."""
_TIMES = 2
"""Batches that are timed at each size; the faster one counts, because what disturbs makes slower."""


class BatchSizes:
    """The size of batches: as requested, or found by timing the first batches of the run.

    Rows of equal cost go through the network in *blocks* of a fixed size, and ``auto`` only decides how many
    blocks go together: 1, 2, 4, ... as long as that is faster. What is left of a group is a batch of its own
    whatever was decided. So timing, which differs from run to run, does not change a result, if a
    block has the same bits in a larger batch. On CPUs that is compared for every size before it is used
    (what `timed` returns). On other devices the last digits of attributions may depend on the size; decisions do not.

    Args:
        asked: rows, or ``auto``.

    Raises:
        ParameterError: ``asked`` is below 1.
    """

    def __init__(self, asked: BatchSize, device: torch.device) -> None:
        if asked != "auto" and asked < 1:
            raise ParameterError(
                f"batch_size must be 1 or more, or auto, got {asked}. Use batch_size=auto", "batch_size"
            )
        self._asked = asked
        self._block_units = _BLOCK_UNITS.get(device.type, _BLOCK_UNITS_ELSEWHERE)
        self._most_units: int | None = None
        self._compares_bits = device.type == "cpu"
        self._blocks = 1
        self._trial: int | None = None
        self._settled = False
        self._warm = False
        self._times: dict[int, list[float]] = {}
        self.largest = 1 if asked == "auto" else asked
        """Most rows that were evaluated together so far."""

    def block(self, cost: int) -> int:
        """Return the number of rows of one block at this cost."""
        if self._asked != "auto":
            return self._asked
        return self._fitting(max(_ROWS, self._block_units // cost // _ROWS * _ROWS), cost)

    def rows(self, cost: int, left: int) -> int:
        """Return the number of rows of the next batch, of ``left`` rows of this cost."""
        self._trial, block = None, self.block(cost)
        if self._asked != "auto" or left <= block:
            return min(block, left)
        blocks = self._blocks
        if not self._settled and left >= 2 * _TIMES * self._next * block and len(self._measured) >= _TIMES:
            blocks = self._trial = self._next
        return min(self._fitting(blocks * block, cost), left // block * block)

    @property
    def is_timing(self) -> bool:
        """True while the time of the next batch will be used."""
        return self._asked == "auto" and not self._settled

    def timed(self, rows: int, cost: int, seconds: float) -> bool:
        """Record the time of a batch. Return whether its size is new, so that its bits must still be compared."""
        self.largest = max(self.largest, rows)
        blocks = self._blocks if self._trial is None else self._trial
        if not self.is_timing or rows != blocks * self.block(cost):
            return False
        if not self._warm:  # the first batch of a process also loads kernels
            self._warm = True
            return False
        times = self._times.setdefault(blocks, [])
        times.append(seconds / (rows * cost))
        if self._trial is not None and len(times) == _TIMES:
            if min(times) <= _GAIN * min(self._measured):
                self._blocks = self._trial
                self._settled = self._blocks >= _LARGEST
            else:
                self._settled = True
        return self._compares_bits and self._trial is not None and len(times) == 1

    def refuse(self) -> None:
        """Keep the current size, because the size on trial gives other bits."""
        self._settled, self._trial = True, None

    def halve(self, rows: int, cost: int) -> None:
        """Reduce the size by half, because ``rows`` did not fit into memory; later batches are at most as large."""
        if self._asked == "auto":
            self._most_units, self._settled, self._trial = max(1, rows // 2) * cost, True, None
        else:
            self._asked = max(1, rows // 2)

    @property
    def _next(self) -> int:
        return 2 * self._blocks

    @property
    def _measured(self) -> list[float]:
        return self._times.get(self._blocks, [])

    def _fitting(self, rows: int, cost: int) -> int:
        return rows if self._most_units is None else max(1, min(rows, self._most_units // cost))

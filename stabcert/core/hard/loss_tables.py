"""Predictions on each noise mask with a few of its kept features added."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from stabcert.core.distinct import distinct_masks, distinct_rows
from stabcert.core.hard.subsets import subsets
from stabcert.core.masks import CHUNK_CELLS
from stabcert.core.smoothing import Ballots, SmoothedPredictor, ballots_on
from stabcert.core.types import Mask

_ROWS_AT_ONCE = 8192
_MAX_ENTRIES = 2**24
_MAX_BYTES = 2**28


_Level: TypeAlias = tuple[list[NDArray[np.int64]], NDArray[np.uint8]]
"""Entries of one size as in `LossTables.entries`, and the packed masks that must be evaluated for them."""


class LossTables:
    """Tables of the votes of each distinct noise mask under the additions that it keeps.

    Consider a smoothed prediction on a mask with the features R added. For each noise mask s it depends only on the
    subset of R that s keeps. So the values of the base on all small subsets for each s give the values of the
    smoothed predictor on all small R, with far fewer evaluations.

    Args:
        smoothed: the smoothed predictor.
        mask: ``(n_features,)``, True = kept.
        ballots: ballots of ``mask``, already evaluated.
        full_ballots: ballots of the full input, if already evaluated.
    """

    def __init__(
        self, smoothed: SmoothedPredictor, mask: Mask, ballots: Ballots, full_ballots: Ballots | None = None
    ) -> None:
        self.base = smoothed.base
        self.by_vote = smoothed.scores == "vote"
        self.mask = mask
        self.free = np.flatnonzero(~mask)
        first, where = distinct_masks(smoothed.keep_masks)
        self.copies = np.bincount(where)
        self.keep_masks = smoothed.keep_masks[first]
        """``(p, n_features)``: the distinct noise masks, each of which occurs ``copies`` times."""
        self.kept = [np.flatnonzero(row) for row in self.keep_masks[:, self.free]]
        """The free features that each noise mask keeps, numbered among the free ones."""
        known = [ballots] if full_ballots is None else [ballots, full_ballots]
        self.ballots = _joined(
            [self._needed(Ballots(one.probs[first], one.classes[first], one.near_tie[first])) for one in known]
        )
        """All evaluated ballots; for votes without the probabilities, which would fill the memory."""
        self.entries = [[np.array([row]) for row in range(len(first))]]
        """The row of ``ballots`` for each size, noise mask, and subset of its free features (see `subsets`)."""
        whole = self.keep_masks[:0] if full_ballots is None else self.keep_masks
        codes = np.packbits(whole, axis=1)
        self.known = {code.tobytes(): row for row, code in enumerate(codes, start=len(first))}
        """Rows of the packed masks that the full input shares with the tables: whole noise masks."""
        self.evaluations = 0

    @property
    def depth(self) -> int:
        """Largest number of features added at a time."""
        return len(self.entries) - 1

    @property
    def complete(self) -> bool:
        return self.depth >= max(map(len, self.kept), default=0)

    def deepen(self, depth: int, max_evaluations: int) -> bool:
        """Extend the tables to ``depth`` if at most ``max_evaluations`` suffice in all; otherwise evaluate nothing."""
        levels: list[_Level] = []
        rows = len(self.ballots.classes)
        left = max_evaluations - self.evaluations
        for size in range(self.depth + 1, depth + 1):
            level = self._level(size, rows, left)
            if level is None:
                return False
            levels.append(level)
            rows, left = rows + len(level[1]), left - len(level[1])
        for entries, packed in levels:
            self._evaluate(packed)
            self.entries.append(entries)
        return True

    def _level(self, size: int, rows: int, left: int) -> _Level | None:
        """Return the masks of one size, each once; None if more than ``left`` are new, or memory would be too large."""
        counts = [math.comb(len(kept), size) for kept in self.kept]
        _, group = distinct_masks(self.keep_masks & self.mask)
        groups = [np.flatnonzero(group == g) for g in range(int(group.max()) + 1)]
        known = sum(len(kept) == size for kept in self.kept) if self.known else 0
        at_least = sum(max(counts[s] for s in members) for members in groups) - known
        row_bytes = 8 * self.ballots.probs.shape[1] + len(self.mask) // 8 + 16
        if at_least > left or sum(counts) > _MAX_ENTRIES or (rows + at_least) * row_bytes > _MAX_BYTES:
            return None
        entries: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)] * len(self.kept)
        new: list[NDArray[np.uint8]] = []
        found = 0
        # Noise masks share masks only if they agree on the selected features.
        for members in groups:
            packed = np.concatenate([self._packed(int(s), size) for s in members])
            if len(members) > 1:
                first, where = distinct_rows(packed)
                packed = packed[first]
            else:
                where = np.arange(len(packed))
            row_of = np.full(len(packed), -1)
            if any(len(self.kept[s]) == size for s in members):
                row_of = np.array([self.known.get(code.tobytes(), -1) for code in packed])
            unknown = row_of < 0
            row_of[unknown] = np.arange(unknown.sum()) + rows + found
            ends = np.cumsum([counts[s] for s in members])
            for s, part in zip(members, np.split(where, ends[:-1]), strict=True):
                entries[s] = row_of[part]
            new.append(packed[unknown])
            found += int(unknown.sum())
            if found > left:
                return None
        return entries, np.concatenate(new)

    def _packed(self, s: int, size: int) -> NDArray[np.uint8]:
        """Return the packed masks of noise mask s with each subset of ``size`` features added, in bounded memory."""
        added = self.free[self.kept[s]][subsets(len(self.kept[s]), size)]
        step = max(1, CHUNK_CELLS // max(1, len(self.mask)))
        parts = [np.zeros((0, (len(self.mask) + 7) // 8), dtype=np.uint8)]
        for start in range(0, len(added), step):
            chunk = added[start : start + step]
            masks = np.repeat((self.keep_masks[s] & self.mask)[None], len(chunk), axis=0)
            np.put_along_axis(masks, chunk, True, axis=1)
            parts.append(np.packbits(masks, axis=1))
        return np.concatenate(parts)

    def _evaluate(self, packed: NDArray[np.uint8]) -> None:
        step = max(1, min(_ROWS_AT_ONCE, CHUNK_CELLS // max(1, len(self.mask))))
        parts = [self.ballots]
        for start in range(0, len(packed), step):
            masks = np.unpackbits(packed[start : start + step], axis=1, count=len(self.mask)).view(np.bool_)
            parts.append(self._needed(ballots_on(self.base, masks)))
        self.ballots = _joined(parts)
        self.evaluations += len(packed)

    def _needed(self, ballots: Ballots) -> Ballots:
        # A copy, so that the memory of the probabilities is released.
        return replace(ballots, probs=ballots.probs[:, :0].copy()) if self.by_vote else ballots


def _joined(parts: list[Ballots]) -> Ballots:
    return Ballots(
        np.concatenate([part.probs for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.near_tie for part in parts]),
    )

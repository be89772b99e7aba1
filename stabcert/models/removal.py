"""Removal of tokens from a sequence: batches that contain the kept tokens only, for networks of every family.

`kept_batch` builds the arguments of a network from the tokens of one text and masks of the tokens. Kept tokens keep
their order and, where the network takes position ids, their positions; rows are padded on the right. `Removal`
describes how one network reads such a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REMOVED = "tokens removed"
"""Removal that equals an attention mask of 0 on the dropped tokens."""
HIDDEN = "attention mask"
"""Dropped tokens stay in the sequence, hidden by an attention mask of 0."""
POSITIONS_KEPT = "tokens removed, kept tokens keep their positions"
"""The network reads the kept tokens by their position ids alone, which are those of the full text."""
NEIGHBOURS_CLOSE_UP = "tokens removed, kept tokens keep their position ids and become neighbours"
"""The same position ids, but convolutions, windows of attention and the like reach over the kept tokens only. Also the
name for texts that are longer than those on which the difference was measured."""
MOVED_TOGETHER = "tokens removed, kept tokens move together"
"""The function is that of a text which consists of the kept tokens: the network counts their positions itself."""


@dataclass(frozen=True)
class Removal:
    """The reading of a text without its dropped tokens by one network; `stabcert.models.removal_probe` measures it."""

    name: str
    """The function, in words: one of the constants of this module."""
    passes_positions: bool
    """True if the network reads position ids: each kept token then has the one of the full text."""
    pads: bool
    """True if rows of different lengths can share a batch, because padding on the right changes nothing."""

    @property
    def hides(self) -> bool:
        """True if dropped tokens stay in the sequence."""
        return self.name == HIDDEN

    @property
    def is_own_function(self) -> bool:
        """True if the removal defines the function, because an attention mask does not hide dropped tokens."""
        return self.name not in (HIDDEN, REMOVED)


@dataclass(frozen=True)
class KeptBatch:
    """Rows of kept tokens, padded on the right; all arrays int64 of shape ``(k, width)``."""

    ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    """1 for tokens, 0 for padding. Always give it to the network: without it, transformers takes gaps between
    position ids for the borders of several texts in one row."""
    position_ids: NDArray[np.int64]
    """Position of each token in the full text; of padding, any position of the full text."""
    source: NDArray[np.int64]
    """Index of each token in the full text; of padding, and of ``empty``, any index."""
    last: NDArray[np.int64]
    """``(k,)``: column of the last token, the one that a decoder classifies or continues by."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(k,)``: number of tokens of each row, padding excluded."""
        lengths: NDArray[np.int64] = self.last + 1
        return lengths


def kept_batch(
    ids: NDArray[np.int64],
    keep: NDArray[np.bool_],
    *,
    filler: int,
    empty: int | None = None,
    positions: NDArray[np.int64] | None = None,
    width: int | None = None,
) -> KeptBatch:
    """Return the batch in which only the kept tokens of one text exist, in their order.

    Args:
        ids: ``(n_tokens,)`` token ids of the full text.
        keep: ``(k, n_tokens)``, True for kept tokens.
        filler: id of padding. For a network with a padding id it must be that id. For one without, it must be an id
            that ``ids`` does not contain; see `unused_id`.
        empty: id of the one token, at the first position, that a row without kept tokens consists of. Without it
            every row must keep a token.
        positions: ``(n_tokens,)`` position ids of the full text, by default 0, 1, 2, ...
        width: number of columns, by default the length of the longest row.

    Raises:
        ValueError: a row keeps nothing and ``empty`` is None, or ``width`` is below the length of a row.
    """
    lengths = keep.sum(axis=1, dtype=np.int64)
    nothing = lengths == 0
    if nothing.any() and empty is None:
        raise ValueError("keep must contain a token in every row, got a row without. Give empty=, an id, for it")
    lengths = np.maximum(lengths, 1)
    longest = int(lengths.max(initial=1))
    width = longest if width is None else width
    if width < longest:
        raise ValueError(f"width must be {longest} or more, got {width}. Leave it out for the longest row")
    # A stable sort of "dropped" lists the kept tokens first, in their order.
    order = np.argsort(~keep, axis=1, kind="stable")[:, :width].astype(np.int64)
    order = np.pad(order, ((0, 0), (0, width - order.shape[1])))
    valid = np.arange(width) < lengths[:, None]
    rows = np.where(valid, ids[order], filler)
    if empty is not None:
        rows[nothing, 0] = empty
    every = np.arange(len(ids), dtype=np.int64) if positions is None else positions
    return KeptBatch(rows, valid.astype(np.int64), every[order], order, lengths - 1)


def unused_id(ids: NDArray[np.int64], preferred: int | None = None) -> int:
    """Return an id that ``ids`` does not contain: the preferred one, or else the smallest from 0 on."""
    used = set(ids.tolist())
    if preferred is not None and preferred not in used:
        return preferred
    return next(number for number in range(len(used) + 1) if number not in used)

"""Measurement of how a network reads texts whose dropped tokens are taken out of the sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.errors import ModelError
from stabcert.models.failures import reason
from stabcert.models.removal import MOVED_TOGETHER, NEIGHBOURS_CLOSE_UP, POSITIONS_KEPT, Removal
from stabcert.models.running import accepts, run, to_tensors
from stabcert.models.sequences import (
    DUMMY_WORDS,
    PROBED_TOKENS,
    STRIDE,
    TOLERANCE,
    TokenSequence,
    default_positions,
    dummy_text,
    hides_dropped_tokens,
    in_float32,
    max_tokens,
    removes_tokens_exactly,
)

_MORE_PADDING = 3


@dataclass(frozen=True)
class NoRemoval:
    """The reason why tokens cannot be taken out of the sequences of a network."""

    reason: str
    """A clause without a final period."""


def removal_at_load(
    network: torch.nn.Module, tokenizer: Any, device: torch.device
) -> tuple[bool, Removal | NoRemoval | None]:
    """Return whether removal equals an attention mask, and otherwise how the network reads the kept tokens alone.

    The second result is None where an attention mask keeps dropped tokens out of the logits; it defines the function
    then, exactly or not. See `removes_tokens_exactly`, `hides_dropped_tokens` and `probe_removal`.
    """
    with in_float32(network):  # once for all measurements
        if removes_tokens_exactly(network, tokenizer, device):
            return True, None
        text = dummy_text(network, tokenizer, DUMMY_WORDS)
        if text is not None and text.special.any():
            try:
                if hides_dropped_tokens(network, tokenizer, text, device):
                    return False, None
            except ModelError:  # it takes texts of some lengths only, say
                return False, None
        return False, probe_removal(network, tokenizer, device)


def probe_removal(network: torch.nn.Module, tokenizer: Any, device: torch.device) -> Removal | NoRemoval:
    """Measure how the network classifies the kept tokens of a text, in float32, or return why it cannot be used so.

    Each of a few masks of a dummy text is evaluated alone, then in a batch with padding and other rows around it. The
    logits must agree within 1e-4 of their scale, otherwise rows of equal length only may share a batch. If these do
    not agree either, the network is refused. Where the network takes position ids, they must be those that it counts
    itself, and other ones must change the logits. Positions are kept if, in addition, the logits equal those for an
    attention mask of 0 on the dropped tokens, with the last token kept. Two masks of a text of up to `PROBED_TOKENS`
    tokens are tested in the same way. The network is left as it was.
    """
    short = dummy_text(network, tokenizer, DUMMY_WORDS)
    longest = min(max_tokens(network, tokenizer) or PROBED_TOKENS, PROBED_TOKENS)
    if short is None or len(short) > longest:
        return NoRemoval("words cannot be removed, because the tokenizer of this model does not read letters")
    if not short.special.any() and short.empty is None:
        return NoRemoval(
            "the tokenizer of this model has neither special tokens to add nor an end-of-text token, so nothing is "
            "left to classify without all words"
        )
    long = dummy_text(network, tokenizer, longest - int(short.special.sum()))
    with torch.inference_mode(), in_float32(network):
        try:
            return _Probe(network, device).removal(short, short if long is None else long)
        except ModelError as error:
            return NoRemoval(f"{type(network).__name__} cannot classify a text without its words ({reason(error)})")


def reads_batch_at_length(
    network: torch.nn.Module, text: TokenSequence, removal: Removal, device: torch.device
) -> bool:
    """Return whether other rows of a batch change the logits of a text, which may be longer than those tested at load.

    Some networks choose the frequencies of their rotary positions by the longest text of a batch. The beginning of
    the text, of half of `PROBED_TOKENS`, is evaluated alone, and together with the whole text or, where only rows of
    one length share a batch, with the end of the text.
    """
    own = np.flatnonzero(~text.special)
    size = min(len(own), PROBED_TOKENS) // 2
    keep = np.ones((2, len(text)), dtype=np.bool_)
    keep[0, own[size:]] = False
    if not removal.pads:
        keep[1, own[:-size]] = False
    positions = default_positions(network, text.ids) if removal.passes_positions else None
    with torch.inference_mode():
        alone, both = (
            run(network, to_tensors(text.removed(rows, positions), device), kept_only=True).float()
            for rows in (keep[:1], keep)
        )
    tolerance = TOLERANCE if next(network.parameters()).dtype in (torch.float32, torch.float64) else 2e-2
    return not bool((alone - both[:1]).abs().max() <= tolerance * both.abs().max())


class _Probe:
    def __init__(self, network: torch.nn.Module, device: torch.device) -> None:
        self._network = network
        self._device = device
        self._passes_positions = accepts(network, "position_ids")
        self._scale = torch.tensor(0.0)

    def removal(self, short: TokenSequence, long: TokenSequence) -> Removal | NoRemoval:
        name = type(self._network).__name__
        keep, sparse, beginning = _masks(short), *_long_masks(long)
        alone = self._alone(short, keep)
        # What differs between masks is the scale: a large bias in the head must not hide a difference.
        self._scale = torch.maximum((alone.amax(dim=0) - alone.amin(dim=0)).max(), alone.abs().max() / 10)
        if self._passes_positions and not self._reads_positions(short, keep, alone):
            self._passes_positions = False
            alone = self._alone(short, keep)
        pads = self._pads(short, keep, alone) and self._pads_beside(long, beginning)
        if not pads and not (
            self._groups(short, keep, alone) and self._groups(long, beginning, self._alone(long, beginning))
        ):
            return NoRemoval(
                f"{name} classifies a text by the other texts in its batch as well, so words cannot be removed"
            )
        if not self._passes_positions:
            return Removal(MOVED_TOGETHER, passes_positions=False, pads=pads)
        kept = self._keeps_positions(short, keep) and self._keeps_positions(long, sparse)
        return Removal(POSITIONS_KEPT if kept else NEIGHBOURS_CLOSE_UP, passes_positions=True, pads=pads)

    def _pads(self, text: TokenSequence, keep: NDArray[np.bool_], alone: torch.Tensor) -> bool:
        """Return whether other rows of the batch and padding on the right change nothing, in either order."""
        forwards = self._logits(text, keep, len(text) + _MORE_PADDING)
        backwards = self._logits(text, keep[::-1], len(text)).flip(0)
        return self._equal(forwards, alone) and self._equal(backwards, alone)

    def _pads_beside(self, text: TokenSequence, keep: NDArray[np.bool_]) -> bool:
        """Return whether the whole text in the same batch changes nothing."""
        batch = np.concatenate([np.ones((1, len(text)), dtype=np.bool_), keep])
        return self._equal(self._logits(text, batch)[1:], self._alone(text, keep))

    def _groups(self, text: TokenSequence, keep: NDArray[np.bool_], alone: torch.Tensor) -> bool:
        """Return whether another row of the same length changes nothing, in either order."""
        own = ~text.special
        for row, logits in zip(keep, alone, strict=True):
            other = row.copy()
            other[own] = row[own][::-1]
            for pair, place in ((np.stack([row, other]), 0), (np.stack([other, row]), 1)):
                if not self._equal(self._logits(text, pair)[place], logits):
                    return False
        return True

    def _reads_positions(self, text: TokenSequence, keep: NDArray[np.bool_], alone: torch.Tensor) -> bool:
        """Return whether the positions passed are those that the network counts, and others change the logits."""
        self._passes_positions = False
        counted = self._alone(text, keep)
        self._passes_positions = True
        return self._equal(counted[:1], alone[:1]) and not self._equal(counted, alone)

    def _keeps_positions(self, text: TokenSequence, keep: NDArray[np.bool_]) -> bool:
        """Return whether removal equals an attention mask of 0 where the first and the last token are kept."""
        if not accepts(self._network, "attention_mask"):
            return False
        held = keep.copy()
        held[:, [0, -1]] = True
        inputs = text.hidden(held) | {"position_ids": np.broadcast_to(self._positions(text), held.shape)}
        rows = [{name: value[i : i + 1] for name, value in inputs.items()} for i in range(len(held))]
        hidden = torch.cat([run(self._network, to_tensors(row, self._device)) for row in rows])
        return self._equal(self._alone(text, held), hidden)

    def _alone(self, text: TokenSequence, keep: NDArray[np.bool_]) -> torch.Tensor:
        return torch.cat([self._logits(text, keep[i : i + 1]) for i in range(len(keep))])

    def _logits(self, text: TokenSequence, keep: NDArray[np.bool_], width: int | None = None) -> torch.Tensor:
        inputs = text.removed(keep, self._positions(text) if self._passes_positions else None, width=width)
        return run(self._network, to_tensors(inputs, self._device), kept_only=True)

    def _positions(self, text: TokenSequence) -> NDArray[np.int64]:
        return default_positions(self._network, text.ids)

    def _equal(self, first: torch.Tensor, second: torch.Tensor) -> bool:
        return bool((first - second).abs().max() <= TOLERANCE * self._scale)  # False if either is NaN


def _masks(text: TokenSequence) -> NDArray[np.bool_]:
    """Return masks of tokens: all, every other one, the second and the first half, the special tokens alone."""
    keep = np.ones((5, len(text)), dtype=np.bool_)
    body = np.flatnonzero(~text.special)
    for row, dropped in enumerate((body[::2], body[len(body) // 2 :], body[: len(body) // 2], body), start=1):
        keep[row, dropped] = False
    return keep


def _long_masks(text: TokenSequence) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return masks of tokens, each ``(1, n_tokens)``: some from all over the text, and the beginning."""
    places = np.arange(len(text))
    return (text.special | (places % STRIDE == 1))[None], (text.special | (places < 2 * STRIDE))[None]

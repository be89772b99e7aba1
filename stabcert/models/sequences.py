"""Sequences of tokens with some of them dropped, and tests of how a network reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stabcert.errors import ModelError
from stabcert.models.removal import kept_batch, unused_id
from stabcert.models.running import accepts, embedding_table, pad_token_id, run, to_tensors

PROBED_TOKENS = 512
"""Longest sequence on which `removes_tokens_exactly` compares the two ways of dropping a token."""

_UNLIMITED = 10**9  # tokenizers without a limit return 1e30
DUMMY_WORDS = 8
"""Ordinary tokens of the short text on which networks are tested."""
STRIDE = 16
TOLERANCE = 1e-4


@dataclass(frozen=True)
class TokenSequence:
    """One tokenized text; all arrays int64 of shape ``(n_tokens,)``."""

    ids: NDArray[np.int64]
    token_types: NDArray[np.int64] | None
    """Segment of each token, where the network and its tokenizer use segments."""
    special: NDArray[np.bool_]
    """True for the tokens that the tokenizer added."""
    filler: int
    """Id that fills up shorter rows of a batch; never attended to."""
    empty: int | None = None
    """Id of the end-of-text token that a text without any token consists of, where no special token is always kept."""

    def __len__(self) -> int:
        return len(self.ids)

    def removed(
        self, keep: NDArray[np.bool_], positions: NDArray[np.int64] | None, *, width: int | None = None
    ) -> dict[str, NDArray[np.int64]]:
        """Return inputs in which only the kept tokens exist, at their original positions.

        ``keep`` is ``(k, n_tokens)``; the rows are padded to ``width``, by default to the longest of them. With
        None the network counts positions itself.
        """
        batch = kept_batch(self.ids, keep, filler=self.filler, empty=self.empty, positions=positions, width=width)
        inputs = {"input_ids": batch.ids, "attention_mask": batch.attention_mask}
        if positions is not None:
            inputs["position_ids"] = batch.position_ids
        if self.token_types is not None:
            inputs["token_type_ids"] = self.token_types[batch.source]
        return inputs

    def ends_kept(self, network: torch.nn.Module, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return ``(k,)`` how many end-of-text tokens an encoder-decoder classifies each row by; 0 for other networks.

        It classifies by the last one, and refuses a batch whose rows have different numbers of them.
        """
        config: Any = network.config
        if not getattr(config, "is_encoder_decoder", False):
            return np.zeros(len(keep), dtype=np.int64)
        found: NDArray[np.int64] = (keep & (self.ids == config.eos_token_id)).sum(axis=1, dtype=np.int64)
        return found

    def hidden(self, keep: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
        """Return inputs with every token in place, the dropped ones with attention 0."""
        return self.complete(np.broadcast_to(self.ids, keep.shape)) | {"attention_mask": keep.astype(np.int64)}

    def complete(self, ids: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Return inputs for ``(k, n_tokens)`` ids that are all attended to."""
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        if self.token_types is not None:
            inputs["token_type_ids"] = np.broadcast_to(self.token_types, ids.shape)
        return inputs


def padded_length(lengths: NDArray[np.int64], device: torch.device) -> NDArray[np.int64]:
    """Return the number of tokens to which a row of each length is padded, whatever else is in its batch.

    On a CPU short rows are not padded at all, and long ones by a sixteenth at most, so that enough rows share a
    length. Other devices are faster with larger batches and with lengths that are multiples of 8.
    """
    if device.type == "cpu":
        step = 2 ** np.maximum(0, np.floor(np.log2(np.maximum(1, lengths))).astype(np.int64) - 4)
    else:
        step = np.full_like(lengths, 32)
    padded: NDArray[np.int64] = -(-lengths // step) * step
    return padded


def make_sequence(network: torch.nn.Module, tokenizer: Any, encoding: Any) -> TokenSequence:
    """Return the tokens of one encoding of ``tokenizer`` (with its special tokens mask), for ``network``."""
    ids = np.asarray(encoding["input_ids"], dtype=np.int64)
    types = encoding.get("token_type_ids") if accepts(network, "token_type_ids") else None
    special = np.asarray(encoding["special_tokens_mask"], dtype=np.bool_)
    padding, empty = pad_token_id(network), None if special.any() else tokenizer.eos_token_id
    if padding is None:  # what fills up must not be taken for a token
        padding = unused_id(ids if empty is None else np.append(ids, empty), tokenizer.pad_token_id)
    return TokenSequence(
        ids=ids,
        token_types=None if types is None else np.asarray(types, dtype=np.int64),
        special=special,
        filler=padding,
        empty=empty,
    )


def default_positions(network: torch.nn.Module, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position ids that the network would give to ``ids`` (of one row, all attended to)."""
    padding = padding_position(network)
    if padding is not None:
        present = ids != padding
        return np.where(present, np.cumsum(present), 0).astype(np.int64) + padding
    buffer = getattr(_position_owner(network), "position_ids", None)
    if isinstance(buffer, torch.Tensor) and buffer.numel() >= len(ids):
        first: NDArray[np.int64] = buffer.reshape(-1)[: len(ids)].cpu().numpy().astype(np.int64)
        return first
    return np.arange(len(ids), dtype=np.int64)


def padding_position(network: torch.nn.Module) -> int | None:
    """Return the padding id where positions are counted from it and padding is not (RoBERTa, MPNet), or None."""
    table = getattr(_position_owner(network), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return padding if isinstance(padding, int) else None


def max_tokens(network: torch.nn.Module, tokenizer: Any) -> int | None:
    """Return the longest sequence, with special tokens, that tokenizer and network accept; None: no known limit."""
    limits = [tokenizer.model_max_length]
    positions = getattr(network.config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:  # XLNet has -1
        padding = padding_position(network)
        limits.append(positions if padding is None else positions - padding - 1)
    limit = min(limits)
    return None if limit >= _UNLIMITED else int(limit)


def removes_tokens_exactly(network: torch.nn.Module, tokenizer: Any, device: torch.device) -> bool:
    """Return whether leaving tokens out gives this network's logits for an attention mask of 0 on them.

    Tested on a few masks of a short dummy sequence and one of a sequence of up to
    `PROBED_TOKENS` tokens (networks with windows of attention differ only there). True means: the
    logits agree within 1e-4 of their scale, in float32 whatever the type of the weights. False
    where it cannot be tested. The network is left as it was.
    """
    if not (accepts(network, "position_ids") and accepts(network, "attention_mask")):
        return False
    longest = min(max_tokens(network, tokenizer) or PROBED_TOKENS, PROBED_TOKENS)
    short = dummy_text(network, tokenizer, DUMMY_WORDS)
    if short is None or not short.special.any() or len(short) > longest:
        return False
    long = dummy_text(network, tokenizer, longest - int(short.special.sum()))
    if long is None:
        return False
    keep = np.ones((5, len(short)), dtype=np.bool_)
    body = np.flatnonzero(~short.special)
    for row, dropped in enumerate((body[::2], body[: len(body) // 2], body[len(body) // 2 :], body), start=1):
        keep[row, dropped] = False
    sparse = long.special | (np.arange(len(long)) % STRIDE == 1)
    with torch.inference_mode(), in_float32(network):
        try:
            hidden, removed = _both_forms(network, short, keep, device)
            # What differs between masks is the scale: a large bias in the head must not hide a difference.
            scale = torch.maximum((hidden.amax(dim=0) - hidden.amin(dim=0)).max(), hidden.abs().max() / 10)
            if not (hidden - removed).abs().max() <= TOLERANCE * scale:
                return False
            hidden, removed = _both_forms(network, long, sparse[None, :], device)
        except ModelError:  # it takes texts of some lengths only, say
            return False
        return bool((hidden - removed).abs().max() <= TOLERANCE * scale)


def hides_dropped_tokens(
    network: torch.nn.Module, tokenizer: Any, sequence: TokenSequence, device: torch.device
) -> bool:
    """Return whether an attention mask of 0 keeps the dropped tokens of ``sequence`` out of the logits.

    The test: with all features dropped, other tokens in their place must change nothing.
    """
    if not accepts(network, "attention_mask"):
        return False
    first, second = ordinary_ids(network, tokenizer, 2)
    other = np.where(sequence.ids == first, second, first)
    inputs = sequence.hidden(sequence.special[None, :])
    with torch.inference_mode():
        logits = run(network, to_tensors(inputs, device)).float()
        inputs["input_ids"] = np.where(sequence.special, sequence.ids, other)[None, :]
        changed = run(network, to_tensors(inputs, device)).float()
    tolerance = 1e-5 if next(network.parameters()).dtype in (torch.float32, torch.float64) else 1e-2
    return bool((logits - changed).abs().max() <= tolerance * logits.abs().max())


def _both_forms(
    network: torch.nn.Module, sequence: TokenSequence, keep: NDArray[np.bool_], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    hidden = run(network, to_tensors(sequence.hidden(keep), device))
    positions = default_positions(network, sequence.ids)
    return hidden, run(network, to_tensors(sequence.removed(keep, positions), device))


def dummy_text(network: torch.nn.Module, tokenizer: Any, n_body: int) -> TokenSequence | None:
    """Return the special tokens around ``n_body`` ordinary tokens; None if a letter does not become a token."""
    encoding = tokenizer("a", return_special_tokens_mask=True, verbose=False)
    one = make_sequence(network, tokenizer, encoding)
    body = np.flatnonzero(~one.special)
    if len(body) == 0 or n_body < 1:
        return None
    before, after = slice(0, body[0]), slice(body[-1] + 1, None)
    ordinary = ordinary_ids(network, tokenizer, n_body)

    def around(values: NDArray[Any], middle: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([values[before], middle, values[after]])

    types = one.token_types
    return TokenSequence(
        ids=around(one.ids, ordinary),
        token_types=None if types is None else around(types, np.repeat(types[body[:1]], n_body)),
        special=around(one.special, np.zeros(n_body, dtype=np.bool_)),
        filler=one.filler if pad_token_id(network) is not None else unused_id(np.append(one.ids, ordinary)),
        empty=one.empty,
    )


def ordinary_ids(network: torch.nn.Module, tokenizer: Any, count: int) -> NDArray[np.int64]:
    """Return ids of tokens that are not special, from all over the vocabulary."""
    table = embedding_table(network)
    known = len(tokenizer) if table is None else min(len(tokenizer), table.num_embeddings)
    padding = pad_token_id(network)
    ids = np.setdiff1d(np.arange(known), [*tokenizer.all_special_ids, *([] if padding is None else [padding])])
    chosen: NDArray[np.int64] = ids[np.linspace(0, len(ids) - 1, count).astype(np.int64)]
    return chosen


def _position_owner(network: torch.nn.Module) -> torch.nn.Module | None:
    owners = (m for m in network.modules() if isinstance(getattr(m, "position_embeddings", None), torch.nn.Module))
    return next(owners, None)


@contextmanager
def in_float32(network: torch.nn.Module) -> Iterator[None]:
    """Convert half-precision weights to float32 during the block; converting back is exact."""
    half = [
        (tensor, tensor.dtype)
        for tensor in chain(network.parameters(), network.buffers())
        if tensor.dtype in (torch.bfloat16, torch.float16)
    ]
    try:
        for tensor, _ in half:
            tensor.data = tensor.data.float()
        yield
    finally:
        for tensor, dtype in half:
            tensor.data = tensor.data.to(dtype)

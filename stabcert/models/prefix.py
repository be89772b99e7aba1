"""The tokens of a prompt before its input, which a causal network reads once for all masks."""

from __future__ import annotations

import copy
from typing import Any

import torch

from stabcert.models.running import accepts, embedding_table

LEAST = 8
"""Shorter beginnings are not worth their bookkeeping."""


class SharedPrefix:
    """Keys and values of the first tokens of every row, computed once for each kind of arithmetic.

    In a causal network they do not depend on what follows. They are used only where all rows begin with these tokens
    at the positions 0, 1, 2, ..., and where no gradients are computed.

    Args:
        ids: the tokens; empty: nothing is shared.
    """

    def __init__(self, ids: tuple[int, ...]) -> None:
        self.ids = ids
        self._stored: dict[object, Any] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedPrefix:
        return SharedPrefix(self.ids)  # a copy of the network computes in another type

    def begins(
        self, network: torch.nn.Module, ids: torch.Tensor, positions: torch.Tensor, attention_mask: torch.Tensor
    ) -> bool:
        """Return whether all rows begin with the shared tokens, at least one more follows, and nothing is traced."""
        n = len(self.ids)
        if n < LEAST or torch.is_grad_enabled() or torch.compiler.is_compiling() or ids.shape[1] <= n:
            return False
        table = embedding_table(network)
        if table is None or table._forward_hooks:  # vectors are read in the place of the embeddings
            return False
        own = torch.tensor(self.ids, device=ids.device)
        same = (ids[:, :n] == own) & (positions[:, :n] == torch.arange(n, device=ids.device))
        return bool((same & (attention_mask[:, : n + 1].amin(dim=1, keepdim=True) > 0)).all())

    def cache(self, network: torch.nn.Module, rows: int, device: torch.device) -> dict[str, Any] | None:
        """Return the arguments of the network that contain the keys and values; None if it does not keep these alone.

        Networks with windows of attention or a state of their own keep something else.
        """
        from transformers.cache_utils import DynamicCache, DynamicLayer

        name = next((name for name in ("cache", "past_key_values") if accepts(network, name)), None)
        if name is None:
            return None
        kind = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None
        if kind not in self._stored:
            kept = DynamicCache(config=network.config)
            if not all(type(layer) is DynamicLayer for layer in kept.layers):
                self._stored[kind] = None
            else:
                ids = torch.tensor([self.ids], device=device)
                positions = torch.arange(len(self.ids), device=device)[None]
                network(
                    ids, attention_mask=torch.ones_like(ids), position_ids=positions, use_cache=True, **{name: kept}
                )
                complete = kept.get_seq_length() == len(self.ids)
                self._stored[kind] = kept if complete else None
        if self._stored[kind] is None:
            return None
        repeated = copy.deepcopy(self._stored[kind])
        repeated.batch_repeat_interleave(rows)
        return {name: repeated, "use_cache": True}

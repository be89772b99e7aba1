"""Protection of a network against its own changes: some change their parts for one input and keep the change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_TABLES = ("_modules", "_parameters", "_buffers", "_forward_hooks", "_forward_pre_hooks")
_NOTHING: dict[str, Any] = {}
_OF_TORCH = frozenset(vars(torch.nn.Module()))
"""Names that every part has; among them tables of hooks, for all of which a copy would take too long."""


@contextmanager
def unchanged(network: torch.nn.Module) -> Iterator[None]:
    """Put every part, attribute, hook and configuration of a network back to what it was before the block.

    Dictionaries among the attributes get their contents back. LeViT, for example, stores its attention biases in one,
    and a tensor that was stored in inference mode can have no gradients later.

    BigBird, for example, replaces its sparse attention by full attention for good when it reads a short text, so that
    a long text would then be classified by another function. The state of torch's generator on the CPU is put back,
    too, because Reformer seeds it. Numbers that are changed in place are not put back: networks of transformers
    and timm do not change any in evaluation mode.
    """
    # Most tables of hooks are empty, and stay so: no copy of them, because ten copies a part would take milliseconds.
    before = [(holder, holder.copy() if holder else _NOTHING) for holder in _holders(network)]
    generator = torch.get_rng_state()
    try:
        yield
    finally:
        for holder, kept in before:
            if (holder or kept) and not _same(holder, kept):
                holder.clear()
                holder.update(kept)
        torch.set_rng_state(generator)


def _holders(network: torch.nn.Module) -> list[dict[str, Any]]:
    """Return the dictionaries that contain the state of the parts of a network and of their configurations."""
    holders, parts, seen = [], [network], {id(network)}
    for part in parts:  # grows while it is read
        own = part.__dict__
        holders.append(own)
        holders += [own[name] for name in _TABLES]
        holders += [own[name] for name in own.keys() - _OF_TORCH if isinstance(own[name], dict)]
        config = own.get("config")
        if config is not None and id(config) not in seen and hasattr(config, "__dict__"):
            seen.add(id(config))
            holders.append(config.__dict__)
        for child in own["_modules"].values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                parts.append(child)
    return holders


def _same(holder: dict[str, Any], kept: dict[str, Any]) -> bool:
    try:
        return holder == kept  # values that are one object are equal without being compared
    except (RuntimeError, ValueError, TypeError):  # of two tensors
        return False

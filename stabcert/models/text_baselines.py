"""Replacements of a dropped word, and the ones that a network supports."""

from __future__ import annotations

from typing import Any

import torch

from stabcert.errors import ParameterError
from stabcert.models.running import accepts
from stabcert.models.sequences import PROBED_TOKENS, TokenSequence, hides_dropped_tokens

SUBSTITUTES = ("mask", "pad", "unk")
BASELINES = ("remove", *SUBSTITUTES)


def substitutes_of(tokenizer: Any) -> dict[str, int]:
    """Return the id of each of `SUBSTITUTES` that a tokenizer has."""
    named = {name: getattr(tokenizer, f"{name}_token_id") for name in SUBSTITUTES}
    return {name: token for name, token in named.items() if token is not None}


def removal_of(
    baseline: str,
    network: torch.nn.Module,
    tokenizer: Any,
    sequence: TokenSequence,
    *,
    removes_tokens: bool,
    device: torch.device,
) -> str | None:
    """Return how tokens are removed, ``tokens removed`` or ``attention mask``; None where they are substituted.

    Raises:
        ParameterError: this network does not have this baseline; the message names those that it has.
    """
    model, substitutes = type(network).__name__, substitutes_of(tokenizer)
    possible = [name for name in substitutes if name != "pad" or accepts(network, "position_ids")]
    if baseline in possible:
        return None
    removal, problem = _removal(network, tokenizer, sequence, removes_tokens, device)
    if baseline != "remove":
        if baseline in substitutes:
            problem = f"{model} does not take position ids, so padding in the place of a word may move other words"
        else:
            problem = f"the tokenizer of this model has no {baseline} token"
        if removal is not None:
            possible = ["remove", *possible]
    elif removal is not None:
        return removal
    advice = (
        f"Use baseline='{'|'.join(possible)}'"
        if possible
        else "Give another model, because no baseline is possible with this one"
    )
    raise ParameterError(f"{problem}. {advice}")


def _removal(
    network: torch.nn.Module, tokenizer: Any, sequence: TokenSequence, removes_tokens: bool, device: torch.device
) -> tuple[str | None, str]:
    """Return how tokens are removed, or None and the reason why they cannot be removed."""
    if not sequence.special.any():
        return None, (
            "the tokenizer of this model adds no special token, so nothing would be left to classify when all "
            "words are removed"
        )
    if removes_tokens and len(sequence) <= PROBED_TOKENS:
        return "tokens removed", ""
    if hides_dropped_tokens(network, tokenizer, sequence, device):
        return "attention mask", ""
    return None, f"{type(network).__name__} reads tokens even where its attention mask is 0, so words cannot be removed"

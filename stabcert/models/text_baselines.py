"""Replacements of a dropped word, and the ones that a network supports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from stabcert.errors import ParameterError
from stabcert.models.removal import HIDDEN, NEIGHBOURS_CLOSE_UP, POSITIONS_KEPT, REMOVED, Removal
from stabcert.models.removal_probe import NoRemoval, reads_batch_at_length
from stabcert.models.running import accepts
from stabcert.models.sequences import PROBED_TOKENS, TokenSequence, hides_dropped_tokens
from stabcert.models.text_features import text_feature

SUBSTITUTES = ("mask", "pad", "unk")
BASELINES = ("remove", *SUBSTITUTES)
_EXACT = Removal(REMOVED, passes_positions=True, pads=True)
_HIDING = Removal(HIDDEN, passes_positions=False, pads=True)


def substitutes_of(tokenizer: Any) -> dict[str, int]:
    """Return the id of each of `SUBSTITUTES` that a tokenizer has."""
    named = {name: getattr(tokenizer, f"{name}_token_id") for name in SUBSTITUTES}
    return {name: token for name, token in named.items() if token is not None}


def check_choices(features: str, baseline: str) -> None:
    """Raise a ParameterError unless these features and this baseline are possible for some text."""
    text_feature(features)
    if baseline not in BASELINES:
        raise ParameterError(
            f"baseline {baseline!r} is not possible for a text. Use baseline='{'|'.join(BASELINES)}'", "baseline"
        )


def relaxation_token(tokenizer: Any, baseline: str) -> tuple[str, int] | None:
    """Return name and id of the token to which embeddings are interpolated; None where the tokenizer has none."""
    known = substitutes_of(tokenizer)
    if baseline == "remove" and tokenizer.eos_token_id is not None:
        known["eos"] = tokenizer.eos_token_id
    order = ("mask", "unk", "pad", "eos") if baseline == "remove" else (baseline,)
    return next(((name, known[name]) for name in order if name in known), None)


def removal_notes(tokenizer: Any, leftover: Removal | NoRemoval | None) -> tuple[str, ...]:
    """Return notes on a removal that an attention mask could not replace."""
    if not isinstance(leftover, Removal):
        return ()
    note = (
        "an attention mask does not hide dropped tokens from this model, so baseline='remove' takes them out of the "
        f"sequence ({leftover.name})"
    )
    encoding = tokenizer("a", return_special_tokens_mask=True, verbose=False)
    if any(encoding["special_tokens_mask"]):
        return (note,)
    empty = end_of_text(tokenizer, tokenizer.eos_token_id)
    return (f"{note}. The tokenizer adds no special token: a text without any word is the one token {empty}",)


def end_of_text(tokenizer: Any, token: int | None) -> str:
    """Return the string of the end-of-text token that an empty text consists of."""
    return str(tokenizer.convert_ids_to_tokens(token))


def removal_of(
    baseline: str,
    network: torch.nn.Module,
    tokenizer: Any,
    sequence: TokenSequence,
    *,
    removes_tokens: bool,
    leftover: Removal | NoRemoval | None,
    device: torch.device,
) -> Removal | None:
    """Return how tokens are removed; None where they are substituted.

    Args:
        leftover: the second result of `stabcert.models.removal_probe.removal_at_load`.

    Raises:
        ParameterError: this network does not have this baseline; the message names those that it has.
    """
    model, substitutes = type(network).__name__, substitutes_of(tokenizer)
    possible = [name for name in substitutes if name != "pad" or accepts(network, "position_ids")]
    if baseline in possible:
        return None
    removal, problem = _removal(network, tokenizer, sequence, removes_tokens, leftover, device)
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
    network: torch.nn.Module,
    tokenizer: Any,
    sequence: TokenSequence,
    removes_tokens: bool,
    leftover: Removal | NoRemoval | None,
    device: torch.device,
) -> tuple[Removal | None, str]:
    """Return how tokens are removed, or None and the reason why they cannot be removed."""
    if isinstance(leftover, Removal) and (sequence.special.any() or sequence.empty is not None):
        if len(sequence) <= PROBED_TOKENS:
            return leftover, ""
        if reads_batch_at_length(network, sequence, leftover, device):
            return None, (
                f"{type(network).__name__} reads a text in another way beside one of {len(sequence)} tokens, "
                "so words cannot be removed"
            )
        # A window of attention may be longer than what was tested.
        return replace(leftover, name=NEIGHBOURS_CLOSE_UP if leftover.name == POSITIONS_KEPT else leftover.name), ""
    if isinstance(leftover, NoRemoval):
        return None, leftover.reason
    if not sequence.special.any():
        return None, (
            "the tokenizer of this model adds no special token to this input, so nothing would be left to classify "
            "when all words are removed"
        )
    if removes_tokens and len(sequence) <= PROBED_TOKENS:
        return _EXACT, ""
    if hides_dropped_tokens(network, tokenizer, sequence, device):
        return _HIDING, ""
    return None, f"{type(network).__name__} reads tokens even where its attention mask is 0, so words cannot be removed"

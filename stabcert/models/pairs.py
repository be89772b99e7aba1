"""Pairs of texts: the sides that are explained, and the networks that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stabcert.core.types import SIDES
from stabcert.errors import InputError, ModelError, ParameterError
from stabcert.models.words import check_text

if TYPE_CHECKING:
    from stabcert.models.sequences import TokenSequence

EXPLAIN_SIDES = ("both", *SIDES)
"""The texts of a pair whose words may be dropped; the words of the other text are always kept."""


def explained_places(explain_side: str | None, *, pair: bool) -> tuple[int, ...]:
    """Return the numbers of the explained texts: 0 for the first, 1 for the second.

    Args:
        explain_side: one of `EXPLAIN_SIDES`; None for all texts.
        pair: whether the input is a pair.

    Raises:
        ParameterError: the side does not exist.
    """
    if explain_side is None:
        return (0, 1) if pair else (0,)
    if explain_side not in EXPLAIN_SIDES:
        raise ParameterError(
            f"explain_side must be {', '.join(EXPLAIN_SIDES[:-1])} or {EXPLAIN_SIDES[-1]}, got {explain_side!r}. "
            "Use explain_side='both'",
            "explain_side",
        )
    if not pair:
        raise ParameterError(
            "explain_side needs a pair of texts. Leave it out, or give the second text as text_pair",
            "explain_side",
        )
    return (0, 1) if explain_side == "both" else (SIDES.index(explain_side),)


def check_second(text: str) -> None:
    """Raise an InputError unless the second text of a pair can be used."""
    if not text.strip():
        raise InputError("the second text is empty. Give at least one word, or leave it out")
    check_text(text)


def check_segments(network: Any, sequence: TokenSequence) -> None:
    """Raise a ModelError if the tokenizer numbers more segments than the network has."""
    known = getattr(network.config, "type_vocab_size", None)
    if sequence.token_types is None or not known:  # 0 where segments are read and ignored
        return
    needed = int(sequence.token_types.max()) + 1
    if needed > known:
        raise ModelError(
            f"{type(network).__name__} has {known} segment{'s' if known > 1 else ''}, but its tokenizer gives the two "
            f"texts of a pair {needed}. Give a model that was trained on pairs, or one text"
        )


def segment_notes(network: Any, sequence: TokenSequence) -> tuple[str, ...]:
    """Return a note if the network has segments for two texts, and the tokenizer gives both texts the same one."""
    known = getattr(network.config, "type_vocab_size", None) or 1
    told_apart = sequence.token_types is not None and len(set(sequence.token_types.tolist())) > 1
    if known < 2 or told_apart:
        return ()
    return (
        f"{type(network).__name__} has {known} segments, and its tokenizer gives both texts the same one, as the "
        "pipeline of the installed transformers does",
    )

"""The features that a text can be divided into; a new kind of feature is one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stabcert.models.words import Span, split_sentences, split_words


@dataclass(frozen=True)
class TextFeature:
    """One kind of feature of texts."""

    split: Callable[[str], list[Span]] | None
    """Start and end of each feature in a text; None where the model's tokenizer divides it."""
    nouns: tuple[str, str]
    """Its name, for one and for several."""


TEXT_FEATURES = {
    "word": TextFeature(split_words, ("word", "words")),
    "token": TextFeature(None, ("token", "tokens")),
    "sentence": TextFeature(split_sentences, ("sentence", "sentences")),
}

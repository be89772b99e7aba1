"""The features that a text can be divided into; a new kind of feature is one entry here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from stabcert.errors import ParameterError
from stabcert.models.words import Span, split_matches, split_passages, split_sentences, split_words


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
    "passage": TextFeature(split_passages, ("passage", "passages")),
}
_REGEX = "regex:"
TEXT_SPECS = (*TEXT_FEATURES, f"{_REGEX}PATTERN")
"""The kinds of features as messages list them."""


def text_feature(spec: str) -> TextFeature:
    """Return the kind of feature of a specification: a name of `TEXT_FEATURES`, or ``regex:PATTERN``.

    With ``regex:PATTERN`` each match of the regular expression is a feature; see `split_matches`.

    Raises:
        ParameterError: the specification does not exist, or the pattern is not a regular expression.
    """
    if spec in TEXT_FEATURES:
        return TEXT_FEATURES[spec]
    if not spec.startswith(_REGEX):
        raise ParameterError(
            f"features {spec!r} are not possible for a text. Use features='{'|'.join(TEXT_SPECS)}'", "features"
        )
    pattern = spec.removeprefix(_REGEX)
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ParameterError(
            f"features must be {_REGEX} and a regular expression of Python, got {pattern!r:.80} ({error}). "
            rf"Use for example 'regex:\w+'",
            "features",
        ) from error
    if not pattern:
        raise ParameterError(rf"features must have a pattern after {_REGEX}. Use for example 'regex:\w+'", "features")
    return TextFeature(partial(split_matches, compiled), ("match", "matches"))

"""One text or a pair of texts as tokens, and the features that these tokens belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stabcert.core.types import SIDES, Feature, Features, Side
from stabcert.errors import InputError, ModelError
from stabcert.models.failures import failing
from stabcert.models.text_features import text_feature
from stabcert.models.words import Span, clip_spans, group_tokens

ADDED = -1
"""The place of tokens that the tokenizer added, which belong to neither text."""


@dataclass(frozen=True)
class Tokenized:
    """The tokens of one text, or of the two texts of a pair in one sequence."""

    texts: tuple[str, ...]
    encoding: Any
    """The tokenizer's result, with the mask of special tokens."""
    places: NDArray[np.int64]
    """Number of the text that each token belongs to, or `ADDED`."""
    n_total: int
    """Tokens before the texts were cut, special tokens included."""
    lost: tuple[int, ...]
    """Number of tokens that were cut from each text."""

    def __len__(self) -> int:
        return len(self.places)

    @property
    def truncated(self) -> bool:
        return len(self) < self.n_total

    @property
    def offsets(self) -> list[Span]:
        """Start and end of each token in its text."""
        return [(int(start), int(end)) for start, end in self.encoding["offset_mapping"]]

    def name(self, place: int) -> str:
        """Return what messages call a text."""
        return f"{SIDES[place]} text" if len(self.texts) > 1 else "text"

    @property
    def cut(self) -> tuple[Side, ...]:
        """The texts of a pair that lost tokens."""
        return tuple(side for side, lost in zip(SIDES, self.lost, strict=False) if lost) if len(self.texts) > 1 else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how a pair is read."""
        if len(self.texts) < 2:
            return ()
        before = [int((self.places == place).sum()) + lost for place, lost in enumerate(self.lost)]
        cuts = [
            f"the {self.name(place)} was cut from {before[place]} to {before[place] - lost} tokens"
            for place, lost in enumerate(self.lost)
            if lost
        ]
        last, first = np.flatnonzero(self.places == 0)[-1], np.flatnonzero(self.places == 1)[0]
        joined = () if first - last > 1 else ("the tokenizer puts no separator between the two texts",)
        return (*cuts, *joined)


def tokenize(tokenizer: Any, texts: tuple[str, ...], *, limit: int | None, truncate: bool) -> Tokenized:
    """Return one text, or the two texts of a pair, as the tokenizer gives them to the network.

    Args:
        tokenizer: a fast tokenizer of transformers.
        texts: one or two texts.
        limit: number of tokens that the network reads at most; None without a limit.
        truncate: if True, cut texts that are too long as the tokenizer does, of a pair the longer one.

    Raises:
        InputError: the texts are too long and ``truncate`` is False, or one of a pair has no token.
        ModelError: the tokenizer does not return which text a token belongs to.
    """
    options = {
        "padding": False,
        "return_offsets_mapping": True,
        "return_special_tokens_mask": True,
        "verbose": False,
    }
    with failing(f"the tokenizer {type(tokenizer).__name__}"):
        encoding = tokenizer(*texts, truncation=False, **options)
    places = whole = _places(tokenizer, encoding, texts)
    total = len(places)
    if limit is not None and total > limit:
        if not truncate:
            texts_have = "the text has" if len(texts) == 1 else "the two texts together have"
            shorten = "Shorten it, or use truncate=True to cut it"
            if len(texts) > 1:
                shorten = "Shorten them, or use truncate=True to cut the longer one"
            raise InputError(f"{texts_have} {total} tokens, but the model reads at most {limit}. {shorten}")
        with failing(f"the tokenizer {type(tokenizer).__name__}"):
            encoding = tokenizer(*texts, truncation=True, max_length=limit, **options)
        places = _places(tokenizer, encoding, texts)
    lost = tuple(int((whole == place).sum() - (places == place).sum()) for place in range(len(texts)))
    found = Tokenized(texts, encoding, places, total, lost)
    for place, text in enumerate(texts if len(texts) > 1 else ()):
        if not (places == place).any():
            raise InputError(
                f"the {found.name(place)} {text[:40]!r} has no token that the model reads. Give another text"
            )
    return found


def divide(tokenized: Tokenized, tokenizer: Any, kind: str, explained: Sequence[int]) -> tuple[Features, NDArray[Any]]:
    """Return the features of the explained texts, and the feature of each token; -1 for tokens that are always kept.

    Args:
        kind: a specification that `text_feature` takes.
        explained: numbers of the texts that are divided into features.

    Raises:
        InputError: an explained text has no feature.
    """
    items: list[Feature] = []
    feature_of_token = np.full(len(tokenized), -1)
    for place in explained:
        found, groups, own = _features(tokenized, tokenizer, kind, place)
        if not found:
            what = f"match of {kind}" if kind.startswith("regex:") else kind
            raise InputError(
                f"the {tokenized.name(place)} {tokenized.texts[place][:40]!r} has no {what} that the model's tokenizer "
                "can read. Give another text" + (" or pattern" if what != kind else "")
            )
        for number, group in enumerate(groups, start=len(items)):
            feature_of_token[own[group]] = number
        items += found
    return Features(kind, tuple(items), (len(items),), text_feature(kind).nouns), feature_of_token


def _features(
    tokenized: Tokenized, tokenizer: Any, kind: str, place: int
) -> tuple[list[Feature], list[list[int]], NDArray[np.intp]]:
    """Return the features of one text, the tokens of each by their number in the text, and the text's tokens."""
    text, side = tokenized.texts[place], SIDES[place] if len(tokenized.texts) > 1 else None
    own, everywhere = np.flatnonzero(tokenized.places == place), tokenized.offsets
    offsets = [everywhere[token] for token in own]
    split = text_feature(kind).split
    if split is None:
        strings = tokenizer.convert_ids_to_tokens([int(tokenized.encoding["input_ids"][token]) for token in own])
        items = [
            Feature(text[start:end] or string, span=(start, end) if start < end else None, side=side)
            for (start, end), string in zip(offsets, strings, strict=True)
        ]
        return items, [[i] for i in range(len(own))], own
    spans = split(text)
    if tokenized.truncated:
        spans = clip_spans(spans, offsets)
    found, groups = group_tokens(offsets, spans)
    return [Feature(text[start:end], span=(start, end), side=side) for start, end in found], groups, own


def _places(tokenizer: Any, encoding: Any, texts: tuple[str, ...]) -> NDArray[np.int64]:
    special = np.asarray(encoding["special_tokens_mask"], dtype=np.bool_)
    if len(texts) == 1:
        return np.where(special, ADDED, 0).astype(np.int64)
    numbers = [ADDED if number is None else number for number in encoding.sequence_ids(0)]
    places = np.where(special, ADDED, numbers).astype(np.int64)
    if ((places == ADDED) & ~special).any():
        raise ModelError(
            f"the tokenizer {type(tokenizer).__name__} does not return which of two texts a token belongs to, so a "
            "pair cannot be divided. Use a model with another tokenizer"
        )
    return places

"""Sources of random numbers: one generator for each purpose, so that two statements never share one by accident.

A stream is derived by SHA-256 from everything that defines one statement. It is derived from the seed alone where the
numbers are a part of the certified function.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.core.given import check_generator

STREAM_RULE = 2
"""Rule by which streams are derived. A record without a number uses rule 1: from the seed and the input alone."""
SMOOTHED_STREAM_RULE = 3
"""Rule of soft certificates of smoothed models: rule 2, with lambda replaced by the simplest one that has the same
noise masks (`stabcert.core.same_noise`). Records with rule 2 keep their draws."""


class Stream(IntEnum):
    """Purpose of the draws for one input. Existing records depend on these numbers."""

    certificate = 0
    """Additions of a soft certificate."""
    search = 1
    """Additions of the search for a stable mask."""
    neighbours = 2
    """Neighbours of an input."""
    bernoulli = 3
    """Noise of a hard certificate with Bernoulli noise."""
    attack = 4
    """Searches for counterexamples."""
    spectrum = 5
    """Masks of an estimated spectrum."""
    additions = 6
    """Additions of an accuracy-stability curve."""
    comparison = 7
    """Random masks and additions of a comparison of two models."""


SMOOTHING_STREAM = 64
"""Frozen noise of a soft certificate of a smoothed model, and of a curve, which draws in another way."""
NOISE_STREAM = 65
"""Frozen noise of a hard certificate; its records contain this number."""
ADAPT_STREAM = 66
"""Masks, crops and the order of inputs while a model is adapted; apart from all noise that is certified later."""


@dataclass(frozen=True)
class Draws:
    """Source of the random numbers for one input and one model, beside the request."""

    seed: int
    input_sha256: str
    model: str
    """Digest of weights and configuration; of the name where weights cannot be hashed."""
    copy: int = 0
    """Number of equal inputs before this one. Where a sum over inputs is bounded, each has its own draws."""

    def generator(
        self, stream: Stream, chosen: NDArray[Any] | None, request: Mapping[str, Any], *, rule: int = STREAM_RULE
    ) -> Generator:
        """Return the generator of one statement.

        Another mask, threshold or number of samples has other draws. So one cannot search for a mask or threshold
        that happens to fit known draws. Order, other inputs, device and batch size do not affect the draws.

        Args:
            stream: the purpose.
            chosen: the mask, or another array that represents the explanation; None where each of several masks has
                its own part of the stream.
            request: the parameters of the statement as plain values.
            rule: 1 for the draws of records without a rule.
        """
        if rule == 1:
            return self.apart(stream)
        words = digest(
            {
                "seed": self.seed,
                "stream": int(stream),
                "input": self.input_sha256,
                "copy": self.copy,
                "model": self.model,
                "explanation": None if chosen is None else [int(value) for value in chosen],
                "request": dict(request),
            }
        )
        return np.random.default_rng(int(words, 16))

    def apart(self, stream: Stream) -> Generator:
        """Return a generator on which no statement depends: for counterexample searches and neighbours."""
        words = [self.seed, int(self.input_sha256[:16], 16)]
        return np.random.default_rng(words if stream is Stream.certificate else [*words, stream])


def model_digest(
    sha256: str | None, config_sha256: str | None, name: str, settings: Mapping[str, Any] | None = None
) -> str:
    """Return the digest that represents a model in the derivation of draws; its location does not matter.

    Args:
        sha256: hash of the weights.
        config_sha256: hash of all other files that define it.
        name: its name, which counts only where weights cannot be hashed.
        settings: plain values that define its function beside its files; None and empty are the same.
    """
    files = {"sha256": sha256, "config_sha256": config_sha256, "name": None if sha256 else name}
    return digest(files | ({"settings": dict(settings)} if settings else {}))


def noise_generator(seed: int, stream: int) -> Generator:
    """Return the generator of frozen noise.

    The noise is part of the certified function, so it must not depend on the input or on the mask.
    """
    return np.random.default_rng([seed, stream])


def words_of(rng: Generator) -> list[int]:
    """Return two words of entropy, from which `part_of` derives streams that are independent of each other's use.

    Raises:
        InputError: ``rng`` is not a generator of numpy.
    """
    check_generator(rng)
    return [int(word) for word in rng.integers(2**63, size=2)]


def part_of(words: list[int], *purpose: int) -> Generator:
    """Return the stream of one purpose; the same words and purpose give the same numbers each time."""
    return np.random.default_rng([*words, *purpose])


def digest(value: Any) -> str:
    """Return the SHA-256 of plain values as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()

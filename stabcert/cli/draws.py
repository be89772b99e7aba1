"""Random numbers of the commands: which generator draws what, so that no two statements share one by accident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from stabcert.sweep.key import digest

STREAM_RULE = 2
"""How streams are derived now; a record without a number was made by rule 1, from the seed and the input alone."""


class Stream(IntEnum):
    """What is drawn for one input."""

    certificate = 0
    """``certify-soft``"""
    search = 1
    """``explain --until-stable``"""
    neighbours = 2
    """``explain --neighbours``"""
    bernoulli = 3
    """``certify-hard --noise bernoulli``"""
    attack = 4
    """``certify-hard --attack``"""
    spectrum = 5
    """``fourier``, where the spectrum is estimated"""
    additions = 6
    """``smooth-eval``"""


SMOOTHING_STREAM = 64
"""Of frozen noise: ``certify-soft --smooth`` and ``smooth-eval``, which draws in another way. ``certify-hard`` has
`stabcert.core.hard.finding.NOISE_STREAM`, which stands in its records."""


_SINCE_RULE_2 = ("family", "stream_rule")
_SINCE_CONSISTENCY = ("allow_inconsistent", "allow_vacuous")


def as_recorded(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request as its record contains it: one that was made earlier has no fields that came later."""
    later = _SINCE_RULE_2 if request["stream_rule"] == 1 else ()
    later = (*later, *(name for name in _SINCE_CONSISTENCY if request[name] is None))
    return {name: value for name, value in request.items() if name not in later}


@dataclass(frozen=True)
class Draws:
    """What the random numbers of one input in front of one model are derived from, beside the request."""

    seed: int
    input_sha256: str
    model: str
    """Digest of weights and configuration; of the name where there are no weights to hash."""
    copy: int = 0
    """How many equal inputs stand before this one: where a sum over inputs is bounded, each has draws of its own."""

    def generator(
        self, stream: Stream, chosen: NDArray[Any] | None, request: Mapping[str, Any], *, rule: int = STREAM_RULE
    ) -> Generator:
        """Return the generator of one statement.

        Another mask, another threshold or another number of samples are other draws, so that nobody can look for
        the one that happens to fit draws that are known already. Order, other inputs, device and batch size
        change nothing.

        Args:
            chosen: the mask, or whatever array stands for the explanation; None where each of several masks has
                a part of the stream for itself.
            request: the parameters of the statement as plain values.
            rule: 1 derives the draws as records without a rule did.
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
        """Return a generator for what no statement rests on: searches for counterexamples, neighbours."""
        words = [self.seed, int(self.input_sha256[:16], 16)]
        return np.random.default_rng(words if stream is Stream.certificate else [*words, stream])


def model_digest(sha256: str | None, config_sha256: str | None, name: str) -> str:
    """Return what stands for a model in the derivation of draws; where it lies changes nothing."""
    return digest({"sha256": sha256, "config_sha256": config_sha256, "name": None if sha256 else name})


def noise_generator(seed: int, stream: int) -> Generator:
    """Of frozen noise: it is part of the function, so it must not depend on the input or on the mask."""
    return np.random.default_rng([seed, stream])

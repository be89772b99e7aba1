"""Random numbers of the commands: which generator draws what, so that no two things share one by accident."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.random import Generator


class Stream(IntEnum):
    """What is drawn for one input. The draws of ``certify-soft`` have the generator without a number."""

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
`stabcert.report.hard.finding.NOISE_STREAM`, which stands in its records."""


def generator_of(seed: int, input_sha256: str, stream: Stream | None = None) -> Generator:
    """From the seed and the input alone: neither the order nor other inputs change the draws."""
    words = [seed, int(input_sha256[:16], 16)]
    return np.random.default_rng(words if stream is None else [*words, stream])


def noise_generator(seed: int, stream: int) -> Generator:
    """Of frozen noise: it is part of the function, so it must not depend on the input or on the mask."""
    return np.random.default_rng([seed, stream])

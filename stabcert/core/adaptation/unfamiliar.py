"""A test whether masked inputs look like full inputs to a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy import special

from stabcert.core.adaptation.result import Unfamiliar

_SHARE = Fraction(1, 10)
"""Share of full inputs whose confidence is to be below the threshold."""


def unfamiliarity(full: Sequence[float], masked: Sequence[float], keep_share: Fraction) -> Unfamiliar | None:
    """Test whether the confidence on masked inputs has the distribution of that on full inputs; None for one input.

    Every second input, from the first on, serves as a full one. The others serve as masked ones. The threshold
    is a low confidence among the full ones: of rank about a tenth. The test counts the masked ones below it. The null
    hypothesis is that the confidences of full and masked inputs are independent draws of one law. Guaranteed: if it
    is true, the p-value is at most p with probability at most p, for every p. Under it the count has, without ties, a
    beta-binomial distribution whatever the law is. Ties make it smaller.

    A small p-value means that the model is less certain on masked inputs than on full ones, whether because they look
    unusual or because they contain less. A large one shows nothing.

    Args:
        full: confidence (largest probability) of each full input.
        masked: confidence of the same inputs under one mask, in the same order. The order must not depend on them.
        keep_share: share of features that the mask keeps.

    Source: Bates et al. 2023, "Testing for outliers with conformal p-values", Section 2; the confidence as in
    Hendrycks and Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution examples". Madsen et al.
    2024, "Faithfulness measurable masked language models", answer the question from inner states of the network.
    """
    reference, tested = np.sort(np.asarray(full[::2], dtype=np.float64)), np.asarray(masked[1::2], dtype=np.float64)
    if len(tested) == 0:
        return None
    rank = max(1, int(_SHARE * (len(reference) + 1)))
    below = int((tested < reference[rank - 1]).sum())
    return Unfamiliar(
        keep_share=keep_share,
        inputs=len(tested),
        reference=len(reference),
        below=below,
        rank=rank,
        p_value=beta_binomial_tail(below, len(tested), rank, len(reference) + 1 - rank),
    )


def beta_binomial_tail(count: int, draws: int, first: int, second: int) -> float:
    """Return the probability of at least ``count`` successes of ``draws`` whose rate has a Beta distribution.

    Args:
        first: first parameter of the Beta distribution.
        second: second parameter.
    """
    counts = np.arange(count, draws + 1)
    logarithms = (
        special.gammaln(draws + 1)
        - special.gammaln(counts + 1)
        - special.gammaln(draws - counts + 1)
        + special.betaln(counts + first, draws - counts + second)
        - special.betaln(first, second)
    )
    return min(1.0, math.fsum(np.exp(logarithms).tolist()))

"""A test whether a model is more confident on masked inputs than it should be."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

import numpy as np

from stabcert.core.adaptation.result import Overconfidence

_ROUNDING = 1e-9
"""Relative and absolute error that a sum of products of probabilities stays far below."""


def overconfidence(confidences: Sequence[float], agrees: Sequence[bool | None], keep_share: Fraction) -> Overconfidence:
    """Test whether a model predicts the original class of masked inputs at least as often as its confidence states.

    Each input is masked once. The confidence is the largest probability for the masked input. The null hypothesis is
    that each masked input, independently, has the original class with at least this probability. Guaranteed: if it
    is true, the p-value is at most p with probability at most p, for every p. Under it the number of
    agreements is stochastically at least that of independent trials with these probabilities, whose exact distribution
    gives the p-value. An open agreement counts as one.

    On inputs like those of its training a classifier is about as often right as it states. On inputs of another
    kind it states more. A model that states less for a masked input is not rejected for that. But the null hypothesis
    is about the original class, not about the label. Where the original model is unsure of full inputs, a model that
    states exactly how often a class is right may have the original class less often, and is then rejected.

    Args:
        confidences: largest probability for each masked input, from 0 to 1.
        agrees: for each input, whether the predicted class is that of the original model for the full input; None at a
            near tie.
        keep_share: share of features that the masks keep.

    Source: Ovadia et al. 2019, "Can you trust your model's uncertainty?", on confidence under a shift of the inputs.
    Madsen et al. 2024, "Faithfulness measurable masked language models", ask the same question of masked texts, and
    answer it from inner states of the network.
    """
    agreements = sum(one is not False for one in agrees)
    return Overconfidence(
        keep_share=keep_share,
        inputs=len(agrees),
        confidence=fmean(confidences),
        agreements=agreements,
        p_value=poisson_binomial_cdf(agreements, confidences),
    )


def poisson_binomial_cdf(count: int, probabilities: Sequence[float]) -> float:
    """Return the probability of at most ``count`` successes of independent trials, rounded up."""
    law = np.ones(1)
    for probability in probabilities:
        law = np.append(law, 0.0) * (1.0 - probability) + np.append(0.0, law) * probability
    return min(1.0, float(law[: count + 1].sum()) * (1.0 + _ROUNDING) + _ROUNDING**2)

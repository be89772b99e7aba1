"""Thresholds that an explanation of everything would meet."""

from __future__ import annotations

from stabcert.errors import ParameterError


def nothing_left(n_features: int, threshold: str) -> ParameterError:
    """Return the refusal of a threshold for a mask that keeps everything: with nothing to add, every rate is 1.

    Args:
        n_features: how many the input has.
        threshold: the option.
    """
    kept = "all features" if n_features > 1 else "the only feature"
    advice = "Keep fewer with --top-k" if n_features > 1 else "Divide the input into more with --features"
    return ParameterError(
        f"{threshold} cannot be tested: the explanation keeps {kept}, so that nothing is left to add and any rate "
        f"would be met. {advice}, or leave out {threshold}"
    )

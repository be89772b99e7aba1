"""The error for a threshold that a mask of all features would always meet."""

from __future__ import annotations

from stabcert.errors import ParameterError


def nothing_left(n_features: int, threshold: str) -> ParameterError:
    """Return the error for a threshold and a mask that keeps everything. Without additions, every rate is 1.

    Args:
        n_features: the number of features of the input.
        threshold: the option of the threshold.
    """
    kept = "all features" if n_features > 1 else "the only feature"
    advice = "Keep fewer with --top-k" if n_features > 1 else "Divide the input into more with --features"
    return ParameterError(
        f"{threshold} cannot be tested: the explanation keeps {kept}, so that nothing is left to add and any rate "
        f"would be met. {advice}, or leave out {threshold}"
    )

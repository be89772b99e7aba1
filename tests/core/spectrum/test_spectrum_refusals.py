"""What is refused of a spectrum, and that it is refused before anything is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stabcert.core.smoothing import SmoothedPredictor
from stabcert.core.spectrum.analyse import degree_weights
from stabcert.core.spectrum.stability_bounds import stability_bounds
from stabcert.errors import ModelError, ParameterError
from tests.doubles import Counting, Majority, one_hot

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"basis": "fourier"}, "must be 'standard', 'monotone' or 'biased'"),
    ({"basis": "biased"}, "biased:0.3"),
    ({"bias": 0.3}, "does not have a bias"),
    ({"target": "logit"}, "must be 'probability', 'margin' or 'indicator'"),
    ({"target_class": 2}, "target_class must be from 0 to 1"),
    ({"target_class": -1}, "target_class must be from 0 to 1"),
    ({"degree": 6}, "degree must be from 0 to 5"),
    ({"degree": -1}, "degree must be from 0 to 5"),
    ({"n_samples": 1}, "n_samples must be 2 or more"),
    ({"keep_probabilities": ()}, "keep_probabilities .* got none. Use 1"),
    ({"keep_probabilities": (1.0, 1.1)}, "keep_probabilities must be from 0 to 1"),
    ({"keep_probabilities": (float("nan"),)}, "keep_probabilities must be from 0 to 1"),
    ({"restrict": 0}, "restrict must be from 1 to 5"),
    ({"restrict": 6}, "restrict must be from 1 to 5"),
    ({"restrict": 2, "restrict_draws": 1}, "2 or more"),
    ({"top": -1}, "top must be 0"),
    ({"delta": 0.0}, "between 0 and 1"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
@pytest.mark.parametrize("exact_max", [0, 14])
def test_arguments_out_of_range_are_refused_with_what_is_possible(
    arguments: dict[str, Any], message: str, exact_max: int
) -> None:
    with pytest.raises(ParameterError, match=message):
        degree_weights(Majority(5), exact_max=exact_max, rng=np.random.default_rng(0), **arguments)


def test_too_many_features_for_an_exact_spectrum_are_refused_before_anything_is_evaluated() -> None:
    counting = Counting(Majority(40))
    with pytest.raises(ParameterError, match=r"2\^40 evaluations.*restrict="):
        degree_weights(counting, exact_max=40, rng=np.random.default_rng(0))
    assert counting.calls == 0


def test_a_restriction_that_is_too_large_is_refused_before_anything_is_evaluated() -> None:
    counting = Counting(Majority(40))
    with pytest.raises(ParameterError, match=r"2\^30 evaluations"):
        degree_weights(counting, restrict=30, rng=np.random.default_rng(0))
    assert counting.calls == 0


@pytest.mark.parametrize("exact_max", [0, 14])
@pytest.mark.parametrize("broken", [lambda rows: np.full((rows, 2), np.nan), lambda rows: np.full((rows, 2), 2.0)])
def test_a_predictor_that_breaks_its_promise_is_found_out(exact_max: int, broken: Callable[[int], Any]) -> None:
    class Broken:
        n_features = 4

        def __call__(self, masks: Any, /) -> Any:
            return one_hot(np.zeros(1)) if masks.all() else broken(len(masks))

    with pytest.raises(ModelError):
        degree_weights(Broken(), exact_max=exact_max, rng=np.random.default_rng(0))


def test_a_predictor_that_decides_by_a_vote_is_refused() -> None:
    smoothed = SmoothedPredictor(Majority(5), np.ones((3, 5), dtype=np.bool_))
    with pytest.raises(ParameterError, match="Give its base"):
        degree_weights(smoothed, rng=np.random.default_rng(0))
    with pytest.raises(ParameterError, match="Give its base"):
        stability_bounds(smoothed, np.zeros(5, dtype=np.bool_), radius=1)

"""`explain`: what it refuses, what it fills in, and what it leaves alone."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from stabcert.core.types import Masks, Probs
from stabcert.errors import ModelError, ParameterError
from stabcert.explainers import METHODS, explain
from tests.doubles import Counting, Majority, Table
from tests.explainers.test_gradient import Relaxed, linear_logit, predictor


def three_classes() -> Table:
    """Class 2 on the full input of three features, class 0 on everything less."""
    return Table([[0.8, 0.1, 0.1]] * 7 + [[0.2, 0.3, 0.5]])


@pytest.mark.parametrize(
    ("method", "hint"),
    [
        ("lim", "Did you mean lime? Use one of"),
        ("intgrads", "Did you mean intgrad?"),
        ("Random", "Did you mean random?"),
    ],
)
def test_an_unknown_method_names_the_nearest_one(method: str, hint: str) -> None:
    with pytest.raises(ParameterError) as raised:
        explain(Majority(3), method)
    assert f"method {method!r} does not exist. {hint}" in str(raised.value)
    assert str(raised.value).endswith(f"Use one of {', '.join(METHODS)}")


def test_an_unknown_method_like_no_other_names_all_of_them() -> None:
    with pytest.raises(ParameterError) as raised:
        explain(Majority(3), "")
    assert str(raised.value) == f"method '' does not exist. Use one of {', '.join(METHODS)}"


@pytest.mark.parametrize(
    ("method", "option", "message"),
    [
        ("intgrad", "n_samples", "n_samples must be left out for intgrad, got"),
        ("lime", "steps", "steps must be left out for lime, got"),
        ("random", "steps", "steps must be left out for random, got"),
        ("random", "n_samples", "n_samples must be left out for random, got"),
    ],
)
def test_an_option_of_another_method_is_refused_before_anything_is_evaluated(
    method: str, option: str, message: str
) -> None:
    counting = Counting(Majority(3))
    options: dict[str, Any] = {option: 10}
    with pytest.raises(ParameterError, match=message):
        explain(counting, method, **options)
    assert counting.rows == 0


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("lime", {"n_samples": 0}, "n_samples must be 1 or more, got 0"),
        ("lime", {"n_samples": -5}, "n_samples must be 1 or more, got -5"),
        ("intgrad", {"steps": 0}, "steps must be 1 or more, got 0"),
    ],
)
def test_an_effort_below_1_is_refused(method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        explain(Majority(3), method, **options)


@pytest.mark.parametrize("target", [-1, 3, 100])
@pytest.mark.parametrize("method", ["lime", "random"])
def test_a_class_that_does_not_exist_is_refused(method: str, target: int) -> None:
    with pytest.raises(ParameterError, match=f"target must be a class from 0 to 2, got {target}"):
        explain(three_classes(), method, target=target)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lime", "random"])
def test_the_class_predicted_on_the_full_input_is_explained(method: str) -> None:
    assert explain(three_classes(), method).target == 2
    assert explain(three_classes(), method, target=0).target == 0


def test_the_class_predicted_on_the_full_input_is_explained_by_gradients_too() -> None:
    model = predictor(Relaxed(linear_logit, 4))
    full = model(np.ones((1, 4), dtype=bool))[0]
    assert explain(model, "intgrad").target == int(full[1] > full[0])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_an_input_with_one_feature_can_be_explained(method: str) -> None:
    def formula(weights: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.zeros_like(weights[:, 0]), 2 * weights[:, 0]], dim=1)

    attribution = explain(predictor(Relaxed(formula, 1)), method, target=1)
    assert attribution.scores.shape == (1,)
    assert attribution.method == method
    if method == "lime":
        assert attribution.scores[0] > 0  # the kernel gives the empty mask next to no weight
    elif method == "intgrad":
        assert abs(attribution.scores[0] - (1 / (1 + np.exp(-2)) - 0.5)) < 1e-6


def test_random_scores_are_seeded_standard_normal_numbers_without_the_model() -> None:
    counting = Counting(Majority(20_000))
    scores = explain(counting, "random", seed=3).scores
    assert counting.rows == 1  # the full input, for its class
    assert kstest(scores, "norm").pvalue > 1e-3
    assert np.array_equal(scores, explain(Majority(20_000), "random", seed=3).scores)
    assert not np.array_equal(scores, explain(Majority(20_000), "random", seed=4).scores)
    assert explain(Majority(5), "random", seed=3).settings == {"seed": 3}


class NotANumber:
    """NaN where fewer than ``n_features`` features are kept."""

    n_features = 4

    def __call__(self, masks: Masks, /) -> Probs:
        probs: Probs = np.tile([0.25, 0.75], (len(masks), 1))
        probs[masks.sum(axis=1) < self.n_features] = np.nan
        return probs


def test_probabilities_that_are_not_finite_are_a_model_error() -> None:
    with pytest.raises(ModelError, match="finite numbers, got NaN"):
        explain(NotANumber(), "lime")


@pytest.fixture
def _global_states_put_back() -> Iterator[None]:
    python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the states that must not matter
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(python)
    np.random.set_state(of_numpy)  # noqa: NPY002


def global_states() -> tuple[object, ...]:
    of_numpy = pickle.dumps(np.random.get_state())  # noqa: NPY002
    return random.getstate(), of_numpy, torch.get_rng_state().numpy().tobytes()


@pytest.mark.usefixtures("_global_states_put_back")
@pytest.mark.parametrize("method", METHODS)
def test_global_random_states_are_neither_read_nor_changed(method: str) -> None:
    model = predictor(Relaxed(linear_logit, 4))
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = global_states()
        results.append(explain(model, method, seed=7).scores)
        assert global_states() == before
    assert np.array_equal(results[0], results[1])

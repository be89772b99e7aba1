"""Wrong objects in the place of predictors, masks and names: every message names the function for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import stabcert
from stabcert import InputError

MASK = np.array([True, False, False])
RNG = np.random.default_rng(0)


def function(masks: Any) -> Any:
    return np.stack([masks[:, 0], ~masks[:, 0]], axis=1).astype(float)


PREDICTOR = stabcert.from_function(function, 3)
OBJECTS = [
    (torch.nn.Linear(3, 2), "from_module"),
    (LogisticRegression(), "from_estimator"),
    (function, "from_function"),
    (pd.DataFrame({"a": [1]}), "from_estimator"),
    (torch.zeros(3), "from_module"),
    ("demo:text", "load_predictor"),
    (3, "from_function"),
]


@pytest.mark.parametrize(("value", "named"), OBJECTS)
@pytest.mark.parametrize(
    "call",
    [
        lambda value: stabcert.certify_soft(value, MASK, radius=1, rng=RNG),
        lambda value: stabcert.certify_hard(value, MASK),
        lambda value: stabcert.certify_hard_bernoulli(value, MASK, keep_probability=0.5, rng=RNG),
        lambda value: stabcert.enumerate_hard_radius(value, MASK, max_evaluations=9),
        lambda value: stabcert.find_flip(value, MASK, max_evaluations=9, rng=RNG),
        lambda value: stabcert.explain(value, "lime"),
        lambda value: stabcert.SmoothedPredictor(value, np.ones((2, 3), bool)),
        lambda value: stabcert.degree_weights(value, rng=RNG),
        lambda value: stabcert.smallest_stable_mask(value, [1, 2, 3], radius=1, min_rate=0.9, rng=RNG),
        lambda value: stabcert.greedy_minimal_mask(value, [1, 2, 3]),
    ],
)
def test_no_predictor(call: Any, value: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        call(value)


def test_a_table_in_the_place_of_masks() -> None:
    predictor = stabcert.from_function(function, 3)
    for table in (pd.DataFrame(np.ones((5, 3))), pd.DataFrame({"a": [1.5]}), pd.Series([0.2, 3, 4])):
        with pytest.raises(InputError, match="from_estimator"):
            stabcert.certify_soft(predictor, table, radius=1, rng=RNG)


def test_a_predictor_without_noise_in_the_place_of_a_smoothed_one() -> None:
    with pytest.raises(InputError, match="SmoothedPredictor"):
        stabcert.certify_hard(stabcert.from_function(function, 3), MASK)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [stabcert.load_model, lambda value: stabcert.load_predictor(value, "x")])
def test_a_network_in_the_place_of_a_name(call: Any) -> None:
    with pytest.raises(InputError, match="from_module"):
        call(torch.nn.Linear(3, 2))


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: stabcert.certify_soft(PREDICTOR, MASK, radius=1, rng=rng),
        lambda rng: stabcert.certify_hard_bernoulli(PREDICTOR, MASK, keep_probability=0.5, rng=rng),
        lambda rng: stabcert.quantized_keep_masks(3, keep=1, quantization=4, rng=rng),
        lambda rng: stabcert.smallest_stable_mask(PREDICTOR, [1, 2, 3], radius=1, min_rate=0.9, rng=rng),
    ],
)
def test_a_seed_in_the_place_of_a_generator_is_refused_with_what_to_type(call: Any) -> None:
    with pytest.raises(InputError, match=r"got int 7\. Use rng=np\.random\.default_rng\(7\)"):
        call(7)


def test_other_results_in_the_place_of_a_mask_are_refused_with_what_to_type() -> None:
    certificate = stabcert.certify_soft(PREDICTOR, MASK, radius=1, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match=r"write present\(predictor, mask, certificate\)"):
        stabcert.present(PREDICTOR, certificate, MASK)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"top_k_mask\(attribution\.scores, k\)"):
        stabcert.certify_hard(
            stabcert.SmoothedPredictor(PREDICTOR, np.ones((2, 3), bool)),
            stabcert.explain(PREDICTOR, "random"),  # type: ignore[arg-type]
        )


def test_an_attribution_in_the_place_of_its_scores_is_refused_with_what_to_type() -> None:
    with pytest.raises(InputError, match=r"got Attribution\. Use attribution\.scores"):
        stabcert.top_k_mask(stabcert.explain(PREDICTOR, "random"), 2)  # type: ignore[arg-type]

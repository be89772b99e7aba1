"""LIME against a ridge regression in plain numpy, a closed form, and the exact law of its masks."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from stabcert.core.types import Feature, Features, MaskedPredictor, Masks, Probs, Scores
from stabcert.explainers import explain
from tests.doubles import Constant, Counting, Table


class Described:
    """A predictor that says what its features are."""

    def __init__(self, base: MaskedPredictor, kind: str) -> None:
        self.base = base
        self.n_features = base.n_features
        span = (0, 1) if kind in ("word", "token", "sentence") else None
        items = tuple(Feature(str(i), span=span) for i in range(self.n_features))
        self.features = Features(kind, items, (self.n_features,))

    def __call__(self, masks: Masks, /) -> Probs:
        return self.base(masks)


class Recording(Described):
    """Remembers every mask."""

    def __init__(self, base: MaskedPredictor, kind: str) -> None:
        super().__init__(Counting(base), kind)

    @property
    def masks(self) -> Masks:
        counting = self.base
        assert isinstance(counting, Counting)
        return counting.masks


class Linear:
    """Class 1 has probability 1/2 plus the coefficients of the kept features."""

    def __init__(self, coefficients: list[float]) -> None:
        self.coefficients = np.array(coefficients)
        self.n_features = len(coefficients)

    def __call__(self, masks: Masks, /) -> Probs:
        probability = 0.5 + masks @ self.coefficients
        return np.stack([1 - probability, probability], axis=1)


def random_table(n_features: int, n_classes: int) -> Table:
    return Table(np.random.default_rng(5).dirichlet(np.full(n_classes, 0.4), size=2**n_features))


def ridge_by_hand(masks: Masks, labels: NDArray[np.float64], *, penalty: float = 1.0) -> Scores:
    """Weighted ridge with a free intercept, as normal equations; weights by cosine distance to all ones."""
    count, n_features = masks.shape
    weights = np.empty(count)
    for row in range(count):
        kept = int(masks[row].sum())
        # (mask . ones) / (|mask| |ones|) = kept / sqrt(kept n); an empty mask is orthogonal to everything.
        distance = 1.0 - np.sqrt(kept / n_features)
        weights[row] = np.sqrt(np.exp(-(distance**2) / 0.25**2))
    design = np.column_stack([np.ones(count), masks])
    penalties = np.diag([0.0] + [penalty] * n_features)
    solution = np.linalg.solve(design.T * weights @ design + penalties, design.T @ (weights * labels))
    scores: Scores = solution[1:].astype(np.float64)
    return scores


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["patch", "grid", "segment", "word", "token", "sentence"])
@pytest.mark.parametrize(("n_features", "n_samples"), [(1, 20), (2, 3), (7, 200), (9, 1000)])
def test_scores_are_the_weighted_ridge_regression(kind: str, n_features: int, n_samples: int) -> None:
    predictor = Recording(random_table(n_features, 3), kind)
    for target in range(3):
        attribution = explain(predictor, "lime", target=target, n_samples=n_samples, seed=3)
        masks = predictor.masks[-n_samples:]
        labels = predictor(masks)[:, target]
        np.testing.assert_allclose(attribution.scores, ridge_by_hand(masks, labels), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["patch", "word"])
def test_a_linear_function_gets_its_coefficients_back(kind: str) -> None:
    coefficients = [0.05, -0.12, 0.0, 0.09, -0.02, 0.14, 0.07]
    scores = explain(Described(Linear(coefficients), kind), "lime", target=1, n_samples=4000).scores
    assert np.array_equal(np.argsort(scores), np.argsort(coefficients))
    # The ridge of 1 shrinks them by 1 / (1 + sum of weighted variances), here below 1 in 100.
    np.testing.assert_allclose(scores, coefficients, rtol=0, atol=0.01 * 0.14)


def test_the_scores_of_two_classes_are_opposite() -> None:
    predictor = Described(Linear([0.1, -0.2, 0.3]), "grid")
    first, second = (explain(predictor, "lime", target=target).scores for target in (0, 1))
    np.testing.assert_allclose(first, -second, rtol=0, atol=1e-12)
    assert second[2] > 0 > second[1]


def test_a_constant_function_gets_zero_for_every_feature() -> None:
    np.testing.assert_allclose(explain(Constant(6), "lime").scores, 0.0, atol=1e-12)


def drawn(kind: str | None, n_features: int, n_samples: int, seed: int) -> Masks:
    base = Constant(n_features)
    if kind is None:
        plain = Counting(base)
        explain(plain, "lime", n_samples=n_samples, seed=seed)
        return plain.masks
    predictor = Recording(base, kind)
    explain(predictor, "lime", n_samples=n_samples, seed=seed)
    return predictor.masks


def counts_by_subset(masks: Masks) -> NDArray[np.float64]:
    codes = Counter((masks @ (1 << np.arange(masks.shape[1]))).tolist())
    return np.array([codes[code] for code in range(2 ** masks.shape[1])], dtype=np.float64)


@pytest.mark.parametrize("kind", ["patch", "grid", "segment", None])
@pytest.mark.parametrize("seed", [0, 1])
def test_features_of_images_and_plain_functions_are_kept_with_probability_one_half(kind: str, seed: int) -> None:
    observed = counts_by_subset(drawn(kind, 4, 8001, seed)[2:])
    assert chisquare(observed, np.full(16, 500.0)).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["word", "token", "sentence"])
@pytest.mark.parametrize("seed", [0, 1])
def test_of_texts_a_uniform_number_of_features_is_dropped_each_set_equally_likely(kind: str, seed: int) -> None:
    observed = counts_by_subset(drawn(kind, 4, 8001, seed)[2:])
    assert observed[15] == 0  # at least one is dropped
    kept = [code.bit_count() for code in range(15)]
    expected = np.array([8000 / 4 / comb(4, size) for size in kept])
    assert chisquare(observed[:15], expected).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["patch", "word", None])
def test_the_full_input_comes_first_and_n_samples_more_masks_follow(kind: str | None) -> None:
    masks = drawn(kind, 6, 50, 0)
    assert masks.shape == (51, 6)
    assert masks[:2].all()  # once for the predicted class, once as the first sample
    assert not masks[2:].all(axis=1).all()


def test_one_thousand_masks_unless_said_otherwise() -> None:
    predictor = Counting(Constant(5))
    attribution = explain(predictor, "lime")
    assert predictor.rows == 1001
    assert attribution.settings == {"n_samples": 1000, "seed": 0}


def test_the_seed_decides_which_masks_are_drawn() -> None:
    assert np.array_equal(drawn("patch", 8, 40, 1), drawn("patch", 8, 40, 1))
    assert not np.array_equal(drawn("patch", 8, 40, 1), drawn("patch", 8, 40, 2))
    predictor = Described(random_table(6, 2), "word")
    scores = [explain(predictor, "lime", seed=seed).scores for seed in (4, 4, 5)]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])

"""shap and kernelshap against Shapley values from the definition."""

from __future__ import annotations

from itertools import permutations
from math import comb, factorial

import numpy as np
import pytest
from numpy.typing import NDArray

from stabcert.core.types import Masks, Probs
from stabcert.errors import ParameterError
from stabcert.explainers import explain
from tests.doubles import Constant, Counting, Table


def random_table(n: int, *, seed: int = 0) -> Table:
    return Table(np.random.default_rng(seed).dirichlet(np.ones(3), size=2**n))


def gains(table: Table, target: int) -> NDArray[np.float64]:
    """``(n!, n)``: what each feature adds to the target when it comes, for every order of arrival."""
    n = table.n_features
    rows = []
    for order in permutations(range(n)):
        row, code = np.empty(n), 0
        for feature in order:
            row[feature] = table.probabilities[code | 1 << feature, target] - table.probabilities[code, target]
            code |= 1 << feature
        rows.append(row)
    return np.array(rows)


def shapley_values(table: Table, target: int) -> NDArray[np.float64]:
    """Sum over subsets, weighted by |S|! (n - |S| - 1)! / n!."""
    n, values = table.n_features, np.zeros(table.n_features)
    for feature in range(n):
        for code in range(2**n):
            if not code >> feature & 1:
                size = code.bit_count()
                gain = table.probabilities[code | 1 << feature, target] - table.probabilities[code, target]
                values[feature] += gain * factorial(size) * factorial(n - size - 1) / factorial(n)
    return values


def test_the_two_oracles_agree() -> None:
    table = random_table(5)
    np.testing.assert_allclose(gains(table, 1).mean(axis=0), shapley_values(table, 1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_kernelshap_is_exact_when_all_masks_fit(n: int) -> None:
    table = random_table(n, seed=n)
    for target in range(3):
        attribution = explain(table, "kernelshap", target=target)
        np.testing.assert_allclose(attribution.scores, shapley_values(table, target), rtol=0, atol=1e-11)
        assert attribution.settings["masks"] == "all"
        assert np.array_equal(attribution.standard_errors, np.zeros(n))


def test_all_masks_are_used_exactly_when_they_fit() -> None:
    table = random_table(6)
    exact = shapley_values(table, 0)
    assert np.abs(explain(table, "kernelshap", target=0, n_samples=64).scores - exact).max() < 1e-11
    sampled = explain(table, "kernelshap", target=0, n_samples=63)
    assert sampled.settings["masks"] == "drawn in pairs of complements"
    assert np.abs(sampled.scores - exact).max() > 1e-6


def test_kernelshap_by_sampling_sums_to_the_whole_change() -> None:
    table = random_table(8)
    for seed in range(5):
        scores = explain(table, "kernelshap", target=2, n_samples=100, seed=seed).scores
        assert abs(scores.sum() - (table.probabilities[-1, 2] - table.probabilities[0, 2])) < 1e-12


def test_the_standard_errors_of_kernelshap_are_those_of_repeated_runs() -> None:
    table = random_table(8)
    exact = shapley_values(table, 0)
    runs = [explain(table, "kernelshap", target=0, n_samples=202, seed=seed) for seed in range(300)]
    scores = np.array([run.scores for run in runs])
    reported = np.sqrt(np.mean([np.square(run.standard_errors) for run in runs], axis=0))
    # Over 300 runs a standard deviation is known to about 4%, and a mean to 1/17 of it.
    np.testing.assert_allclose(reported, scores.std(axis=0, ddof=1), rtol=0.2)
    assert np.abs((scores.mean(axis=0) - exact) / (reported / np.sqrt(300))).max() < 5


def test_masks_of_kernelshap_come_in_pairs_of_complements_with_sizes_by_the_kernel() -> None:
    counting = Counting(Constant(16))
    explain(counting, "kernelshap", n_samples=40_002)
    drawn = counting.seen[1][2:]
    assert len(drawn) == 40_000
    assert np.array_equal(drawn[:20_000], ~drawn[20_000:])
    sizes = np.bincount(drawn.sum(axis=1), minlength=17)
    kernel = np.array([15 / (comb(16, s) * s * (16 - s)) * comb(16, s) for s in range(1, 16)])
    expected = 40_000 * kernel / kernel.sum()
    assert sizes[0] == sizes[16] == 0
    # A mask and its complement are one draw, so at most twice the variance.
    assert np.abs((sizes[1:16] - expected) / np.sqrt(2 * expected)).max() < 5


class Pairwise:
    """Class 1: a constant, a term for each feature and one for each pair."""

    n_features = 6

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.single = rng.uniform(-0.03, 0.03, 6)
        self.pairs = np.triu(rng.uniform(-0.02, 0.02, (6, 6)), 1)

    def __call__(self, masks: Masks, /) -> Probs:
        kept = masks.astype(np.float64)
        value = 0.5 + kept @ self.single + np.einsum("ki,ij,kj->k", kept, self.pairs, kept)
        return np.stack([1 - value, value], axis=1)

    @property
    def shapley(self) -> NDArray[np.float64]:
        return self.single + (self.pairs.sum(axis=0) + self.pairs.sum(axis=1)) / 2


@pytest.mark.parametrize("n_samples", [13, 1000])
def test_shap_is_exact_for_interactions_of_pairs_from_one_permutation_on(n_samples: int) -> None:
    function = Pairwise()
    scores = explain(function, "shap", target=1, n_samples=n_samples).scores
    np.testing.assert_allclose(scores, function.shapley, rtol=0, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 6])
def test_shap_approaches_the_shapley_values_of_any_function(n: int) -> None:
    table = random_table(n, seed=n)
    count = 1500
    attribution = explain(table, "shap", target=1, n_samples=count * (2 * n + 1))
    assert attribution.settings["permutations"] == count
    # Even if both directions of a permutation agreed, the mean had this standard error.
    errors = gains(table, 1).std(axis=0) / np.sqrt(count)
    assert np.abs((attribution.scores - shapley_values(table, 1)) / errors).max() < 5


def test_shap_sums_to_the_whole_change() -> None:
    table = random_table(7)
    scores = explain(table, "shap", target=0, n_samples=45).scores
    assert abs(scores.sum() - (table.probabilities[-1, 0] - table.probabilities[0, 0])) < 1e-12


def test_shap_evaluates_no_more_than_it_may_in_one_call_and_no_mask_twice() -> None:
    counting = Counting(random_table(7))
    explain(counting, "shap", n_samples=100)
    assert counting.calls == 2  # the full input for its class, and everything else
    masks = counting.seen[1]
    assert len(np.unique(masks, axis=0)) == len(masks) <= 6 * 15 <= 100


@pytest.mark.parametrize("method", ["shap", "kernelshap"])
def test_the_seed_decides_and_may_be_any_number(method: str) -> None:
    table = random_table(7)
    scores = [explain(table, method, n_samples=60, seed=seed).scores for seed in (2**40, 2**40, 2**40 + 1)]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_one_permutation_is_the_least_that_shap_takes() -> None:
    with pytest.raises(ParameterError, match=r"n_samples must be at least 15 for shap, .* Use n_samples=15"):
        explain(random_table(7), "shap", n_samples=14)


def test_too_few_samples_for_kernelshap_are_refused_and_the_message_says_how_many() -> None:
    with pytest.raises(ParameterError, match=r"12 samples are too few for kernelshap to distinguish 9 .* n_samples=38"):
        explain(random_table(9), "kernelshap", n_samples=12)
    assert explain(random_table(9), "kernelshap", n_samples=38).scores.shape == (9,)


def test_masks_that_do_not_tell_the_features_apart_are_refused() -> None:
    # With as many pairs as unknowns some draws are singular; such a draw must not get a made-up answer.
    messages = []
    for seed in range(40):
        try:
            explain(random_table(5), "kernelshap", n_samples=10, seed=seed)
        except ParameterError as error:
            messages.append(str(error))
    assert 0 < len(messages) < 40
    assert all(message.endswith("do not distinguish 5 features. Use n_samples=20 or more") for message in messages)


def test_nothing_is_written_anywhere(capfd: pytest.CaptureFixture[str]) -> None:
    explain(random_table(6), "shap")
    assert capfd.readouterr() == ("", "")

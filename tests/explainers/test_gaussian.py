"""smoothgrad and clime: a golden network, closed forms, the counterexamples, and the constants that are printed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from stabcert.errors import ParameterError
from stabcert.explainers import explain, explain_all, smoothing_statements
from stabcert.explainers.gaussian import least_squares
from stabcert.explainers.gaussian_draws import GaussianDraws
from tests.explainers.formulas import Formula, Function, linear, model

W1 = torch.tensor([[0.5, -1.0], [1.2, 0.3], [-0.7, 0.8]], dtype=torch.float64)
B1 = torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)
OUT = torch.tensor([1.0, -0.5, 0.75], dtype=torch.float64)
X = torch.tensor([0.4, -0.3], dtype=torch.float64)
GOLDEN = np.array([-0.539172125824, -0.294602138371])
"""Expected gradient of the network around X under N(0, 0.25 I), by Gauss-Hermite quadrature."""
SCALE = 6.0


def golden_network(weights: torch.Tensor) -> torch.Tensor:
    """(net + 3) / 6, a probability; the weights are the two inputs, moved so that 1 is X."""
    return (torch.tanh((X + weights - 1) @ W1.T + B1) @ OUT + 0.2 + 3) / SCALE


def network() -> Any:
    return model(Formula(golden_network, [1.0, 1.0]))


@pytest.mark.slow
def test_both_converge_to_the_golden_values_and_to_each_other() -> None:
    smooth, slope = explain_all(network(), ("smoothgrad", "clime"), target=1, n_samples=20_000, sigma=0.5)
    for attribution in (smooth, slope):
        assert np.abs((SCALE * attribution.scores - GOLDEN) / (SCALE * attribution.standard_errors)).max() < 5
        assert (SCALE * attribution.standard_errors).max() < 0.005
    difference = np.abs(smooth.scores - slope.scores)
    assert (difference / np.hypot(smooth.standard_errors, slope.standard_errors)).max() < 5


@pytest.mark.slow
@pytest.mark.parametrize("method", ["smoothgrad", "clime"])
def test_the_standard_errors_are_those_of_repeated_runs(method: str) -> None:
    runs = [explain(network(), method, target=1, n_samples=60, sigma=0.5, seed=seed) for seed in range(200)]
    spread = np.array([run.scores for run in runs]).std(axis=0, ddof=1)
    reported = np.sqrt(np.mean([np.square(run.standard_errors) for run in runs], axis=0))
    # A standard deviation of 200 numbers is known to 5%.
    np.testing.assert_allclose(reported, spread, rtol=0.2)


def test_the_slope_is_the_closed_form_and_its_errors_are_the_hc1_sandwich() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(80, 3))
    values = np.sin(noise @ [1.0, -2.0, 0.5]) + noise[:, 0] ** 2 + 3
    slopes, errors = least_squares(noise, values)
    covariance = np.cov(np.column_stack([noise, values]).T)
    np.testing.assert_allclose(slopes, np.linalg.solve(covariance[:3, :3], covariance[:3, 3]), rtol=0, atol=1e-12)
    design = np.column_stack([np.ones(80), noise])
    residuals = values - design @ np.linalg.solve(design.T @ design, design.T @ values)
    bread = np.linalg.inv(design.T @ design)
    sandwich = bread @ (design.T * residuals**2 @ design) @ bread * 80 / (80 - 4)
    np.testing.assert_allclose(errors, np.sqrt(np.diag(sandwich))[1:], rtol=1e-10)


def test_the_standard_error_of_smoothgrad_is_that_of_a_mean() -> None:
    attribution = explain(network(), "smoothgrad", target=1, n_samples=30, sigma=0.5)
    draws = GaussianDraws(network(), 1, 0, 0.5)
    np.testing.assert_allclose(attribution.scores, draws.gradients(30).mean(axis=0), rtol=0, atol=1e-14)
    np.testing.assert_allclose(attribution.standard_errors, draws.gradients(30).std(axis=0, ddof=1) / 30**0.5)
    assert explain(network(), "smoothgrad", n_samples=1).standard_errors is None


def test_the_noise_is_what_was_asked_for_and_its_first_rows_do_not_depend_on_how_many_there_are() -> None:
    draws = GaussianDraws(network(), 1, 7, 0.3)
    noise = draws.noise(20_000)
    assert np.array_equal(noise[:500], draws.noise(500))
    assert abs(noise.std() / 0.3 - 1) < 5 / np.sqrt(2 * noise.size)
    assert np.abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(20_000)


def test_together_they_use_the_same_noise_and_evaluate_it_once() -> None:
    alone = [explain(network(), method, target=1, n_samples=100) for method in ("clime", "smoothgrad")]
    predictor = network()
    together = explain_all(predictor, ("clime", "smoothgrad"), target=1, n_samples=100)
    assert [attribution.method for attribution in together] == ["clime", "smoothgrad"]
    assert predictor.evaluations == 100 + 1  # and the full input, for its class
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.standard_errors, other.standard_errors, rtol=1e-9)


def test_together_with_their_own_sample_sizes_the_gradients_are_not_evaluated_again() -> None:
    predictor = network()
    smooth, slope = explain_all(predictor, ("smoothgrad", "clime"), target=1)
    assert (smooth.settings["n_samples"], slope.settings["n_samples"]) == (50, 1000)
    assert predictor.evaluations == 1000 + 1


def step_function(weights: torch.Tensor) -> torch.Tensor:
    """1 above 0 and 0 below (nearly), at the place w - 1 + 0.3; its gradient is 0."""
    above = (weights[:, 0] - 1 + 0.3 > 0).to(weights.dtype) + 0 * weights[:, 0]
    return 1e-12 + (1 - 2e-12) * above


@pytest.mark.slow
def test_on_a_step_smoothgrad_sees_nothing_and_clime_the_density() -> None:
    predictor = model(Formula(step_function, [1.0]))
    smooth, slope = explain_all(predictor, ("smoothgrad", "clime"), target=1, n_samples=20_000, sigma=1.0)
    assert np.array_equal(smooth.scores, [0.0])
    # phi(x / sigma) / sigma at x = 0.3
    assert abs(slope.scores[0] - 0.381387815461) < 5 * slope.standard_errors[0]
    assert slope.standard_errors[0] < 0.01


def test_the_slope_has_an_intercept() -> None:
    # Without one the slope of a constant output would be mean(z) / mean(z**2), which is not 0.
    constant: Function = linear([0.0, 0.0])
    scores = explain(model(Formula(constant, [1.0, 1.0])), "clime", target=1, n_samples=50).scores
    np.testing.assert_allclose(scores, 0, atol=1e-14)


def test_the_bound_from_the_gradient_is_the_slope_of_the_absolute_value_and_the_half_is_too_small() -> None:
    # |a| has gradient 1; its smoothed gradient is E[sign(a + z)] = 2 Phi(a) - 1, of slope 2 phi(0) at 0.
    def smoothed(a: float) -> float:
        return float(quad(lambda z: np.sign(a + z) * norm.pdf(z), -12, 12, points=[-a], epsabs=1e-12)[0])

    slope = (smoothed(1e-3) - smoothed(-1e-3)) / 2e-3
    bound = smoothing_statements(1.0, gradient_bound=1.0)["lipschitz_bound_from_gradient"].value
    assert slope > 0.5 + 0.2
    assert abs(bound - slope) < 1e-6
    assert bound == pytest.approx(0.7978845608028654, rel=1e-14)
    assert smoothing_statements(0.2, gradient_bound=3.0)["lipschitz_bound_from_gradient"].value == pytest.approx(
        math.sqrt(2 / math.pi) * 3 / 0.2, rel=1e-14
    )


@pytest.mark.parametrize("sigma", [0.15, 1.0, 2.5])
def test_the_bounds_for_outputs_between_0_and_1_are_attained(sigma: float) -> None:
    # Scores as a function of the centre a: E[f(a + sigma z) z] / sigma. At a = 0 for the indicator of z > 0, and
    # the derivative E[f(sigma z) (z**2 - 1)] / sigma**2 for the indicator of |z| > 1.
    largest = quad(lambda z: z * norm.pdf(z), 0, 40, epsabs=1e-13)[0] / sigma
    steepest = 2 * quad(lambda z: (z * z - 1) * norm.pdf(z), 1, 40, epsabs=1e-13)[0] / sigma**2
    statements = smoothing_statements(sigma)
    assert statements["norm_bound"].value == pytest.approx(largest, rel=1e-9)
    assert statements["lipschitz_bound"].value == pytest.approx(steepest, rel=1e-9)
    assert smoothing_statements(1.0)["lipschitz_bound"].value == pytest.approx(0.48394144903828673, rel=1e-14)


def test_the_sample_size_is_the_dimension_free_one() -> None:
    statements = smoothing_statements(0.15, gradient_bound=1.0, epsilon=0.1, delta=0.05)
    assert statements["sample_size"].value == 1189
    assert "everywhere" in statements["sample_size"].condition
    assert set(smoothing_statements(0.15)) == {"lipschitz_bound", "norm_bound"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0.0}, "sigma must be above 0 and finite, got 0.0"),
        ({"sigma": float("nan")}, "got nan"),
        ({"sigma": 1.0, "epsilon": 0.1}, "needs a bound of the gradient"),
        ({"sigma": 1.0, "gradient_bound": -1.0}, "gradient_bound must be above 0 and finite, got -1.0"),
        ({"sigma": 1.0, "gradient_bound": 1.0, "epsilon": 0.1}, "both epsilon and delta"),
        ({"sigma": 1.0, "gradient_bound": 1.0, "epsilon": 0.1, "delta": 1.0}, "delta between 0 and 1, got 0.1 and 1.0"),
    ],
)
def test_statements_with_impossible_numbers_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        smoothing_statements(**options)


@pytest.mark.parametrize("method", ["smoothgrad", "clime"])
def test_the_settings_print_the_unconditional_bound_with_its_condition(method: str) -> None:
    settings = explain(network(), method, n_samples=10, sigma=0.2, seed=4).settings
    assert settings["lipschitz_bound"] == pytest.approx(0.48394144903828673 / 0.04, rel=1e-14)
    assert "output lies between 0 and 1" in settings["lipschitz_condition"]
    assert {key: settings[key] for key in ("n_samples", "sigma", "seed", "output", "path")} == {
        "n_samples": 10,
        "sigma": 0.2,
        "seed": 4,
        "output": "probability",
        "path": "weight * value",
    }


def test_no_more_samples_than_unknowns_are_refused_for_clime() -> None:
    with pytest.raises(ParameterError, match=r"3 samples are too few for clime .* Use n_samples=6 or more"):
        explain(network(), "clime", n_samples=3)
    assert np.isfinite(explain(network(), "clime", n_samples=4).standard_errors).all()


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("inf"), float("nan")])
def test_a_sigma_that_is_no_standard_deviation_is_refused(sigma: float) -> None:
    with pytest.raises(ParameterError, match=r"sigma must be above 0 and finite, got"):
        explain(network(), "clime", sigma=sigma)
